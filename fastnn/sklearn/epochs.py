"""Epochs of training: one call into C each, or, of a large sparse matrix, batch by batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.compiler.advice import Shapes
from fastnn.compiler.recording import Recording
from fastnn.nn.modes import training_mode
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.optim.loop import forget_numbers, rates
from fastnn.sklearn.net import Net
from fastnn.sklearn.objective import Objective
from fastnn.tape.rounding import rounding
from fastnn.tensor import Tensor
from fastnn.train.loop import Loop, Rates, parted, team
from fastnn.train.own_input import recorded

Array = NDArray[Any]
Stop = Callable[[], bool]

SHAPES = 8  # of batches, whose steps are kept
DENSE_BYTES = 1 << 29  # of a sparse matrix that is made dense once, instead of batch by batch


class Steps:
    """The recorded training steps of a net, by the shape of a batch.

    Args:
        net: the net.
        optimizer: over its parameters.
        objective: the loss.
        mode: what operands of products are rounded to, see `tape.rounding`.

    Attributes:
        sizes: for how many rows steps were recorded.
    """

    net: Net
    optimizer: BlockOptimizer
    objective: Objective
    mode: int

    def __init__(
        self, net: Net, optimizer: BlockOptimizer, objective: Objective, mode: int = 0
    ) -> None:
        self.net, self.optimizer, self.objective, self.mode = net, optimizer, objective, mode
        self._known: OrderedDict[tuple[Any, ...], Recording] = OrderedDict()
        self.sizes: Shapes = Shapes()  # rows per batch so far

    def of(self, arrays: tuple[Array, ...]) -> Recording:
        """The step for batches like these: x, y and maybe weights. Nothing is trained yet."""
        key = tuple((a.shape, a.dtype.char) for a in arrays)
        with training_mode(self.net, True):
            found = self._known.get(key)
            if found is None or not found.matches():
                self.optimizer.pack()
                watched = [] if self.net.is_plain else [self.net]  # ours read nothing else
                _, found = recorded(self._step, list(arrays), watched, undo=True)
                self._known[key] = found
                self.sizes.add(len(arrays[0]))
                if len(self._known) > SHAPES:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
        return found

    def bytes(self) -> int:
        """Of the memory that the recorded steps hold."""
        programs = [recording.program for recording in self._known.values()]
        return sum(program.arena_bytes + sum(program.bound) for program in programs)

    def _step(self, x: Tensor, y: Tensor, *w: Tensor) -> list[Tensor]:
        with rounding(self.mode):
            self.optimizer.zero_grad()
            value, shown = self.objective(self.net(x), y, *w)
            value.backward()
            self.optimizer.step()
        return [shown]


class Epochs:
    """Epochs over rows in batches.

    Args:
        steps: the steps.
        arrays: x, y and maybe weights: rows of the net's type. x may be a CSR matrix.
        batch: rows of a batch; the last of an epoch may be smaller.
        threads: at most so many; None leaves it to the engine.

    Attributes:
        order: the numbers of the rows, to be changed between epochs.
        rows: how many there are.
    """

    steps: int
    batch: Any

    def __init__(
        self, steps: Steps, arrays: tuple[Any, ...], batch: int, threads: int | None
    ) -> None:
        self._steps, self._threads = steps, threads
        x = arrays[0]
        self.rows: Any = x.shape[0]
        if _is_sparse(x) and self.rows * x.shape[1] * steps.net.dtype.itemsize <= DENSE_BYTES:
            x = x.toarray()
        self._data = (x, *arrays[1:])
        self.order: NDArray[Any] = np.arange(self.rows, dtype=np.int64)
        merge = bool(steps.net.norms())  # one row has no variance
        self.batch = min(batch, self.rows)
        self.steps, self._last = parted(self.rows, self.batch, merge)
        if self.steps == 1:
            self.batch = self._last = self.rows
        self._loop: Loop | None = None
        self._starts = np.arange(self.steps) * self.batch
        sizes = np.diff(self._starts, append=self.rows).astype(np.float64)
        self._decay_by_size = _shares(steps.objective.alpha, sizes)
        self._alike = bool((sizes == sizes[0]).all())

    def run(self, stop: Stop) -> tuple[float, int]:
        """One epoch in the present order, or as much as there is until `stop()`.

        Returns:
            The sum over batches of loss times rows, and the rows done.
        """
        if _is_sparse(self._data[0]):
            return self._by_batches(stop)
        if self._loop is None:
            self._loop = self._made()
        loop, table = self._loop, self._decays()
        loop.start(0, 1, table)
        try:
            while loop.run(self._threads) and not stop():
                pass
        finally:
            if table is not None:
                forget_numbers(self._steps.optimizer)
        done = self.rows if loop.epoch else loop.step * self.batch
        return float(loop.sums_of(0)[0]), done

    def _decays(self) -> Rates | None:
        """The weight decay of each step, alpha over the weight of its rows, and the learning rate;
        None if it is the same in all, or not the optimizer's task."""
        objective, optimizer = self._steps.objective, self._steps.optimizer
        if not (objective.decayed and objective.alpha):
            return None
        decay = self._decay_by_size
        if len(self._data) > 2:
            weight = self._data[2][self.order].astype(np.float64)
            decay = _shares(objective.alpha, np.add.reduceat(weight, self._starts))
        group = optimizer.param_groups[0]
        group["weight_decay"] = float(decay[0])
        if len(self._data) == 2 and self._alike:
            return None
        rate = np.full(self.steps, group["lr"])
        others = np.stack([rate, np.zeros(self.steps)], 1)
        return rates(optimizer, [np.stack([rate, decay], 1), others])

    def renew(self) -> None:
        """Look again at the net and the optimizer, which a callback may have changed."""
        self._loop = None

    def _made(self) -> Loop:
        sizes = [self.batch, self._last]

        def record(part: int) -> Recording:
            return self._steps.of(tuple(a[: sizes[part]].copy() for a in self._data))

        first = record(0) if self.steps > 1 or self._last == self.batch else None
        batch = self.batch
        return Loop(
            [first, None, None], record, self._data, batch, self.order, False, 0, 1, self.steps
        )

    def _by_batches(self, stop: Stop) -> tuple[float, int]:
        """One epoch of a sparse matrix, of which a batch at a time is made dense."""
        total, done = 0.0, 0
        for step in range(self.steps):
            end = self.rows if step == self.steps - 1 else done + self.batch
            rows = self.order[done:end]
            x, *rest = self._data
            dense = np.ascontiguousarray(x[rows].toarray(), self._steps.net.dtype)
            weight = float(rest[1][rows].sum(dtype=np.float64)) if len(rest) > 1 else len(rows)
            self._decay(weight)
            given = (dense, *(np.ascontiguousarray(a[rows]) for a in rest))
            total += self._one(given) * len(rows)
            done = end
            if stop():
                break
        return total, done

    def _decay(self, weight: float) -> None:
        """Set the weight decay for a batch of this weight."""
        objective = self._steps.objective
        if objective.decayed:
            decay = _shares(objective.alpha, np.array([weight], np.float64))[0]
            self._steps.optimizer.param_groups[0]["weight_decay"] = float(decay)

    def _one(self, given: tuple[Array, ...]) -> float:
        recording = self._steps.of(given)
        for sync in recording.recorder.before_run:
            sync()
        made = recording.bound[recording.n_inputs :]
        outputs = tuple(np.empty(s.array.shape, s.array.dtype) for s in made)
        program = recording.program
        program.run((*given, *outputs), team(program.cost, self._threads))
        return float(outputs[0])


def _shares(alpha: float, weights: Array) -> Array:
    """alpha / weight for each batch, 0 for one without weight.

    Raises:
        ValueError: the weights of a batch sum to less than 0.
    """
    if weights.min() < 0:
        raise ValueError(
            "sample_weight: expected those of each batch to sum to 0 or more, got "
            f"{weights.min():g}"
        )
    return np.divide(alpha, weights, out=np.zeros(len(weights)), where=weights != 0)


def _is_sparse(x: Any) -> bool:
    return not isinstance(x, np.ndarray)

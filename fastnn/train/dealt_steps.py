"""The steps of a fit that several ranks share: gradients of slices, then an update by their sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import random
from fastnn.nn import CrossEntropyLoss, Module, NLLLoss
from fastnn.optim.loop import blocks_of
from fastnn.tape import versions
from fastnn.tensor import Tensor
from fastnn.train.dealing import Dealing, is_sum, stream_of
from fastnn.train.dealt_loop import Arrays, Compute, DealtLoop, Work
from fastnn.train.key import Recordings
from fastnn.train.loop import team
from fastnn.train.metrics import Metric
from fastnn.train.steps import Steps
from fastnn.train.update import Asked, Update
from fastnn.train.validation import Given, Known, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording
    from fastnn.optim.block_optimizer import BlockOptimizer
    from fastnn.train.loop import Loop
    from fastnn.train.python_loop import PythonLoop

    Loss = Callable[..., Tensor]


class DealtSteps(Steps):
    """As `Steps`, for a batch that is dealt to ranks.

    A step "within" leaves the gradients of a slice in the optimizer's vectors; that, and not the
    update, is recorded.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: BlockOptimizer,
        cache: Recordings,
        mode: int,
        dealing: Dealing,
    ) -> None:
        super().__init__(model, loss, optimizer, cache, mode)
        self._closes = True  # as with L-BFGS: gradients are gathered, and something else updates
        self._dealing = dealing

    def first(
        self,
        given: Given,
        n: int,
        batch: int,
        metrics: dict[str, Metric],
        update: Update,
        names: Iterable[str],
    ) -> Known:
        """As `Steps.first`, of the rows of a slice."""
        _, size, _ = self.parted(n, batch)
        begin, end = self._dealing.cuts(self.model, size)[0]
        return super().first(given, n, end - begin, metrics, update, names)

    def training(
        self,
        rows: Rows,
        batch: int,
        shuffle: bool,
        seed: int,
        metrics: dict[str, Metric],
        update: Update,
        by_step: bool = False,
    ) -> Loop | PythonLoop:
        """The training loop, whose steps are recorded now."""
        weighs = rows.weight is not None
        if not weighs and _has_class_weights(self.loss):
            # so that a slice tells the sum of its weights
            rows = rows._replace(weight=np.ones(len(rows.y), self._real()))
        n, asked = len(rows.x), Asked(metrics, update)
        steps, size, last = self.parted(n, batch)
        sizes = {end - begin for of in (size, last) for begin, end in self._cuts(of)}
        made = {
            rows_: self.recording("within", rows, np.arange(rows_), asked, first=True)
            for rows_ in sorted(sizes)
        }
        doubts, data = next(iter(made.values())).captures.doubts, rows.arrays()
        work = Work(
            compute=self._in_python_of(asked, data) if doubts else self._by_programs(made, data),
            update=self._update_of(update),
            cuts=self._cuts,
            gradients=[block.flat.gradients._array for block in blocks_of(self.optimizer)],
            buffers=[buffer._array for buffer in self.model.buffers()],
            drawn=random.default_generator.engine_state,
            adds=is_sum(self.loss),
            figures=len(next(iter(made.values())).outputs),
            metrics=len(metrics),
            weighs=weighs,
        )
        key = seed if shuffle else None
        return DealtLoop(self._dealing, work, doubts, data, size, key, steps)

    def _cuts(self, rows: int) -> list[tuple[int, int]]:
        return self._dealing.cuts(self.model, rows)

    def _real(self) -> np.dtype[Any]:
        return next(iter(self.model.parameters())).dtype

    def _by_programs(self, made: dict[int, Recording], data: Arrays) -> Compute:
        """What computes a slice by the program for so many rows."""
        most, runs = self._dealing.ranks.threads, {}
        data = tuple(map(np.ascontiguousarray, data))
        buffers = [np.empty((max(made), *a.shape[1:]), a.dtype) for a in data]
        for size, known in made.items():
            batch = tuple(buffer[:size] for buffer in buffers)
            new = tuple(np.empty(s.array.shape, s.array.dtype) for s in known.bound[len(batch) :])
            places = [known.bound.index(value.storage) for value in known.outputs]
            runs[size] = known.program, (*batch, *new), places, team(known.program.cost, most)

        def compute(rows: NDArray[np.int64], number: int) -> Sequence[float]:
            program, arrays, places, threads = runs[len(rows)]
            for source, batch in zip(data, arrays, strict=False):
                source.take(rows, 0, batch, "clip")  # "raise" would copy it once more
            with stream_of(number):
                program.run(arrays, threads)
            return [float(arrays[place].item()) for place in places]

        return compute

    def _in_python_of(self, asked: Asked, data: Arrays) -> Compute:
        """What computes a slice by running the user's code."""
        run = self.in_python("within", asked)

        def compute(rows: NDArray[np.int64], number: int) -> Sequence[float]:
            with stream_of(number):
                figures = run(tuple(np.ascontiguousarray(a[rows]) for a in data))
            for block in blocks_of(self.optimizer):
                block.take_gradients()
                for p, view in zip(block.params, block.flat.grads, strict=True):
                    p.grad = None if p.grad is None else view
            return figures

        return compute

    def _update_of(self, update: Update) -> Callable[[], None]:
        vectors = [block.flat.gradients for block in blocks_of(self.optimizer)]

        def run() -> None:
            for vector in vectors:
                versions.wrote(vector._array, "step")
            self._clip(update)
            self.optimizer.step()

        return run


def _has_class_weights(loss: Any) -> bool:
    return isinstance(loss, CrossEntropyLoss | NLLLoss) and loss.weight is not None

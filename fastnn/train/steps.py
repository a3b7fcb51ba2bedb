"""The steps of a fit, recorded, and loops over rows by them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn.compiler.compiled import record
from fastnn.compiler.recorder import Recorder, listening
from fastnn.compiler.recording import Recording
from fastnn.nn import BatchNorm1d, Module
from fastnn.nn.modes import training_mode
from fastnn.nn.utils import clip_grad_norm_, clip_grad_value_
from fastnn.optim.loop import empty_gradients, hold_gradients
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, int64
from fastnn.train.loop import Loop, batch_order, parted
from fastnn.train.metrics import Metric
from fastnn.train.validation import Rows, ignored_label
from fastnn.train.weights import measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.optim import Optimizer

    Loss = Callable[..., Tensor]
    Cache = OrderedDict[Any, Recording]

MAX_RECORDINGS = 16  # per trainer: shapes of batches, lists of metrics
EVALUATION_ROWS = 1024  # rows of a batch when nothing is learned


@dataclass(frozen=True)
class Update:
    """What comes between the gradients of a batch and the weights.

    accumulate: batches whose gradients are added up for one update.
    clip_norm, clip_value: bounds of the gradients, or None.
    """

    accumulate: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None

    @classmethod
    def checked(cls, accumulate: Any, clip_norm: Any, clip_value: Any) -> Update:
        """From arguments of `fit`, whose names the messages have."""
        count = check.integer("accumulate_steps", accumulate, 1)
        bounds = {"clip_norm": clip_norm, "clip_value": clip_value}
        found = [None if b is None else check.real(n, b, 0.0) for n, b in bounds.items()]
        return cls(count, *found)


class Steps:
    """Steps of a model with its loss and optimizer.

    Args:
        cache: recordings made before, and where new ones are kept.
    """

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer, cache: Cache) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self._cache = cache

    def training(
        self,
        rows: Rows,
        batch: int,
        shuffle: bool,
        seed: int,
        metrics: dict[str, Metric],
        update: Update,
    ) -> Loop:
        """A loop that trains."""
        n = len(rows.x)
        batch = min(batch, n)
        order = batch_order(n, seed, 0) if shuffle else np.arange(n, dtype=int64)
        steps, last = self.parted(rows, batch)
        first, final = order[:batch], order[-last:]
        within = None
        if update.accumulate > 1:
            self._hold_gradients(rows.sample(first, self.loss))
        if update.accumulate > 1 and steps > 1:
            within = self._recording("within", rows, first, metrics, update)
        body = self._recording("update", rows, first, metrics, update)
        tail = None if last == batch else self._recording("update", rows, final, metrics, update)
        every = update.accumulate if steps > 1 else 1
        recordings = body, tail, within
        return Loop(recordings, rows.arrays(), batch, order, shuffle, seed, every, steps)

    def evaluation(self, rows: Rows, metrics: dict[str, Metric]) -> Loop:
        """A loop that only looks."""
        n = len(rows.x)
        batch = min(EVALUATION_ROWS, n)
        order = np.arange(n, dtype=int64)
        steps, last = self.parted(rows, batch)
        first, final = order[:batch], order[-last:]
        asked = metrics, Update()
        body = self._recording("evaluate", rows, first, *asked)
        tail = None if last == batch else self._recording("evaluate", rows, final, *asked)
        return Loop((body, tail, None), rows.arrays(), batch, order, False, 0, 1, steps)

    def parted(self, rows: Rows, batch: int) -> tuple[int, int]:
        """How many batches an epoch has, and the rows of the last; one row has no variance for a
        BatchNorm1d, which would refuse it."""
        merge = any(isinstance(module, BatchNorm1d) for module in self.model.modules())
        return parted(len(rows.x), min(batch, len(rows.x)), merge)

    def _hold_gradients(self, rows: Rows) -> None:
        """Let every parameter that gets a gradient have it in the optimizer's memory."""
        with training_mode(self.model, True), listening(Recorder(rows.arrays())) as recorder:
            self.optimizer.zero_grad()
            x, y, *w = map(Tensor, rows.arrays())
            measured(self.loss, self.model(x), y, w[0] if w else None)[0].backward()
            recorder.undo()
        hold_gradients(self.optimizer)

    def _step(self, kind: str, metrics: list[Metric], update: Update) -> Callable[..., Any]:
        def train(x: Tensor, y: Tensor, w: Tensor | None = None) -> list[Tensor]:
            if update.accumulate == 1:
                self.optimizer.zero_grad()
            z = self.model(x)
            figures = measured(self.loss, z, y, w)
            loss = figures[0]
            (loss if update.accumulate == 1 else loss / update.accumulate).backward()
            if kind == "update":
                self._clip(update)
                self.optimizer.step()
                if update.accumulate > 1:
                    empty_gradients(self.optimizer)
            return [*figures, *(metric(z.detach(), y) for metric in metrics)]

        def evaluate(x: Tensor, y: Tensor, w: Tensor | None = None) -> list[Tensor]:
            with no_grad():
                z = self.model(x)
                return [*measured(self.loss, z, y, w), *(metric(z, y) for metric in metrics)]

        return evaluate if kind == "evaluate" else train

    def _clip(self, update: Update) -> None:
        if update.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), update.clip_norm)
        if update.clip_value is not None:
            clip_grad_value_(self.model.parameters(), update.clip_value)

    def _recording(
        self,
        kind: str,
        rows: Rows,
        batch: NDArray[np.int64],
        metrics: dict[str, Metric],
        update: Update,
    ) -> Recording:
        """The step for batches of so many of the rows; recorded on these of them, then undone."""
        parts = self.model, self.loss, self.optimizer, *metrics.values()
        shapes = len(batch), *((a.shape[1:], a.dtype) for a in rows.arrays())
        ignores = ignored_label(self.loss, rows.y) is not None
        key = (kind, update, shapes, ignores, *map(id, parts))
        training = kind != "evaluate"
        with training_mode(self.model, training):
            known = self._cache.get(key)
            if known is not None and known.matches():
                self._cache.move_to_end(key)
                return known
            if training:
                self.optimizer.pack()
            step = self._step(kind, list(metrics.values()), update)
            of_the_user = [self.loss, *metrics.values()]
            arrays = list(rows.sample(batch, self.loss).arrays())
            _, recording = record(step, arrays, training, training, of_the_user)
        recording.parts = parts  # kept alive, so that their ids stay theirs
        self._cache[key] = recording
        self._cache.move_to_end(key)
        while len(self._cache) > MAX_RECORDINGS:
            self._cache.popitem(last=False)
        return recording

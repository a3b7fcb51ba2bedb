"""The training loop in Python, for user code that a replay might not repeat."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.train.loop import CHUNK_SECONDS, batch_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

Step = Callable[[tuple["NDArray[Any]", ...]], Sequence[float]]


class PythonLoop:
    """Epochs over data like those of `Loop`, of the same numbers; each step runs the user's code.

    Args:
        doubts: why it runs in Python.
        update, within: a step that updates the weights, and one that only adds to the gradients.
        data: arrays of as many rows.
        batch: rows of a full batch.
        order: the order of the rows, reshuffled for every epoch with this key, if there is one.
        every: batches per update; the last of an epoch updates too.
        steps: steps per epoch; the last takes the remaining rows.

    Attributes:
        epoch, step: of the next step. done: steps since the start.
        is_within: whether a step was begun and is not over: it was broken off.
        after_update: called after each update of the weights, as a scheduler's step.
    """

    is_within: bool
    sums: NDArray[Any]
    rows: int
    steps: int
    done: int
    epoch: int
    step: int

    def __init__(
        self,
        doubts: tuple[str, ...],
        update: Step,
        within: Step,
        data: tuple[NDArray[Any], ...],
        batch: int,
        order: NDArray[np.int64],
        key: int | None,
        every: int,
        steps: int,
    ) -> None:
        self.doubts = doubts
        self._update, self._within, self._data = update, within, data
        self._batch, self._order, self._every = batch, order, every
        self._key = key
        self.rows, self.steps = len(order), steps
        self.epoch = self.step = self.done = self._first = self._last = 0
        self.is_within = False
        self.sums = np.zeros((0, 1))
        self.after_update: Callable[[], object] | None = None

    def start(
        self,
        epoch: int,
        last: int,
        step: int = 0,
        sums: NDArray[Any] | None = None,
    ) -> None:
        """Start at a step of an epoch, and stop before another epoch; as of `Loop`, without rates:
        Python sets them between the steps."""
        self.epoch, self.step, self.done, self.is_within = epoch, step, 0, False
        self._first, self._last = epoch, last
        self.sums, self._given = np.zeros((last - epoch, 1)), sums
        if self._key is not None:
            self._order[:] = batch_order(self.rows, self._key, epoch)

    def run(self) -> bool:
        """Run steps for about CHUNK_SECONDS; True while there are more."""
        end = time.perf_counter() + CHUNK_SECONDS
        while self.epoch < self._last:
            self._run_step()
            if time.perf_counter() >= end:
                break
        return self.epoch < self._last

    def _run_step(self) -> None:
        ends = self.step == self.steps - 1
        updates = ends or (self.step + 1) % self._every == 0
        rows = self.rows_of_step()
        batch = tuple(np.ascontiguousarray(a[rows]) for a in self._data)
        self.is_within = True
        figures = (self._update if updates else self._within)(batch)
        self.is_within = False
        if self.sums.shape[1] != len(figures):
            self.sums = np.zeros((len(self.sums), len(figures)))
        if self._given is not None:
            self.sums[0], self._given = self._given, None
        self.sums[self.epoch - self._first] += np.array(figures, np.float64) * len(rows)
        self.step, self.done = self.step + 1, self.done + 1
        if updates and self.after_update is not None:
            self.after_update()
        if ends:
            self.epoch, self.step = self.epoch + 1, 0
            if self._key is not None and self.epoch < self._last:
                self._order[:] = batch_order(self.rows, self._key, self.epoch)

    def rows_of_step(self) -> NDArray[np.int64]:
        """The rows of the next step, or of the step that failed."""
        begin, last = self.step * self._batch, self.step == self.steps - 1
        return self._order[begin : None if last else begin + self._batch]

    def sums_of(self, epoch: int) -> NDArray[np.float64]:
        """The sums over an epoch's steps: each output times the rows of its batch."""
        found: NDArray[np.float64] = self.sums[epoch - self._first]
        return found

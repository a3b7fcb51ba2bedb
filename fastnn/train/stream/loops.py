"""Training loops over the windows of a large table, in C and in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.train.loop import Loop, Rates
from fastnn.train.python_loop import PythonLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastnn.train.python_loop import Step
    from fastnn.train.stream.ahead import Ahead, Window

__all__ = ["StreamLoop", "StreamPythonLoop", "Place"]


class Place:
    """The rows at hand of a loop: those of a window, and those before it that no step has taken.

    Args:
        ahead: what reads windows.
        batch: rows of a step. steps: of an epoch.
        take: is given the arrays, the order of their rows, the place in the epoch of the first, and
            the step to stop before.

    Attributes:
        order: of the rows at hand, as they are taken. first: the place in the epoch of order[0].
        pause: the step that needs other rows; all steps: the end of the epoch.
    """

    ahead: Ahead
    first: int
    pause: int

    def __init__(
        self,
        ahead: Ahead,
        batch: int,
        steps: int,
        take: Callable[[list[NDArray[Any]], NDArray[np.int64], int, int], object],
    ) -> None:
        self.ahead, self._batch, self._steps, self._take = ahead, batch, steps, take
        self.window: Window | None = None
        self.order: NDArray[np.int64] = np.zeros(0, np.int64)
        self.first = self.pause = 0

    def begin(self, epoch: int, step: int) -> None:
        """Begin at a step, if the rows at hand or those that are read are not those."""
        row, window = step * self._batch, self.window
        here = window is not None and window.epoch == epoch
        if here and self.first <= row and step <= self.pause:
            return
        if step == 0 and self.ahead.is_next(epoch, 0):
            return
        self.window = None
        self.ahead.begin(epoch, row)

    def reach(self, epoch: int, step: int) -> None:
        """See to it that the rows of a step are at hand."""
        while not (self.window is not None and self.window.epoch == epoch and step < self.pause):
            self._advance(epoch, step)

    def _advance(self, epoch: int, step: int) -> None:
        old, order = self.window, self.order
        window = self.ahead.take()
        row, batch, room = step * self._batch, self._batch, self.ahead.room
        if old is not None and old.epoch == epoch:
            left = order[row - self.first :]
            before = np.arange(room - len(left), room)
            for array, source in zip(window.arrays, old.arrays, strict=True):
                array[before] = source[left]
            self.order, self.first = np.concatenate([before, window.order]), row
        else:
            self.order, self.first = window.order, window.begin
        self.window = window
        # One batch stays for the last window: a single row that is left may have to join it.
        end = self.first + len(self.order)
        self.pause = self._steps if window.is_last else max(step, end // batch - 1)
        self._take(list(window.arrays), self.order, self.first, self.pause)
        self.ahead.go_on()

    def rows_of(self, step: int) -> NDArray[np.int64]:
        """The places in the arrays of the rows of a step."""
        begin, last = step * self._batch - self.first, step == self._steps - 1
        return self.order[begin : None if last else begin + self._batch]

    def x_of(self, step: int) -> NDArray[Any]:
        """A copy of x of a step."""
        assert self.window is not None
        return np.asarray(self.window.arrays[0][self.rows_of(step)])


class StreamLoop(Loop):
    """A loop in C over the windows of a table; see `Loop`.

    Args:
        ahead: what reads windows.
        rows: of an epoch.
        recordings, record, data, batch, every, steps: as of `Loop`; data: arrays of the shapes and
            types of a window's.
    """

    def __init__(
        self,
        ahead: Ahead,
        recordings: Any,
        record: Any,
        data: tuple[NDArray[Any], ...],
        batch: int,
        rows: int,
        every: int,
        steps: int,
    ) -> None:
        order = np.zeros(1, np.int64)
        super().__init__(recordings, record, data, batch, order, False, 0, every, steps, rows)
        self.place: Place = Place(ahead, batch, steps, self._loop.window)

    def start(
        self,
        epoch: int,
        last: int,
        rates: Rates | None = None,
        step: int = 0,
        sums: NDArray[Any] | None = None,
    ) -> None:
        """As of `Loop`."""
        super().start(epoch, last, rates, step, sums)
        self.place.begin(epoch, step)

    def run(self, at_most: int | None = None) -> bool:
        """As of `Loop`; up to the end of the rows at hand."""
        self.place.reach(self.epoch, self.step)
        return super().run(at_most)

    def rows_of_step(self) -> NDArray[np.int64]:
        """Their places in the arrays at hand."""
        return self.place.rows_of(self.step)


class StreamPythonLoop(PythonLoop):
    """A loop in Python over the windows of a table; see `PythonLoop`."""

    def __init__(
        self,
        ahead: Ahead,
        doubts: tuple[str, ...],
        update: Step,
        within: Step,
        batch: int,
        rows: int,
        every: int,
        steps: int,
    ) -> None:
        none = np.zeros(0, np.int64)
        super().__init__(doubts, update, within, (), batch, none, None, every, steps)
        self.rows = rows
        self.place: Place = Place(ahead, batch, steps, self._put)

    def _put(self, data: list[NDArray[Any]], *_: Any) -> None:
        self._data = tuple(data)

    def start(self, epoch: int, last: int, step: int = 0, sums: NDArray[Any] | None = None) -> None:
        """As of `PythonLoop`."""
        super().start(epoch, last, step, sums)
        self.place.begin(epoch, step)

    def rows_of_step(self) -> NDArray[np.int64]:
        """Their places in the arrays at hand."""
        self.place.reach(self.epoch, self.step)
        return self.place.rows_of(self.step)

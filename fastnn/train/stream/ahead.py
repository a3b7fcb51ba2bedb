"""Windows of a large table that are read by a thread while the engine computes."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn.io.rows.source import with_row
from fastnn.train.stream.taking import Inputs, Taking
from fastnn.train.stream.windows import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.io.rows.table import LargeTable

    Arrays = tuple[NDArray[Any], ...]

__all__ = ["Ahead", "Window"]

READ = 1 << 20  # bytes of x that are read at a time


class Window(NamedTuple):
    """Rows of an epoch that are in memory.

    epoch, number: which window of which epoch. begin: the place of its first row in the epoch.
    arrays: x, y and any weights, with room in front for rows of the window before.
    order: the places in these arrays of the window's rows, as they are taken.
    is_last: of the epoch.
    """

    epoch: int
    number: int
    begin: int
    arrays: Arrays
    order: NDArray[np.int64]
    is_last: bool


class _Stopped(Exception):
    """Nobody waits for the window any more."""


class _Reading:
    """A window that is being read. Its thread ends with it: there is no lock between the threads,
    so a fork has nothing to wait for, and a child without the thread reads anew."""

    def __init__(self, of: Ahead, windows: Windows, number: int, into: Arrays) -> None:
        self.windows, self.number = windows, number
        self._of, self._into = of, into
        self._window: Window | None = None
        self._error: BaseException | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="fastnn reads ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._window = self._of._read(self)
        except BaseException as error:
            self._error = error

    def result(self) -> Window:
        """The window, once it is read. Raises what reading it raised."""
        self._thread.join()
        if self._window is None and self._error is None:  # in a forked child
            self._run()
        if self._error is not None:
            raise self._error
        assert self._window is not None
        return self._window

    def stop(self) -> None:
        """Let the thread end soon, and wait for it."""
        self._stopped = True
        self._thread.join()

    def look(self) -> None:
        """Raise if nobody waits any more."""
        if self._stopped:
            raise _Stopped


class Ahead:
    """The windows of epochs, one after another.

    Args:
        table: whose rows.
        taking: what makes them rows for the engine; it knows the model's outputs.
        like: some rows as the engine takes them; x alone: no targets are read.
        room: rows in front of each window.
        seed: the key of the shuffles; None: in the order of the table.
        epochs: there are no windows of this epoch.

    Attributes:
        failed: whether rows could not be read.

    Raises:
        ValueError: the rows at hand would take more than the table's memory.
    """

    table: LargeTable
    room: int
    seed: int | None
    failed: bool

    def __init__(
        self,
        table: LargeTable,
        taking: Taking | Inputs,
        like: Arrays,
        room: int,
        seed: int | None,
        epochs: int,
    ) -> None:
        self._source, self._taking, self.failed = table.source.cursor(), taking, False
        self.table, self.room, self.seed, self._epochs = table, room, seed, epochs
        self._raw = table.source.parts if len(like) > 1 else table.source.parts[:1]
        most = min(table.window, table.rows)
        self._check_memory(like, most)
        self._free = [
            tuple(np.empty((room + most, *a.shape[1:]), a.dtype) for a in like) for _ in range(2)
        ]
        self._targets = [np.empty((most, *part.shape), part.dtype) for part in self._raw[1:]]
        self._scratch: NDArray[Any] | None = None
        if self._raw[0].dtype != like[0].dtype:
            step = max(min(READ // max(self._raw[0].nbytes, 1), most), 1)
            self._scratch = np.empty((step, *self._raw[0].shape), self._raw[0].dtype)
        self._next: _Reading | None = None
        self._used: Arrays | None = None
        self._windows: Windows | None = None

    def _check_memory(self, like: Arrays, most: int) -> None:
        each = sum(a[:1].nbytes for a in like)
        raw = sum(part.nbytes for part in self._raw[1:])
        fixed = self._source.extra + (READ if self._raw[0].dtype != like[0].dtype else 0)
        needed = 2 * (self.room + most) * each + most * raw + fixed
        small = (self.room + most) * each <= READ  # of a table that is not large at all
        if needed > self.table.memory and not small:
            raise InvalidValueError(
                f"memory: expected at least {needed} bytes for two windows of {most} rows and "
                f"batches of {self.room // 2}, of {each} bytes a row, got {self.table.memory}; "
                "give more, or take a smaller window or batch_size"
            )

    def begin(self, epoch: int, row: int) -> None:
        """Begin with the window that has this row of an epoch."""
        self.stop()
        windows = self._of(epoch)
        self._start(windows, windows.at(row))

    def _of(self, epoch: int) -> Windows:
        if self._windows is None or (self.seed is not None and self._windows.epoch != epoch):
            self._windows = Windows.of(self.table, self.seed, epoch)
        return replace(self._windows, epoch=epoch)

    def _start(self, windows: Windows, number: int) -> None:
        into = self._free[0] if self._used is not self._free[0] else self._free[1]
        self._next = _Reading(self, windows, number, into)

    def is_next(self, epoch: int, row: int) -> bool:
        """Whether the window that is being read begins with this row."""
        found = self._next
        return (
            found is not None
            and found.windows.epoch == epoch
            and int(found.windows.begins[found.number]) == row
        )

    def take(self) -> Window:
        """The next window; the one after it begins to be read into the arrays of the one before."""
        assert self._next is not None
        try:
            window = self._next.result()
        except Exception:
            self.failed = True
            raise
        self._used = window.arrays
        windows, number, self._next = self._next.windows, self._next.number + 1, None
        self._following = windows, number
        return window

    def go_on(self) -> None:
        """Begin to read the window after the one that was taken last: the rows of the one before
        are not needed any more."""
        windows, number = self._following
        if number < len(windows):
            self._start(windows, number)
        elif windows.epoch + 1 < self._epochs:
            self._start(self._of(windows.epoch + 1), 0)

    def stop(self) -> None:
        """Stop reading."""
        if self._next is not None:
            self._next.stop()
            self._next = None

    def _read(self, reading: _Reading) -> Window:
        """Read a window; in the thread."""
        windows, number, into = reading.windows, reading.number, reading._into
        runs, at = windows.runs(number), 0
        step = max(READ // max(self._raw[0].nbytes, 1), 1)
        for first, last in runs:
            for begin in range(first, last, step):
                reading.look()
                end = min(begin + step, last)
                self._read_piece(begin, end, at, into)
                at += end - begin
        self._convert(windows, number, at, into)
        order = windows.order(number) + self.room
        begin, last_one = int(windows.begins[number]), number + 1 == len(windows)
        return Window(windows.epoch, number, begin, into, order, last_one)

    def _read_piece(self, begin: int, end: int, at: int, into: Arrays) -> None:
        x = into[0][self.room + at : self.room + at + end - begin]
        raw = x if self._scratch is None else self._scratch[: end - begin]
        targets = [a[at : at + end - begin] for a in self._targets]
        self._source.read(begin, end, [raw, *targets])
        self._taking.put(raw, x, begin)

    def _convert(self, windows: Windows, number: int, count: int, into: Arrays) -> None:
        """Targets and weights of a whole window at once."""
        here = slice(self.room, self.room + count)
        if not isinstance(self._taking, Taking):
            return
        y, *weight = (a[:count] for a in self._targets)
        try:
            rows = self._taking.rows(into[0][here], y, weight[0] if weight else None)
            self._taking.check(rows)
        except (TypeError, ValueError) as error:
            taken = np.concatenate([np.arange(*run) for run in windows.runs(number)])
            raise with_row(error, lambda row: taken[row], self._source.where) from None
        for array, made in zip(into[1:], rows.arrays()[1:], strict=True):
            array[here] = made

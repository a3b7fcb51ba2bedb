"""Random numbers within vmap, by `randomness`: an error, the same or different per sample."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastnn.ops.table import TABLE
from fastnn.transforms.vmap.array import BatchedArray
from fastnn.transforms.vmap.rules import run

RANDOMNESS = ("error", "different", "same")

Draw = Callable[[tuple[int, ...]], Any]  # shape -> an array of random numbers


class Draws:
    """The random draws of one vmapped function, in order.

    They are kept, so that a function that is restarted, or run sample by sample, gets the same
    numbers as a batched run.

    size: number of samples.
    kept: draws of earlier samples that these samples share.
    """

    size: int
    randomness: str

    def __init__(self, size: int, randomness: str, kept: Draws | None = None) -> None:
        self.size, self.randomness = size, randomness
        self._made: list[Any] = [] if kept is None else kept._made
        self._next = 0
        self._level: int | None = None  # the vmap's number in a batched run
        self._sample = 0  # else the current sample

    @contextmanager
    def begun(self, level: int | None = None, sample: int = 0) -> Iterator[None]:
        """Context manager around a run of the function, starting at its first draw."""
        self._next, self._level, self._sample = 0, level, sample
        _active.frames.append(self)
        try:
            yield
        finally:
            _active.frames.pop()

    def take(self, draw: Draw, shape: tuple[int, ...]) -> Any:
        """The next array for the function; `draw` makes it, for one sample or for all at once."""
        if self.randomness == "error":
            raise RuntimeError(
                "vmap: random numbers were drawn in the function (randomness='error'); say "
                "randomness='different' or 'same', or draw them outside and pass them in"
            )
        each = self.randomness == "different"
        if self._next == len(self._made):
            self._made.append(draw((self.size, *shape) if each else shape))
        whole = self._made[self._next]
        self._next += 1
        if each and self._level is not None:
            return BatchedArray(self._level, whole)
        return run(TABLE["copy"], [whole[self._sample, ...] if each else whole], ())


class _Active(threading.local):
    def __init__(self) -> None:
        self.frames: list[Draws] = []  # of the running vmaps, the innermost last


_active = _Active()


def drawn(draw: Draw, shape: tuple[int, ...]) -> Any:
    """The array for a function within all running vmaps, from the innermost to the outermost."""
    for frame in _active.frames:

        def within(shape: tuple[int, ...], frame: Draws = frame, outer: Draw = draw) -> Any:
            return frame.take(outer, shape)

        draw = within
    return draw(shape)

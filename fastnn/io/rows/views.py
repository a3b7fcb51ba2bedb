"""Tables made of another one: some of its rows, or its columns on another scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.dtypes import float32, readable
from fastnn.io.rows.source import Part, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Scaled", "SomeRows", "is_held_out"]

AT_ONCE = 1 << 16  # rows that are dealt at a time
PIECE = 1 << 20  # bytes that are scaled at a time
_STEP, _A, _B = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def is_held_out(begin: int, end: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Which of the rows begin..end-1 are held out: u(seed, row) < share.

    u is splitmix64 (Steele, Lea, Flood, 2014) of its state seed + row * 0x9e3779b97f4a7c15, as a
    number in [0, 1). So it depends on the number of a row alone.

    >>> from fastnn.io.rows.views import is_held_out
    >>> int(is_held_out(0, 10_000, 0.25, 0).sum())
    2569
    """
    with np.errstate(over="ignore"):
        z = np.arange(begin + 1, end + 1, dtype=np.uint64) * _STEP + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * _A
        z = (z ^ (z >> np.uint64(27))) * _B
        z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)) * 2.0**-53 < share)


class _View(Source):
    """A source that reads from another one. Its attributes are those of that, where not set."""

    name: str
    rows: int
    parts: tuple[Part, ...]
    names: tuple[str, ...] | None
    classes: tuple[str, ...]
    cuts: NDArray[np.int64] | None
    once: bool
    extra: int

    def __init__(self, of: Source) -> None:
        self._of = of
        self.name, self.rows, self.parts, self.names = of.name, of.rows, of.parts, of.names
        self.classes, self.cuts, self.once, self.extra = of.classes, of.cuts, of.once, of.extra

    def where(self, row: int) -> str:
        """As the other says."""
        return self._of.where(row)

    def stamp(self) -> str:
        """Of the other, too."""
        return f"{super().stamp()} {self._of.stamp()}"

    def close(self) -> None:
        """Close the other."""
        self._of.close()


class SomeRows(_View):
    """The rows of a table that are held out, or the others.

    Args:
        of: the source of all rows. cuts: between its blocks; the blocks here are what is left of
            them.
        share: of the rows held out, by `is_held_out` of a seed.
        held: which of the two.
    """

    cuts: NDArray[np.int64] | None
    rows: int
    extra: int

    def __init__(
        self, of: Source, cuts: NDArray[np.int64], share: float, seed: int, held: bool
    ) -> None:
        super().__init__(of)
        self._all, self._share, self._seed, self._held = cuts, share, seed, held
        counts = np.zeros(len(cuts), np.int64)
        for first in range(0, of.rows, AT_ONCE):
            last = min(first + AT_ONCE, of.rows)
            rows = np.flatnonzero(self._mask(first, last)) + first
            np.add.at(counts, np.searchsorted(cuts, rows, "right"), 1)
        self._cuts_here = np.cumsum(counts)
        self.cuts, self.rows = np.unique(self._cuts_here), int(self._cuts_here[-1])
        longest = int(np.diff(cuts).max(initial=0))
        self.extra = of.extra + longest * sum(part.nbytes for part in of.parts)

    def _mask(self, begin: int, end: int) -> NDArray[np.bool_]:
        found = is_held_out(begin, end, self._share, self._seed)
        return found if self._held else ~found

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Read whole blocks, and take these rows of them."""
        done = begin
        while done < end:
            block = int(np.searchsorted(self._cuts_here, done, "right")) - 1
            first, last = int(self._all[block]), int(self._all[block + 1])
            own = [
                np.empty((last - first, *part.shape), part.dtype)
                for part in self.parts[: len(into)]
            ]
            self._of.read(first, last, own)
            skip = done - int(self._cuts_here[block])
            rows = np.flatnonzero(self._mask(first, last))[skip : skip + end - done]
            for array, part in zip(into, own, strict=False):
                array[done - begin : done - begin + len(rows)] = part[rows]
            done += len(rows)

    def where(self, row: int) -> str:
        """Where it is among all rows."""
        block = int(np.searchsorted(self._cuts_here, row, "right")) - 1
        first, last = int(self._all[block]), int(self._all[block + 1])
        inner = np.flatnonzero(self._mask(first, last))[row - int(self._cuts_here[block])]
        place = self._of.where(first + int(inner))
        return f"row {first + int(inner)} of all" + (f", {place}" if place else "")

    def cursor(self) -> Source:
        """Read by a cursor of the other."""
        return SomeRows(self._of.cursor(), self._all, self._share, self._seed, self._held)

    def select(self, names: Sequence[str]) -> Source:
        """Select in the other."""
        return SomeRows(self._of.select(names), self._all, self._share, self._seed, self._held)


class Scaled(_View):
    """x, or another part, as (x - mean) / scale, computed in double and rounded to float32.

    part: the number of the part.
    """

    parts: tuple[Part, ...]
    extra: int

    def __init__(
        self, of: Source, mean: NDArray[np.float64], scale: NDArray[np.float64], part: int = 0
    ) -> None:
        super().__init__(of)
        self._mean, self._scale, self._part = mean, scale, part
        parts = list(of.parts)
        parts[part] = Part(parts[part].shape, float32)
        self.parts = tuple(parts)
        self.extra = of.extra + 3 * PIECE

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Read and convert some rows at a time."""
        if self._part >= len(into):
            return self._of.read(begin, end, into)
        part = self._of.parts[self._part]
        step = max(PIECE // max(part.nbytes, 1), 1)
        own = np.empty((min(step, end - begin), *part.shape), part.dtype)
        for first in range(begin, end, step):
            last = min(first + step, end)
            arrays = [array[first - begin : last - begin] for array in into]
            out, arrays[self._part] = arrays[self._part], own[: last - first]
            self._of.read(first, last, arrays)
            scaled = np.subtract(readable(arrays[self._part]), self._mean, dtype=np.float64)
            np.divide(scaled, self._scale, out=scaled)
            out[...] = scaled
        return None

    def cursor(self) -> Source:
        """Read by a cursor of the other."""
        return Scaled(self._of.cursor(), self._mean, self._scale, self._part)

    def select(self, names: Sequence[str]) -> Source:
        """The numbers of these columns."""
        of = self._of.select(names)
        if self._part:
            return Scaled(of, self._mean, self._scale, self._part)
        places = [list(self.names or ()).index(name) for name in names]
        return Scaled(of, self._mean[places], self._scale[places])

"""Rows of batches that a function, a list or a DataLoader makes, in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastnn._support import maps
from fastnn._support.arrays import show
from fastnn._support.dtypes import readable
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.io.rows.arrays import check_numbers
from fastnn.io.rows.source import Part, Source
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BatchSource"]


class BatchSource(Source):
    """Rows of batches x, (x, y) or (x, y, sample_weight), of any sizes.

    Args:
        given: a function without arguments that makes an iterator of the batches of an epoch, or an
            iterable that can be gone through again, such as a list or a DataLoader.

    Raises:
        TypeError: an iterator, which gives its batches once, or something else.
        ValueError: no batches, or an empty first one.
    """

    name: str
    rows: int
    parts: tuple[Part, ...]
    once = True

    def __init__(self, given: Any, name: str) -> None:
        self.name, self._given = name, given
        if hasattr(given, "__next__"):
            raise InvalidTypeError(
                f"{name}: an iterator gives its batches once, and they are needed again to count "
                "and check them; give a function that makes the iterator, or a list"
            )
        if not callable(given) and not hasattr(given, "__iter__"):
            raise InvalidTypeError(
                f"{name}: expected an array, files, or something that makes batches, got "
                f"{show(given)}"
            )
        first = next(self._each(), None)
        if first is None:
            raise InvalidValueError(f"{name}: expected at least one batch, got none")
        for own, part in zip((name, "y", "sample_weight"), first, strict=False):
            check_numbers(part.dtype, own)
        self.parts = tuple(Part(part.shape[1:], part.dtype) for part in first)

    def _each(self) -> Iterator[tuple[NDArray[Any], ...]]:
        made = self._given() if callable(self._given) else self._given
        if not hasattr(made, "__iter__"):
            raise InvalidTypeError(
                f"{self.name}: expected a function that makes an iterator of batches, it gave "
                f"{show(made)}"
            )
        for number, batch in enumerate(made):
            parts = batch if isinstance(batch, tuple | list) else (batch,)
            arrays = tuple(_array(part, self.name) for part in parts)
            counts = [len(array) if array.ndim else -1 for array in arrays]
            if not 1 <= len(arrays) <= 3 or min(counts) != max(counts) or counts[0] < 0:
                raise InvalidValueError(
                    f"{self.name}: expected batches (x, y) or (x, y, sample_weight) of as many "
                    f"rows each, got {[array.shape for array in arrays]} in batch {number}"
                )
            self._check(arrays, number)
            yield arrays

    def _check(self, arrays: tuple[NDArray[Any], ...], number: int) -> None:
        kinds = [(array.shape[1:], array.dtype) for array in arrays]
        if self.parts and kinds != [tuple(part) for part in self.parts]:
            raise InvalidValueError(
                f"{self.name}: expected batches like the first, {[tuple(p) for p in self.parts]}, "
                f"got {kinds} in batch {number}"
            )

    def count(self) -> int:
        """Go through all batches once."""
        if self.rows < 0:
            self.rows = sum(len(batch[0]) for batch in self._each())
        return self.rows

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Only cursors read."""
        raise NotImplementedError

    def cursor(self) -> Source:
        """Another pass."""
        return _Pass(self)


class _Pass(Source):
    """One reader's way through the batches."""

    once = True

    def __init__(self, of: BatchSource) -> None:
        self._of, self.name, self.rows, self.parts = of, of.name, of.rows, of.parts
        self._batches: Iterator[tuple[NDArray[Any], ...]] = iter(())
        self._held: tuple[NDArray[Any], ...] | None = None
        self._place, self._used = -1, 0

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Take the next rows; from the first on, if those before are asked for."""
        if begin < self._place or self._place < 0:
            self._batches, self._held, self._place, self._used = self._of._each(), None, 0, 0
        while self._place < end:
            if self._held is None or self._used == len(self._held[0]):
                self._held, self._used = next(self._batches, None), 0
                if self._held is None:
                    raise InvalidValueError(
                        f"{self.name}: gave {self._place} rows, where it gave {self.rows} before"
                    )
            most = begin if self._place < begin else end
            take = min(most - self._place, len(self._held[0]) - self._used)
            if self._place >= begin:
                for array, part in zip(into, self._held, strict=False):
                    rows = slice(self._place - begin, self._place - begin + take)
                    array[rows] = part[self._used : self._used + take]
            self._place, self._used = self._place + take, self._used + take
        if end == self.rows:
            self._check_end()

    def _check_end(self) -> None:
        assert self._held is not None
        more = len(self._held[0]) - self._used
        if more or any(len(batch[0]) for batch in self._batches):
            raise InvalidValueError(f"{self.name}: gave more than the {self.rows} rows of before")
        self._place = -1


def _array(part: Any, name: str) -> NDArray[Any]:
    return readable(part._array) if isinstance(part, Tensor) else maps.array_of(part, name)

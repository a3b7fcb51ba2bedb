"""Where the rows of a large table come from: the interface, and pairs of such places."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Part", "Source", "SideBySide", "with_row"]

_ROW = re.compile(r"\brow (\d+)")


class Part(NamedTuple):
    """What a source gives for each row: x, y or sample_weight.

    shape: of one row. dtype: as it is stored.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of one row."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class Source(ABC):
    """Rows that are read in pieces.

    Attributes:
        name: in messages.
        rows: how many there are; -1 until `count` has been asked.
        parts: what there is for each row: x, and y and sample_weight if it has them.
        names: of the columns of x, or None.
        classes: the texts that stand for class numbers in y, if it has texts.
        cuts: row numbers between which rows are best read at once, such as those of row groups;
            None where that does not matter.
        once: whether rows come in one order only, and only once in an epoch.
        extra: bytes needed to read a piece, beside the rows themselves.
    """

    name: str = "x"
    rows: int = -1
    parts: tuple[Part, ...] = ()
    names: tuple[str, ...] | None = None
    classes: tuple[str, ...] = ()
    cuts: NDArray[np.int64] | None = None
    once: bool = False
    extra: int = 0

    def count(self) -> int:
        """The number of rows; may read all of them."""
        return self.rows

    @abstractmethod
    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Write rows begin..end-1 into arrays of the parts' dtypes; of the first parts only, where
        there are fewer arrays.

        Raises:
            ValueError, OSError: they are not what they were, or cannot be read.
        """

    def cursor(self) -> Source:
        """What one reader reads by; beside others, if there are any."""
        return self

    def select(self, names: Sequence[str]) -> Source:
        """The same with the columns of x in this order.

        Raises:
            ValueError: it has no names, or others.
        """
        raise InvalidValueError(f"{self.name}: expected columns with names to select from")

    def where(self, row: int) -> str:
        """Where a row is, for messages; empty if its number says it all."""
        return ""

    def stamp(self) -> str:
        """A text that is another if the files were changed, as far as the file system tells."""
        return f"{self.rows}{self.parts}"

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Give files back."""


class SideBySide(Source):
    """x, y and sample_weight from sources of their own, each of one part.

    Raises:
        ValueError: they have not the same number of rows.
    """

    name: str
    rows: int
    parts: tuple[Part, ...]
    names: tuple[str, ...] | None
    cuts: NDArray[np.int64] | None
    extra: int

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)
        first = self._sources[0]
        for name, source in zip(("x", "y", "sample_weight"), self._sources, strict=False):
            if source.rows != first.rows:
                raise InvalidValueError(
                    f"{name}: expected {first.rows} rows like x, got {source.rows} in {source.name}"
                )
        self.name, self.rows, self.names = first.name, first.rows, first.names
        self.parts = tuple(source.parts[0] for source in self._sources)
        self.cuts = first.cuts
        self.extra = max(source.extra for source in self._sources)

    def read(self, begin: int, end: int, into: Sequence[NDArray[Any]]) -> None:
        """Read from each."""
        for source, array in zip(self._sources, into, strict=False):
            source.read(begin, end, [array])

    def cursor(self) -> Source:
        """Of cursors of all."""
        return SideBySide([source.cursor() for source in self._sources])

    def where(self, row: int) -> str:
        """As x says."""
        return self._sources[0].where(row)

    def stamp(self) -> str:
        """Of all."""
        return " ".join(source.stamp() for source in self._sources)

    def close(self) -> None:
        """Close all."""
        for source in self._sources:
            source.close()


def with_row(error: Exception, number: Any, where: Any) -> Exception:
    """The same error, whose row is numbered as in the whole table.

    Args:
        number: the function from the row that it names to that of the table.
        where: the function from the latter to a place, such as the name of a file, or "".
    """
    found = _ROW.search(str(error))
    if found is None:
        return error
    row = number(int(found[1]))
    text = f"{str(error)[: found.start()]}row {row}{str(error)[found.end() :]}"
    place = where(row)
    return type(error)(f"{text} ({place})" if place else text)

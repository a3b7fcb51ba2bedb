"""One row, quickly: what its cells become is worked out once for a net, not at each call.

A prediction for one row is mostly the reading of it: finding out what each column is costs ten
times what the net does. A plan knows that beforehand. It takes the rows that need no finding out,
gives for them the very bits that the long way gives, and None for all others, which take that way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnn.tabular.cells import MISSING
from fastnn.tabular.design import Design
from fastnn.tabular.encoding import index_of
from fastnn.tabular.robust import RobustDesign, smooth_clip

if TYPE_CHECKING:
    from fastnn.tabular.member import Member

__all__ = ["OneRow", "RowPlan"]

Floats = NDArray[np.float32]
NUMBERS = frozenset({float, int, np.float64, np.float32, np.int64, np.int32})
TRUTHS = frozenset({bool, np.bool_})
SQUARES = 1e200  # a sum of squares within it: no number beyond 1e100, none missing or infinite
FITS_FLOAT32 = 1e76
MOST_CELLS = 100_000  # of the tables of a plan; categories of more values take the long way
STEEPEST = 1e150  # a factor of a column beyond which a product could overflow

Cells = list[Any]


class Verbatim(str):
    """A text that means itself, though it has blanks around it or reads like a missing value: one
    of pandas' categories."""

    __slots__ = ()


class OneRow:
    """Reads single rows for the nets of a model.

    Attributes:
        members, columns: the model's, for which it was made.
    """

    members: tuple[Member, ...]
    columns: tuple[str, ...]

    def __init__(self, members: tuple[Member, ...], columns: tuple[str, ...]) -> None:
        self.members, self.columns, self._names = members, columns, list(columns)
        try:
            self._plans = [RowPlan(member.design, columns) for member in members]
        except ValueError:
            self._plans = []

    def outputs(self, x: Any) -> list[NDArray[np.float64]] | None:
        """What `Member.outputs` gives for each net; None where the long way has to be taken."""
        if not self._plans:
            return None
        row = _row_of(x, self._names, self._plans[0].numeric)
        if row is None:
            return None
        found = []
        for plan, member in zip(self._plans, self.members):
            z = plan.read(row)
            if z is None:
                return None
            found.append(member.of(member.net.predict(z)))
        return found


class RowPlan:
    """From the cells of a row to what a net takes, for one design.

    Raises:
        ValueError: `columns` has not all that the design reads, or there are dates or categories of
            very many values; such rows take the long way.
    """

    width: int
    numeric: bool

    def __init__(self, design: RobustDesign | Design, columns: tuple[str, ...]) -> None:
        encoder = design.encoder
        if any(f.kind == "date" or f.name not in columns for f in encoder.features):
            raise ValueError("no plan: dates, or columns that are not there")
        self._robust = isinstance(design, RobustDesign)
        self._center, self._scale = _factors(design)
        if self._robust and self._scale.max(initial=0.0) > STEEPEST:
            raise ValueError("no plan: a column that hardly varies")
        place = {name: i for i, name in enumerate(columns)}
        self._numbers: list[tuple[int, float, bool]] = []
        self._texts: list[tuple[int, dict[str, int]]] = []
        for feature in encoder.features:
            if feature.kind == "number":
                self._numbers.append((place[feature.name], feature.means[0], feature.gaps))
            else:
                self._texts.append((place[feature.name], index_of(feature.categories)))
        self.width, self.numeric = design.width, not self._texts
        chosen = [at for at, _, _ in self._numbers]
        self._chosen = None if chosen == list(range(len(columns))) else np.array(chosen, np.intp)
        self._tables, self._embedded = _tables(design)
        # Where no number is missing and there are no categories, all but the numbers is known.
        self._rest = None
        if self.numeric:
            self._rest = np.array(self._tail([1] * len(self._tables)), np.float32)

    def read(self, row: Cells | NDArray[Any]) -> Floats | None:
        """What the net takes, (1, width), for the cells of all columns; None if one is not what it
        was in training: a number, a text or a boolean, or missing."""
        if isinstance(row, np.ndarray):
            chosen = row if self._chosen is None else row[self._chosen]
            found = self._joined(chosen.astype(np.float64), self._rest)
            return self._of_cells(row.tolist()) if found is None else found
        return self._of_cells(row)

    def _of_cells(self, cells: Cells) -> Floats | None:
        numbers: list[float] = []
        codes: list[int] = []
        texts: list[int] = []
        for place, mean, gaps in self._numbers:
            value = cells[place]
            if type(value) not in NUMBERS and value is not None:
                return None
            gone = value is None or value != value
            numbers.append(mean if gone else value)
            if gaps:
                codes.append(2 if gone else 1)
        for place, known in self._texts:
            code = _code_of(cells[place], known)
            if code is None:
                return None
            texts.append(code)
        try:
            row = np.array(numbers, np.float64)
        except OverflowError:
            return None
        return self._joined(row, self._tail(codes + texts))

    def _tail(self, codes: list[int]) -> list[float]:
        """What follows the numbers: columns of categories, then their indices."""
        tail: list[float] = []
        for code, table in zip(codes, self._tables):
            tail += table[code]
        return tail + [codes[at] for at in self._embedded]

    def _joined(self, row: NDArray[np.float64], tail: Any) -> Floats | None:
        if not row.dot(row) <= SQUARES:  # also if one is nan
            return None
        row = row - self._center
        if self._robust:
            row *= self._scale
            if not row.dot(row) <= SQUARES:
                return None
            bent = row / 3
            np.square(bent, bent)
            bent += 1.0
            row /= np.sqrt(bent, bent)
        else:
            row /= self._scale
            if not row.dot(row) <= FITS_FLOAT32:
                return None
        z = np.empty((1, self.width), np.float32)
        z[0, : len(row)] = row
        if len(row) < self.width:
            z[0, len(row) :] = tail
        return z


def _code_of(value: Any, known: dict[str, int]) -> int | None:
    """The index of a text, 0 of an unknown or missing one; None where it has to be found out."""
    kind = type(value)
    if kind is str:
        return known.get(value, 0) if _is_plain(value) else None
    if kind is Verbatim:
        return known.get(value, 0)
    if kind in TRUTHS:
        return known.get(str(bool(value)), 0)
    return 0 if value is None or (kind is float and value != value) else None


def _is_plain(text: str) -> bool:
    """Whether a cell with this text is always that text: others are trimmed, or missing."""
    return text not in MISSING and text == text.strip()


def _factors(design: RobustDesign | Design) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is subtracted from the numbers, and what they are multiplied with or divided by."""
    if isinstance(design, Design):
        return design.scale.mean, design.scale.std
    count = design.numbers
    return design.center[:count], design.scale[:count]


def _tables(design: RobustDesign | Design) -> tuple[list[list[list[float]]], list[int]]:
    """For each column of codes what an index becomes, and which are embedded: these follow last.

    Raises:
        ValueError: very many values.
    """
    tables: list[list[list[float]]] = []
    embedded: list[int] = []
    at, cells = len(design.encoder.numbers), 0
    for number, size in enumerate(design.encoder.sizes):
        wide = design.columns_of(size)
        cells += wide * size
        if cells > MOST_CELLS:
            raise ValueError("no plan: categories of very many values")
        if wide == 0:
            embedded.append(number)
        codes = np.arange(size)
        columns = design.spread(codes, size) if wide else np.empty((size, 0))
        if isinstance(design, RobustDesign) and wide:
            ends = slice(at, at + wide)
            columns = smooth_clip((columns - design.center[ends]) * design.scale[ends])
        at += wide
        tables.append(columns.tolist())
    return tables, embedded


def _row_of(x: Any, columns: list[str], numeric: bool) -> Cells | NDArray[Any] | None:
    """The cells of a single row of exactly these columns, by place; None for anything else.

    numeric: whether all columns that matter are numbers, so that a row may come as an array.
    """
    kind = type(x)
    if kind is np.ndarray:
        fits = numeric and x.shape == (1, len(columns)) and x.dtype.kind in "fiu"
        return x[0] if fits else None
    if kind is dict:
        return _of_dict(x, columns) if len(x) == len(columns) else None
    if kind is list:
        row = x[0] if numeric and len(x) == 1 else None
        return row if type(row) is list and len(row) == len(columns) else None
    names = getattr(x, "columns", None)
    if names is None or getattr(x, "shape", None) != (1, len(columns)):
        return None
    if type(names) is list:
        is_polars = hasattr(x, "row") and names == columns
        return list(x.row(0)) if is_polars else None
    if not hasattr(names, "tolist") or names.tolist() != columns:
        return None
    if numeric:
        values = x.to_numpy()
        return values[0] if values.dtype.kind in "fiu" else None
    return [_first(x[name].array) for name in columns]


def _first(values: Any) -> Any:
    """The first value of an array of pandas."""
    cell = values[0]
    if type(cell) is str and not _is_plain(cell) and type(values).__name__ == "Categorical":
        return Verbatim(cell)
    return cell


def _of_dict(x: dict[Any, Any], columns: list[str]) -> Cells | None:
    """The cells of columns that have one value each."""
    found = []
    for name in columns:
        values = x.get(name)
        if type(values) is list and len(values) == 1:
            found.append(values[0])
        elif type(values) is np.ndarray and values.shape == (1,):
            found.append(values.item())
        else:
            return None
    return found

"""What the cells of a column mean: missing values, numbers, dates; else texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MISSING",
    "SHARE_OF_STRAYS",
    "Kind",
    "Mark",
    "Typed",
    "Wanted",
    "decimal_mark",
    "typed",
]

Kind = Literal["number", "category", "date"]
Wanted = Kind | Literal["day first"]  # what a column must be: the last are dates, 03/04 of April
Mark = Literal[".", ","]

MISSING = frozenset(
    "|#N/A|#N/A N/A|#NA|#VALUE!|#REF!|#DIV/0!|-1.#IND|-1.#QNAN|1.#IND|1.#QNAN|-NaN|-nan|<NA>|N/A|"
    "NA|NULL|NaN|NaT|None|n/a|na|nan|null|NONE|Null|Nan|NAN|?|-|--|.|(null)|missing|Missing".split(
        "|"
    )
)
"""Cells that mean "no value": pandas' list, the marks of spreadsheets, "?", "-", "." and kin."""
SHARE_OF_STRAYS = 0.05
"""A column with at most this share of cells that are no numbers is a column of numbers."""

CURRENCY = "$€£¥₹"
GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,.' \u00a0])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
LEADING_ZERO = re.compile(r"^[+-]?0\d", re.MULTILINE)
# Of what day 03/04 is, nothing tells: month first, unless a cell says otherwise.
DATES = (
    "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y",
)  # fmt: skip
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
TIMES_ALONE = ("%H:%M", "%H:%M:%S", "%I:%M %p")


class Typed(NamedTuple):
    """A column's values, and what to tell its user."""

    kind: Kind
    values: NDArray[Any]  # float64 with nan; datetime64[us] with NaT; objects: str, None if missing
    note: str = ""
    day_first: bool = False  # of dates: whether 03/04 is in April


def typed(
    cells: Sequence[str],
    *,
    kind: Wanted | None = None,
    na: Collection[str] = (),
    decimal: Mark = ".",
) -> Typed:
    """Find out what a column of texts is.

    A column is of numbers if all its cells but the missing ones are, or if 5% or fewer are not,
    which are missing then. Cells with a leading zero, such as 007, are texts. "$1,234.5", "12 %"
    and "1 234" are numbers.

    Args:
        cells: the texts, stripped.
        kind: what the column must be; None finds out. Cells that do not fit are missing. "day
            first" are dates of which 03/04 is in April, where nothing tells.
        na: more texts that mean "missing", beside `MISSING`.
        decimal: the decimal mark.

    Returns:
        kind and values, and a note if cells were passed over.

    Example:
        >>> from fastnn.tabular.cells import typed
        >>> typed(["1.5", "NA", "$1,200"]).values.tolist()
        [1.5, nan, 1200.0]
        >>> typed(["oak", "?", "elm"])[:2]
        ('category', array(['oak', None, 'elm'], dtype=object))
    """
    empty = MISSING.union(na)
    if kind in (None, "number") and decimal == ".":
        plain = _plain(cells, empty)
        if plain is not None:
            return Typed("number", plain)
    known = set(cells) - empty
    if kind in (None, "number"):
        numbers = {cell: _number(cell, decimal) for cell in known}
        strays = [cell for cell, value in numbers.items() if value is None]
        count = _count(cells, strays)
        present = len(cells) - _count(cells, empty) if count else 0
        if kind == "number" or not strays or count <= SHARE_OF_STRAYS * present:
            values = np.array([_or_nan(numbers.get(cell)) for cell in cells], np.float64)
            return Typed("number", values, _note(strays, count, len(cells)))
    if kind != "category":
        dates, day_first = _dates(known, kind == "day first", kind is None)
        if dates or kind is not None:
            nat = np.datetime64("NaT", "us")
            found = np.array([dates.get(cell, nat) for cell in cells], "M8[us]")
            strays = [cell for cell in known if cell not in dates]
            note = _note(strays, _count(cells, strays), len(cells), "dates")
            return Typed("date", found, note, day_first)
    values = np.empty(len(cells), object)
    values[:] = [None if cell in empty else cell for cell in cells]
    return Typed("category", values)


def _plain(cells: Sequence[str], empty: Collection[str]) -> NDArray[np.float64] | None:
    """The numbers of a column without marks of any kind, quickly; None if it is none."""
    present = [cell for cell in cells if cell not in empty]
    text = "\n".join(present)
    if "_" in text or LEADING_ZERO.search(text):
        return None
    try:
        values = np.array(present, object).astype(np.float64)
    except ValueError:
        return None
    if len(present) == len(cells):
        return values
    out = np.full(len(cells), np.nan)
    out[[cell not in empty for cell in cells]] = values
    return out


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _count(cells: Sequence[str], which: Collection[str]) -> int:
    chosen = set(which)
    return sum(cell in chosen for cell in cells) if chosen else 0


def _note(strays: list[str], count: int, rows: int, what: str = "numbers") -> str:
    if not strays:
        return ""
    shown = ", ".join(repr(cell[:30]) for cell in sorted(strays)[:3])
    return f"{count} of {rows} cells are no {what} ({shown}): read as missing"


def _number(cell: str, decimal: Mark) -> float | None:
    """The value of a cell, which may be infinite; None if it is no number."""
    if LEADING_ZERO.match(cell) or "_" in cell:
        return None
    if decimal == "," and "." in cell:
        return _decorated(cell, decimal)
    try:
        return float(cell.replace(",", ".") if decimal == "," else cell)
    except ValueError:
        return _decorated(cell, decimal)


def _decorated(cell: str, decimal: Mark) -> float | None:
    """A number with a currency, a percent sign or marks between thousands."""
    text = cell.strip(CURRENCY + " ").removesuffix("%").strip()
    sign = "-" if text.startswith("-") or cell.startswith("-") else ""
    text = text.lstrip("-+").strip(CURRENCY + " ")
    if not text or LEADING_ZERO.match(text):
        return None
    grouped = GROUPED.fullmatch(text)
    if grouped is not None and grouped.group(1) != decimal:
        text = text.replace(grouped.group(1), "")
    if decimal == ",":
        text = text.replace(",", ".")
    try:
        return float(sign + text) if text[0] in ".0123456789" and "_" not in text else None
    except ValueError:
        return None


def decimal_mark(columns: Iterable[Sequence[str]], usual: Mark = ".") -> Mark:
    """The decimal mark of a file: the one under which more columns are numbers, the usual one if
    both are as good.

    >>> from fastnn.tabular.cells import decimal_mark
    >>> decimal_mark([["1,5", "2,25"], ["oak", "elm"]])
    ','
    >>> decimal_mark([["1.500"]]), decimal_mark([["1.500"]], usual=",")
    ('.', ',')
    """
    marks: dict[Mark, int] = {".": 0, ",": 0}
    for column in columns:
        known = set(column) - MISSING
        for mark in marks:
            marks[mark] += bool(known) and all(_number(c, mark) is not None for c in known)
    return usual if marks[","] == marks["."] else max(marks, key=lambda mark: marks[mark])


def _dates(known: set[str], day_first: bool, strict: bool) -> tuple[dict[str, np.datetime64], bool]:
    """The dates that the texts are, and whether their days come first.

    All are of one format: that which reads all, or unless strict that which reads most.
    """
    if not known or (strict and not all(any(c.isdigit() for c in cell) for cell in known)):
        return {}, day_first
    forms = sorted(DATES, key=lambda form: form.startswith("%m/")) if day_first else DATES
    readers: list[tuple[str, Callable[[str], datetime]]] = [("", datetime.fromisoformat)]
    readers += [(day, _by(day + time)) for day in forms for time in TIMES]
    readers += [("", _by(time)) for time in TIMES_ALONE]
    best: dict[str, np.datetime64] = {}
    first = day_first
    for form, reader in readers:
        found = _read(known, reader, strict)
        if len(found) > len(best):
            best, first = found, form.startswith("%d/") if form else day_first
        if len(best) == len(known):
            break
    return best, first


def _read(
    cells: set[str], reader: Callable[[str], datetime], strict: bool
) -> dict[str, np.datetime64]:
    """What a reader makes of cells; nothing where one is none and it is strict."""
    found: dict[str, np.datetime64] = {}
    for cell in cells:
        try:
            found[cell] = _utc(reader(cell))
        except (ValueError, OverflowError):
            if strict:
                return {}
    return found


def _by(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)


def _utc(moment: datetime) -> np.datetime64:
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")

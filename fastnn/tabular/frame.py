"""Rows with named columns of any kind, from arrays, DataFrames, dicts and lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastnn._support import maps
from fastnn.tabular.cells import Kind, Mark, Wanted, typed

__all__ = ["Column", "Form", "Frame", "as_frame", "column_of"]

NOTHING: Mapping[str, Wanted] = {}
TRUTH = {"true": "1", "false": "0"}  # what writes booleans as numbers writes


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        kind: "number", "category" or "date".
        values: float64 with nan, objects (str, None where missing) or datetime64[us] with NaT.
        note: what its user should know, such as cells that were passed over.
        day_first: of dates that were texts: whether 03/04 is in April.
    """

    kind: Kind
    values: NDArray[Any]
    note: str = ""
    day_first: bool = False

    def missing(self) -> NDArray[np.bool_]:
        """Where there is no value."""
        if self.kind == "category":
            return np.array([value is None for value in self.values], bool)
        found: NDArray[np.bool_] = (
            np.isnat(self.values) if self.kind == "date" else np.isnan(self.values)
        )
        return found

    def as_kind(self, kind: Wanted) -> Column:
        """The column as another kind: numbers as texts, texts as numbers or dates."""
        if self.kind == ("date" if kind == "day first" else kind):
            return self
        cells = ["" if text is None else text for text in self.texts()]
        if kind == "number" and {cell.lower() for cell in cells} <= {"", *TRUTH}:
            cells = [TRUTH.get(cell.lower(), "") for cell in cells]
        found = typed(cells, kind=kind)
        return Column(*found)

    def texts(self) -> NDArray[Any]:
        """The values as texts, None where missing; whole numbers without a point."""
        if self.kind == "category":
            return self.values
        out = np.empty(len(self.values), object)
        rows = zip(self.values.tolist(), self.missing().tolist())
        out[:] = [None if gone else _text(value) for value, gone in rows]
        return out


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


@dataclass(frozen=True)
class Form:
    """How a file of text was written.

    Attributes:
        sep: what separates cells.
        decimal: the decimal mark.
        na: texts that mean "no value" there, beside the usual ones.
    """

    sep: str
    decimal: Mark
    na: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, saved: Any) -> Form:
        """Raises ValueError if `saved` is not {sep, decimal, na}."""
        try:
            found = cls(saved["sep"], saved["decimal"], tuple(saved["na"]))
        except (TypeError, KeyError):
            raise ValueError("expected {sep, decimal, na}") from None
        texts = all(isinstance(text, str) for text in (found.sep, *found.na))
        if not texts or len(found.sep) != 1 or found.decimal not in (".", ","):
            raise ValueError("expected a character, a decimal mark and texts")
        return found


@dataclass(frozen=True)
class Frame:
    """Rows with named columns.

    Attributes:
        columns: by name, in order; all of one length.
        rows: how many.
        lines: the line of each row in the file it came from; None if from elsewhere.
        notes: what was noticed while reading.
        form: how the file was written that it came from; None if from elsewhere.
    """

    columns: Mapping[str, Column]
    rows: int
    lines: Sequence[int] | None = None
    notes: list[str] = field(default_factory=list)
    form: Form | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: NDArray[Any]) -> Frame:
        """The chosen rows, by index or mask."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        columns = {
            name: replace(column, values=column.values[chosen])
            for name, column in self.columns.items()
        }
        lines = None if self.lines is None else [self.lines[row] for row in chosen.tolist()]
        return replace(self, columns=columns, rows=len(chosen), lines=lines)

    def only(self, names: Iterable[str]) -> Frame:
        """Some of the columns, in the given order.

        Raises:
            ValueError: a column is not there.
        """
        wanted = tuple(names)
        missing = [name for name in wanted if name not in self.columns]
        if missing:
            raise ValueError(f"no column {listed(missing)}; it has {listed(self.names)}")
        return replace(self, columns={n: self.columns[n] for n in wanted})

    def where(self, row: int) -> str:
        """How to call a row: by its line where it has one.

        >>> from fastnn.tabular import Frame
        >>> Frame({}, 3).where(2)
        'row 2'
        """
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"

    def fingerprint(self) -> str:
        """SHA-256 hash of names and values, which depends on their order."""
        found = hashlib.sha256()
        for name, column in self.columns.items():
            found.update(f"{name}\0{column.kind}\0".encode())
            if column.kind == "category":
                texts = ("\1" if v is None else v + "\0" for v in column.values)
                found.update("".join(texts).encode(errors="surrogatepass"))
            else:
                found.update(np.ascontiguousarray(column.values).tobytes())
        return found.hexdigest()


def listed(names: Sequence[str]) -> str:
    """Names for a message: quoted, a dozen at most."""
    shown = ", ".join(repr(name) for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def as_frame(x: Any, who: str = "x", wanted: Mapping[str, Wanted] = NOTHING) -> Frame:
    """Rows as they come, as a `Frame`.

    Args:
        x: a `Frame`; a DataFrame of pandas or polars, or a table of pyarrow; a dict of columns; an
            array or a list of rows, whose columns are called x0, x1, ...
        who: the argument's name, for messages.
        wanted: what texts are to be read as, by column; what is not there is found out.

    Raises:
        TypeError: something else.
        ValueError: columns of different lengths, an array that has not two axes, a name twice.

    Example:
        >>> from fastnn.tabular import as_frame
        >>> as_frame({"width": [1, None], "kind": ["oak", "elm"]}).names
        ('width', 'kind')
        >>> as_frame([[1, 2], [3, 4]]).columns["x1"].values.tolist()
        [2.0, 4.0]
    """
    if isinstance(x, Frame):
        return x
    if hasattr(x, "collect"):  # a LazyFrame of polars
        x = x.collect()
    if isinstance(x, Mapping):
        return _of_columns([(str(name), values) for name, values in x.items()], who, wanted)
    fields = getattr(getattr(x, "dtype", None), "names", None)  # NumPy's structured arrays
    if fields:
        return _of_columns([(str(name), x[name]) for name in fields], who, wanted)
    names = getattr(x, "column_names", None)  # pyarrow
    if names is not None and hasattr(x, "column"):
        return _of_columns([(str(n), x.column(i)) for i, n in enumerate(names)], who, wanted)
    if hasattr(x, "columns") and hasattr(x, "__getitem__"):
        found = list(x.columns)
        if len(set(map(str, found))) != len(found):
            _twice(list(map(str, found)), who)
        return _of_columns([(str(name), x[name]) for name in found], who, wanted)
    if hasattr(x, "tocsr"):  # SciPy's sparse matrices
        x = x.toarray()
    return _of_rows(x, who, wanted)


def _of_rows(x: Any, who: str, wanted: Mapping[str, Wanted]) -> Frame:
    maps.refuse_closed(x, who)
    try:
        rows = x if isinstance(x, np.ma.MaskedArray) else np.asarray(x)
    except ValueError:
        rows = np.empty(0, object)
    if rows.dtype.kind in "US":  # a list of mixed rows became one of texts
        rows = np.array([[*row] for row in x], object) if rows.ndim == 2 else rows
    if rows.ndim != 2:
        raise ValueError(
            f"{who}: expected rows of columns of one length, such as an array of shape (rows, "
            f"columns) or a DataFrame, got {type(x).__name__} of shape {rows.shape}"
        )
    return _of_columns([(f"x{i}", rows[:, i]) for i in range(rows.shape[1])], who, wanted)


def _of_columns(
    columns: Sequence[tuple[str, Any]], who: str, wanted: Mapping[str, Wanted]
) -> Frame:
    made: dict[str, Column] = {}
    lengths: dict[str, int] = {}
    for name, values in columns:
        if name in made:
            _twice([n for n, _ in columns], who)
        made[name] = column_of(values, f"{who}: column {name!r}", wanted.get(name))
        lengths[name] = len(made[name].values)
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {count}" for name, count in list(lengths.items())[:6])
        raise ValueError(f"{who}: expected columns of one length, got {shown}")
    notes = [f"column {n!r}: {c.note}" for n, c in made.items() if c.note]
    return Frame(made, next(iter(lengths.values()), 0), None, notes)


def _twice(names: list[str], who: str) -> NoReturn:
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(f"{who}: two columns are called {twice!r}; rename one")


def column_of(values: Any, who: str = "values", wanted: Wanted | None = None) -> Column:
    """One column of an array, a list or a Series; wanted: what texts are to be read as.

    Raises:
        TypeError: its values are neither numbers nor texts nor dates.
        ValueError: not one axis.
    """
    array = _array(values)
    if array.ndim != 1:
        raise ValueError(f"{who}: expected one axis, got shape {array.shape}")
    if array.dtype.kind in "fiu":
        return Column("number", array.astype(np.float64))
    if array.dtype.kind == "M":
        return Column("date", array.astype("M8[us]"))
    if array.dtype.kind == "b":
        return Column("category", _objects(map(str, array.tolist()), len(array)))
    items = [None if _is_missing(item) else item for item in array.tolist()]
    present = [item for item in items if item is not None]
    if all(isinstance(item, str) for item in present):
        if "categor" in str(getattr(values, "dtype", "")).lower():
            return Column("category", _objects(items, len(items)))
        cells = [item.strip() if item else "" for item in items]
        return Column(*typed(cells, kind=wanted))
    if all(isinstance(item, bool | np.bool_) for item in present):
        return Column(
            "category", _objects((None if i is None else str(bool(i)) for i in items), len(items))
        )
    if all(hasattr(item, "isoformat") for item in present):
        texts = ["" if item is None else item.isoformat() for item in items]
        return Column(*typed(texts, kind="date"))
    try:
        return Column("number", np.array([np.nan if i is None else float(i) for i in items]))
    except OverflowError:
        raise ValueError(f"{who}: expected numbers up to 1e308, got a longer one") from None
    except (TypeError, ValueError):
        # Numbers and texts side by side: as if they had come from a file.
        plain = (str, int, float, bool, np.generic)
        odd = next((item for item in present if not isinstance(item, plain)), None)
        if odd is not None:
            raise TypeError(
                f"{who}: expected numbers, texts, booleans or dates, got {type(odd).__name__}"
            ) from None
        return Column(*typed(["" if item is None else str(item).strip() for item in items]))


def _array(values: Any) -> NDArray[Any]:
    to_numpy = getattr(values, "to_numpy", None)
    if to_numpy is None:
        values = unmasked(values)
        array = np.asarray(values)
        # What NumPy turned to texts was a list of texts and other things.
        return np.array(list(values), object) if array.dtype.kind in "USO" else array
    if "int" in str(values.dtype if hasattr(values, "dtype") else values.type).lower():
        try:  # pandas' nullable integers would come as objects
            return np.asarray(to_numpy(dtype=np.float64, na_value=np.nan))
        except TypeError:
            pass
    array = np.asarray(to_numpy())
    return np.array(array.tolist(), object) if array.dtype.kind in "UST" else array


def unmasked(values: Any) -> Any:
    """The values; those that a masked array hides are missing ones.

    >>> import numpy as np
    >>> from fastnn.tabular.frame import unmasked
    >>> unmasked(np.ma.masked_array([1, 2], [False, True])).tolist()
    [1.0, nan]
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    data, hidden = np.ma.getdata(values), np.ma.getmaskarray(values)
    if not hidden.any():
        return data
    is_number, is_date = data.dtype.kind in "fiu", data.dtype.kind == "M"
    made: NDArray[Any] = data.astype(np.float64 if is_number else data.dtype if is_date else object)
    made[hidden] = np.nan if is_number else np.datetime64("NaT") if is_date else None
    return made


def _objects(items: Iterable[Any], count: int) -> NDArray[Any]:
    out = np.empty(count, object)
    out[:] = list(items)
    return out


def _is_missing(item: Any) -> bool:
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(item, float | np.floating) and bool(item != item)


def _is_named(x: Any) -> bool:
    fields = getattr(getattr(x, "dtype", None), "names", None)
    return isinstance(x, Mapping | Frame) or bool(
        fields or hasattr(x, "columns") or hasattr(x, "column_names")
    )


def in_columns(
    x: Any,
    columns: Sequence[str],
    needed: Sequence[str],
    who: str = "x",
    wanted: Mapping[str, Wanted] = NOTHING,
) -> Frame:
    """Rows as they come, of which a model trained on `columns` reads the `needed` ones, by name.

    An array has no names; one of as many columns has them in the order of `columns`.

    Raises:
        TypeError, ValueError: as by `as_frame`; a needed column is not there.

    >>> from fastnn.tabular.frame import in_columns
    >>> in_columns([[1, 2]], ("width", "kind"), ("kind",)).names
    ('width', 'kind')
    """
    is_named = _is_named(x)
    if not is_named:
        wanted = {f"x{i}": wanted[name] for i, name in enumerate(columns) if name in wanted}
    frame = as_frame(x, who, wanted)
    if not is_named and len(frame.names) > len(columns):
        raise ValueError(
            f"{who}: expected {len(columns)} columns as in training, got {len(frame.names)}; "
            "without names nothing tells which"
        )
    if frame.names == tuple(f"x{i}" for i in range(len(columns))):
        named = dict(zip(columns, frame.columns.values(), strict=True))
        return replace(frame, columns=named)
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise ValueError(
            f"{who}: the model reads {len(needed)} columns, and {listed(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not among {listed(frame.names)}"
        )
    return frame

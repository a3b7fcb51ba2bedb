"""Columns by name: those that a model was trained on, and tables put in their order.

A table is a DataFrame of pandas or polars, a Table of pyarrow, or whatever else has `columns` (or
`column_names`) that are texts. Arrays have no names, and pass as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError

__all__ = ["Columns", "columns_of", "from_json", "in_order", "matched", "remember", "to_json"]

_OWN = "_columns"  # a model's, in its dict
SHOWN = 8  # names in a message
NUMBERS = ("int", "uint", "float", "double", "bool", "decimal", "half")


class Columns(NamedTuple):
    """The columns of one table: their names, and their dtypes as text."""

    names: tuple[str, ...]
    dtypes: tuple[str, ...]


Parts = tuple[Columns | None, ...]  # of each input of a model


def _of_table(x: Any, name: str) -> Columns | None:
    names = getattr(x, "columns", None)
    if names is None or not _are_texts(names):
        names = getattr(x, "column_names", None)  # of pyarrow, whose `columns` are values
    if names is None or callable(names) or not _are_texts(names):
        return None
    names = tuple(map(str, names))
    twice = [text for text, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidValueError(f"{name}: expected each column name once, got {twice[0]!r} twice")
    types = getattr(x, "dtypes", None)
    if types is None:
        types = getattr(getattr(x, "schema", None), "types", None)
    found = () if types is None or callable(types) else tuple(map(str, types))
    return Columns(names, found if len(found) == len(names) else ())


def _are_texts(names: Any) -> bool:
    try:
        listed = list(names)
    except TypeError:
        return False
    return bool(listed) and all(isinstance(text, str) for text in listed)


def columns_of(x: Any, name: str = "x") -> Parts | None:
    """The columns of a table, or of each part of a tuple; None if nothing has names.

    Raises:
        ValueError: a name is there twice.
    """
    if type(x) is np.ndarray:
        return None
    parts = tuple(_of_table(part, name) for part in (x if isinstance(x, tuple) else (x,)))
    return None if all(part is None for part in parts) else parts


def remember(model: Any, columns: Parts | None) -> None:
    """Let a model know the columns that it is trained on; None: it knows none."""
    if columns is None:
        vars(model).pop(_OWN, None)
    else:
        vars(model)[_OWN] = columns


def of_model(model: Any) -> Parts | None:
    """The columns that a model was trained on, or None."""
    known: Parts | None = getattr(model, "__dict__", {}).get(_OWN)
    return known


def in_order(model: Any, x: Any, name: str = "x") -> Any:
    """x with its columns in the order that the model was trained on.

    Raises:
        ValueError: other columns.
        TypeError: a column of numbers is of something else now, or the other way round.
    """
    return x if type(x) is np.ndarray else matched(x, of_model(model), name)


def matched(x: Any, known: Parts | None, name: str = "x") -> Any:
    """x with its columns in the order of these. Raises as `in_order`."""
    if known is None or type(x) is np.ndarray:
        return x
    if not isinstance(x, tuple):
        return _matched(x, known[0], name) if len(known) == 1 else x
    if len(x) != len(known):
        return x  # whoever checks it says what is wrong
    return tuple(_matched(part, own, name) for part, own in zip(x, known, strict=True))


def _matched(x: Any, known: Columns | None, name: str) -> Any:
    found = None if known is None else _of_table(x, name)
    if known is None or found is None:
        return x
    if found.names != known.names:
        _check_names(found.names, known.names, name)
        order = list(known.names)
        x = x.select(order) if hasattr(x, "select") else x[order]
        found = _of_table(x, name)
        if found is None or found.names != known.names:
            raise InvalidTypeError(
                f"{name}: expected the columns in the order of the fit, {_listed(known.names)}; "
                f"{type(x).__name__} cannot be put in it"
            )
    for column, now, before in zip(known.names, found.dtypes, known.dtypes, strict=False):
        if _is_number(now) != _is_number(before):
            raise InvalidTypeError(
                f"{name}: expected column {column!r} of {before} as at the fit, got {now}"
            )
    return x


def _is_number(dtype: str) -> bool:
    return dtype.lower().startswith(NUMBERS)


def _check_names(found: Sequence[str], known: Sequence[str], name: str) -> None:
    missing = [text for text in known if text not in found]
    more = [text for text in found if text not in known]
    if missing or more:
        said = [f"without {_listed(missing)}"] if missing else []
        said += [f"with {_listed(more)}, which it had not"] if more else []
        raise InvalidValueError(
            f"{name}: expected the columns of the fit, {_listed(known)}, got a table "
            f"{' and '.join(said)}; rename or select them, or pass an array of their values"
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(show, names[:SHOWN]))
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def to_json(columns: Parts | None) -> list[Any] | None:
    """Columns as JSON."""
    if columns is None:
        return None
    return [None if c is None else {"names": [*c.names], "dtypes": [*c.dtypes]} for c in columns]


def from_json(value: Any) -> Parts:
    """Columns from JSON.

    Raises:
        ValueError: they are not what `to_json` gives.
    """
    if not isinstance(value, list) or not value:
        raise InvalidValueError(f"columns: expected a list, got {show(value)}")
    return tuple(None if part is None else _from_json(part) for part in value)


def _from_json(part: Any) -> Columns:
    if not isinstance(part, dict) or part.keys() != {"names", "dtypes"}:
        raise InvalidValueError(f"columns: expected names and dtypes, got {show(part)}")
    for key, texts in part.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise InvalidValueError(f"columns: expected {key} as texts, got {show(texts)}")
    names, dtypes = part["names"], part["dtypes"]
    if not names or len(set(names)) != len(names) or len(dtypes) not in (0, len(names)):
        raise InvalidValueError(f"columns: expected names and dtypes of columns, got {show(names)}")
    return Columns(tuple(names), tuple(dtypes))

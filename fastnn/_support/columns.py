"""Columns by name: those that a model was trained on, and tables put in their order.

A table is a DataFrame of pandas or polars, a Table of pyarrow, or whatever else has `columns` (or
`column_names`) that are labels: texts, or numbers, dates and tuples, as pandas allows, which are
known by their texts. Arrays have no names, and pass as they are; so does a table whose labels count
its columns, 0, 1, 2, as those of a DataFrame that was made from an array do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError

__all__ = [
    "Columns", "columns_of", "from_json", "in_order", "like_targets", "matched", "pair_in_order",
    "put_back", "remember", "remember_targets", "remembered", "targets_in_order", "to_json",
]  # fmt: skip

_OWN = "_columns"  # a model's, in its dict
_TARGETS = "_target_columns"  # of y, where that is a table of several
SHOWN = 8  # names in a message
LABELS = (str, int, float, tuple, date, np.generic)
NUMBERS = ("int", "uint", "float", "double", "bool", "decimal", "half")


class Columns(NamedTuple):
    """The columns of one table: their names, and their dtypes as text."""

    names: tuple[str, ...]
    dtypes: tuple[str, ...]


Parts = tuple[Columns | None, ...]  # of each input of a model


def _of_table(x: Any, name: str) -> Columns | None:
    labels = _labels_of(x)
    if labels is None:
        return None
    names = tuple(map(str, labels))
    twice = [text for text, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidValueError(f"{name}: expected each column name once, got {twice[0]!r} twice")
    types = getattr(x, "dtypes", None)
    if types is None:
        types = getattr(getattr(x, "schema", None), "types", None)
    found = () if types is None or callable(types) else tuple(map(str, types))
    return Columns(names, found if len(found) == len(names) else ())


def _labels_of(x: Any) -> list[Any] | None:
    for key in ("columns", "column_names"):  # pyarrow has both, and its `columns` are values
        labels = getattr(x, key, None)
        if labels is None or callable(labels):
            continue
        try:
            listed = list(labels)
        except TypeError:
            continue
        if listed and all(isinstance(label, LABELS) for label in listed):
            return listed
    return None


def _counts(x: Any) -> bool:
    """Whether the labels of a table say no more than their places."""
    labels = _labels_of(x) or [None]
    return all(isinstance(label, int | np.integer) and label == i for i, label in enumerate(labels))


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


def remembered(model: Any) -> dict[str, Parts]:
    """All that a model knows of columns, for `put_back`."""
    return {key: vars(model)[key] for key in (_OWN, _TARGETS) if key in vars(model)}


def put_back(model: Any, known: dict[str, Parts]) -> None:
    """Let a model know what it knew at `remembered`."""
    for key in (_OWN, _TARGETS):
        vars(model).pop(key, None)
    vars(model).update(known)


def targets_in_order(model: Any, y: Any, name: str = "y") -> Any:
    """y with its columns in the order of the last fit, where both are tables of several columns;
    those of one have any name. Raises as `in_order`."""
    return matched(y, getattr(model, "__dict__", {}).get(_TARGETS), name) if _several(y) else y


def remember_targets(model: Any, y: Any) -> None:
    """Let a model know the columns of the targets that it is trained on."""
    vars(model).pop(_TARGETS, None)
    if _several(y):
        vars(model)[_TARGETS] = columns_of(y, "y")


def like_targets(y: Any, other: Any, name: str) -> Any:
    """y with its columns in the order of another table of targets. Raises as `in_order`."""
    return matched(y, columns_of(other), name) if _several(y) and _several(other) else y


def pair_in_order(given: Any, known: Parts | None, targets: Any) -> Any:
    """Validation data (x, y) or (x, y, sample_weight) with the columns in the order of those of
    training; anything else as it is. Raises as `in_order`.

    known, targets: columns of x, and y, of training.
    """
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        return given  # whoever checks it says what is wrong
    x, y, *weight = given
    x = matched(x, known, "validation x")
    return x, like_targets(y, targets, "validation y"), *weight


def _several(y: Any) -> bool:
    own = None if type(y) is np.ndarray or isinstance(y, tuple) else _labels_of(y)
    return own is not None and len(own) > 1


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
        if _counts(x) or _says_no_more(known.names, found.names):
            return x
        _check_names(found.names, known.names, name)
        x = _picked(x, found.names, known.names)
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


def _says_no_more(known: Sequence[str], found: Sequence[str]) -> bool:
    """Whether the names known are places, and the others no places."""
    return list(known) == [str(i) for i in range(len(known))] and not set(known) & set(found)


def _picked(x: Any, found: Sequence[str], names: Sequence[str]) -> Any:
    """The columns of a table in this order."""
    if hasattr(x, "iloc"):  # pandas, whose labels may be no texts
        return x.iloc[:, [found.index(text) for text in names]]
    return x.select(list(names)) if hasattr(x, "select") else x[list(names)]


def _is_number(dtype: str) -> bool:
    return dtype.lower().removeprefix("sparse[").startswith(NUMBERS)


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

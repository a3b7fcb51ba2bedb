"""What is noticed about a table before training: columns that give the target, ids, an index."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.tabular.encoding import ID_LIKE_ROWS
from fastnn.tabular.frame import Column, Frame
from fastnn.tabular.reading import is_index

__all__ = ["LeakageWarning", "ids_in", "leaks", "warn_of_leaks", "without_index"]

LEAST_ROWS, MOST_ROWS = 100, 2000  # with fewer chance gives a target; more tell nothing new
ALONE = {True: 0.99, False: 0.999}  # accuracy or R2 from which on a column gives the target


class LeakageWarning(UserWarning):
    """A column alone gives the target: perhaps it is not known when a prediction is asked for."""


def without_index(frame: Frame) -> tuple[Frame, list[str]]:
    """The rows without the index that pandas wrote into their first column, and a note of it.

    >>> from fastnn.tabular.frame import as_frame
    >>> from fastnn.tabular.notices import without_index
    >>> without_index(as_frame({"Unnamed: 0": [0, 1], "width": [3.5, 2.0]}))[0].names
    ('width',)
    """
    first = next(iter(frame.columns), "")
    if len(frame.columns) < 2 or not is_index(first, frame.columns[first]):
        return frame, []
    return frame.only(frame.names[1:]), [f"column {first!r} counts the rows: left out"]


def ids_in(frame: Frame) -> list[str]:
    """Notes about columns of numbers that number the rows in some order; they are kept.

    >>> from fastnn.tabular.frame import as_frame
    >>> from fastnn.tabular.notices import ids_in
    >>> ids_in(as_frame({"id": [*range(40, 0, -1)]}))
    ["column 'id' numbers the rows: kept; leave it out if it is an id"]
    """
    return [
        f"column {name!r} numbers the rows: kept; leave it out if it is an id"
        for name, column in frame.columns.items()
        if column.kind == "number" and _numbers_rows(column.values)
    ]


def _numbers_rows(values: NDArray[Any]) -> bool:
    if len(values) < ID_LIKE_ROWS or not np.isfinite(values).all():
        return False
    return bool((np.diff(np.sort(values)) == 1).all())


def leaks(frame: Frame, y: NDArray[Any], classes: bool) -> dict[str, float]:
    """Columns that alone give the target, with the accuracy or R2 of predictions from them.

    Each of 2,000 rows at most is predicted from its neighbours in the order of the column: a label
    from the nearer one, a value from the line between them. From .99 accuracy, with at most a
    fiftieth of the errors of the most frequent label, or .999 R2 on, a column gives the target.
    """
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(y))[:MOST_ROWS]
    if len(rows) < LEAST_ROWS:
        return {}
    found = {}
    for name, column in frame.columns.items():
        score = _alone(_ordered(column.values[rows], column), y[rows], classes, column.kind)
        if score >= ALONE[classes]:
            found[name] = score
    return found


def warn_of_leaks(frame: Frame, y: NDArray[Any], classes: bool) -> list[str]:
    """Warn of the columns that alone give the target; returns the notes.

    Warns:
        LeakageWarning: for each of them.
    """
    notes = []
    for name, score in leaks(frame, y, classes).items():
        figure = f"{'accuracy' if classes else 'R2'} {score:.4f} on other rows"
        notes.append(f"column {name!r} alone gives the target ({figure}): kept")
        warnings.warn(
            f"{notes[-1]}; leave it out if it is not known when you predict",
            LeakageWarning,
            stacklevel=4,
        )
    return notes


def _ordered(values: NDArray[Any], column: Column) -> NDArray[np.float64]:
    """Numbers in which equal values are equal; nan where one is missing."""
    if column.kind == "category":
        numbers: dict[Any, int] = {}
        codes = [np.nan if v is None else numbers.setdefault(v, len(numbers)) for v in values]
        return np.array(codes, np.float64)
    if column.kind == "date":
        return np.where(np.isnat(values), np.nan, values.astype(np.int64))
    return np.asarray(values, np.float64)


def _alone(x: NDArray[np.float64], y: NDArray[Any], classes: bool, kind: str) -> float:
    """The accuracy or R2 of predictions of each row from others; 0 where that means nothing."""
    there = np.isfinite(x)
    if there.sum() < max(LEAST_ROWS, 0.9 * len(x)):
        return 0.0
    x, y = x[there], y[there]
    if kind == "category" and len(np.unique(x)) > len(x) / 10:
        return 0.0
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    below, above = x[1:-1] - x[:-2], x[2:] - x[1:-1]
    truth, lower, upper = y[1:-1], y[:-2], y[2:]
    if classes:
        accuracy = float((np.where(below <= above, lower, upper) == truth).mean())
        usual = np.bincount(truth).max() / len(truth)
        return accuracy if 1 - accuracy <= 0.02 * (1 - usual) and usual < 1 else 0.0
    gap = below + above
    share = np.divide(below, gap, out=np.full(len(gap), 0.5), where=gap > 0)
    error = np.square(lower + share * (upper - lower) - truth).mean()
    spread = float(np.var(truth))
    return 1 - float(error) / spread if spread > 0 else 0.0

"""Targets as they come: labels of any kind with their numbers, and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnn._support import maps
from fastnn.tabular.frame import listed, unmasked

__all__ = ["Labels", "labels_of", "refuse_many", "values_of"]

MAX_CLASSES = 10_000
MOST = 1e100  # the square of a larger error would not be finite


class Labels(NamedTuple):
    """The different labels in order, and the number of each row's."""

    classes: NDArray[Any]
    numbers: NDArray[np.int64]

    def by_index(self, weights: Mapping[Any, float]) -> dict[int, float]:
        """Weights by the number of a class.

        Raises:
            ValueError: a label that does not occur.
        """
        numbers = {label: i for i, label in enumerate(self.classes.tolist())}
        unknown = [label for label in weights if label not in numbers]
        if unknown:
            raise ValueError(
                f"class_weight: {unknown[0]!r} is not a label of y; it has "
                f"{listed([*map(str, numbers)])}"
            )
        return {numbers[label]: weight for label, weight in weights.items()}


def labels_of(y: Any, rows: int) -> Labels:
    """Labels of rows, of one kind.

    Raises:
        TypeError: labels of several kinds, such as texts and numbers.
        ValueError: not one for each row, a missing one, fractions, one class only, or too many.

    >>> from fastnn.tabular.targets import labels_of
    >>> labels_of(["oak", "elm", "oak"], 3).numbers.tolist()
    [1, 0, 1]
    """
    found = _one_axis(y, rows, "label")
    if found.dtype.kind == "f" and (found != np.floor(found)).any():
        odd = float(found[found != np.floor(found)][0])
        raise ValueError(
            f"y: expected labels, got fractions such as {odd:g}; use TabularRegressor for values"
        )
    try:
        classes, index = np.unique(found, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in found.tolist()})
        raise TypeError(f"y: expected labels of one kind, got {' and '.join(kinds)}") from None
    if len(classes) < 2:
        only = classes[0].item() if isinstance(classes[0], np.generic) else classes[0]
        raise ValueError(f"y: expected at least two classes, got only {only!r}")
    refuse_many("y", len(classes))
    return Labels(classes, index.reshape(-1).astype(np.int64))


def refuse_many(who: str, classes: int) -> None:
    """Raise ValueError for more than 10,000 classes: a net would have an output for each."""
    if classes > MAX_CLASSES:
        raise ValueError(
            f"{who}: expected at most {MAX_CLASSES} different labels, got {classes}; group them, "
            "or predict numbers by regression"
        )


def values_of(y: Any, rows: int) -> NDArray[np.float64]:
    """Values of rows, float64.

    Raises:
        ValueError: not one for each row, a missing or infinite one, or texts.
    """
    found = _one_axis(y, rows, "value")
    try:
        if found.dtype.kind in "cmM":
            raise TypeError
        values = np.asarray(found, np.float64)
    except (TypeError, ValueError):
        odd = next((v for v in found.tolist() if not isinstance(v, int | float)), found[0])
        raise ValueError(
            f"y: expected numbers, got {odd!r:.40}; use TabularClassifier for labels"
        ) from None
    if not np.isfinite(values).all():
        raise ValueError(f"y: expected finite numbers, got {values[~np.isfinite(values)][0]}")
    if (abs(values) > MOST).any():
        odd = values[abs(values) > MOST][0]
        raise ValueError(f"y: expected numbers within {MOST:g}, got {odd:g}; divide all by one")
    return values


def _one_axis(y: Any, rows: int, what: str) -> NDArray[Any]:
    y = unmasked(y)
    maps.refuse_closed(y, "y")
    try:
        found = np.asarray(y)
    except ValueError:
        found = np.empty((0, 0))
    if found.dtype.kind in "US" and isinstance(y, list | tuple):
        kinds = {type(label) for label in y}  # NumPy makes texts of numbers beside texts, silently
        found = np.array(y, object) if len(kinds) > 1 else found
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise ValueError(f"y: expected one {what} for each row, got shape {found.shape}")
    if len(found) != rows:
        raise ValueError(f"y: expected one {what} for each of {rows} rows of X, got {len(found)}")
    gone = _missing(found)
    if gone.any():
        where = int(np.flatnonzero(gone)[0])
        raise ValueError(
            f"y: {int(gone.sum())} of {rows} are missing, the first in row {where}; leave those "
            "rows out"
        )
    return found


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "M":
        return np.asarray(np.isnat(values))
    if values.dtype.kind != "O":
        return np.zeros(len(values), bool)
    return np.array(
        [
            v is None
            or type(v).__name__ in ("NAType", "NaTType")
            or (isinstance(v, float | np.floating) and bool(v != v))
            for v in values
        ],
        bool,
    )

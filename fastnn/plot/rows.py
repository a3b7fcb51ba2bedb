"""True values and predictions as plots take them: class indices, labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check, maps

Array = NDArray[Any]
NAMES = "y_true", "y_pred"


def class_indices(
    y_true: Any, y_pred: Any, classes: Sequence[str] | None
) -> tuple[Array, Array, list[str]]:
    """True and predicted classes as indices, and the names of these: those given, else the labels
    that occur, else the indices."""
    pair = [maps.array_of(y, name).ravel() for name, y in zip(NAMES, (y_true, y_pred), strict=True)]
    if not pair[0].size:
        raise ValueError("y_true: expected a row at least, got none")
    if any(y.dtype.kind in "OUS" for y in pair):
        texts = [[str(label) for label in y] for y in pair]
        names = sorted({*texts[0], *texts[1]}) if classes is None else list(classes)
        place = {name: i for i, name in enumerate(names)}
        for name, labels in zip(NAMES, texts, strict=True):
            if odd := [label for label in labels if label not in place]:
                raise ValueError(f"{name}: expected labels among {names}, got {odd[0]!r}")
        true, pred = (np.array([place[label] for label in labels]) for labels in texts)
        return true, pred, names
    for name, y in zip(NAMES, pair, strict=True):
        odd_ones = y[y != np.round(y)] if y.dtype.kind == "f" else y[:0]
        if odd_ones.size:
            raise ValueError(
                f"{name}: expected class indices, got {odd_ones[0]}; of scores take argmax(1)"
            )
    if classes is None:
        classes = [str(i) for i in range(int(max(y.max(initial=0) for y in pair)) + 1)]
    return pair[0], pair[1], list(classes)


def finite_numbers(name: str, values: Any) -> Array:
    """float64 (n,), n of at least 1."""
    found = maps.array_of(values, name)
    number = found.dtype.kind in "iufb"
    if not found.size:
        got = "none"
    elif number and not np.isfinite(found).all():
        at = int(np.argmin(np.isfinite(found.ravel())))
        got = f"{found.ravel()[at]} at row {at}"
    elif not number:
        got = check.show(values)
    else:
        return found.astype(float).ravel()
    raise ValueError(f"{name}: expected finite numbers, one at least, got {got}")

"""The validation set, and scores of what the net gives: scikit-learn's, without its checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def given(X_val: Any, y_val: Any, weight: Any) -> tuple[Any, Any, Any] | None:
    """The user's validation set, or None.

    Raises:
        ValueError: only a part of it.
    """
    if (X_val is None) != (y_val is None) or (X_val is None and weight is not None):
        raise ValueError("X_val: expected it with y_val (and maybe sample_weight_val), got a part")
    return None if X_val is None else (X_val, y_val, weight)


def accuracy(z: Array, y: Array, weight: Array | None) -> float:
    """The share of rows that are classified right; in a multi-label problem, in all labels.

    z: logits (n, k). y: classes (n,), or 0 and 1 of (n, k).
    """
    if y.ndim == 1:
        right = z.argmax(1) == y
    else:
        right = ((z > 0) == (y > 0)).all(1)
    return float(np.average(right, weights=weight))


def r2(z: Array, y: Array, weight: Array | None) -> float:
    """R2, 1 - sum (y - z)^2 / sum (y - mean y)^2, a mean over outputs; nan where z is not finite.

    z, y: (n, k). An output that is constant has 1 where it is met exactly, else 0.
    """
    if not np.isfinite(z).all():
        return float("nan")
    w = np.ones((len(y), 1)) if weight is None else weight[:, None].astype(np.float64)
    z, y = z.astype(np.float64), y.astype(np.float64)
    missed = (w * (y - z) ** 2).sum(0)
    spread = (w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2).sum(0)
    constant = spread == 0
    each = 1 - missed / np.where(constant, 1.0, spread)
    each[constant] = (missed[constant] == 0).astype(np.float64)
    return float(each.mean())

"""Regression metrics over the whole data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.train.either_name import either_name
from fastnn.train.metrics.classification import numbers

Reals = NDArray[np.float64]


def _pair(z: ArrayLike, y: ArrayLike) -> tuple[Reals, Reals]:
    """Outputs and targets, both (n, outputs)."""
    a, b = (np.asarray(numbers(n, v), np.float64) for n, v in (("output", z), ("target", y)))
    a, b = (v.reshape(-1, 1) if v.ndim == 1 else v for v in (a, b))
    if a.shape != b.shape or a.ndim != 2 or len(a) == 0:
        raise ValueError(f"y: expected (rows, outputs) like z, got z {a.shape}, y {b.shape}")
    return a, b


@either_name(classes=False)
def rmse(output: ArrayLike, target: ArrayLike) -> float:
    """Root mean squared error: sqrt(mean((z - y)**2)), averaged over outputs.

    Args:
        output, target: (n,) or (n, outputs).

    >>> import fastnn
    >>> fastnn.metrics.rmse([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    a, b = _pair(output, target)
    return float(np.sqrt(((a - b) ** 2).mean(0)).mean())


@either_name(classes=False)
def median_absolute_error(output: ArrayLike, target: ArrayLike) -> float:
    """Median absolute error: the median of |z - y|, averaged over outputs."""
    a, b = _pair(output, target)
    return float(np.median(np.abs(a - b), axis=0).mean())


@either_name(classes=False)
def max_error(output: ArrayLike, target: ArrayLike) -> float:
    """Maximum error: the largest |z - y|."""
    a, b = _pair(output, target)
    return float(np.abs(a - b).max())


def _explained(rest: Reals, whole: Reals) -> float:
    """1 - rest / whole, averaged over outputs; for a constant target 1 if met exactly, else 0."""
    share = np.where(rest == 0, 1.0, 0.0)
    np.subtract(1.0, np.divide(rest, whole, where=whole != 0, out=np.ones_like(rest)),
                out=share, where=whole != 0)  # fmt: skip
    return float(share.mean())


@either_name(classes=False)
def r2(output: ArrayLike, target: ArrayLike) -> float:
    """R2, coefficient of determination: 1 - sum (y - z)**2 / sum (y - mean y)**2.

    Averaged over outputs. For a constant target 1 if it is met exactly, else 0; nan for one row.

    >>> import fastnn
    >>> fastnn.metrics.r2([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    """
    a, b = _pair(output, target)
    if len(a) < 2:
        return float("nan")
    return _explained(((b - a) ** 2).sum(0), ((b - b.mean(0)) ** 2).sum(0))


@either_name(classes=False)
def explained_variance(output: ArrayLike, target: ArrayLike) -> float:
    """Explained variance: 1 - var(y - z) / var(y), averaged over outputs; constants as in `r2`."""
    a, b = _pair(output, target)
    return _explained((b - a).var(0), b.var(0))

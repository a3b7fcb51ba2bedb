"""How a tabular net is judged on held-out rows: the metrics by name, lower is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check

__all__ = ["METRICS", "metric_of", "softmax"]

Wide = NDArray[np.float64]
Score = Callable[[Wide, NDArray[Any], Wide], float]


def softmax(z: NDArray[Any]) -> Wide:
    """exp(z) / sum exp(z), along the last axis, in float64.

    >>> import numpy as np
    >>> from fastnn.tabular.validation import softmax
    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    e = np.exp(z.astype(np.float64) - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _error(z: Wide, y: NDArray[Any], w: Wide) -> float:
    return float(np.average(z.argmax(axis=1) != y, weights=w))


def _log_loss(z: Wide, y: NDArray[Any], w: Wide) -> float:
    z = z - z.max(axis=1, keepdims=True)
    each = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), y]
    return float(np.average(each, weights=w))


def _brier(z: Wide, y: NDArray[Any], w: Wide) -> float:
    p = softmax(z)
    p[np.arange(len(p)), y] -= 1
    return float(np.average(np.square(p).sum(axis=1), weights=w))


def _one_minus_auc(z: Wide, y: NDArray[Any], w: Wide) -> float:
    """1 - the area under the curve, of several classes the mean of each against the rest."""
    p = softmax(z)
    found = [_area(p[:, k], y == k, w) for k in ([1] if p.shape[1] == 2 else range(p.shape[1]))]
    present = [area for area in found if not np.isnan(area)]
    return 1 - float(np.mean(present)) if present else 0.5


def _area(score: Wide, positive: NDArray[np.bool_], w: Wide) -> float:
    """The share of (positive, negative) pairs in the right order, ties half."""
    _, place = np.unique(score, return_inverse=True)
    up = np.bincount(place, w * positive)
    down = np.bincount(place, w * ~positive)
    pairs = up.sum() * down.sum()
    return float((up * (np.cumsum(down) - down / 2)).sum() / pairs) if pairs else float("nan")


def _rmse(z: Wide, y: NDArray[Any], w: Wide) -> float:
    return float(np.sqrt(np.average(np.square(z[:, 0] - y), weights=w)))


def _mae(z: Wide, y: NDArray[Any], w: Wide) -> float:
    return float(np.average(np.abs(z[:, 0] - y), weights=w))


METRICS: dict[bool, dict[str, Score]] = {
    True: {"error": _error, "log_loss": _log_loss, "brier": _brier, "auc": _one_minus_auc},
    False: {"rmse": _rmse, "mae": _mae},
}
"""Of classes (True) and numbers: functions of outputs (n, k), targets and row weights."""
WITHOUT_SMOOTHING = ("log_loss", "brier", "auc")  # those that judge probabilities


def pinball(quantiles: Sequence[float]) -> Score:
    """The mean pinball loss of quantiles z (n, q).

    Source: Koenker and Bassett 1978.
    """
    levels = np.array(quantiles)

    def score(z: Wide, y: NDArray[Any], w: Wide) -> float:
        d = y[:, None] - z
        return float(np.average(np.maximum(d * levels, d * (levels - 1)).mean(axis=1), weights=w))

    return score


def metric_of(name: str | None, classes: bool) -> tuple[str, Score]:
    """A metric by name; None gives that of the recipe, "error" or "rmse".

    Raises:
        ValueError: unknown, or of the other task.
    """
    known = METRICS[classes]
    name = next(iter(known)) if name is None else check.choice("val_metric", name, known)
    return name, known[name]

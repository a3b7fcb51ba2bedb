"""Probability and ranking metrics over the whole data set: log loss, ROC AUC and the like."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.guards import looks_like_probabilities
from fastnn.train.either_name import either_name
from fastnn.train.metrics.classification import is_table, numbers, true_classes

Reals = NDArray[np.float64]


def _log_probabilities(z: Reals) -> Reals:
    """Log-probabilities (n, classes); a single logit per row is that of class 1 of two."""
    if not is_table(z):
        flat = z.ravel()
        z = np.stack([np.zeros_like(flat), flat], 1)
    elif looks_like_probabilities(z):
        eps = np.finfo(np.float64).eps
        return np.asarray(np.log(np.clip(z, eps, 1 - eps)))
    shifted = z - z.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def _parts(z: ArrayLike, y: ArrayLike) -> tuple[Reals, NDArray[np.int64]]:
    outputs = np.asarray(numbers("output", z), np.float64)
    return outputs, true_classes(outputs, numbers("target", y))


@either_name(classes=True)
def log_loss(output: ArrayLike, target: ArrayLike) -> float:
    """Log loss: the mean of -log p of the true class.

    Args:
        output: (n, classes) logits, or probabilities if all rows are >= 0 and sum to 1; or (n,) or
            (n, 1) logits of class 1.
        target: as for `confusion`.
    """
    outputs, true = _parts(output, target)
    return float(-_log_probabilities(outputs)[np.arange(len(true)), true].mean())


@either_name(classes=True)
def brier(output: ArrayLike, target: ArrayLike) -> float:
    """Brier score: the mean over rows of sum_c (p_c - y_c)**2.

    For one logit per row, (p - y)**2 of class 1 alone.

    Arguments as for `log_loss`.
    """
    outputs, true = _parts(output, target)
    p = np.exp(_log_probabilities(outputs))
    p[np.arange(len(true)), true] -= 1
    return float((p**2).sum(1).mean() if is_table(outputs) else (p[:, 1] ** 2).mean())


def _counts_down(scores: Reals, yes: NDArray[np.bool_]) -> tuple[Reals, Reals]:
    """True and false positives at each distinct score, from high to low."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(yes[order])[ends].astype(np.float64)
    return hits, ends + 1.0 - hits


def _area(scores: Reals, yes: NDArray[np.bool_]) -> float:
    hits, misses = _counts_down(scores, yes)
    if not np.isfinite(scores).all() or hits[-1] == 0 or misses[-1] == 0:
        return float("nan")
    across, up = np.diff(misses, prepend=0.0), hits - np.diff(hits, prepend=0.0) / 2
    return float(across @ up / (hits[-1] * misses[-1]))


def _mean_precision(scores: Reals, yes: NDArray[np.bool_]) -> float:
    hits, misses = _counts_down(scores, yes)
    if not np.isfinite(scores).all() or hits[-1] == 0:
        return float("nan")
    return float(np.diff(hits, prepend=0.0) @ (hits / (hits + misses)) / hits[-1])


def _each_class(measure: Any, z: ArrayLike, y: ArrayLike) -> float:
    """Apply a binary metric: to class 1 for one logit per row, else the one-vs-rest mean."""
    outputs, true = _parts(z, y)
    if not is_table(outputs):
        return float(measure(outputs.ravel(), true == 1))
    p = np.exp(_log_probabilities(outputs)) if not looks_like_probabilities(outputs) else outputs
    return float(np.mean([measure(p[:, c], true == c) for c in range(outputs.shape[1])]))


@either_name(classes=True)
def roc_auc(output: ArrayLike, target: ArrayLike) -> float:
    """ROC AUC: the probability that a positive row scores higher than a negative; ties count half.

    For (n, classes) the one-vs-rest mean over classes; nan where a class has no
    rows, or all. Arguments as for `log_loss`.

    >>> import fastnn
    >>> fastnn.metrics.roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    return _each_class(_area, output, target)


@either_name(classes=True)
def average_precision(output: ArrayLike, target: ArrayLike) -> float:
    """Average precision: sum_n (R_n - R_n-1) P_n over scores from high to low.

    P_n and R_n are the precision and recall at each score.

    For (n, classes) the mean over classes; nan where a class has no rows. Arguments as for
    `log_loss`.
    """
    return _each_class(_mean_precision, output, target)

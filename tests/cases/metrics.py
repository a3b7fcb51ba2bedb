"""Metric cases: scikit-learn's name of each, and outputs and targets for the comparison.

An entry of METRICS is all that a new one needs here. One that scikit-learn has not gives its
equation instead: "halves": Metric(VALUES, equation=lambda z, y: (abs(z - y) > 0.5).mean()).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Case = tuple[np.ndarray, np.ndarray]
# Names of inputs
ANSWERS = ("logits", "probabilities", "never 3", "binary")
CLASSES = ANSWERS[:-1]
VALUES = ("values", "positive")
POSITIVE = ("positive",)


@dataclass(frozen=True)
class Metric:
    """The test case of one metric.

    on: the inputs that it is compared on.
    sklearn: an expression of sklearn.metrics, of outputs z or answers or probabilities p, and y.
    equation: of z and y in NumPy, where scikit-learn has none.
    """

    on: tuple[str, ...]
    sklearn: str = ""
    equation: Callable[[Any, Any], float] | None = None


def averaged(function: str) -> dict[str, Metric]:
    """Of each class, by each way to take their mean."""
    base = function.removesuffix("_score")
    call = f"{function}(y, answers, average='{{}}', zero_division=0)"
    return {
        base: Metric(ANSWERS, f"{function}(y, answers, average=average, zero_division=0)"),
        **{f"{base}_{a}": Metric(ANSWERS, call.format(a)) for a in ("macro", "micro", "weighted")},
    }


METRICS: dict[str, Metric] = {
    "mse": Metric(VALUES, "mean_squared_error(y, z)"),
    "mae": Metric(VALUES, "mean_absolute_error(y, z)"),
    "rmse": Metric(VALUES, "root_mean_squared_error(y, z)"),
    "median_absolute_error": Metric(VALUES, "median_absolute_error(y, z)"),
    "mape": Metric(VALUES, "mean_absolute_percentage_error(y, z)"),
    "r2": Metric(VALUES, "r2_score(y, z)"),
    "explained_variance": Metric(VALUES, "explained_variance_score(y, z)"),
    "max_error": Metric(POSITIVE, "max_error(y, z)"),
    "msle": Metric(POSITIVE, "mean_squared_log_error(y, z)"),
    "mean_poisson_deviance": Metric(POSITIVE, "mean_poisson_deviance(y, z)"),
    "mean_gamma_deviance": Metric(POSITIVE, "mean_gamma_deviance(y, z)"),
    "pinball": Metric(POSITIVE, "mean_pinball_loss(y, z, alpha=0.5)"),
    **averaged("precision_score"),
    **averaged("recall_score"),
    **averaged("f1_score"),
    **averaged("jaccard_score"),
    "balanced_accuracy": Metric(ANSWERS, "balanced_accuracy_score(y, answers)"),
    "matthews_corrcoef": Metric(ANSWERS, "matthews_corrcoef(y, answers)"),
    "cohen_kappa": Metric(ANSWERS, "cohen_kappa_score(y, answers)"),
    "accuracy": Metric(ANSWERS, "accuracy_score(y, answers)"),
    "zero_one": Metric(ANSWERS, "zero_one_loss(y, answers)"),
    "log_loss": Metric(ANSWERS, "log_loss(y, p)"),
    "brier": Metric(ANSWERS, "brier_score_loss(y, p)"),
    "roc_auc": Metric(ANSWERS, "roc_auc_score(y, p, multi_class='ovr')"),
    "average_precision": Metric(ANSWERS, "average_precision_score(y, p)"),
    "top_2": Metric(CLASSES, "top_k_accuracy_score(y, z, k=2)"),
    "top_3": Metric(CLASSES, "top_k_accuracy_score(y, z, k=3)"),
    # four classes: always among five, which is refused; test_metrics.py
    "top_5": Metric(()),
    "hamming": Metric(ANSWERS, equation=lambda z, y: float((_answers(z) != y).mean())),
}


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def _answers(z: np.ndarray) -> np.ndarray:
    return np.asarray(z.argmax(1) if z.ndim == 2 else z > 0).astype(int)


def names_of(z: np.ndarray) -> dict[str, Any]:
    """What an expression of scikit-learn may call outputs."""
    table = z.ndim == 2
    p = 1 / (1 + np.exp(-z))
    if table:
        p = z if abs(z.sum(1) - 1).max() < 1e-3 else softmax(z)
    return {"z": z, "p": p, "answers": _answers(z), "average": "macro" if table else "binary"}


def inputs() -> dict[str, Case]:
    """Outputs and targets by name."""
    rng = np.random.RandomState(4)
    y = rng.randint(0, 4, 60)
    z = rng.randn(60, 4) + 1.5 * np.eye(4)[y]
    two = rng.randint(0, 2, 50)
    logit = np.round(rng.randn(50) + two, 1)  # with ties
    values = rng.randn(40, 2)
    near = values + 0.3 * rng.randn(40, 2)
    return {
        "logits": (z, y),
        "probabilities": (softmax(z), y),
        "never 3": (np.where(np.arange(4) == 3, -9.0, z), y),  # a class that is never said
        "binary": (logit, two),
        "values": (near, values),
        "positive": (np.exp(near[:, 0]), np.exp(values[:, 0])),
    }

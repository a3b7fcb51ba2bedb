"""Inputs of the metrics' goldens: the same for `goldens/make_metrics.py` and `test_metrics.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

Case = tuple[np.ndarray, np.ndarray]
AVERAGED = ("precision", "recall", "f1", "jaccard")
ANSWERS = (*AVERAGED, "balanced_accuracy", "matthews_corrcoef", "cohen_kappa", "accuracy",
           "zero_one", "log_loss", "brier", "roc_auc", "average_precision")  # fmt: skip
VALUES = ("mse", "mae", "rmse", "median_absolute_error", "mape", "r2", "explained_variance")
POSITIVE = ("msle", "mean_poisson_deviance", "mean_gamma_deviance", "max_error", "pinball")


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def cases() -> dict[str, Case]:
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


def names(case: str) -> list[str]:
    """The metrics of a case, with averages behind a colon."""
    if case == "values":
        return list(VALUES)
    if case == "positive":
        return [*VALUES, *POSITIVE]
    averages = ("macro", "micro", "weighted")
    found = [*ANSWERS, *(f"{name}_{average}" for name in AVERAGED for average in averages)]
    return found if case == "binary" else [*found, "top_2", "top_3"]


def listed(result: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return [(case, name) for case in result for name in result[case]]

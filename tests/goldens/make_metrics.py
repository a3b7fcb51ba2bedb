"""Remake tests/goldens/metrics.json: what scikit-learn says of the inputs of metrics_cases.py.

    python tests/goldens/make_metrics.py

The numbers of the file are of scikit-learn 1.9.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import metrics as sk

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from metrics_cases import AVERAGED, cases, names, softmax  # noqa: E402

OF_VALUES = {
    "mse": sk.mean_squared_error, "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error, "median_absolute_error": sk.median_absolute_error,
    "mape": sk.mean_absolute_percentage_error, "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score, "max_error": sk.max_error,
    "msle": sk.mean_squared_log_error, "mean_poisson_deviance": sk.mean_poisson_deviance,
    "mean_gamma_deviance": sk.mean_gamma_deviance,
    "pinball": partial(sk.mean_pinball_loss, alpha=0.5),
}  # fmt: skip
OF_ANSWERS = {
    "accuracy": sk.accuracy_score, "zero_one": sk.zero_one_loss,
    "balanced_accuracy": sk.balanced_accuracy_score, "matthews_corrcoef": sk.matthews_corrcoef,
    "cohen_kappa": sk.cohen_kappa_score,
}  # fmt: skip
AVERAGES = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score,
            "jaccard": sk.jaccard_score}  # fmt: skip


def figure(name: str, z: np.ndarray, y: np.ndarray) -> float:
    """The metric by scikit-learn."""
    if name in OF_VALUES:
        return float(OF_VALUES[name](y, z))
    table = z.ndim == 2
    p: Any = 1 / (1 + np.exp(-z))
    if table:
        p = z if abs(z.sum(1) - 1).max() < 1e-3 else softmax(z)
    said = z.argmax(1) if table else (z > 0).astype(int)
    base, _, average = name.partition("_")
    if base in AVERAGED:
        average = average or ("macro" if table else "binary")
        return float(AVERAGES[base](y, said, average=average, zero_division=0))
    if base == "top":
        return float(sk.top_k_accuracy_score(y, z, k=int(average)))
    if name in OF_ANSWERS:
        return float(OF_ANSWERS[name](y, said))
    if name == "log_loss":
        return float(sk.log_loss(y, p))
    if name == "brier":
        return float(sk.brier_score_loss(y, p))
    if name == "roc_auc":
        return float(sk.roc_auc_score(y, p, multi_class="ovr"))
    return float(sk.average_precision_score(y, p))


def main() -> None:
    made = {
        case: {name: figure(name, z, y) for name in names(case)} for case, (z, y) in cases().items()
    }
    (HERE / "metrics.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()

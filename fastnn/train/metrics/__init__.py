"""Metrics, by name or as functions: `metrics.f1(output, target)`.

Averages over rows, such as accuracy, are computed within the training step. The others, such as F1
or ROC AUC, need the whole data set: they are computed from predictions after an epoch.

In equations z is the output and y the target. By name they are `output` and `target`, or
scikit-learn's `y_pred` and `y_true`, in any order. Outputs are logits, or class probabilities where
a docstring says so. `Trainer` converts the probabilities of a model trained with `BCELoss` to
logits.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fastnn import ops
from fastnn._support import check
from fastnn._support.stack import outside
from fastnn.guards import TAKE_LOGITS
from fastnn.nn import BCELoss
from fastnn.tensor import Tensor, of_array
from fastnn.train.either_name import plain
from fastnn.train.metrics.batchwise import (
    Metric,
    accuracy,
    hamming,
    mae,
    mape,
    mean_gamma_deviance,
    mean_poisson_deviance,
    mse,
    msle,
    pinball,
    top,
    top_5,
    top_k,
    zero_one,
)
from fastnn.train.metrics.classification import (
    balanced_accuracy,
    cohen_kappa,
    confusion,
    f1,
    jaccard,
    matthews_corrcoef,
    precision,
    recall,
)
from fastnn.train.metrics.ranking import (
    average_precision,
    brier,
    log_loss,
    roc_auc,
)
from fastnn.train.metrics.regression import (
    explained_variance,
    max_error,
    median_absolute_error,
    r2,
    rmse,
)

__all__ = [
    "METRICS",
    "WHOLE_SET",
    "Metric",
    "WholeSet",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "cohen_kappa",
    "confusion",
    "explained_variance",
    "f1",
    "hamming",
    "jaccard",
    "log_loss",
    "mae",
    "mape",
    "matthews_corrcoef",
    "max_error",
    "mean_gamma_deviance",
    "mean_poisson_deviance",
    "median_absolute_error",
    "mse",
    "msle",
    "named",
    "pinball",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_5",
    "top_k",
    "whole_set",
    "zero_one",
]

OfAllRows = Callable[[NDArray[Any], NDArray[Any]], float]

METRICS: dict[str, Metric] = {
    metric.__name__: plain(metric)
    for metric in (accuracy, zero_one, hamming, top_5, mse, mae, mape, msle, pinball,
                   mean_poisson_deviance, mean_gamma_deviance)
}  # fmt: skip
"""The means over rows that `Trainer.fit(metrics=[...])` knows by name; `top_<k>` for any k too."""

WHOLE_SET: dict[str, OfAllRows] = {
    metric.__name__: plain(metric)
    for metric in (precision, recall, f1, jaccard, balanced_accuracy, matthews_corrcoef,
                   cohen_kappa, log_loss, brier, roc_auc, average_precision, rmse,
                   median_absolute_error, max_error, r2, explained_variance)
}  # fmt: skip
"""The metrics of all rows at once that it knows by name."""
for _metric in (precision, recall, f1, jaccard):
    for _average in ("macro", "micro", "weighted"):
        WHOLE_SET[f"{_metric.__name__}_{_average}"] = partial(plain(_metric), average=_average)


class WholeSet:
    """Marks your own function as a metric over the whole data set, for `Trainer.fit(metrics=...)`.

    Args:
        function: (z, y), NumPy arrays of all outputs and targets, -> float.
        name: its name in the history; default: the function's name.

    >>> import numpy as np
    >>> import fastnn
    >>> spread = fastnn.metrics.WholeSet(lambda z, y: float(np.ptp(z - y)), "spread")
    >>> spread(np.array([1.0, 2.0]), np.array([1.0, 4.0])), spread.__name__
    (2.0, 'spread')
    """

    def __init__(self, function: OfAllRows, name: str | None = None) -> None:
        if not callable(function):
            raise TypeError(f"function: expected a function, got {check.show(function)}")
        self.function = function
        self.__name__: str | Any = name or getattr(function, "__name__", type(function).__name__)

    def __call__(self, z: Any, y: Any) -> float:
        """The value of the metric for these rows."""
        return float(self.function(z, y))


_OF_LOGITS = {
    id(metric): metric
    for name, metric in {**METRICS, **WHOLE_SET}.items()
    if name.startswith(TAKE_LOGITS)
}


_OF_SCORES = {id(plain(metric)): metric for metric in (roc_auc, average_precision, top_5)}


@cache
def _of_probabilities(metric: Any) -> Any:
    """Adapt a metric of logits to outputs that are probabilities of the positive class."""

    def converted(z: Any, y: Any) -> Any:
        tensors = isinstance(z, Tensor)
        p = z if tensors else of_array(np.ascontiguousarray(z))
        eps = float(np.finfo(p.dtype).eps)
        p = ops.clamp(p, eps, 1 - eps)
        logits = ops.sub(ops.log(p), ops.log1p(ops.neg(p)))
        return metric(logits if tensors else logits.numpy(), y)

    return converted


@cache
def _of_counted(metric: Any, ignored: int, whole: bool) -> Any:
    """A classification metric that ignores the rows of one label. Metrics over the whole data set
    drop these rows; averages count them as 0, and `counted_of` gives how many rows count."""

    def of_all_rows(z: Any, y: Any) -> Any:
        counts = y != ignored
        return metric(z[counts], y[counts])

    def of_a_batch(z: Tensor, y: Tensor) -> Tensor:
        skipped = ops.eq(y, ignored)
        found = metric(z, ops.where(skipped, ops.argmax(z, 1), y))  # each of them counts as correct
        if metric in (plain(zero_one), plain(hamming)):
            return cast(Tensor, found)
        return ops.sub(found, ops.mean(ops.cast(skipped, z.dtype)))

    of_a_batch.ignored = ignored  # type: ignore[attr-defined]
    return of_all_rows if whole else of_a_batch


def counted_of(metric: Metric, y: NDArray[Any]) -> int:
    """The number of rows that an average over rows counts."""
    ignored = getattr(metric, "ignored", None)
    return len(y) if ignored is None else int(np.count_nonzero(y != ignored))


def _resolve(
    metrics: Sequence[str | Metric], loss: Any, ignored: int | None
) -> dict[str, tuple[Any, bool]]:
    """Each metric's function by its name, and whether it needs the whole data set."""
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise TypeError(f'metrics: expected a list such as ["accuracy"], got {metrics!r}')
    ours = set(map(id, WHOLE_SET.values()))
    found: dict[str, tuple[Any, bool]] = {}
    for metric in metrics:
        if callable(metric):
            name, function = getattr(metric, "__name__", type(metric).__name__), plain(metric)
        elif isinstance(metric, str) and (ranks := re.fullmatch(r"top_([1-9]\d*)", metric)):
            name, function = metric, top(int(ranks[1]))
        else:
            name = check.choice("metrics", metric, {**METRICS, **WHOLE_SET})
            function = METRICS.get(name) or WHOLE_SET[name]
        if name in found or name == "loss":
            raise ValueError(f"metrics: expected each name once, got {name!r} again")
        whole = isinstance(function, WholeSet) or id(function) in ours
        if isinstance(loss, BCELoss) and id(function) in _OF_LOGITS:
            function = _of_probabilities(function)
        ranks_of = isinstance(metric, str) and name.startswith("top_")
        of_classes = ranks_of or id(function) in {**_OF_LOGITS, **_OF_SCORES}
        if ignored is not None and of_classes:
            function = _of_counted(function, ignored, whole)
        found[name] = function, whole
    return found


def named(
    metrics: Sequence[str | Metric], loss: Any = None, ignored: int | None = None
) -> dict[str, Metric]:
    """The metrics of a list that are averages over rows: name -> function of Tensors.

    loss: the loss of the model whose outputs they get.
    ignored: a label in y whose rows classification metrics ignore.

    Raises:
        TypeError: not a list of names and functions.
        ValueError: an unknown or repeated name.
    """
    found = _resolve(metrics, loss, ignored)
    return {name: function for name, (function, whole) in found.items() if not whole}


NEEDS: dict[str, str] = {
    "msle": "outputs and targets above -1",
    "mean_poisson_deviance": "outputs above 0 and targets of at least 0",
    "mean_gamma_deviance": "outputs and targets above 0",
}
"""What metrics are nan without."""


def warn_of_nan(history: Mapping[str, Sequence[float]]) -> None:
    """Name the metrics of a history that were given values outside of their domain."""
    for name, values in history.items():
        needed = NEEDS.get(name.removeprefix("val_"))
        if needed is not None and any(map(math.isnan, values)):
            text = f"metrics: {name} is nan in some epochs: it needs {needed}"
            warnings.warn(text, UserWarning, stacklevel=outside()[1])


def whole_set(
    metrics: Sequence[str | Metric], loss: Any = None, ignored: int | None = None
) -> dict[str, OfAllRows]:
    """The metrics of a list that need the whole data set: name -> function of arrays. See `named`.

    >>> import fastnn
    >>> list(fastnn.metrics.whole_set(["accuracy", "f1"]))
    ['f1']
    """
    found = _resolve(metrics, loss, ignored)
    return {name: function for name, (function, whole) in found.items() if whole}

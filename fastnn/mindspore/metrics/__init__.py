"""MindSpore's metrics: `clear()`, `update(output, label)` for each batch, `eval()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastnn._support import check
from fastnn.mindspore.metrics.base import Metric, rearrange_inputs
from fastnn.mindspore.metrics.classification import (
    F1,
    Accuracy,
    ConfusionMatrix,
    Fbeta,
    Precision,
    Recall,
    Top1CategoricalAccuracy,
    Top5CategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from fastnn.mindspore.metrics.errors import MAE, MSE, Loss, Perplexity

_NAMED: dict[str, Callable[..., Any]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "precision": Precision,
    "recall": Recall,
    "F1": F1,
    "topk": TopKCategoricalAccuracy,
    "top_1_accuracy": Top1CategoricalAccuracy,
    "top_5_accuracy": Top5CategoricalAccuracy,
    "mae": MAE,
    "mse": MSE,
    "loss": Loss,
    "perplexity": Perplexity,
    "confusion_matrix": ConfusionMatrix,
}


def names() -> list[str]:
    """The names that `get_metric_fn` knows."""
    return sorted(_NAMED)


def get_metric_fn(name: str, *args: Any, **kwargs: Any) -> Any:
    """A new metric by its name.

    Raises:
        KeyError: an unknown name.

    >>> from fastnn.mindspore import nn
    >>> type(nn.get_metric_fn("acc")).__name__
    'Accuracy'
    """
    if name not in _NAMED:
        raise KeyError(f"name: expected one of {names()}, got {name!r}")
    return _NAMED[name](*args, **kwargs)


def get_metrics(metrics: Any) -> dict[str, Metric]:
    """Metrics by name, of a dict of them or a set or list of names.

    Raises:
        TypeError: something else.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, Mapping):
        for name, metric in metrics.items():
            if not isinstance(metric, Metric):
                raise TypeError(f"metrics[{name!r}]: expected a Metric, got {check.show(metric)}")
        return dict(metrics)
    if isinstance(metrics, set | list | tuple):
        return {name: get_metric_fn(name) for name in metrics}
    raise TypeError(f"metrics: expected a dict of metrics or a set of names, got {metrics!r}")


__all__ = [
    "Accuracy", "ConfusionMatrix", "F1", "Fbeta", "Loss", "MAE", "MSE", "Metric", "Perplexity",
    "Precision", "Recall", "Top1CategoricalAccuracy", "Top5CategoricalAccuracy",
    "TopKCategoricalAccuracy", "get_metric_fn", "get_metrics", "names", "rearrange_inputs",
]  # fmt: skip

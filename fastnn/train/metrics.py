"""Metrics by name: functions of the model's output and the target, in ops, so that they compile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastnn import _check, ops
from fastnn.tensor import Tensor

Metric = Callable[[Tensor, Tensor], Tensor]


def accuracy(z: Tensor, y: Tensor) -> Tensor:
    """The share of right answers.

    For class targets (n), where the largest of z (n, classes) is the class; for one-hot or
    probability targets (n, classes), where both are largest at one place; for binary targets of
    z's shape, where z > 0 exactly when y > 0.5.
    """
    if y.dtype.kind == "i":
        return ops.accuracy(z, y)
    if z.ndim == 2 and z.shape[1] > 1:
        return ops.accuracy(z, ops.argmax(y, 1))
    return ops.binary_accuracy(z, y)


def mse(z: Tensor, y: Tensor) -> Tensor:
    """The mean of (z - y)**2."""
    return ops.mse(z.detach(), y)


def mae(z: Tensor, y: Tensor) -> Tensor:
    """The mean of |z - y|."""
    return ops.mean(ops.abs(ops.sub(z.detach(), y)))


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mse": mse, "mae": mae}
"""The metrics that `Trainer.fit(metrics=[...])` knows by name."""


def named(metrics: Sequence[str | Metric]) -> dict[str, Metric]:
    """Names and functions for a list of either.

    Raises:
        TypeError: not a list of names and functions.
        ValueError: an unknown name, or one that is there twice.
    """
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise TypeError(f'metrics: expected a list such as ["accuracy"], got {metrics!r}')
    found: dict[str, Metric] = {}
    for metric in metrics:
        if callable(metric):
            name, function = getattr(metric, "__name__", type(metric).__name__), metric
        else:
            name = _check.choice("metrics", metric, METRICS)
            function = METRICS[name]
        if name in found or name == "loss":
            raise ValueError(f"metrics: expected each name once, got {name!r} again")
        found[name] = function
    return found

"""Metrics that are averages over rows, computed batch by batch within the training step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, cast

import numpy as np

from fastnn import ops
from fastnn.ops.creation import arange
from fastnn.tape import listener
from fastnn.tensor import Tensor, of_array
from fastnn.train.metrics.classification import check_one_label

Metric = Callable[[Any, Any], Any]


def _of_arrays(function: Callable[[Tensor, Tensor], Tensor]) -> Metric:
    """Decorator: accept arrays too and return a float for them; Tensors give a Tensor."""

    @wraps(function)
    def metric(z: Any, y: Any) -> Any:
        if isinstance(z, Tensor) and isinstance(y, Tensor):
            return function(z.detach(), y)
        za, ya = np.asarray(z), np.asarray(y)
        za = za if za.dtype.kind == "f" else za.astype(np.float64)
        ya = ya.astype(za.dtype if ya.dtype.kind == "f" or ya.shape == za.shape else np.int64)
        return function(
            of_array(np.ascontiguousarray(za)), of_array(np.ascontiguousarray(ya))
        ).item()

    return metric


def _pair(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and targets in one shape; (n, 1) and (n,) are interchangeable."""
    y = ops.cast(y, z.dtype)
    if y.shape != z.shape and {z.shape, y.shape} == {(len(z),), (len(z), 1)}:
        y = ops.reshape(y, z.shape)
    if y.shape != z.shape:
        raise ValueError(f"y: expected the shape of the output {z.shape}, got {y.shape}")
    return z, y


def _classes(y: Tensor) -> Tensor:
    """The class of each row, from class numbers or probabilities."""
    if y.dtype.kind == "i" and y.ndim == 1:
        return y
    listener.checked(y, lambda y: check_one_label(y._array))
    return ops.argmax(y, 1)


@_of_arrays
def accuracy(z: Tensor, y: Tensor) -> Tensor:
    """Accuracy: the fraction of correct predictions.

    For class targets (n), where the largest of z (n, classes) is the class; for one-hot or
    probability targets (n, classes), where both are largest at one place; for binary targets,
    where the logit z > 0 exactly when y > 0.5.

    >>> import fastnn
    >>> fastnn.metrics.accuracy([[1.0, 3.0], [2.0, 0.0]], [1, 1])
    0.5
    """
    if z.ndim == 2 and z.shape[1] > 1:
        return ops.accuracy(z, _classes(y))
    return ops.binary_accuracy(*_pair(z, y))


@_of_arrays
def zero_one(z: Tensor, y: Tensor) -> Tensor:
    """Zero-one loss: the fraction of wrong predictions, 1 - `accuracy`."""
    return ops.sub(1.0, cast(Tensor, accuracy(z, y)))


@_of_arrays
def hamming(z: Tensor, y: Tensor) -> Tensor:
    """Hamming loss: the fraction of wrong labels. For targets of z's shape, elements where (z > 0)
    is not (y > 0.5); for class targets `zero_one`."""
    if z.ndim == 2 and z.shape[1] > 1 and y.ndim == 1:
        return cast(Tensor, zero_one(z, y))
    return ops.sub(1.0, ops.binary_accuracy(*_pair(z, y)))


@cache
def top(k: int) -> Metric:
    """The metric `top_<k>`: the fraction of rows whose class is among the k largest outputs.

    Among equal outputs the class of lower number comes first, so that top_1 is the accuracy.
    """

    def metric(z: Tensor, y: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] <= k:
            raise ValueError(f"metrics: top_{k} wants an output of more than {k} classes, got "
                             f"shape {z.shape}; use 'accuracy'")  # fmt: skip
        of = ops.reshape(_classes(y), (-1, 1))
        chosen = ops.gather(z, 1, of)
        later = ops.gt(arange(z.shape[1]), of)
        behind = ops.logical_or(ops.lt(z, chosen), ops.logical_and(ops.eq(z, chosen), later))
        count = ops.sum(ops.cast(behind, z.dtype), 1)
        return ops.mean(ops.cast(ops.ge(count, float(z.shape[1] - k)), z.dtype))

    metric.__name__ = metric.__qualname__ = f"top_{k}"
    metric.__doc__ = f"The share of rows whose class is among the {k} largest outputs."
    return _of_arrays(metric)


top_5: Metric = top(5)


def top_k(z: Any, y: Any, k: int = 5) -> Any:
    """Top-k accuracy: the fraction of rows of z (n, classes) with class y among the k largest.

    >>> import fastnn
    >>> fastnn.metrics.top_k([[0.1, 0.5, 0.4], [0.7, 0.2, 0.1]], [2, 2], k=2)
    0.5
    """
    return top(k)(z, y)


@_of_arrays
def mse(z: Tensor, y: Tensor) -> Tensor:
    """Mean squared error: the mean of (z - y)**2.

    >>> import fastnn
    >>> fastnn.metrics.mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return ops.mse(*_pair(z, y))


@_of_arrays
def mae(z: Tensor, y: Tensor) -> Tensor:
    """Mean absolute error: the mean of |z - y|."""
    return ops.mean(ops.abs(ops.sub(*_pair(z, y))))


@_of_arrays
def mape(z: Tensor, y: Tensor) -> Tensor:
    """Mean absolute percentage error: the mean of |z - y| / max(|y|, eps), eps the float64 epsilon
    as in scikit-learn; a fraction, not in per cent."""
    z, y = _pair(z, y)
    floor = float(np.finfo(np.float64).eps)
    return ops.mean(ops.div(ops.abs(ops.sub(z, y)), ops.clamp_min(ops.abs(y), floor)))


@_of_arrays
def msle(z: Tensor, y: Tensor) -> Tensor:
    """Mean squared log error: the mean of (log(1 + z) - log(1 + y))**2; nan below -1."""
    z, y = _pair(z, y)
    return ops.mse(ops.log1p(z), ops.log1p(y))


def _pinball(z: Tensor, y: Tensor, alpha: float) -> Tensor:
    z, y = _pair(z, y)
    d = ops.sub(y, z)
    return ops.mean(ops.maximum(ops.mul(d, alpha), ops.mul(d, alpha - 1.0)))


def pinball(z: Any, y: Any, alpha: float = 0.5) -> Any:
    """Pinball loss of the quantile alpha: the mean of max(alpha d, (alpha - 1) d), d = y - z.

    >>> import fastnn
    >>> fastnn.metrics.pinball([1.0, 2.0], [2.0, 0.0], alpha=0.9)
    0.55
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha: expected a number in 0..1, got {alpha}")
    return _of_arrays(lambda z, y: _pinball(z, y, alpha))(z, y)


@_of_arrays
def mean_poisson_deviance(z: Tensor, y: Tensor) -> Tensor:
    """Poisson deviance: mean 2 (y log(y / z) - y + z), 0 log 0 = 0; nan if z <= 0 or y < 0."""
    z, y = _pair(z, y)
    some = ops.ne(y, 0.0)
    ratio = ops.where(some, ops.log(ops.div(y, z)), 0.0)
    each = ops.add(ops.sub(ops.mul(y, ratio), y), z)
    return ops.mul(ops.mean(ops.where(ops.gt(z, 0.0), each, float("nan"))), 2.0)


@_of_arrays
def mean_gamma_deviance(z: Tensor, y: Tensor) -> Tensor:
    """Gamma deviance: the mean of 2 (log(z / y) + y / z - 1); nan for z <= 0 or y <= 0."""
    z, y = _pair(z, y)
    each = ops.sub(ops.add(ops.log(ops.div(z, y)), ops.div(y, z)), 1.0)
    return ops.mul(ops.mean(ops.where(ops.gt(z, 0.0), each, float("nan"))), 2.0)

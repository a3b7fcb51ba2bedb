"""Batch normalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.layers.running_moments import RunningMoments
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor, of_array

__all__ = ["BatchNorm1d", "batch_norm"]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalization: each feature to mean 0 and variance 1; see `nn.BatchNorm1d`.

    Args:
        input: (rows, features, ...).
        running_mean, running_var: (features,), changed in place in training; or None both.
        weight, bias: (features,) or None.
        training: use the batch's moments, default False.
        momentum: the share of the new moments, default 0.1.
        eps: added to the variance, default 1e-5.

    Raises:
        ValueError: another shape; in training, one value a feature.
    """
    share = check.real("momentum", 0.1 if momentum is None else momentum)
    averages = None
    if running_mean is not None and running_var is not None:
        averages = running_mean, running_var, of_array(np.zeros((), np.int64)), share
    check.a_tensor("input", input)
    if input.shape == (0,):  # torch's way with nothing
        return ops.copy(input)
    if input.ndim <= 3:
        return _batch_norm(input, averages, weight, bias, training, eps)
    flat = ops.reshape(input, (*input.shape[:2], math.prod(input.shape[2:])))
    return ops.reshape(_batch_norm(flat, averages, weight, bias, training, eps), input.shape)


def _batch_norm(
    input: Tensor,
    averages: tuple[Tensor, Tensor, Tensor, float] | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    eps: float,
) -> Tensor:
    check.a_tensor("input", input)
    if input.ndim not in (2, 3):
        raise InvalidValueError(
            f"input: expected shape (rows, features) or (rows, features, length), got {input.shape}"
        )
    for name, vector in zip(
        ("running_mean", "running_var", "weight", "bias"),
        (*(averages[:2] if averages else (None, None)), weight, bias),
        strict=True,
    ):
        if vector is not None:
            check.same_shape(name, vector.shape, input.shape[1:2], "the features")
    says = "eps must be positive during training" if training else ""
    eps = check.real("eps", eps, 0.0, open_low=training, torch_says=says)
    x = input if input.ndim == 2 else _rows(input)
    if not training:
        if averages is None:
            raise InvalidValueError(
                "running_mean, running_var: expected both outside training, got None; use "
                "training=True for the moments of the batch"
            )
        mean, var = averages[:2]
        scale = ops.div(1.0, ops.sqrt(ops.add(var, eps)))
        scale = scale if weight is None else ops.mul(scale, weight)
        y = ops.mul(ops.sub(x, mean), scale)
        y = y if bias is None else ops.add(y, bias)
    else:
        if x.shape[0] == 1:
            raise InvalidValueError(
                f"Expected more than 1 value per channel when training, got input size "
                f"{input.shape}"
            )
        y = ops.batch_norm(x, weight, bias, eps, averages)
    return y if input.ndim == 2 else _columns(y, input)


def _rows(x: Tensor) -> Tensor:
    """(rows, features, length) as (rows * length, features)."""
    return ops.reshape(ops.permute(x, (0, 2, 1)), (-1, x.shape[1]))


def _columns(y: Tensor, like: Tensor) -> Tensor:
    rows, features, length = like.shape
    return ops.permute(ops.reshape(y, (rows, length, features)), (0, 2, 1))


def share_of_new(momentum: Any) -> float | None:
    """The momentum of a layer, in 0..1: beyond, running variances can fall below 0."""
    return None if momentum is None else check.real("momentum", momentum, 0.0, 1.0)


class BatchNorm1d(RunningMoments):
    """Batch normalization.

    y = (x - m) / sqrt(v + eps) * weight + bias, m and v the moments of a feature.

    In training those of the batch, v divided by the number of values; in evaluation their running
    averages r = (1 - momentum) r + momentum * new, where the new v is divided by one less.

    Args:
        num_features: columns of x.
        eps: default 1e-5.
        momentum: the share of the new moments, in 0..1; default 0.1, None averages all batches.
        affine: default True; False leaves weight and bias out.
        track_running_stats: default True; False uses the batch's moments in evaluation too.
        device: None (default) or 'cpu'.
        dtype: float32 (default) or float64.
        bias: default True; False leaves the bias out.

    Attributes:
        weight, bias: (num_features,), ones and zeros, or None.
        running_mean, running_var: (num_features,), zeros and ones; buffers, or None.
        num_batches_tracked: int64, how many batches were averaged; a buffer, or None.

    Raises:
        ValueError: x of another shape than (rows, num_features) or (rows, num_features, length);
            one value a feature in training.

    Source: Ioffe & Szegedy 2015.

    >>> import fastnn
    >>> from fastnn import nn
    >>> layer = nn.BatchNorm1d(1)
    >>> layer(fastnn.tensor([[1.0], [2.0], [3.0], [4.0]])).detach().reshape(4)
    tensor([-1.3416, -0.4472,  0.4472,  1.3416])
    >>> layer.running_mean, layer.running_var
    (tensor([0.2500]), tensor([1.0667]))
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    _may_lack = frozenset({"num_batches_tracked"})  # as torch before 0.4.1 has no such buffer

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.momentum: float | None = share_of_new(momentum)
        self._set_up(num_features, eps, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        """y of x's shape."""
        mean, var, count = self.running_mean, self.running_var, self.num_batches_tracked
        averages = None
        if mean is not None and var is not None and count is not None:
            averages = mean, var, count, math.nan if self.momentum is None else self.momentum
        training = self.training or averages is None
        return _batch_norm(input, averages, self.weight, self.bias, training, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps:g}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

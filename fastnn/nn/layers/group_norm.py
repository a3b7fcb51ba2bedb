"""Group and instance normalization: over groups of channels, or each channel, of one sample."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn._support.errors import InvalidIndexError, InvalidValueError
from fastnn.nn import init
from fastnn.nn.layer import Layer
from fastnn.nn.layers.running_moments import RunningMoments
from fastnn.nn.parameter import Parameter
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

__all__ = ["GroupNorm", "InstanceNorm1d", "group_norm", "instance_norm"]


def _scaled(y: Tensor, weight: Tensor | None, bias: Tensor | None, channels: int) -> Tensor:
    """y * weight + bias, by the channels of axis 1."""
    shape = (channels, *(1,) * (y.ndim - 2))
    for name, x, combine in (("weight", weight, ops.mul), ("bias", bias, ops.add)):
        if x is not None:
            check.same_shape(name, x.shape, (channels,), "the channels")
            y = combine(y, ops.reshape(x, shape))
    return y


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Group normalization: each group of channels of a row to mean 0, variance 1; see
    `nn.GroupNorm`.

    Args:
        input: (rows, channels, ...).
        num_groups: of neighbouring channels, all of one size.
        weight, bias: (channels,), or None.
        eps: added to the variance, default 1e-5.

    Raises:
        ValueError: channels that do not divide into the groups; one value in a group.
    """
    check.a_tensor("input", input)
    if input.ndim < 2:
        raise InvalidIndexError(f"input: expected (rows, channels, ...), got shape {input.shape}")
    groups = check.integer("num_groups", num_groups, 1)
    rows, channels = input.shape[:2]
    if channels % groups:
        raise InvalidValueError(
            f"num_groups: expected a divisor of {channels} channels, got {groups}: the number of "
            "channels must be divisible by it"
        )
    width = math.prod(input.shape[1:]) // groups
    if rows * width == 1:
        raise InvalidValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    whole = ops.reshape(input, (rows * groups, width))
    y = ops.layer_norm(whole, None, None, check.real("eps", eps, 0.0), True)
    return _scaled(ops.reshape(y, input.shape), weight, bias, channels)


class GroupNorm(Layer):
    """Group normalization: y = (x - m) / sqrt(v + eps) * weight + bias.

    m and v are the moments of a group of channels of one row, in training and evaluation alike.

    Args:
        num_groups: a divisor of num_channels; 1 is a layer normalization of the whole row.
        num_channels: the size of x's axis 1.
        eps: default 1e-5.
        affine: default True; False leaves weight and bias out.
        device: None (default) or 'cpu'.
        dtype: float32 (default) or float64.
        bias: default True; False leaves the bias out.

    Attributes:
        weight, bias: (num_channels,), ones and zeros, or None.

    Raises:
        ValueError: x of another number of channels, channels that do not divide into the groups.

    Source: Wu & He 2018.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.GroupNorm(2, 4)(fastnn.tensor([[1.0, 3.0, 5.0, 9.0]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        real = check.real_dtype(dtype)
        self.num_groups: int = check.width("num_groups", num_groups)
        self.num_channels: int = check.width("num_channels", num_channels)
        if self.num_channels % self.num_groups:
            raise InvalidValueError(
                f"num_channels must be divisible by num_groups: expected a multiple of "
                f"{num_groups}, got {num_channels}"
            )
        self.eps: float = check.real("eps", eps, 0.0)
        self.affine: bool = check.flag("affine", affine)
        for name, wanted in (("weight", affine), ("bias", check.flag("bias", bias) and affine)):
            vector = Parameter(self._empty(self.num_channels, real)) if wanted else None
            self.register_parameter(name, vector)
        self._begin()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """y of x's shape."""
        check.a_tensor("input", input)
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise InvalidValueError(
                f"input: expected (rows, {self.num_channels}, ...), got shape {input.shape}"
            )
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Instance normalization: each channel of each row to mean 0, variance 1; see
    `nn.InstanceNorm1d`.

    Args:
        input: (rows, channels, ...), with more than one value a channel.
        running_mean, running_var: (channels,), changed in place where the input's are used.
        weight, bias: (channels,), or None.
        use_input_stats: False normalizes by the running moments. Default True.
        momentum: the share of the new moments, default 0.1.
        eps: added to the variance, default 1e-5.

    Raises:
        ValueError: another shape; one value a channel; no running moments where they are needed.
    """
    check.a_tensor("input", input)
    if input.ndim < 2:
        raise InvalidValueError(f"input: expected (rows, channels, ...), got shape {input.shape}")
    rows, channels = input.shape[:2]
    eps = check.real("eps", eps, 0.0)
    for name, x in (("running_mean", running_mean), ("running_var", running_var)):
        if x is not None:
            check.same_shape(name, x.shape, (channels,), "the channels")
    if not check.flag("use_input_stats", use_input_stats):
        if running_mean is None or running_var is None:
            raise InvalidValueError(
                "running_mean, running_var: expected both with use_input_stats=False, got None"
            )
        shape = (channels, *(1,) * (input.ndim - 2))
        scale = ops.reshape(ops.rsqrt(ops.add(running_var, eps)), shape)
        y = ops.mul(ops.sub(input, ops.reshape(running_mean, shape)), scale)
        return _scaled(y, weight, bias, channels)
    width = math.prod(input.shape[2:])
    if width == 1:
        raise InvalidValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    whole = ops.reshape(input, (rows * channels, width))
    if running_mean is not None and running_var is not None:
        _keep(running_mean, running_var, ops.reshape(whole.detach(), (rows, channels, width)),
              check.real("momentum", momentum))  # fmt: skip
    y = ops.reshape(ops.layer_norm(whole, None, None, eps, True), input.shape)
    return _scaled(y, weight, bias, channels)


def _keep(mean: Tensor, var: Tensor, x: Tensor, share: float) -> None:
    """Move the running moments towards those of the rows, averaged."""
    with no_grad():
        for running, new in ((mean, ops.mean(x, 2)), (var, ops.var(x, 2))):
            ops.lerp_(running, ops.mean(new, 0), share)


class InstanceNorm1d(RunningMoments):
    """Instance normalization: y = (x - m) / sqrt(v + eps) * weight + bias.

    m and v are the moments of one channel of one row.

    Args:
        num_features: the channels.
        eps: default 1e-5.
        momentum: the share of the new moments, in 0..1, default 0.1.
        affine: default False; True adds weight and bias.
        track_running_stats: keep running moments, for evaluation. Default False.
        device: None (default) or 'cpu'.
        dtype: float32 (default) or float64.
        bias: default True; False leaves the bias out.

    Attributes:
        weight, bias: (num_features,), ones and zeros, or None.
        running_mean, running_var, num_batches_tracked: buffers, or None.

    Called with (rows, num_features, length) or (num_features, length).

    Raises:
        ValueError: another shape; one value a channel in training.

    Source: Ulyanov et al. 2016.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.InstanceNorm1d(1)(fastnn.tensor([[[1.0, 3.0]]])).reshape(2)
    tensor([-1.0000,  1.0000])
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    _may_lack = frozenset({"num_batches_tracked"})

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.momentum: float = check.real("momentum", momentum, 0.0, 1.0)
        self._set_up(num_features, eps, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        """y of x's shape."""
        check.a_tensor("input", input)
        if input.ndim not in (2, 3):
            raise InvalidValueError(
                f"input: expected 2D or 3D input, (rows, {self.num_features}, length) or without "
                f"rows, got shape {input.shape}"
            )
        if input.shape[-2] != self.num_features:
            raise InvalidValueError(
                f"input: expected {self.num_features} channels along axis {input.ndim - 2}, got "
                f"shape {input.shape}"
            )
        x = ops.unsqueeze(input, 0) if input.ndim == 2 else input
        own = self.training or not self.track_running_stats
        y = instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum,
            self.eps,
        )  # fmt: skip
        return ops.squeeze(y, 0) if input.ndim == 2 else y

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

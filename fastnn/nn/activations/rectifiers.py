"""Rectifiers: ReLU and its piecewise linear variants."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn._support.errors import InvalidValueError
from fastnn.nn import init as init_
from fastnn.nn.activations.base import (
    ACTIVATIONS,
    Elementwise,
    Plain,
    checked,
    into,
    limit_for,
)
from fastnn.nn.activations.piecewise import hardtanh
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor

__all__ = [
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SquaredReLU",
    "Threshold",
    "leaky_relu",
    "leaky_relu_",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "squared_relu",
    "threshold",
    "threshold_",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """ReLU: max(x, 0), elementwise. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "relu_", lambda x: relu(x))
    return ops.relu(input)


def relu_(input: Tensor) -> Tensor:
    """`relu` written into x."""
    return relu(input, True)


@ACTIVATIONS.named("relu")
class ReLU(Plain):
    """Rectified linear unit: y = max(x, 0), elementwise; the derivative at 0 is 0.

    Args:
        inplace: write the result into x, default False.

    >>> import fastnn
    >>> from fastnn import nn
    >>> print(nn.ReLU()(fastnn.tensor([-1.0, 2.0])).numpy())
    [0. 2.]
    """

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0)."""
        return relu(input, self.inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """ReLU6: min(max(x, 0), 6), elementwise. `inplace`: in x."""
    return hardtanh(input, 0.0, 6.0, inplace)


class ReLU6(Plain):
    """ReLU capped at 6: y = min(max(x, 0), 6), elementwise.

    Args:
        inplace: write the result into x, default False.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ReLU6()(fastnn.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x within 0..6."""
        return relu6(input, self.inplace)


def squared_relu(input: Tensor) -> Tensor:
    """max(x, 0)^2, by element."""
    checked(input)
    return ops.square(ops.relu(input))


class SquaredReLU(Elementwise):
    """y = max(x, 0)^2, by element; the derivative is 2 max(x, 0).

    Source: So et al. 2021, Primer: Searching for Efficient Transformers for Language Modeling.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.SquaredReLU()(fastnn.tensor([-1.0, 0.5, 2.0]))
    tensor([0.0000, 0.2500, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0)^2."""
        return squared_relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Leaky ReLU: x where x > 0, else negative_slope * x. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "leaky_relu_", lambda x: leaky_relu(x, negative_slope))
    slope = check.real("negative_slope", negative_slope)
    return ops.where(ops.gt(input.detach(), 0.0), input, ops.mul(input, slope))


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` written into x."""
    return leaky_relu(input, negative_slope, True)


class LeakyReLU(Elementwise):
    """Leaky ReLU.

    y = x where x > 0, else negative_slope * x, elementwise; the derivative at 0 is the slope.

    Args:
        negative_slope: default 0.01.
        inplace: write the result into x, default False.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.LeakyReLU(0.1)(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.inplace: bool = check.flag("inplace", inplace)
        self.negative_slope: float = check.real("negative_slope", negative_slope)

    def forward(self, input: Tensor) -> Tensor:
        """x or negative_slope * x."""
        return leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return self._and_inplace(f"negative_slope={self.negative_slope:g}")


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """PReLU: x where x > 0, else weight * x; see `nn.PReLU`.

    Args:
        input: x.
        weight: one slope, or one for each entry of axis 1 (of a vector: of axis 0).

    Raises:
        ValueError: another number of slopes.
    """
    checked(input)
    check.a_tensor("weight", weight)
    check.same_dtype("weight", weight.dtype, input.dtype, "input")
    channels = 1 if input.ndim == 0 else input.shape[min(1, input.ndim - 1)]
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise InvalidValueError(
            f"weight: expected 1 or {channels} slopes, got shape {weight.shape}"
        )
    slope = weight
    if weight.numel() > 1 and input.ndim > 2:
        slope = ops.reshape(weight, (-1, *(1,) * (input.ndim - 2)))
    elif input.ndim == 0:
        slope = ops.reshape(weight, ())
    return ops.where(ops.gt(input.detach(), 0.0), input, ops.mul(input, slope))


class PReLU(Elementwise):
    """Parametric ReLU: y = x where x > 0, else weight * x, elementwise; the slopes are learned.

    Args:
        num_parameters: 1 (default), or the size of x's axis 1: a slope for each.
        init: where the slopes begin, default 0.25.
        device: None (default) or 'cpu'.
        dtype: float32 (default) or float64.

    Attributes:
        weight: (num_parameters,).

    Raises:
        ValueError: x whose axis 1 has another size.

    Source: He et al. 2015.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.PReLU()(fastnn.tensor([-1.0, 2.0])).detach()
    tensor([-0.2500,  2.0000])
    """

    weight: Parameter

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if device is not None:
            _device.device(device)
        self.num_parameters: int = check.width("num_parameters", num_parameters)
        self.init: float = check.real("init", init)
        real = check.real_dtype(dtype)
        self.weight = Parameter(self._empty(self.num_parameters, real))
        self._begin()

    def reset_parameters(self) -> None:
        """All slopes back to `init`."""
        init_.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """x or weight * x."""
        return prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Threshold: x where x > threshold, else value. `inplace`: in x."""
    checked(input, inplace)
    limit, other = check.real("threshold", threshold), check.real("value", value)
    if inplace:
        return into(input, "threshold_", lambda x: _at_most(x, limit, other))
    return _at_most(input, limit, other)


def _at_most(x: Tensor, limit: float, other: float) -> Tensor:
    """x where it is above the limit, else the other value."""
    limit, other = limit_for(x, limit), limit_for(x, other)
    return ops.where(ops.le(x.detach(), limit), other, x)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold` written into x."""
    limit, other = check.real("threshold", threshold), check.real("value", value)
    return into(input, "threshold_", lambda x: _at_most(x, limit, other))


class Threshold(Elementwise):
    """Threshold: y = x where x > threshold, else value, elementwise.

    Args:
        threshold: the limit.
        value: what stands for x up to it.
        inplace: write the result into x, default False.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Threshold(1.0, -1.0)(fastnn.tensor([0.5, 1.0, 2.0]))
    tensor([-1., -1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.inplace: bool = check.flag("inplace", inplace)
        self.threshold: float = check.real("threshold", threshold)
        self.value: float = check.real("value", value)

    def forward(self, input: Tensor) -> Tensor:
        """x or value."""
        return threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Both numbers."""
        return self._and_inplace(f"threshold={self.threshold:g}, value={self.value:g}")

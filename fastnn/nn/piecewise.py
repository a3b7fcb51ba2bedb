"""Activations of straight pieces, and with steps: as functions, and as modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, device as _device
from fastnn.nn import init as start
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.tensor import Tensor


def _between(input: Tensor, low: float, high: float, below: Any, middle: Any, above: Any) -> Tensor:
    """below where x <= low, above where x >= high, else middle."""
    x = input.detach()
    return ops.where(ops.le(x, low), below, ops.where(ops.ge(x, high), above, middle))


def _checked(input: Tensor, inplace: bool = False) -> None:
    check.a_tensor("input", input)
    check.flag("inplace", inplace)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x between min_val and max_val, by element; the derivative is 0 there and beyond.

    See `nn.Hardtanh`; `inplace` has no effect.
    """
    _checked(input, inplace)
    low, high = _bounds(min_val, max_val)
    return _between(input, low, high, low, input, high)


def _bounds(min_val: float, max_val: float) -> tuple[float, float]:
    low = check.real("min_val", min_val)
    return low, check.real("max_val", max_val, low)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6), by element. `inplace` has no effect."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x + 3, 0), 6) / 6, by element. `inplace` has no effect."""
    _checked(input, inplace)
    return _between(input, -3.0, 3.0, 0.0, ops.div(ops.add(input, 3.0), 6.0), 1.0)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x min(max(x + 3, 0), 6) / 6, by element. `inplace` has no effect."""
    _checked(input, inplace)
    middle = ops.div(ops.mul(input, ops.add(input, 3.0)), 6.0)
    return _between(input, -3.0, 3.0, 0.0, middle, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0; lambd >= 0."""
    _checked(input)
    width, x = check.real("lambd", lambd, 0.0), input.detach()
    below = ops.where(ops.ge(x, -width), 0.0, ops.add(input, width))  # nan, too, stays
    return ops.where(ops.gt(x, width), ops.sub(input, width), below)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0."""
    _checked(input)
    width = check.real("lambd", lambd)
    return ops.where(ops.le(ops.abs(input.detach()), width), 0.0, input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value. `inplace` has no effect."""
    _checked(input, inplace)
    limit, other = check.real("threshold", threshold), check.real("value", value)
    return ops.where(ops.le(input.detach(), limit), other, input)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight * x; see `nn.PReLU`.

    Args:
        input: x.
        weight: one slope, or one for each entry of axis 1 (of a vector: of axis 0).

    Raises:
        ValueError: another number of slopes.
    """
    _checked(input)
    check.a_tensor("weight", weight)
    check.same_dtype("weight", weight.dtype, input.dtype, "input")
    channels = 1 if input.ndim == 0 else input.shape[min(1, input.ndim - 1)]
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(f"weight: expected 1 or {channels} slopes, got shape {weight.shape}")
    slope = weight
    if weight.numel() > 1 and input.ndim > 2:
        slope = ops.reshape(weight, (-1, *(1,) * (input.ndim - 2)))
    elif input.ndim == 0:
        slope = ops.reshape(weight, ())
    return ops.where(ops.gt(input.detach(), 0.0), input, ops.mul(input, slope))


class Hardtanh(Module):
    """y = min(max(x, min_val), max_val), by element; the derivative at the bounds is 0.

    Args:
        min_val: default -1.
        max_val: default 1.
        inplace: accepted, and has no effect.

    Raises:
        ValueError: max_val below min_val.

    >>> import fastnn
    >>> Hardtanh()(fastnn.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)
        self.min_val, self.max_val = _bounds(min_val, max_val)

    def forward(self, input: Tensor) -> Tensor:
        """x within the bounds."""
        return hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """The bounds."""
        return f"min_val={self.min_val:g}, max_val={self.max_val:g}"


class _Plain(Module):
    """An activation without numbers.

    Args:
        inplace: accepted, and has no effect.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)


class ReLU6(_Plain):
    """y = min(max(x, 0), 6), by element.

    Args:
        inplace: accepted, and has no effect.

    >>> import fastnn
    >>> ReLU6()(fastnn.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x within 0..6."""
        return relu6(input)


class Hardsigmoid(_Plain):
    """y = min(max(x + 3, 0), 6) / 6, by element.

    Args:
        inplace: accepted, and has no effect.

    >>> import fastnn
    >>> Hardsigmoid()(fastnn.tensor([-3.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """(x + 3) / 6 within 0..1."""
        return hardsigmoid(input)


class Hardswish(_Plain):
    """y = x min(max(x + 3, 0), 6) / 6, by element.

    Args:
        inplace: accepted, and has no effect.

    Source: Howard et al. 2019.

    >>> import fastnn
    >>> Hardswish()(fastnn.tensor([-4.0, 1.0, 4.0]))
    tensor([0.0000, 0.6667, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x hardsigmoid(x)."""
        return hardswish(input)


class _Shrink(Module):
    """What is 0 near 0.

    Args:
        lambd: how far.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = check.real("lambd", lambd)

    def extra_repr(self) -> str:
        """How far."""
        return f"{self.lambd:g}"


class Softshrink(_Shrink):
    """y = x - lambd where x > lambd, x + lambd where x < -lambd, else 0, by element.

    Args:
        lambd: at least 0, default 0.5.

    >>> import fastnn
    >>> Softshrink()(fastnn.tensor([-1.0, 0.2, 1.0]))
    tensor([-0.5000,  0.0000,  0.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(check.real("lambd", lambd, 0.0))

    def forward(self, input: Tensor) -> Tensor:
        """x moved towards 0 by lambd."""
        return softshrink(input, self.lambd)


class Hardshrink(_Shrink):
    """y = x where |x| > lambd, else 0, by element.

    Args:
        lambd: default 0.5.

    >>> import fastnn
    >>> Hardshrink()(fastnn.tensor([-1.0, 0.2, 1.0]))
    tensor([-1.,  0.,  1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x, and 0 near 0."""
        return hardshrink(input, self.lambd)


class Threshold(Module):
    """y = x where x > threshold, else value, by element.

    Args:
        threshold: the limit.
        value: what stands for x up to it.
        inplace: accepted, and has no effect.

    >>> import fastnn
    >>> Threshold(1.0, -1.0)(fastnn.tensor([0.5, 1.0, 2.0]))
    tensor([-1., -1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)
        self.threshold = check.real("threshold", threshold)
        self.value = check.real("value", value)

    def forward(self, input: Tensor) -> Tensor:
        """x or value."""
        return threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        """Both numbers."""
        return f"threshold={self.threshold:g}, value={self.value:g}"


class PReLU(Module):
    """y = x where x > 0, else weight * x, by element; the slopes are learned.

    Args:
        num_parameters: 1 (default), or the size of x's axis 1: a slope for each.
        init: where the slopes begin, default 0.25.
        device: default None; 'cpu' is the same.
        dtype: float32 (default) or float64.

    Attributes:
        weight: (num_parameters,).

    Raises:
        ValueError: x whose axis 1 has another size.

    Source: He et al. 2015.

    >>> import fastnn
    >>> PReLU()(fastnn.tensor([-1.0, 2.0])).detach()
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
        self.num_parameters = check.width("num_parameters", num_parameters)
        self.init = check.real("init", init)
        real = check.real_dtype(dtype)
        self.weight = Parameter(np.full(self.num_parameters, self.init, real))

    def reset_parameters(self) -> None:
        """All slopes back to `init`."""
        start.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """x or weight * x."""
        return prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"

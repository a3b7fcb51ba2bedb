"""Piecewise activations: hard sigmoid, hard tanh, hard swish, shrinkage."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn._support import check
from fastnn.nn.activations.base import Elementwise, Plain, checked
from fastnn.tensor import Tensor

__all__ = [
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Softshrink",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "softshrink",
]


def _between(input: Tensor, low: float, high: float, below: Any, middle: Any, above: Any) -> Tensor:
    """below where x <= low, above where x >= high, else middle."""
    x = input.detach()
    return ops.where(ops.le(x, low), below, ops.where(ops.ge(x, high), above, middle))


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Hard tanh: x between min_val and max_val, elementwise; the derivative is 0 there and beyond.

    See `nn.Hardtanh`; `inplace` has no effect.
    """
    checked(input, inplace)
    low, high = _bounds(min_val, max_val)
    return _between(input, low, high, low, input, high)


def _bounds(min_val: float, max_val: float) -> tuple[float, float]:
    low = check.real("min_val", min_val)
    return low, check.real("max_val", max_val, low)


class Hardtanh(Elementwise):
    """Hard tanh: y = min(max(x, min_val), max_val), elementwise; the derivative at the bounds is 0.

    Args:
        min_val: default -1.
        max_val: default 1.
        inplace: accepted without effect.

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


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Hard sigmoid: min(max(x + 3, 0), 6) / 6, elementwise. `inplace` has no effect."""
    checked(input, inplace)
    x = input.detach()
    middle = ops.div(ops.add(input, 3.0), 6.0)
    above = ops.minimum(x, 1.0)  # nan stays, and has the gradient 0, as in torch
    return ops.where(ops.le(x, -3.0), 0.0, ops.where(ops.lt(x, 3.0), middle, above))


class Hardsigmoid(Plain):
    """Hard sigmoid: y = min(max(x + 3, 0), 6) / 6, elementwise.

    Args:
        inplace: accepted without effect.

    >>> import fastnn
    >>> Hardsigmoid()(fastnn.tensor([-3.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """(x + 3) / 6 within 0..1."""
        return hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Hard swish: x min(max(x + 3, 0), 6) / 6, elementwise. `inplace` has no effect."""
    checked(input, inplace)
    x = input.detach()
    within = ops.where(ops.lt(ops.abs(x), 3.0), input, 0.0)  # no inf - inf in its gradient
    middle = ops.div(ops.mul(within, ops.add(within, 3.0)), 6.0)
    return ops.where(ops.le(x, -3.0), 0.0, ops.where(ops.lt(x, 3.0), middle, input))


class Hardswish(Plain):
    """Hard swish: y = x min(max(x + 3, 0), 6) / 6, elementwise.

    Args:
        inplace: accepted without effect.

    Source: Howard et al. 2019.

    >>> import fastnn
    >>> Hardswish()(fastnn.tensor([-4.0, 1.0, 4.0]))
    tensor([0.0000, 0.6667, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x hardsigmoid(x)."""
        return hardswish(input)


class _Shrink(Elementwise):
    """Base class of the shrinkage activations, which are 0 near 0.

    Args:
        lambd: the half-width of the zero interval.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = check.real("lambd", lambd)

    def extra_repr(self) -> str:
        """How far."""
        return f"{self.lambd:g}"


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Soft shrinkage: x - lambd where x > lambd, x + lambd where x < -lambd, else 0; lambd >= 0."""
    checked(input)
    width, x = check.real("lambd", lambd, 0.0), input.detach()
    below = ops.where(ops.ge(x, -width), 0.0, ops.add(input, width))  # nan, too, stays
    return ops.where(ops.gt(x, width), ops.sub(input, width), below)


class Softshrink(_Shrink):
    """Soft shrinkage.

    y = x - lambd where x > lambd, x + lambd where x < -lambd, else 0, elementwise.

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


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Hard shrinkage: x where |x| > lambd, else 0."""
    checked(input)
    width = check.real("lambd", lambd)
    return ops.where(ops.le(ops.abs(input.detach()), width), 0.0, input)


class Hardshrink(_Shrink):
    """Hard shrinkage: y = x where |x| > lambd, else 0, elementwise.

    Args:
        lambd: default 0.5.

    >>> import fastnn
    >>> Hardshrink()(fastnn.tensor([-1.0, 0.2, 1.0]))
    tensor([-1.,  0.,  1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x, and 0 near 0."""
        return hardshrink(input, self.lambd)

"""Piecewise activations: hard sigmoid, hard tanh, hard swish, shrinkage."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError
from fastnn.nn.activations.base import Elementwise, Plain, checked, into, limit_for
from fastnn.ops.table import taped
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_

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
    "hardtanh_",
    "softshrink",
]


def _between(x: Tensor, low: float, high: float, below: Any, middle: Any, above: Any) -> Tensor:
    """below where x <= low, above where x >= high, else middle; nan is in the middle."""
    return ops.where(ops.le(x, low), below, ops.where(ops.ge(x, high), above, middle))


def _line_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """slope where low < x < high, else 0, at nan too."""
    x, (low, high, slope) = node.input(0).detach(), node.attrs
    inside = ops.bitwise_and(ops.gt(x, low), ops.lt(x, high))
    return (ops.where(inside, dy if slope == 1.0 else ops.mul(dy, slope), 0.0),)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Hard tanh: x between min_val and max_val, elementwise; the derivative is 0 there and beyond.

    See `nn.Hardtanh`; `inplace`: in x.
    """
    checked(input, inplace)
    if input.dtype == bool_:
        raise InvalidTypeError("input: expected numbers, got bool; use .float()")
    if inplace:
        return into(input, "hardtanh_", lambda x: hardtanh(x, min_val, max_val))
    bounds = _bounds(min_val, max_val)
    if min(bounds) < 0 and input._array.dtype.kind == "u":
        raise RuntimeError(
            "hardtanh: cannot do hardtanh on an unsigned type with negative limits: expected "
            f"min_val and max_val of at least 0, got {bounds}"
        )
    low, high = (limit_for(input, bound) for bound in bounds)
    x = input.detach()
    value = _between(x, low, high, low, x, high)
    return taped(_line_gradient, (input,), value._array, (low, high, 1.0))


def _bounds(min_val: float, max_val: float) -> tuple[float, float]:
    low = check.real("min_val", min_val)
    return low, check.real("max_val", max_val, low)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` written into x."""
    return hardtanh(input, min_val, max_val, True)


class Hardtanh(Elementwise):
    """Hard tanh: y = min(max(x, min_val), max_val), elementwise; the derivative at the bounds is 0.

    Args:
        min_val: default -1.
        max_val: default 1.
        inplace: write the result into x, default False.
        min_value, max_value: torch's older names of the two.

    Raises:
        ValueError: max_val below min_val.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Hardtanh()(fastnn.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    min_val: float
    max_val: float

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        self.inplace: bool = check.flag("inplace", inplace)
        for name, given in (("min_val", min_value), ("max_val", max_value)):
            if given is not None:
                check.real(f"{name}ue", given)
                text = f"keyword argument `{name}ue` is deprecated and renamed to `{name}`"
                warnings.warn(text, FutureWarning, stacklevel=2)
        min_val = min_val if min_value is None else min_value
        max_val = max_val if max_value is None else max_value
        self.min_val, self.max_val = _bounds(min_val, max_val)

    def forward(self, input: Tensor) -> Tensor:
        """x within the bounds."""
        return hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The bounds."""
        return self._and_inplace(f"min_val={self.min_val:g}, max_val={self.max_val:g}")


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Hard sigmoid: min(max(x + 3, 0), 6) / 6, elementwise. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "hardsigmoid_", lambda x: hardsigmoid(x))
    x = input.detach()
    value = _between(x, -3.0, 3.0, 0.0, ops.div(ops.add(x, 3.0), 6.0), 1.0)
    return taped(_line_gradient, (input,), value._array, (-3.0, 3.0, 1 / 6))


class Hardsigmoid(Plain):
    """Hard sigmoid: y = min(max(x + 3, 0), 6) / 6, elementwise.

    Args:
        inplace: write the result into x, default False.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Hardsigmoid()(fastnn.tensor([-3.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """(x + 3) / 6 within 0..1."""
        return hardsigmoid(input, self.inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Hard swish: x min(max(x + 3, 0), 6) / 6, by element; nan at -inf. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "hardswish_", lambda x: hardswish(x))
    x = input.detach()
    middle = ops.div(ops.mul(x, ops.add(x, 3.0)), 6.0)
    value = _between(x, -3.0, 3.0, ops.mul(x, 0.0), middle, x)
    return taped(_hardswish_gradient, (input,), value._array)


def _hardswish_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """0 up to -3, 1 from 3 on, and x / 3 + 1 / 2 between."""
    x = node.input(0)
    slope = ops.add(ops.div(x, 3.0), 0.5)
    return (ops.mul(dy, _between(x.detach(), -3.0, 3.0, 0.0, slope, 1.0)),)


class Hardswish(Plain):
    """Hard swish: y = x min(max(x + 3, 0), 6) / 6, elementwise.

    Args:
        inplace: write the result into x, default False.

    Source: Howard et al. 2019.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Hardswish()(fastnn.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x hardsigmoid(x)."""
        return hardswish(input, self.inplace)


class _Shrink(Elementwise):
    """Base class of the shrinkage activations, which are 0 near 0.

    Args:
        lambd: the half-width of the zero interval.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd: float = check.real("lambd", lambd)

    def extra_repr(self) -> str:
        """How far."""
        return f"{self.lambd:g}"


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Soft shrinkage: x - lambd where x > lambd, x + lambd where x < -lambd, else 0; lambd >= 0."""
    checked(input)
    width, x = check.real("lambd", lambd, 0.0), input.detach()
    below = ops.where(ops.ge(x, -width), 0.0, ops.add(x, width))  # nan, too, stays
    value = ops.where(ops.gt(x, width), ops.sub(x, width), below)
    return taped(_shrink_gradient, (input,), value._array, (width,))


def _shrink_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """1 where |x| > width, else 0, at nan too."""
    (width,) = node.attrs
    return (ops.where(ops.gt(ops.abs(node.input(0).detach()), width), dy, 0.0),)


class Softshrink(_Shrink):
    """Soft shrinkage.

    y = x - lambd where x > lambd, x + lambd where x < -lambd, else 0, elementwise.

    Args:
        lambd: at least 0, default 0.5.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Softshrink()(fastnn.tensor([-1.0, 0.2, 1.0]))
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
    width, x = check.real("lambd", lambd), input.detach()
    value = ops.where(ops.le(ops.abs(x), width), 0.0, x)
    return taped(_shrink_gradient, (input,), value._array, (width,))


class Hardshrink(_Shrink):
    """Hard shrinkage: y = x where |x| > lambd, else 0, elementwise.

    Args:
        lambd: default 0.5.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Hardshrink()(fastnn.tensor([-1.0, 0.2, 1.0]))
    tensor([-1.,  0.,  1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x, and 0 near 0."""
        return hardshrink(input, self.lambd)

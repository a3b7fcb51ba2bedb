"""Exponentials and logarithms to other bases, hyperbolic and trigonometric functions, inverses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fastnn._support import check, dtypes
from fastnn._support.dtypes import HALVES, float32
from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import (
    abs,
    add,
    cos,
    div,
    eq,
    exp,
    log1p,
    lt,
    maximum,
    mul,
    neg,
    sigmoid,
    sin,
    sqrt,
    square,
    sub,
    where,
)
from fastnn.ops.pointwise import isnan
from fastnn.ops.promote import cast, pair, real
from fastnn.ops.rules import binary, each, tensors, unary, written
from fastnn.ops.table import taped
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.rules import Binary, Unary

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh",
    "asin", "asinh", "atan", "atan2", "atanh", "cosh", "deg2rad", "exp2", "hypot", "log10", "log2",
    "logaddexp", "logaddexp2", "rad2deg", "sinc", "sinh", "tan",
]  # fmt: skip


exp2: Unary = unary(
    "exp2",
    "2**x; exact at whole numbers.",
    lambda node, dy: mul(dy, mul(node.output(), math.log(2.0))),
)
log2: Unary = unary(
    "log2",
    "The logarithm to base 2; exact at powers of 2.",
    lambda node, dy: div(dy, mul(node.input(0), math.log(2.0))),
)
log10: Unary = unary(
    "log10",
    "The logarithm to base 10; exact at powers of 10.",
    lambda node, dy: div(dy, mul(node.input(0), math.log(10.0))),
)
sinh: Unary = unary(
    "sinh",
    "The hyperbolic sine, (e**x - e**-x) / 2.",
    lambda node, dy: mul(dy, cosh(node.input(0))),
)
cosh: Unary = unary(
    "cosh",
    "The hyperbolic cosine, (e**x + e**-x) / 2.",
    lambda node, dy: mul(dy, sinh(node.input(0))),
)


def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Tangent: sin(x) / cos(x)."""
    if out is not None:
        return written("tan", tan(input), out)
    return div(sin(input), cos(input))


# 1 - x^2 as (1 - x) (1 + x), and x^2 - 1 likewise, keep their digits where they are small.


def _one_less_square(x: Tensor) -> Tensor:
    return mul(sub(1.0, x), add(x, 1.0))


asin: Unary = unary(
    "asin",
    "The angle in -pi/2..pi/2 whose sine is x; nan beyond -1..1.",
    lambda node, dy: div(dy, sqrt(_one_less_square(node.input(0)))),
)
acos: Unary = unary(
    "acos",
    "The angle in 0..pi whose cosine is x; nan beyond -1..1.",
    lambda node, dy: neg(div(dy, sqrt(_one_less_square(node.input(0))))),
)
atan: Unary = unary(
    "atan",
    "The angle in -pi/2..pi/2 whose tangent is x.",
    lambda node, dy: div(dy, add(square(node.input(0)), 1.0)),
)
asinh: Unary = unary(
    "asinh",
    "The inverse of sinh, log(x + sqrt(x*x + 1)).",
    lambda node, dy: div(dy, _hypot(node.input(0), 1.0)),
)
acosh: Unary = unary(
    "acosh",
    "The inverse of cosh, log(x + sqrt(x*x - 1)); nan below 1.",
    lambda node, dy: div(dy, sqrt(mul(sub(node.input(0), 1.0), add(node.input(0), 1.0)))),
)
atanh: Unary = unary(
    "atanh",
    "The inverse of tanh, log((1 + x) / (1 - x)) / 2; +-inf at +-1, nan beyond.",
    lambda node, dy: div(dy, _one_less_square(node.input(0))),
)


def _over_square(dy: Tensor, part: Tensor, node: Node) -> Tensor:
    """dy part / (a*a + b*b), without overflow; 0 where both are 0, as in torch."""
    length = _hypot(node.input(0), node.input(1))
    length = where(eq(length.detach(), 0.0), math.inf, length)
    return mul(dy, div(div(part, length), length))


_atan2: Binary = binary(
    "atan2",
    "The angle of the point (b, a).",
    each(
        lambda node, dy: _over_square(dy, node.input(1), node),
        lambda node, dy: _over_square(dy, neg(node.input(0)), node),
    ),
    floats=True,
)
_hypot: Binary = binary(
    "hypot",
    "sqrt(a^2 + b^2).",
    each(
        lambda node, dy: mul(dy, div(node.input(0), node.output())),
        lambda node, dy: mul(dy, div(node.input(1), node.output())),
    ),
    floats=True,
)


def atan2(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle of the point (other, input) in -pi..pi, from the axis of `other`."""
    if out is not None:
        return written("atan2", atan2(input, other), out)
    tensors(input, other)
    return _atan2(input, other)


def hypot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sqrt(input^2 + other^2) without overflow; inf where either is infinite."""
    if out is not None:
        return written("hypot", hypot(input, other), out)
    tensors(input, other)
    return _hypot(input, other)


def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Degrees to radians: x pi / 180."""
    if out is not None:
        return written("deg2rad", deg2rad(input), out)
    check.a_tensor("input", input)
    return mul(real(input), math.pi / 180)


def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Radians to degrees: x 180 / pi."""
    if out is not None:
        return written("rad2deg", rad2deg(input), out)
    check.a_tensor("input", input)
    return mul(real(input), 180 / math.pi)


def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    if out is not None:
        return written("sinc", sinc(input), out)
    check.a_tensor("input", input)
    x = real(input)
    if x._array.dtype in HALVES:  # whose pi x is too coarse
        return cast(sinc(cast(x, float32)), x._array.dtype)
    angle = mul(x.detach(), math.pi)
    zero = eq(angle, 0.0)
    value = where(zero, 1.0, div(sin(angle), where(zero, 1.0, angle)))
    return taped(_sinc_gradient, (x,), value._array)


_SINC_SLOPE = (1 / 3, -1 / 30, 1 / 840, -1 / 45360, 1 / 3991680, -1 / 518918400, 1 / 93405312000)


def _sinc_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """(cos(pi x) - sinc x) / x, and its Taylor series where that loses digits."""
    x = node.input(0)
    near = lt(abs(x.detach()), 0.25)
    small, large = where(near, x, 0.0), where(near, 1.0, x)
    z = square(mul(small, math.pi))
    series = mul(z, 0.0)
    for term in reversed(_SINC_SLOPE):
        series = add(mul(series, z), term)
    slope = div(sub(cos(mul(large, math.pi)), sinc(large)), large)
    return (mul(dy, where(near, mul(series, mul(small, -(math.pi**2))), slope)),)


def _logaddexp_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """The share of each: 1 / (1 + e**(b - a)) and 1 / (1 + e**(a - b))."""
    a, b = node.input(0), node.input(1)
    return (
        unbroadcast(mul(dy, sigmoid(sub(a, b))), a.shape) if node.needs(0) else None,
        unbroadcast(mul(dy, sigmoid(sub(b, a))), b.shape) if node.needs(1) else None,
    )


def logaddexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log(exp(input) + exp(other)), shifted by the larger of the two against overflow."""
    if out is not None:
        return written("logaddexp", logaddexp(input, other), out)
    tensors(input, other)
    a, b = (real(x) for x in pair(input, other))
    low = _gap(a.detach(), b.detach())
    return taped(
        _logaddexp_gradient, (a, b), add(maximum(a.detach(), b.detach()), log1p(exp(low)))._array
    )


def logaddexp2(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log2(2**input + 2**other), shifted by the larger of the two against overflow."""
    if out is not None:
        return written("logaddexp2", logaddexp2(input, other), out)
    tensors(input, other)
    a, b = (real(x) for x in pair(input, other))
    low = _gap(a.detach(), b.detach())
    rest = mul(log1p(exp2(low)), 1 / math.log(2.0))
    return taped(_logaddexp2_gradient, (a, b), add(maximum(a.detach(), b.detach()), rest)._array)


def _gap(a: Tensor, b: Tensor) -> Tensor:
    """-|a - b|; 0 where both are one infinity, -inf where either is nan, which comes by max."""
    gap = neg(abs(sub(a, b)))
    return where(
        isnan(gap), where(eq(a, b), of_array(dtypes.number(0.0, gap.dtype)), -math.inf), gap
    )


def _logaddexp2_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    a, b = node.input(0), node.input(1)
    gap = mul(sub(a, b), math.log(2.0))
    return (
        unbroadcast(mul(dy, sigmoid(gap)), a.shape) if node.needs(0) else None,
        unbroadcast(mul(dy, sigmoid(neg(gap))), b.shape) if node.needs(1) else None,
    )


arcsin: Unary = asin
arccos: Unary = acos
arctan: Unary = atan
arctan2: Final = atan2
arcsinh: Unary = asinh
arccosh: Unary = acosh
arctanh: Unary = atanh

METHODS = methods(
    acos, acosh, asin, asinh, atan, atan2, atanh, cosh, deg2rad, exp2, hypot, log10, log2,
    logaddexp, logaddexp2, rad2deg, sinc, sinh, tan,
    arccos=acos, arccosh=acosh, arcsin=asin, arcsinh=asinh, arctan=atan, arctan2=atan2,
    arctanh=atanh,
)  # fmt: skip

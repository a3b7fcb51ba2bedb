"""Signs, parts and neighbours of numbers, and choices between two that look at nan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnn._support import check, dtypes
from fastnn._support.dtype_info import finfo
from fastnn._support.dtypes import HALVES, float32, int32, is_float
from fastnn._support.errors import InvalidTypeError
from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import (
    abs,
    add,
    bitwise_or,
    div,
    eq,
    floor,
    ge,
    gt,
    larger,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    sign,
    sub,
    where,
)
from fastnn.ops.pointwise import isfinite, isnan, logical_and, logical_or, trunc
from fastnn.ops.promote import cast, pair, real
from fastnn.ops.rules import binary, some_tensor, tensors, written
from fastnn.ops.table import taped
from fastnn.ops.transcendental import exp2, log2
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, float64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.rules import Binary
    from fastnn.ops.table import Operand, Scalar

__all__ = [
    "copysign", "fix", "float_power", "fmax", "fmin", "frexp", "heaviside", "isneginf",
    "isposinf", "isreal", "ldexp", "nextafter", "positive", "sgn", "signbit",
]  # fmt: skip


def _copysign_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """1 or -1 by the first, and 0 where it is 0; 0 by the second."""
    a = node.input(0).detach()
    zero = eq(a, 0.0)
    turned = where(zero, 0.0, div(node.output().detach(), where(zero, 1.0, a)))
    by_a = unbroadcast(mul(dy, turned), a.shape) if node.needs(0) else None
    by_b = unbroadcast(mul(dy, 0.0), node.input(1).shape) if node.needs(1) else None
    return by_a, by_b


def _nextafter_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """As in torch: 1 by the first where it moves, 0 by the second."""
    a, b = node.input(0), node.input(1)
    by_a = where(eq(a.detach(), b.detach()), 0.0, dy)
    return (
        unbroadcast(by_a, a.shape) if node.needs(0) else None,
        unbroadcast(mul(dy, 0.0), b.shape) if node.needs(1) else None,
    )


_copysign: Binary = binary("copysign", "|a| with the sign of b.", _copysign_gradient, True)


def copysign(input: Tensor, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """|input| with the sign of other, that of a zero too."""
    if out is not None:
        return written("copysign", copysign(input, other), out)
    check.a_tensor("input", input)
    return _copysign(input, other)


_nextafter: Binary = binary("nextafter", "The next number after a towards b.", _nextafter_gradient)


def nextafter(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The next floating-point number after input towards other; its gradient by input is 1.

    Raises:
        TypeError: whole numbers.
    """
    if out is not None:
        return written("nextafter", nextafter(input, other), out)
    tensors(input, other)
    a, b = pair(input, other)
    if a.dtype.kind != "f":
        raise InvalidTypeError(f"nextafter: expected floating-point tensors, got {a.dtype}")
    if a._array.dtype in dtypes.HALVES:
        return taped(_nextafter_gradient, (a, b), _next_half(a.detach(), b.detach())._array)
    return _nextafter(a, b)


def _next_half(a: Tensor, b: Tensor) -> Tensor:
    """nextafter of float16 or bfloat16, by the step of that dtype at a, in float64."""
    info = finfo(a.dtype)
    x, y = cast(a, float64), cast(b, float64)
    size = abs(x)
    least = larger(size, info.tiny)  # below it the steps stay the same
    power = div(least, mul(frexp(least).mantissa, 2.0))  # of 2, at most `least`
    step = mul(power, info.eps)
    shorter = logical_and(eq(power, size), gt(size, info.tiny))  # the step below a power of 2
    smaller = sub(size, where(shorter, mul(step, 0.5), step))
    away = where(lt(x, 0.0), lt(y, x), gt(y, x))
    moved = where(away, add(size, step), where(eq(size, math.inf), info.max, smaller))
    found = where(eq(x, 0.0), _copysign(info.tiny * info.eps, y), _copysign(moved, x))
    found = where(eq(x, y), y, found)
    return cast(where(logical_or(isnan(x), isnan(y)), math.nan, found), a.dtype)


def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether the sign bit is set: x < 0, and True at -0."""
    if out is not None:
        return written("signbit", signbit(input), out)
    x = input.detach()
    if x.dtype == bool_:
        return ne(x, x)
    return lt(_copysign(1.0, x) if x.dtype.kind == "f" else x, 0)


def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1, as `sign`."""
    if out is not None:
        return written("sgn", sgn(input), out)
    return sign(input)


def positive(input: Tensor) -> Tensor:
    """+x: the input itself.

    Raises:
        TypeError: of a bool tensor.
    """
    if input.dtype == bool_:
        raise InvalidTypeError("positive: expected a tensor of numbers, got bool")
    return input


def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elementwise test for +inf."""
    if out is not None:
        return written("isposinf", isposinf(input), out)
    return eq(real(input.detach()), math.inf)


def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elementwise test for -inf."""
    if out is not None:
        return written("isneginf", isneginf(input), out)
    return eq(real(input.detach()), -math.inf)


def isreal(input: Tensor) -> Tensor:
    """True for every element: there are no complex numbers."""
    return bitwise_or(eq(input.detach(), input.detach()), True)


def fmax(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The larger of the two; where one is nan, the other. The gradient goes to the one chosen."""
    if out is not None:
        return written("fmax", fmax(input, other), out)
    tensors(input, other)
    a, b = pair(input, other)
    if a.dtype.kind != "f":
        return maximum(a, b)
    return where(logical_or(ge(a.detach(), b.detach()), isnan(b)), a, b)


def fmin(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The smaller of the two; where one is nan, the other. The gradient goes to the one chosen."""
    if out is not None:
        return written("fmin", fmin(input, other), out)
    tensors(input, other)
    a, b = pair(input, other)
    if a.dtype.kind != "f":
        return minimum(a, b)
    return where(logical_or(ge(b.detach(), a.detach()), isnan(b)), a, b)


def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """0 below 0, 1 above, and `values` at 0.

    Raises:
        TypeError: dtypes differ.
    """
    if out is not None:
        return written("heaviside", heaviside(input, values), out)
    tensors(input, values)
    if input.dtype != values.dtype:
        raise InvalidTypeError(f"values: expected {input.dtype} as the input, got {values.dtype}")
    x = input.detach()
    return where(eq(x, 0), values, cast(gt(x, 0), x.dtype))


def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input * 2**other."""
    if out is not None:
        return written("ldexp", ldexp(input, other), out)
    tensors(input, other)
    if input._array.dtype in HALVES and not is_float(other._array.dtype):
        return cast(mul(cast(input, float32), exp2(real(other))), input._array.dtype)
    return mul(input, exp2(real(other, input)))


class Frexp(NamedTuple):
    """What frexp gives."""

    mantissa: Tensor
    exponent: Tensor


def frexp(input: Tensor) -> Frexp:
    """x = mantissa * 2**exponent with |mantissa| in 1/2..1; the exponent of 0, inf and nan is 0.

    Raises:
        TypeError: whole numbers.
    """
    if input.dtype.kind != "f":
        raise InvalidTypeError(f"frexp: expected a floating-point tensor, got {input.dtype}")
    x = input.detach()
    usual = logical_and(isfinite(x), ne(x, 0.0))
    size = abs(where(usual, x, 1.0))
    n = add(floor(log2(size)), 1.0)  # may be one off
    half = floor(mul(n, 0.5))  # in two steps against underflow
    share = mul(mul(size, exp2(neg(half))), exp2(add(half, neg(n))))
    n = add(n, add(cast(ge(share, 1.0), x.dtype), neg(cast(lt(share, 0.5), x.dtype))))
    share = where(ge(share, 1.0), mul(share, 0.5), where(lt(share, 0.5), mul(share, 2.0), share))
    n = where(usual, n, 0.0)
    mantissa = where(usual, copysign(share, x), x)
    return Frexp(taped(_frexp_gradient, (input,), mantissa._array, (n,)), cast(n, int32))


def _frexp_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    (n,) = node.attrs
    half = floor(mul(n, 0.5))
    return (mul(mul(dy, exp2(neg(half))), exp2(add(half, neg(n)))),)


def float_power(input: Operand, exponent: Operand, *, out: Tensor | None = None) -> Tensor:
    """input**exponent in float64."""
    if out is not None:
        return written("float_power", float_power(input, exponent), out)
    some_tensor("float_power", input, exponent)
    a, b = (cast(x, float64) if isinstance(x, Tensor) else _float64(x) for x in (input, exponent))
    return pow(a, b)


def _float64(x: Scalar) -> Tensor:
    return of_array(np.array(x, np.float64))


fix = trunc

METHODS = methods(
    copysign, float_power, fmax, fmin, frexp, heaviside, isneginf, isposinf, isreal, ldexp,
    nextafter, positive, sgn, signbit,
    fix=trunc,
)  # fmt: skip

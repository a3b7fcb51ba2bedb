"""Elementwise functions composed of ops, so that they have gradients of any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn._support.dtype_info import finfo
from fastnn.ops.elementwise import (
    abs,
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    cos,
    div,
    eq,
    exp,
    expm1,
    floor,
    gt,
    log,
    log1p,
    lt,
    maximum,
    mul,
    ne,
    neg,
    remainder,
    sigmoid,
    sin,
    sqrt,
    square,
    sub,
    where,
)
from fastnn.ops.names import both_names
from fastnn.ops.promote import cast, pair, real
from fastnn.ops.table import taped
from fastnn.ops.write import value_of
from fastnn.tape import listener
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

__all__ = [
    "addcdiv", "addcmul", "allclose", "bitwise_not", "ceil", "clamp", "clamp_max", "clamp_min",
    "clip", "cosh", "equal", "exp2", "fmod", "frac", "hypot", "isclose", "isfinite", "isinf",
    "isnan", "log10", "log2", "logaddexp", "logical_and", "logical_not", "logical_or",
    "logical_xor", "masked_fill", "nan_to_num", "reciprocal", "rsqrt", "sinh", "tan", "trunc",
]  # fmt: skip


def ceil(input: Tensor) -> Tensor:
    """Ceiling: the smallest integer >= x."""
    return neg(floor(neg(input))) if input.dtype.kind == "f" else floor(input)


def trunc(input: Tensor) -> Tensor:
    """Truncation: x rounded towards zero."""
    return (
        where(lt(input, 0.0), ceil(input), floor(input))
        if input.dtype.kind == "f"
        else floor(input)
    )


def frac(input: Tensor) -> Tensor:
    """Fractional part: x - trunc(x)."""
    return sub(input, trunc(input))


def rsqrt(input: Tensor) -> Tensor:
    """Reciprocal square root: 1 / sqrt(x)."""
    return div(1.0, sqrt(input))


def reciprocal(input: Tensor) -> Tensor:
    """Reciprocal: 1 / x."""
    return div(1.0, input)


def log2(input: Tensor) -> Tensor:
    """Base-2 logarithm: log(x) / log(2)."""
    return div(log(input), math.log(2.0))


def log10(input: Tensor) -> Tensor:
    """Base-10 logarithm: log(x) / log(10)."""
    return div(log(input), math.log(10.0))


def exp2(input: Tensor) -> Tensor:
    """Base-2 exponential: 2**x = exp(x log 2)."""
    return exp(mul(real(input), math.log(2.0)))


def tan(input: Tensor) -> Tensor:
    """Tangent: sin(x) / cos(x)."""
    return div(sin(input), cos(input))


def sinh(input: Tensor) -> Tensor:
    """Hyperbolic sine, computed as (t - u) / 2, t = e**x - 1, u = e**-x - 1: exact near 0."""
    input = real(input)
    return mul(sub(expm1(input), expm1(neg(input))), 0.5)


def cosh(input: Tensor) -> Tensor:
    """Hyperbolic cosine: (e**x + e**-x) / 2."""
    input = real(input)
    return mul(add(exp(input), exp(neg(input))), 0.5)


def _softplus_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (mul(dy, sigmoid(node.input(0))),)


def _unit_softplus(x: Tensor) -> Tensor:
    """log(1 + e**x) as max(x, 0) + log1p(e**-|x|), with the sigmoid as its gradient."""
    z = x.detach()
    y = add(maximum(z, 0.0), log1p(exp(neg(abs(z)))))
    return taped(_softplus_gradient, (x,), y._array)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta input)) / beta, and input itself where beta input is above the threshold."""
    input = real(input)
    z = input if beta == 1.0 else mul(input, beta)
    y = _unit_softplus(z)
    return where(gt(z.detach(), threshold), input, y if beta == 1.0 else div(y, beta))


def fmod(input: Operand, other: Operand) -> Tensor:
    """input - trunc(input / other) other, exactly: the remainder with the sign of input."""
    a, b = pair(input, other)
    below = lt(a, 0)
    left = remainder(where(below, neg(a), a), abs(b))
    return where(below, neg(left), left)


def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), shifted by the larger of the two against overflow."""
    a, b = pair(input, other)
    low = neg(abs(sub(a, b)))
    return add(maximum(a, b), log1p(exp(where(isnan(low), 0.0, low))))


def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input^2 + other^2), scaled by the larger of the two against overflow."""
    a, b = pair(input, other)
    most = maximum(abs(a.detach()), abs(b.detach()))
    scale = where(logical_and(isfinite(most), gt(most, 0)), most, 1.0)
    return mul(sqrt(add(square(div(a, scale)), square(div(b, scale)))), scale)


def nan_to_num(
    input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Replace nan and infinities; by default by 0 and the dtype's largest finite numbers."""
    if input.dtype.kind != "f":
        return input
    most = finfo(input.dtype).max
    y = where(eq(input, math.inf), most if posinf is None else posinf, input)
    y = where(eq(input, -math.inf), -most if neginf is None else neginf, y)
    return where(isnan(input), nan, y)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: float = 1.0) -> Tensor:
    """input + value tensor1 tensor2."""
    return add(input, mul(mul(tensor1, tensor2), value))


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: float = 1.0) -> Tensor:
    """input + value tensor1 / tensor2."""
    return add(input, mul(div(tensor1, tensor2), value))


@both_names
def clamp(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """Clamp to min..max; the gradient at the bounds is 1.

    Raises:
        ValueError: neither end.
    """
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both")
    y = input
    if min is not None:
        y = where(lt(y.detach(), _off(min)), min, y)
    if max is not None:
        y = where(gt(y.detach(), _off(max)), max, y)
    return y


def clamp_min(input: Tensor, min: Operand) -> Tensor:
    """Clamp from below: max(input, min)."""
    return clamp(input, min)


def clamp_max(input: Tensor, max: Operand) -> Tensor:
    """Clamp from above: min(input, max)."""
    return clamp(input, None, max)


def _off(x: Operand) -> Operand:
    return x.detach() if isinstance(x, Tensor) else x


# ---- logic ----


def truth(x: Operand) -> Tensor:
    """Truth value: x != 0, as bool."""
    if isinstance(x, Tensor):
        return x if x.dtype == bool_ else ne(x.detach(), 0)
    return Tensor(np.array(bool(x)))


def logical_and(input: Operand, other: Operand) -> Tensor:
    """Elementwise logical and: both are not 0."""
    return bitwise_and(truth(input), truth(other))


def logical_or(input: Operand, other: Operand) -> Tensor:
    """Elementwise logical or: at least one is not 0."""
    return bitwise_or(truth(input), truth(other))


def logical_xor(input: Operand, other: Operand) -> Tensor:
    """Elementwise logical xor: exactly one is not 0."""
    return bitwise_xor(truth(input), truth(other))


def logical_not(input: Operand) -> Tensor:
    """Elementwise logical not: x == 0."""
    return bitwise_xor(truth(input), True)


def bitwise_not(input: Tensor) -> Tensor:
    """Bitwise not, ~x: logical not for bool, -x - 1 for int64."""
    return bitwise_xor(input, True if input.dtype == bool_ else -1)


def isnan(input: Tensor) -> Tensor:
    """Elementwise NaN test."""
    return ne(input.detach(), input.detach())


def isinf(input: Tensor) -> Tensor:
    """Elementwise test for inf and -inf."""
    return eq(abs(real(input.detach())), math.inf)


def isfinite(input: Tensor) -> Tensor:
    """Elementwise finiteness test: neither inf nor nan."""
    return lt(abs(real(input.detach())), math.inf)


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """|input - other| <= atol + rtol |other|, or both the same infinity (or nan: `equal_nan`)."""
    x, y = (real(t.detach()) for t in pair(input, other))
    bound = add(mul(abs(y), rtol), atol)
    # The bound of an infinity is infinite: only the same one is close to it.
    close = logical_and(isfinite(y), logical_not(gt(abs(sub(x, y)), bound)))
    found = logical_or(eq(x, y), logical_and(close, isfinite(x)))
    return logical_or(found, logical_and(isnan(x), isnan(y))) if equal_nan else found


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as a Python bool; see `isclose`."""
    listener.refuse("its values were compared (allclose)")
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are equal, as a Python bool."""
    listener.refuse("its values were compared (equal)")
    return input.shape == other.shape and bool(eq(input, other)._array.all())


def masked_fill(input: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """`value` where the mask is True, else input; of input's dtype.

    Raises:
        TypeError: a mask that is not bool. RuntimeError: a number beyond an integer dtype.
    """
    if mask.dtype != bool_:
        raise TypeError(f"mask: expected a bool tensor, got {mask.dtype}; convert by .bool()")
    value = cast(value, input.dtype) if isinstance(value, Tensor) else value_of(value, input)
    return where(mask, value, input)


clip = clamp

METHODS = methods(
    ceil, trunc, frac, rsqrt, reciprocal, log2, log10, exp2, tan, sinh, cosh, fmod, logaddexp,
    nan_to_num, addcmul, addcdiv, clamp, clamp_min, clamp_max, logical_and, logical_or,
    logical_xor, logical_not, isnan, isinf, isfinite, isclose, allclose, equal, masked_fill,
    clip=clamp,
)  # fmt: skip

"""Elementwise functions composed of ops, so that they have gradients of any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn._support import check
from fastnn._support.dtype_info import finfo
from fastnn._support.dtypes import is_float
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import (
    abs,
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    copy,
    div,
    eq,
    exp,
    floor,
    floored,
    ge,
    gt,
    larger,
    le,
    log1p,
    lt,
    mul,
    ne,
    neg,
    remainder,
    sigmoid,
    sign,
    sqrt,
    step_gradient,
    sub,
    where,
)
from fastnn.ops.names import both_names
from fastnn.ops.promote import pair, real
from fastnn.ops.rules import tensors, written
from fastnn.ops.table import taped
from fastnn.tape import listener
from fastnn.tape.inference import free_for
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

__all__ = [
    "addcdiv", "addcmul", "allclose", "bitwise_not", "ceil", "clamp", "clamp_max", "clamp_min",
    "clip", "equal", "fmod", "frac", "isclose", "isfinite", "isinf",
    "isnan", "logical_and", "logical_not", "logical_or",
    "logical_xor", "nan_to_num", "reciprocal", "rsqrt", "trunc",
]  # fmt: skip


def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Ceiling: the smallest integer >= x."""
    if out is not None:
        return written("ceil", ceil(input), out)
    return neg(floor(neg(input))) if input.dtype.kind == "f" else floor(input)


def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Truncation: x rounded towards zero."""
    if out is not None:
        return written("trunc", trunc(input), out)
    if input.dtype.kind != "f":
        return floor(input)
    x = input.detach()
    return taped(step_gradient, (input,), where(lt(x, 0.0), ceil(x), floor(x))._array)


def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Fractional part: x - trunc(x)."""
    if out is not None:
        return written("frac", frac(input), out)
    return sub(input, trunc(input))


def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Reciprocal square root: 1 / sqrt(x)."""
    if out is not None:
        return written("rsqrt", rsqrt(input), out)
    return div(1.0, sqrt(input))


def reciprocal(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Reciprocal: 1 / x."""
    if out is not None:
        return written("reciprocal", reciprocal(input), out)
    check.a_tensor("input", input)
    return div(1.0, input)


def _softplus_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (mul(dy, sigmoid(node.input(0))),)


def _unit_softplus(x: Tensor) -> Tensor:
    """log(1 + e**x) as max(x, 0) + log1p(e**-|x|), with the sigmoid as its gradient."""
    z = x.detach()
    y = add(larger(z, 0.0), log1p(exp(neg(abs(z)))))
    return taped(_softplus_gradient, (x,), y._array)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta input)) / beta, and input itself where beta input is above the threshold."""
    input = real(input)
    z = input if beta == 1.0 else mul(input, beta)
    y = _unit_softplus(z)
    return where(gt(z.detach(), threshold), input, y if beta == 1.0 else div(y, beta))


def fmod(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """input - trunc(input / other) other, exactly: the remainder with the sign of input."""
    if out is not None:
        return written("fmod", fmod(input, other), out)
    check.a_tensor("input", input)
    a, b = pair(input, other)
    x, y = a.detach(), b.detach()
    if not is_float(x._array.dtype):  # |x| of the least integer would overflow
        rest = remainder(x, y)
        return where(other_sign(rest, x), sub(rest, y), rest)
    below = lt(x, 0)
    left = remainder(where(below, neg(x), x), abs(y))
    left = where(below, neg(left), left)
    return taped(_fmod_gradient, (a, b), left._array)


def other_sign(rest: Tensor, x: Tensor) -> Tensor:
    """Whether the remainder of x, which has the divisor's sign, is not 0 and has not that of x."""
    return bitwise_and(ne(rest, 0), ne(lt(rest, 0), lt(x, 0)))


def _fmod_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """1, and -trunc(a / b)."""
    a, b = node.input(0), node.input(1)
    by_a = unbroadcast(dy, a.shape) if node.needs(0) else None
    if not node.needs(1):
        return by_a, None
    size = floored(abs(a), abs(b))
    turned = mul(sign(a.detach()), sign(b.detach()))
    quotient = where(isfinite(size), mul(size, turned), div(a.detach(), b.detach()))
    return by_a, unbroadcast(neg(mul(dy, quotient)), b.shape)


free_for(_fmod_gradient, 0)


def nan_to_num(
    input: Tensor,
    nan: float | None = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Replace nan and infinities; by default by 0 and the dtype's largest finite numbers."""
    if out is not None:
        return written("nan_to_num", nan_to_num(input, nan, posinf, neginf), out)
    if input.dtype.kind != "f":
        return copy(input)
    most = finfo(input.dtype).max
    y = where(eq(input, math.inf), most if posinf is None else posinf, input)
    y = where(eq(input, -math.inf), -most if neginf is None else neginf, y)
    return where(isnan(input), 0.0 if nan is None else nan, y)


def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, value: float = 1, *, out: Tensor | None = None
) -> Tensor:
    """input + value tensor1 tensor2; value is rounded towards zero if all are whole numbers."""
    if out is not None:
        return written("addcmul", addcmul(input, tensor1, tensor2, value), out)
    tensors(tensor1, tensor2, ("tensor1", "tensor2"))
    product = mul(tensor1, tensor2)
    if not any(is_float(x._array.dtype) for x in (input, product)):
        value = int(value)
    return add(input, mul(product, value))


def addcdiv(
    input: Tensor,
    tensor1: Tensor,
    tensor2: Tensor,
    value: float = 1.0,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """input + value tensor1 / tensor2.

    Raises:
        TypeError: tensor1 and tensor2 of whole numbers; what to round is left open, as in torch.
    """
    if out is not None:
        return written("addcdiv", addcdiv(input, tensor1, tensor2, value), out)
    tensors(tensor1, tensor2, ("tensor1", "tensor2"))
    if not any(is_float(x._array.dtype) for x in (tensor1, tensor2)):
        raise InvalidTypeError(
            f"addcdiv: expected floating-point numbers in tensor1 or tensor2, got "
            f"{tensor1.dtype} and {tensor2.dtype}; use .float()"
        )
    return add(input, mul(div(tensor1, tensor2), value))


@both_names
def clamp(
    input: Tensor,
    min: Operand | None = None,
    max: Operand | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Clamp to min..max; nan where either is nan. The gradient at the bounds is 1.

    Raises:
        ValueError: neither end.
    """
    if out is not None:
        return written("clamp", clamp(input, min, max), out)
    check.a_tensor("input", input)
    if min is None and max is None:
        raise InvalidValueError("clamp: expected min, max or both")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_by_tensors(input, min, max)
    y = input.detach()
    if min is not None:
        y = where(lt(y, min), min, y) if min == min else mul(y, min)
    if max is not None:
        y = where(gt(y, max), max, y) if max == max else mul(y, max)
    return taped(_clamp_gradient, (input,), y._array, (min, max))


def _clamp_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """1 within the bounds and at them."""
    x, (low, high) = node.input(0).detach(), node.attrs
    inside = eq(x, x) if low is None else ge(x, low)
    if high is not None:
        inside = bitwise_and(inside, le(x, high))
    return (where(inside, dy, 0.0),)


def _clamp_by_tensors(input: Tensor, min: Operand | None, max: Operand | None) -> Tensor:
    """The gradient goes to the one that is chosen; to input at the bounds."""
    y = input
    for bound, beyond in ((min, lt), (max, gt)):
        if bound is not None:
            x, limit = pair(y, bound)
            passed = beyond(x.detach(), limit.detach())
            y = where(passed, limit, x)
            if y.dtype.kind == "f":
                y = where(bitwise_or(isnan(x), isnan(limit)), math.nan, y)
    return y


def clamp_min(input: Tensor, min: Operand, *, out: Tensor | None = None) -> Tensor:
    """Clamp from below: max(input, min)."""
    if out is not None:
        return written("clamp_min", clamp_min(input, min), out)
    return clamp(input, min)


def clamp_max(input: Tensor, max: Operand, *, out: Tensor | None = None) -> Tensor:
    """Clamp from above: min(input, max)."""
    if out is not None:
        return written("clamp_max", clamp_max(input, max), out)
    return clamp(input, None, max)


# ---- logic ----


def truth(x: Tensor) -> Tensor:
    """Truth value: x != 0, as bool."""
    return x if x.dtype == bool_ else ne(x.detach(), 0)


def logical_and(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elementwise logical and: both are not 0."""
    if out is not None:
        return written("logical_and", logical_and(input, other), out)
    tensors(input, other)
    return bitwise_and(truth(input), truth(other))


def logical_or(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elementwise logical or: at least one is not 0."""
    if out is not None:
        return written("logical_or", logical_or(input, other), out)
    tensors(input, other)
    return bitwise_or(truth(input), truth(other))


def logical_xor(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elementwise logical xor: exactly one is not 0."""
    if out is not None:
        return written("logical_xor", logical_xor(input, other), out)
    tensors(input, other)
    return bitwise_xor(truth(input), truth(other))


def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elementwise logical not: x == 0."""
    if out is not None:
        return written("logical_not", logical_not(input), out)
    check.a_tensor("input", input)
    return bitwise_xor(truth(input), True)


def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Bitwise not, ~x: logical not for bool, -x - 1 for int64."""
    if out is not None:
        return written("bitwise_not", bitwise_not(input), out)
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
    """|input - other| <= atol + rtol |other|, or both the same infinity (or nan: `equal_nan`).

    Raises:
        TypeError: numbers, or dtypes that differ.
        ValueError: a negative rtol or atol.
    """
    tensors(input, other)
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise InvalidValueError(f"{name}: expected a number >= 0, got {tolerance}")
    if input.dtype != other.dtype:
        raise InvalidTypeError(
            f"other: expected {input.dtype} as input, got {other.dtype}; use .to()"
        )
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
    check.a_tensor("other", other)
    return input.shape == other.shape and bool(eq(input, other)._array.all())


clip = clamp

METHODS = methods(
    ceil, trunc, frac, rsqrt, reciprocal, fmod,
    nan_to_num, addcmul, addcdiv, clamp, clamp_min, clamp_max, logical_and, logical_or,
    logical_xor, logical_not, isnan, isinf, isfinite, isclose, allclose, equal,
    clip=clamp,
)  # fmt: skip

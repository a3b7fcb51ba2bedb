"""Functions by element that are made of rows: gradients of any order come with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

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
    sigmoid,
    sin,
    sqrt,
    sub,
    where,
)
from fastnn.ops.promote import pair
from fastnn.ops.table import real, taped
from fastnn.tape import listener
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_
from fastnn.tensor.methods.names import both_names

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

    Operand = Tensor | Scalar


def ceil(x: Tensor) -> Tensor:
    """The whole number above or at x."""
    return neg(floor(neg(x))) if x.dtype.kind == "f" else floor(x)


def trunc(x: Tensor) -> Tensor:
    """The whole number towards zero."""
    return where(lt(x, 0.0), ceil(x), floor(x)) if x.dtype.kind == "f" else floor(x)


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return div(1.0, sqrt(x))


def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return div(1.0, x)


def log2(x: Tensor) -> Tensor:
    """The logarithm of base 2: log(x) / log(2)."""
    return div(log(x), math.log(2.0))


def log10(x: Tensor) -> Tensor:
    """The logarithm of base 10: log(x) / log(10)."""
    return div(log(x), math.log(10.0))


def exp2(x: Tensor) -> Tensor:
    """2**x = exp(x log 2)."""
    return exp(mul(real(x), math.log(2.0)))


def tan(x: Tensor) -> Tensor:
    """sin(x) / cos(x)."""
    return div(sin(x), cos(x))


def sinh(x: Tensor) -> Tensor:
    """(e**x - e**-x) / 2, as (t - u) / 2 of t = e**x - 1, u = e**-x - 1, exact near 0."""
    x = real(x)
    return mul(sub(expm1(x), expm1(neg(x))), 0.5)


def cosh(x: Tensor) -> Tensor:
    """(e**x + e**-x) / 2."""
    x = real(x)
    return mul(add(exp(x), exp(neg(x))), 0.5)


def _softplus_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (mul(dy, sigmoid(node.input(0))),)


def _unit_softplus(x: Tensor) -> Tensor:
    """log(1 + e**x) as max(x, 0) + log1p(e**-|x|), with the sigmoid as its gradient."""
    z = x.detach()
    y = add(maximum(z, 0.0), log1p(exp(neg(abs(z)))))
    return taped(_softplus_gradient, (x,), y._array)


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold."""
    x = real(x)
    z = x if beta == 1.0 else mul(x, beta)
    y = _unit_softplus(z)
    return where(gt(z.detach(), threshold), x, y if beta == 1.0 else div(y, beta))


@both_names
def clamp(x: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """min where x is below it, max where x is above; the gradient at the ends is 1.

    Raises:
        ValueError: neither end.
    """
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both")
    y = x
    if min is not None:
        y = where(lt(y.detach(), _off(min)), min, y)
    if max is not None:
        y = where(gt(y.detach(), _off(max)), max, y)
    return y


def clamp_min(x: Tensor, min: Operand) -> Tensor:
    """min where x is below it."""
    return clamp(x, min)


def clamp_max(x: Tensor, max: Operand) -> Tensor:
    """max where x is above it."""
    return clamp(x, None, max)


def _off(x: Operand) -> Operand:
    return x.detach() if isinstance(x, Tensor) else x


def truth(x: Operand) -> Tensor:
    """x != 0, as bool."""
    if isinstance(x, Tensor):
        return x if x.dtype == bool_ else ne(x.detach(), 0)
    return Tensor(np.array(bool(x)))


def logical_and(a: Operand, b: Operand) -> Tensor:
    """Whether both are other than 0."""
    return bitwise_and(truth(a), truth(b))


def logical_or(a: Operand, b: Operand) -> Tensor:
    """Whether one of them is other than 0."""
    return bitwise_or(truth(a), truth(b))


def logical_xor(a: Operand, b: Operand) -> Tensor:
    """Whether just one of them is other than 0."""
    return bitwise_xor(truth(a), truth(b))


def logical_not(x: Operand) -> Tensor:
    """Whether it is 0."""
    return bitwise_xor(truth(x), True)


def bitwise_not(x: Tensor) -> Tensor:
    """~x: not of bool, -x - 1 of int64."""
    return bitwise_xor(x, True if x.dtype == bool_ else -1)


def isnan(x: Tensor) -> Tensor:
    """Whether it is not a number."""
    return ne(x.detach(), x.detach())


def isinf(x: Tensor) -> Tensor:
    """Whether it is inf or -inf."""
    return eq(abs(real(x.detach())), math.inf)


def isfinite(x: Tensor) -> Tensor:
    """Whether it is neither inf nor nan."""
    return lt(abs(real(x.detach())), math.inf)


def isclose(
    a: Tensor, b: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """|a - b| <= atol + rtol |b|, or both the same infinity (or nan, with `equal_nan`)."""
    x, y = (real(t.detach()) for t in pair(a, b))
    bound = add(mul(abs(y), rtol), atol)
    # The bound of an infinity is infinite: only the same one is close to it.
    close = logical_and(isfinite(y), logical_not(gt(abs(sub(x, y)), bound)))
    found = logical_or(eq(x, y), logical_and(close, isfinite(x)))
    return logical_or(found, logical_and(isnan(x), isnan(y))) if equal_nan else found


def allclose(
    a: Tensor, b: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close, as a Python bool; see `isclose`."""
    listener.refuse("its values were compared (allclose)")
    return bool(isclose(a, b, rtol, atol, equal_nan)._array.all())


def equal(a: Tensor, b: Tensor) -> bool:
    """Whether shapes and all elements are the same, as a Python bool."""
    listener.refuse("its values were compared (equal)")
    return a.shape == b.shape and bool(eq(a, b)._array.all())


def masked_fill(x: Tensor, mask: Tensor, value: Operand) -> Tensor:
    """value where the mask holds, else x."""
    return where(mask, value, x)


def addcmul(x: Tensor, a: Tensor, b: Tensor, value: float = 1.0) -> Tensor:
    """x + value a b."""
    return add(x, mul(mul(a, b), value))

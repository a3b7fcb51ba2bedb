"""Special functions: of the gamma, normal and Bessel families, and of entropies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastnn._support import check
from fastnn._support.errors import InvalidTypeError
from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import (
    abs,
    add,
    div,
    eq,
    exp,
    ge,
    gt,
    le,
    log,
    log1p,
    lt,
    mul,
    neg,
    sign,
    square,
    sub,
    where,
)
from fastnn.ops.pointwise import clamp, isnan, logical_and
from fastnn.ops.promote import pair, real
from fastnn.ops.rules import binary, some_tensor, unary, written
from fastnn.ops.table import taped
from fastnn.tape.node import Node
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.rules import Binary, Unary
    from fastnn.ops.table import Operand

__all__ = ["digamma", "erfc", "i0", "lgamma", "logit", "mvlgamma", "polygamma", "xlogy"]

# ---- the normal family ----

erfc: Unary = unary(
    "erfc",
    "1 - erf(x), with all its digits where that is small.",
    lambda node, dy: mul(dy, mul(exp(neg(square(node.input(0)))), -2 / math.sqrt(math.pi))),
)
erfcx: Unary = unary(
    "erfcx",
    "exp(x*x) erfc(x).",
    lambda node, dy: mul(dy, _erfcx_slope(node.input(0), node.output())),
)


def _erfcx_slope(x: Tensor, y: Tensor) -> Tensor:
    """2 x erfcx(x) - 2 / sqrt(pi); for large x, where the two cancel, by its asymptotic series."""
    far = logical_and(gt(x.detach(), 20.0), lt(x.detach(), math.inf))
    q = div(0.5, square(where(far, x, 20.0)))
    series: Tensor = mul(q, -13.0)
    for odd in (11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        series = mul(q, mul(add(series, 1.0), -odd))
    near = sub(mul(mul(x, 2.0), y), 2 / math.sqrt(math.pi))
    return where(far, mul(series, 2 / math.sqrt(math.pi)), near)


ndtri: Unary = unary(
    "ndtri",
    "The x at which the normal distribution function is p; -inf at 0, inf at 1, nan beyond.",
    lambda node, dy: mul(dy, mul(exp(mul(square(node.output()), 0.5)), math.sqrt(2 * math.pi))),
)


def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function, erfc(-x / sqrt 2) / 2."""
    return mul(erfc(mul(input, -math.sqrt(0.5))), 0.5)


def log_ndtr(input: Tensor) -> Tensor:
    """The logarithm of the normal distribution function, finite far below 0."""
    x = real(input)
    z = x.detach()
    scaled = mul(z, math.sqrt(0.5))
    below = lt(z, -1.0)
    low = sub(log(mul(erfcx(neg(where(below, scaled, 0.0))), 0.5)), square(scaled))
    high = log1p(mul(erfc(where(below, 0.0, scaled)), -0.5))
    return taped(_log_ndtr_gradient, (x,), where(below, low, high)._array)


def _log_ndtr_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """The density divided by the distribution function: sqrt(2 / pi) / erfcx(-x / sqrt 2)."""
    share = erfcx(mul(node.input(0), -math.sqrt(0.5)))
    return (mul(dy, div(math.sqrt(2 / math.pi), share)),)


# ---- the gamma family ----

lgamma: Unary = unary(
    "lgamma",
    "The logarithm of |Gamma(x)|; inf at 0, -1, -2, ...",
    lambda node, dy: mul(dy, digamma(node.input(0))),
)
digamma: Unary = unary(
    "digamma",
    "The derivative of lgamma; -inf at 0, nan at -1, -2, ...",
    lambda node, dy: mul(dy, polygamma(1, node.input(0))),
)


def _zeta_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """-s zeta(s + 1, q) by q; by s there is none, as in torch."""
    s, q = node.input(0), node.input(1)
    if node.needs(0):
        raise NotImplementedError("zeta: its derivative by the first argument is not implemented")
    return None, unbroadcast(mul(dy, mul(neg(s), zeta(add(s, 1.0), q))), q.shape)


zeta: Binary = binary(
    "zeta",
    "Hurwitz' zeta function: the sum of (other + k)**-input over k = 0, 1, 2, ...",
    _zeta_gradient,
    floats=True,
    takes="one number",
)


def polygamma(n: Any, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The n-th derivative of digamma: (-1)**(n + 1) n! zeta(n + 1, x).

    Args:
        n: at least 0; 0 is digamma itself.
        input: x.

    Raises:
        ValueError: n below 0.
    """
    if out is not None:
        return written("polygamma", polygamma(n, input), out)
    if isinstance(n, Tensor):
        raise InvalidTypeError(
            "n: expected an integer, got a tensor; the tensor is the second argument"
        )
    check.integer("n", n, 0)
    if n == 0:
        return digamma(input)
    scale = math.factorial(n) if n < 171 else math.inf
    return mul(zeta(float(n + 1), real(input)), scale if n % 2 else -scale)


def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p.

    p (p - 1) / 4 log(pi) + the sum of lgamma(x - j / 2) over j = 0 .. p - 1.

    Raises:
        ValueError: p below 1.
    """
    if out is not None:
        return written("mvlgamma", mvlgamma(input, p), out)
    check.a_tensor("input", input)
    check.integer("p", p, 1)
    x = real(input)
    total = add(lgamma(x), 0.25 * p * (p - 1) * math.log(math.pi))
    for j in range(1, p):
        total = add(total, lgamma(sub(x, 0.5 * j)))
    return total


# ---- the modified Bessel functions ----

i0e: Unary = unary(
    "i0e",
    "exp(-|x|) I0(x), I0 the modified Bessel function of order 0.",
    lambda node, dy: mul(dy, sub(i1e(node.input(0)), mul(sign(node.input(0)), node.output()))),
)
i1e: Unary = unary(
    "i1e",
    "exp(-|x|) I1(x), I1 the modified Bessel function of order 1.",
    lambda node, dy: mul(
        dy, sub(_i1e_slope(node.input(0), node.output()), mul(sign(node.input(0)), node.output()))
    ),
)


def _i1e_slope(x: Tensor, y: Tensor) -> Tensor:
    """i0e - i1e / x, which is e**-|x| / 2 near 0."""
    small = lt(abs(x.detach()), 1e-4)
    return where(small, mul(exp(neg(abs(x))), 0.5), sub(i0e(x), div(y, where(small, 1.0, x))))


def _unscaled(scaled: Tensor, x: Tensor, even: bool) -> Tensor:
    """scaled exp(|x|), in two steps against overflow."""
    half = exp(mul(abs(x), 0.5))
    far = eq(abs(x), math.inf)
    return where(far, abs(x) if even else x, mul(mul(where(far, 0.0, scaled), half), half))


def i0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the first kind, of order 0."""
    if out is not None:
        return written("i0", i0(input), out)
    check.a_tensor("input", input)
    x = real(input)
    z = x.detach()
    return taped(_i0_gradient, (x,), _unscaled(i0e(z), z, True)._array)


def i1(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind, of order 1."""
    check.a_tensor("input", input)
    x = real(input)
    z = x.detach()
    return taped(_i1_gradient, (x,), _unscaled(i1e(z), z, False)._array)


def _i0_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (mul(dy, i1(node.input(0))),)


def _i1_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """I0 - I1 / x, which is 1/2 at 0."""
    x = node.input(0)
    small = lt(abs(x.detach()), 1e-4)
    slope = sub(i0(x), div(i1(x), where(small, 1.0, x)))
    return (mul(dy, where(small, 0.5, slope)),)


# ---- entropies ----


def _times_log(
    name: str, logarithm: Callable[[Any], Tensor], zero: float, doc: str
) -> Callable[[Operand, Operand], Tensor]:
    """Make x log(y) or x log(1 + y), 0 where x is 0 and y is not nan."""

    def gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
        x, y = node.input(0), node.input(1)
        by_x = by_y = None
        if node.needs(0):
            nothing = logical_and(eq(x.detach(), 0.0), le(y.detach(), zero))
            by_x = unbroadcast(mul(dy, where(nothing, 0.0, logarithm(y))), x.shape)
        if node.needs(1):
            by_y = unbroadcast(mul(dy, div(x, sub(y, zero) if zero else y)), y.shape)
        return by_x, by_y

    def function(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
        if out is not None:
            return written(name, function(input, other), out)
        some_tensor(name, input, other)
        x, y = (real(t) for t in pair(input, other))
        a, b = x.detach(), y.detach()
        value = where(logical_and(eq(a, 0.0), eq(b, b)), 0.0, mul(a, logarithm(b)))
        return taped(gradient, (x, y), value._array)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


xlogy: Callable[[Operand, Operand], Tensor] = _times_log(
    "xlogy", log, 0.0, "input log(other), 0 where input is 0."
)
xlog1py: Callable[[Operand, Operand], Tensor] = _times_log(
    "xlog1py", log1p, -1.0, "input log(1 + other), 0 where input is 0."
)


def entr(input: Tensor) -> Tensor:
    """-x log(x), 0 at 0 and -inf below."""
    x = real(input)
    z = x.detach()
    value = where(gt(z, 0.0), neg(mul(z, log(z))), where(eq(z, 0.0), 0.0, -math.inf))
    return taped(_entr_gradient, (x,), where(isnan(z), z, value)._array)


def _entr_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (neg(mul(dy, add(log(node.input(0)), 1.0))),)


def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of the sigmoid; nan outside of 0..1.

    Args:
        input: x.
        eps: x is first clamped to eps..1 - eps; default None.
    """
    if out is not None:
        return written("logit", logit(input, eps), out)
    check.a_tensor("input", input)
    x = real(input)
    z = x.detach()
    if eps is not None:
        z = clamp(z, eps, 1.0 - eps)
    rest = sub(1.0, z)
    low = lt(z, 0.25)
    # From 1/4 on 2 z - 1 is exact.
    middle = log1p(div(sub(mul(z, 2.0), 1.0), where(low, 1.0, rest)))
    return taped(_logit_gradient, (x,), where(low, log(div(z, rest)), middle)._array, (eps,))


def _logit_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """1 / (x (1 - x)); 0 where x was clamped."""
    x, (eps,) = node.input(0), node.attrs
    z = x.detach()
    slope = div(dy, mul(x, sub(1.0, x)))
    low, high = (0.0, 1.0) if eps is None else (eps, 1.0 - eps)
    inside = logical_and(ge(z, low), le(z, high))
    return (where(inside, slope, math.nan if eps is None else 0.0),)


def _polygamma(self: Tensor, n: int) -> Tensor:
    """The n-th derivative of digamma at self."""
    return polygamma(n, self)


METHODS = methods(
    digamma, erfc, i0, lgamma, logit, mvlgamma, xlogy,
    polygamma=_polygamma,
)  # fmt: skip

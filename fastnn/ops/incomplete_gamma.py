"""The incomplete gamma functions, outside of programs: the number of terms depends on values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.dtypes import HALVES
from fastnn._support.errors import InvalidTypeError, broadcast_shapes
from fastnn.ops import lapack
from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import exp, log, mul, neg, sub
from fastnn.ops.promote import cast, pair
from fastnn.ops.special import erfc, lgamma
from fastnn.tape.modes import no_grad
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["igamma", "igammac"]

_LARGE = 20.0  # from here on Stirling's series has all digits of float64
_HUGE = 1e8  # from here on the normal distribution is as good
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def igamma(input: Tensor, other: Tensor) -> Tensor:
    """The lower incomplete gamma function P(a, x), regularized: the integral of t^(a - 1) e^-t over
    0 .. x, divided by Gamma(a).

    Args:
        input: a >= 0. other: x >= 0; both broadcast. Below 0 the result is nan, and at a = x = 0.

    Raises:
        TypeError: whole numbers. NotImplementedError: a gradient by `input`, which there is not.

    Source: torch.special.gammainc; Abramowitz and Stegun 6.5.29 (x < a + 1) and 6.5.31. The
    gradient by x is x^(a - 1) e^-x / Gamma(a).

    Example:
        >>> import fastnn
        >>> fastnn.igamma(fastnn.tensor([1.0]), fastnn.tensor([2.0]))  # 1 - exp(-2)
        tensor([0.8647])
    """
    return _called("igamma", input, other, True)


def igammac(input: Tensor, other: Tensor) -> Tensor:
    """The upper incomplete gamma function Q(a, x) = 1 - P(a, x), with all its digits where it is
    small; see `igamma`.

    Example:
        >>> import fastnn
        >>> fastnn.igammac(fastnn.tensor([1.0]), fastnn.tensor([2.0]))  # exp(-2)
        tensor([0.1353])
    """
    return _called("igammac", input, other, False)


def _called(name: str, input: Tensor, other: Tensor, lower: bool) -> Tensor:
    for argument, x in (("input", input), ("other", other)):
        if not isinstance(x, Tensor):
            raise InvalidTypeError(
                f"{argument}: expected a tensor in {name}, got {type(x).__name__}"
            )
    a, x = pair(input, other)
    if a.dtype.kind != "f":
        raise InvalidTypeError(f"{name}: expected floating point, got {a.dtype}; use .float()")

    def function(p: Array, q: Array) -> Array:
        broadcast_shapes(p.shape, q.shape)  # it says the shapes
        wide, place = np.broadcast_arrays(p.astype("f8"), q.astype("f8"))
        return _values(wide, place, lower).astype(p.dtype)

    if a._array.dtype in HALVES:
        return cast(_called(name, cast(a, np.float32), cast(x, np.float32), lower), a.dtype)
    why = "the number of terms was chosen by values"
    return lapack.run(name, function, (a, x), _gradient, (lower,), why)[0]


def _gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    a, x = node.input(0), node.input(1)
    if node.needs(0):
        raise NotImplementedError("igamma: its derivative by the first argument is not implemented")
    density = exp(sub(sub(mul(sub(a, 1.0), log(x)), x), lgamma(a)))
    found = mul(dy, density)
    return None, unbroadcast(found if node.attrs[0] else neg(found), x.shape)


def _values(a: Array, x: Array, lower: bool) -> Array:
    found = np.full(a.shape, math.nan)
    bad = (a < 0) | (x < 0) | np.isnan(a) | np.isnan(x) | ((a == 0) & (x == 0))
    bad |= np.isinf(a) & np.isinf(x)
    for where, value in (((a == 0) | np.isinf(x), 1.0), ((x == 0) | np.isinf(a), 0.0)):
        found[where & ~bad] = value if lower else 1 - value
    plain = ~bad & (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    huge = plain & (a > _HUGE)
    if huge.any():
        found[huge] = _normal(a[huge], x[huge], lower)
    plain &= ~huge
    near = plain & (x < a + 1)
    if near.any():
        p = _series(a[near], x[near])
        found[near] = p if lower else 1 - p
    far = plain & ~near
    if far.any():
        q = _fraction(a[far], x[far])
        found[far] = 1 - q if lower else q
    return found


def _normal(a: Array, x: Array, lower: bool) -> Array:
    """The first term of Temme's expansion: erfc(-+ sqrt(a (u - log(1 + u)))) / 2,
    u = (x - a) / a."""
    u = (x - a) / a
    bent = np.where(np.abs(u) < 1e-3, u * u * (0.5 - u / 3 + u * u / 4), u - np.log1p(u))
    z = np.copysign(np.sqrt(a * bent), u)
    with no_grad():
        found: Array = 0.5 * erfc(of_array(-z if lower else z))._array
    return found


def _front(a: Array, x: Array) -> Array:
    """x^a e^-x / Gamma(a + 1)."""
    found = np.empty_like(a)
    large = a >= _LARGE
    b, y = a[large], x[large]
    rest = sum(c / b ** (2 * i + 1) for i, c in enumerate(_STIRLING))
    away = (y - b) / b
    found[large] = np.exp(b * (np.log1p(away) - away) - rest) / np.sqrt(2 * math.pi * b)
    b, y = a[~large], x[~large]
    with no_grad():
        log_gamma = lgamma(of_array(b + 1))._array
    found[~large] = np.exp(b * np.log(y) - y - log_gamma)
    return found


def _series(a: Array, x: Array) -> Array:
    """P = x^a e^-x / Gamma(a + 1) (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...)."""
    total, term, n = np.ones_like(a), np.ones_like(a), 0
    while (term > total * 1e-17).any():
        n += 1
        term = term * x / (a + n)
        total += term
    return np.asarray(_front(a, x) * total)


def _fraction(a: Array, x: Array) -> Array:
    """Q = x^a e^-x / Gamma(a) / f with f = x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ..),
    by the method of Lentz: the quotients of successive numerators and denominators."""
    b = x + 1 - a
    d = 1 / b
    c, h, n = np.full_like(a, 1e300), d.copy(), 0
    step = np.zeros_like(a)
    while (np.abs(step - 1) > 1e-15).any() and n < 10**6:
        n += 1
        top = -n * (n - a)
        b = b + 2
        d = 1 / _not_zero(top * d + b)
        c = _not_zero(b + top / c)
        step = d * c
        h *= step
    return np.asarray(_front(a, x) * a * h)


def _not_zero(x: Array) -> Array:
    return np.where(np.abs(x) < 1e-300, 1e-300, x)


METHODS = methods(igamma, igammac)

"""Gradients of samples by parameters, implicit in the distribution function F: -(dF/da) / p(x).

Source: Figurnov, Mohamed and Mnih 2018. The sums and fractions of the incomplete gamma and beta
functions: Press et al., Numerical Recipes, sections 6.2 and 6.4.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import ops
from fastnn._support import dtypes
from fastnn.ops.table import taped
from fastnn.random import rejection
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.tape.node import Node

_STEP = 1e-100  # a complex step: the imaginary part is exact however small it is
_LAST = 2.0**-52  # of a factor: nearer to 1 than this, rounding may keep it for ever


def standard_gamma(concentration: Tensor) -> Tensor:
    """Gamma numbers of rate 1, with gradients."""
    with no_grad():
        drawn = rejection.standard_gamma(concentration)
    return taped(_gamma_gradient, (concentration,), drawn._array)


def dirichlet(concentration: Tensor) -> Tensor:
    """Gamma numbers over their sum along the last axis, with gradients."""
    with no_grad():
        drawn = rejection.standard_gamma(concentration)
        shares = drawn / drawn.sum(-1, True)
    return taped(_dirichlet_gradient, (concentration,), shares._array)


def _doubles(node: Node) -> tuple[NDArray[Any], NDArray[Any]]:
    """Concentrations and samples."""
    drawn = node.outputs[0]
    assert drawn is not None
    alpha = np.asarray(dtypes.readable(node.input(0)._array), np.float64)
    return alpha, np.asarray(dtypes.readable(drawn), np.float64)


def _gamma_gradient(node: Node, dy: Tensor) -> list[Tensor | None]:
    slope = np.vectorize(gamma_slope, otypes=[np.float64])(*_doubles(node))
    return [dy * of_array(dtypes.converted(slope, dy.dtype))]


def _dirichlet_gradient(node: Node, dy: Tensor) -> list[Tensor | None]:
    """A share x_i is a beta number of a_i and of the other concentrations; when it grows, the
    others shrink in proportion."""
    alpha, x = _doubles(node)
    slope = beta_slope(alpha, alpha.sum(-1, keepdims=True) - alpha, x) / np.maximum(1 - x, 1e-300)
    factor, shares = (of_array(dtypes.converted(v, dy.dtype)) for v in (slope, x))
    return [factor * (dy - (shares * dy).sum(-1, True))]


# ---- gamma ----


def gamma_slope(a: float, x: float) -> float:
    """-(dP(a, x)/da) / p(x) by the series of P and, above the mean, by that of its complement."""
    if x <= 0.0:
        return 0.0
    log_p = (a - 1.0) * math.log(x) - x - math.lgamma(a)
    h = 1e-4 * max(a, 1e-3)
    up, down = (_upper_log(b, x) if x > a + 1 else _lower_log(b, x) for b in (a + h, a - h))
    change = (math.exp(up - log_p) - math.exp(down - log_p)) / (2.0 * h)
    return change if x > a + 1 else -change


def _lower_log(a: float, x: float) -> float:
    """log P(a, x) = log(x**a exp(-x) / Gamma(a + 1) sum of x**n / ((a + 1) .. (a + n)))."""
    term = total = 1.0
    n = 0
    while term > 1e-17 * total:
        n += 1
        term *= x / (a + n)
        total += term
    return a * math.log(x) - x - math.lgamma(a + 1.0) + math.log(total)


def _upper_log(a: float, x: float) -> float:
    """log(1 - P(a, x)) by Lentz's continued fraction, for x > a + 1."""
    b = x + 1.0 - a
    c, d = 1e300, 1.0 / b
    fraction = d
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2.0
        d = 1.0 / (step * d + b or 1e-300)
        c = b + step / c or 1e-300
        fraction *= d * c
        if abs(d * c - 1.0) <= _LAST:
            break
    return a * math.log(x) - x - math.lgamma(a) + math.log(fraction)


# ---- beta ----


def beta_slope(a: NDArray[Any], b: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """-(dI_x(a, b)/da) / p(x) of beta numbers x; 0 at x = 0 and 1.

    Up to (a + 1) / (a + b + 2), I = x^a (1 - x)^b / (a B(a, b)) K(a, b, x) with K a continued
    fraction; above it, I = 1 - I_(1-x)(b, a). The logarithm of the factor is differentiated by
    hand, K by a complex step.
    """
    a, b, x = np.broadcast_arrays(a, b, x)
    inside = (x > 0) & (x < 1)
    safe = np.where(inside, x, 0.5)
    low = safe < (a + 1) / (a + b + 2)
    first, second, y = np.where(low, a, b), np.where(low, b, a), np.where(low, safe, 1 - safe)
    stepped = np.where(low, _STEP * 1j, 0)
    k = _beta_fraction(first + stepped, second + (_STEP * 1j - stepped), y)
    by_factor = np.log(safe) + _digamma(a + b) - _digamma(a) - np.where(low, 1 / a, 0)
    change = safe * (1 - safe) / first * (k.real * by_factor + k.imag / _STEP)
    slope: NDArray[Any] = np.where(inside, np.where(low, -change, change), 0.0)
    return slope


def _digamma(x: NDArray[Any]) -> NDArray[Any]:
    with no_grad():
        array: NDArray[Any] = ops.digamma(of_array(np.ascontiguousarray(x)))._array
    return array


def _beta_fraction(a: NDArray[Any], b: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """K of `beta_slope` by Lentz's method, of complex a and b."""
    c = np.ones_like(a)
    d: NDArray[Any] = 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 10_000):
        twice = a + 2 * m
        for step in (
            m * (b - m) * x / ((twice - 1) * twice),
            -(a + m) * (a + b + m) * x / (twice * (twice + 1)),
        ):
            d = 1 / (1 + step * d)
            c = 1 + step / c
            fraction = fraction * d * c
        factor = d * c
        if not np.any((np.abs(factor.real - 1) > _LAST) | (np.abs(factor.imag) > _LAST * _STEP)):
            break  # what is nan stays so
    return fraction

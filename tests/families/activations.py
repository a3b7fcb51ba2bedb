"""The activations and their derivatives; erf, which gelu needs, and its inverse."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from families.approx import VMATH, Real
from families.base import (
    SMOOTH,
    Array,
    Dims,
    Sample,
    choice,
    exactly,
    off,
    op,
    spread,
    values,
)
from families.elementwise import BINARY, INF, NAN, UNARY, VMATH_ULPS, broadcast, one, two

NORMAL_ULP = 4  # of the normal distribution function, absolute
TWO_OVER_SQRT_PI = np.longdouble("1.128379167095512573896158903121545172")


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (10, 1), (-10, -1)))  # fmt: skip
def erf(x):
    """out = 2/sqrt(pi) * integral of e^(-t^2) over 0..x.

    The series e^(-x^2) * sum_k 2^k x^(2k+1) / (2k+1)!! has terms of one sign, so it loses nothing;
    beyond 7 the function is 1 to more than long double. Source: Abramowitz and Stegun 7.1.6.
    """
    inside = np.abs(x) < 7
    t = np.where(inside, x, 0).astype(np.longdouble)
    term = t.copy()
    total = t.copy()
    for k in range(1, 400):
        term = term * (2 * t * t) / (2 * k + 1)
        total = total + term
        if np.all(np.abs(term) <= np.abs(total) * np.longdouble(1e-22)):
            break
    series = (TWO_OVER_SQRT_PI * np.exp(-t * t) * total).astype(x.dtype)
    return np.where(inside, series, np.where(np.isnan(x), x, np.copysign(1, x)))


def _to_one(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """-1 to 1, and some beyond; special values as they are."""
    x = values(rng, shape, real, flavour)
    return x if flavour == "special" else np.asarray(1.05 * np.tanh(x), real)


def far_erfc(y):
    """1 - erf(y) for y > 1.5: Laplace's continued fraction. Abramowitz and Stegun 7.1.14."""
    below = np.zeros_like(y)
    for k in range(150, 0, -1):
        below = k / 2 / (y + below)
    return TWO_OVER_SQRT_PI / 2 * np.exp(-y * y) / (y + below)


@op(broadcast(_to_one), VMATH_ULPS, signed_zero=True,
    gradient=(Sample((spread(2, 3, low=-0.9, high=0.9),)), Sample((spread(high=0.9),))),
    exact=((0.0, 0), (-0.0, -0.0), (1, INF), (-1, -INF), (1.5, NAN), (-INF, NAN)))  # fmt: skip
def erfinv(x):
    """out = the y with erf(y) = x.

    Halley's method in long double from Winitzki's estimate (2008). By the error in erf(y) up to 1.5
    and in 1 - erf(y) beyond, since 1 - |x| is exact there.
    """
    inside, a = np.abs(x) < 1, 0.147
    size = np.abs(x[inside]).astype(np.longdouble)
    log = np.log1p(-size * size)
    half = 2 / (np.pi * a) + log / 2
    root = np.sqrt(np.maximum(np.sqrt(half * half - log / a) - half, 0))
    y = np.where(size < 1e-4, size / TWO_OVER_SQRT_PI, root)
    for _ in range(3):
        far = y > 1.5
        miss = erf(np.where(far, 0, y)) - size
        miss[far] = 1 - size[far] - far_erfc(y[far])
        step = miss * np.exp(y * y) / TWO_OVER_SQRT_PI
        y = y - step / (1 + y * step)
    out = np.where(np.abs(x) == 1, np.inf, np.full(x.shape, np.nan, x.dtype))
    out[inside] = y
    return np.copysign(out, x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (50, 1), (-50, -1)))  # fmt: skip
def tanh(x):
    """out = (e^x - e^-x) / (e^x + e^-x)"""
    return np.tanh(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (100, 1), (-1e5, 0)))  # fmt: skip
def sigmoid(x):
    """out = 1 / (1 + e^-x)"""
    return 1 / (1 + np.exp(-x))


@op(UNARY, choice, gradient=one())
def relu(x):
    """out = max(x, 0); nan stays nan."""
    return np.maximum(x, 0)


@op(UNARY, gradient=one())
def gelu(x):
    """out = x Phi(x), Phi the normal distribution function: x/2 (1 + erf(x / sqrt 2))"""
    return x / 2 * (1 + erf(x / np.sqrt(x.dtype.type(2))))


@off(gelu)
def _(real: Real, x: Array) -> tuple[Array]:
    """The error of Phi, absolute, times x, and one rounding."""
    return (np.abs(x) * real.gamma(NORMAL_ULP + 1) + real.tiny,)


# Derivatives by the activation's own output; gelu's by its input


def _output(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """What a sigmoid or tanh may give."""
    return np.tanh(np.abs(values(rng, shape, real, flavour)))


@op(BINARY, exactly, gradient=two()[:1])
def relu_grad(dy, y):
    """out = 0 where y <= 0, else dy: at nan too."""
    return np.where(y <= 0, 0, dy)


@op(broadcast(values, _output, flavours=SMOOTH), gradient=two()[:1])
def sigmoid_grad(dy, y):
    """out = dy * (y * (1 - y))"""
    return dy * (y * (1 - y))


@op(broadcast(values, _output, flavours=SMOOTH), gradient=two()[:1])
def tanh_grad(dy, y):
    """out = dy * (1 - y^2)"""
    return dy * (1 - y * y)


@op(broadcast(values, values, flavours=SMOOTH), gradient=two()[:1])
def gelu_grad(dy, x):
    """out = dy (Phi(x) + x phi(x)), phi the density e^(-x^2 / 2) / sqrt(2 pi)"""
    bell = np.exp(-x * x / 2) * np.sqrt(TWO_OVER_SQRT_PI.astype(x.dtype) ** 2 / 8)
    return dy * ((1 + erf(x / np.sqrt(x.dtype.type(2)))) / 2 + x * bell)


@off(gelu_grad)
def _(real: Real, dy: Array, x: Array) -> tuple[Array]:
    """Beyond the error of Phi, that of x e^(-x^2 / 2), whose exponent is rounded twice, and is cut
    off where it is below that of Phi."""
    most = np.where(np.isfinite(x), np.minimum(np.abs(x), 40), 0)
    bell = most * np.exp(-(most**2) / 2)
    error = real.gamma(NORMAL_ULP) + real.gamma(VMATH + 4 + 2 * most**2) * bell
    return (np.abs(dy) * error + real.tiny * (1 + np.abs(dy)),)

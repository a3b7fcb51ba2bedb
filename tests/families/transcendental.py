"""Exponentials and logarithms to other bases, hyperbolic functions, and inverses of angles."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from families.base import TIES, Array, Dims, Sample, exactly, op, spread, ulps, values
from families.elementwise import (
    BINARY,
    INF,
    NAN,
    POSITIVE,
    UNARY,
    VMATH_ULPS,
    broadcast,
    one,
    two,
)


def within(low: float, high: float) -> tuple[Sample, ...]:
    """Gradient samples between these."""
    return Sample((spread(2, 3, low=low, high=high),)), Sample((spread(high=high),))


def _to_one(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """-1 to 1, and some beyond; special values as they are."""
    x = values(rng, shape, real, flavour)
    return x if flavour == "special" else np.asarray(1.05 * np.tanh(x), real)


def _from_one(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """From 1 on; special values as they are."""
    x = values(rng, shape, real, flavour)
    return x if flavour == "special" else np.asarray(1 + np.abs(x), real)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 1), (-0.0, 1), (3, 8), (-2, 0.25), (INF, INF), (-INF, 0), (1e5, INF),
           (-1e5, 0)))  # fmt: skip
def exp2(x):
    """out = 2^x"""
    return np.exp2(x)


@op(POSITIVE, VMATH_ULPS, signed_zero=True, gradient=one(0.3),
    exact=((0.0, -INF), (-0.0, -INF), (1, 0), (8, 3), (0.125, -3), (2.0**100, 100), (INF, INF),
           (-1, NAN), (-INF, NAN)))  # fmt: skip
def log2(x):
    """out = the logarithm of x to base 2"""
    return np.log2(x)


@op(POSITIVE, VMATH_ULPS, signed_zero=True, gradient=one(0.3),
    exact=((0.0, -INF), (-0.0, -INF), (1, 0), (10, 1), (100, 2), (1e3, 3), (1e4, 4), (1e5, 5),
           (1e6, 6), (1e7, 7), (1e8, 8), (1e9, 9), (1e10, 10), (INF, INF), (-1, NAN),
           (-INF, NAN)))  # fmt: skip
def log10(x):
    """out = the logarithm of x to base 10"""
    return np.log10(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (1e5, INF), (-1e5, -INF)))  # fmt: skip
def sinh(x):
    """out = (e^x - e^-x) / 2"""
    return np.sinh(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 1), (-0.0, 1), (INF, INF), (-INF, INF), (1e5, INF), (-1e5, INF)))  # fmt: skip
def cosh(x):
    """out = (e^x + e^-x) / 2"""
    return np.cosh(x)


@op(broadcast(_to_one), VMATH_ULPS, signed_zero=True, gradient=within(-0.9, 0.9),
    exact=((0.0, 0), (-0.0, -0.0), (1.5, NAN), (INF, NAN)))  # fmt: skip
def asin(x):
    """out = the angle whose sine is x"""
    return np.arcsin(x)


@op(broadcast(_to_one), VMATH_ULPS, signed_zero=True, gradient=within(-0.9, 0.9),
    exact=((1, 0), (1.5, NAN), (-INF, NAN)))  # fmt: skip
def acos(x):
    """out = the angle whose cosine is x"""
    return np.arccos(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(), exact=((0.0, 0), (-0.0, -0.0)))
def atan(x):
    """out = the angle whose tangent is x"""
    return np.arctan(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0), (-0.0, -0.0), (INF, INF), (-INF, -INF)))  # fmt: skip
def asinh(x):
    """out = the y with sinh y = x"""
    return np.arcsinh(x)


@op(broadcast(_from_one), VMATH_ULPS, signed_zero=True, gradient=within(1.3, 4.0),
    exact=((1, 0), (0.5, NAN), (INF, INF), (-INF, NAN)))  # fmt: skip
def acosh(x):
    """out = the y >= 0 with cosh y = x"""
    return np.arccosh(x)


@op(broadcast(_to_one), VMATH_ULPS, signed_zero=True, gradient=within(-0.9, 0.9),
    exact=((0.0, 0), (-0.0, -0.0), (1, INF), (-1, -INF), (1.5, NAN), (INF, NAN)))  # fmt: skip
def atanh(x):
    """out = the y with tanh y = x"""
    return np.arctanh(x)


@op(BINARY, VMATH_ULPS, signed_zero=True, gradient=two())
def atan2(a, b):
    """out = the angle of the point (b, a)"""
    return np.arctan2(a, b)


@op(BINARY, VMATH_ULPS, signed_zero=True, gradient=two())
def hypot(a, b):
    """out = the root of a^2 + b^2"""
    return np.hypot(a, b)


@op(BINARY, exactly, signed_zero=True, gradient=two()[:1])
def copysign(a, b):
    """out = |a| with the sign of b"""
    return np.copysign(a, b)


@op(broadcast(values, values, flavours=TIES), ulps(1), gradient=two()[:1])
def nextafter(a, b):
    """out = the number after a towards b: within an ULP of a here, where numbers are finer; exactly
    in test_elementwise.py."""
    return np.where(a == b, b, a)

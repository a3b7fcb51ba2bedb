"""Elementwise floating-point ops with broadcasting, except activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import VMATH, VMATH_ULP, Approx, Real
from families.base import (
    ALL,
    INPUT_LAYOUTS,
    SMOOTH,
    TAILS,
    TIES,
    Array,
    Calls,
    Case,
    Dims,
    Fixed,
    Reference,
    Sample,
    choice,
    exactly,
    off,
    op,
    size,
    spread,
    ulps,
    values,
)

INF, NAN = np.inf, np.nan
SHAPES = (
    st.lists(st.integers(0, 9), max_size=4).map(tuple)
    | st.tuples(size(65))
    | st.tuples(size(65), st.integers(0, 9))
    | st.lists(st.integers(1, 3), min_size=5, max_size=6).map(tuple)
)
Input = Callable[[Generator, Dims, str, str], Array]  # as base.values


def broadcast_part(rng: Generator, shape: Dims) -> Dims:
    """A shape that broadcasts to this one."""
    part = [1 if rng.random() < 0.3 else n for n in shape]
    return tuple(part[rng.integers(0, len(part) + 1) if rng.random() < 0.2 else 0 :])


def broadcast(*inputs: Input, flavours: tuple[str, ...] = ALL, out: Any = None) -> Calls:
    """Calls of inputs drawn one by one, each of which may leave out axes of the output."""

    def draw(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        shapes = [dims] * len(inputs)
        if rng.random() < 0.5:
            shapes = [broadcast_part(rng, dims) for _ in shapes]
        drawn = [one(rng, shape, real, flavour) for one, shape in zip(inputs, shapes)]
        return Case(op, real, [*drawn], [(dims, out or real)])

    tails = tuple((n,) for n in TAILS)
    hard = ((600,), (1000,), *((3, n) for n in (1, 2, 5, 7, 16, 17, 33)), (2, 3, 9), (2, 1, 4, 3))
    big = ((150_001,), (301, 257))
    return Calls(draw, SHAPES, tails, big, flavours, INPUT_LAYOUTS, hard)


def positive(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """At least 0, but for special values."""
    x = values(rng, shape, real, flavour)
    return x if flavour == "special" else np.abs(x)


def halves(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """Many of them, where rounding has to choose."""
    x = values(rng, shape, real, flavour)
    if flavour == "special":
        return x
    return np.asarray(np.where(np.abs(x) < 100, np.round(2 * x) / 2, x), real)


def base(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """Of powers: positive, but for ties and special values."""
    x = values(rng, shape, real, "normal" if flavour in SMOOTH else flavour)
    return np.abs(x) if flavour in SMOOTH else x


def condition(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """Truth values."""
    return np.asarray(rng.random(shape) < 0.5)


def one(low: float = -2.0) -> tuple[Sample, ...]:
    """Gradient samples of an op of one input."""
    return Sample((spread(2, 3, low=low),)), Sample((spread(low=low),))


def two(low: float = -2.0) -> tuple[Sample, ...]:
    """Gradient samples of an op of two inputs, the first of one shape, then of several."""
    shapes: Any = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2))]
    shapes.append(((2, 1, 2), (3, 1)))
    return tuple(
        Sample((spread(*a, low=low, seed=1), spread(*b, low=low + 0.03, high=1.9, seed=2)))
        for a, b in shapes
    )


UNARY, BINARY = broadcast(values), broadcast(values, values)
POSITIVE = broadcast(positive)
VMATH_ULPS = ulps(VMATH_ULP)


# Unary


@op(UNARY, exactly, signed_zero=True, gradient=one())
def copy(x):
    """out = x"""
    return x.copy()


@op(UNARY, exactly, signed_zero=True, gradient=one())
def neg(x):
    """out = -x"""
    return np.negative(x)


@op(UNARY, exactly, signed_zero=True, gradient=one())
def abs(x):
    """out = |x|"""
    return np.abs(x)


@op(UNARY, exactly, gradient=one())
def sign(x):
    """out = (x > 0) - (x < 0); torch's: 0 at nan."""
    return (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


@op(UNARY, ulps(0.5), signed_zero=True, gradient=one())
def square(x):
    """out = x^2"""
    return x * x


@op(POSITIVE, ulps(0.5), signed_zero=True, gradient=one(0.3))
def sqrt(x):
    """out = the root of x, nan below zero, -0 at -0."""
    return np.sqrt(x)


@op(UNARY, exactly, signed_zero=True, gradient=(Sample((spread(2, 3, low=-1.9, high=1.8),)),))
def floor(x):
    """out = the largest whole number that is not above x."""
    return np.floor(x)


@op(broadcast(halves), exactly, signed_zero=True,
    gradient=(Sample((spread(2, 3, low=-1.9, high=1.8),)),))  # fmt: skip
def round(x):
    """out = the nearest whole number, the even one of two."""
    return np.round(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (1e5, INF), (-1e5, 0)))  # fmt: skip
def exp(x):
    """out = e^x"""
    return np.exp(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0), (-0.0, -0.0), (INF, INF), (-INF, -1), (1e5, INF), (-1e5, -1)))  # fmt: skip
def expm1(x):
    """out = e^x - 1"""
    return np.expm1(x)


@op(POSITIVE, VMATH_ULPS, signed_zero=True, gradient=one(0.3),
    exact=((0.0, -INF), (-0.0, -INF), (1, 0), (INF, INF), (-1, NAN), (-INF, NAN)))  # fmt: skip
def log(x):
    """out = ln x, -inf at 0, nan below."""
    return np.log(x)


@op(POSITIVE, VMATH_ULPS, signed_zero=True, gradient=one(0.3),
    exact=((0.0, 0), (-0.0, -0.0), (-1, -INF), (INF, INF), (-1.5, NAN), (-INF, NAN)))  # fmt: skip
def log1p(x):
    """out = ln(1 + x), -inf at -1, nan below."""
    return np.log1p(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)))  # fmt: skip
def sin(x):
    """out = the sine of x in radians, nan at +-inf."""
    return np.sin(x)


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN)))  # fmt: skip
def cos(x):
    """out = the cosine of x in radians, nan at +-inf."""
    return np.cos(x)


# Binary


@op(BINARY, ulps(0.5), signed_zero=True, gradient=two())
def add(a, b):
    """out = a + b"""
    return a + b


@op(BINARY, ulps(0.5), signed_zero=True, gradient=two())
def sub(a, b):
    """out = a - b"""
    return a - b


@op(BINARY, ulps(0.5), signed_zero=True, gradient=two())
def mul(a, b):
    """out = a * b"""
    return a * b


@op(BINARY, ulps(0.5), signed_zero=True, gradient=two(0.3))
def div(a, b):
    """out = a / b"""
    return a / b


@op(broadcast(base, values), signed_zero=True, gradient=two(0.3))
def pow(a, b):
    """out = a^b with the special cases of C's pow; of one exponent 1/2 NumPy makes a root, which
    gives -0 and nan for -0 and -inf."""
    half = b == 0.5
    out = np.where(half, np.power(a, b) + 0.0, np.power(a, b))
    return np.where(half & (a == -INF), INF, out)


@off(pow)
def _(real: Real, a: Array, b: Array) -> tuple[Array]:
    """a^b = exp(b ln a): the log and the product put |b ln a| (8 + 1) u into the exponent."""
    want = np.abs(pow(a, b))
    exponent = np.abs(np.nan_to_num(b * np.log(np.abs(a)), posinf=0, neginf=0))
    return (real.gamma((VMATH + 1) * np.minimum(exponent, 1e4) + VMATH + 2) * want + real.tiny,)


@op(BINARY, gradient=(Sample((spread(2, 3), spread(2, 3, low=2.3, high=2.9))),
                      Sample((spread(2, 2), spread(low=0.9, high=0.9)))))  # fmt: skip
def remainder(a, b):
    """out = a - floor(a / b) b, with the sign of b; nan for b = 0."""
    return np.remainder(a, b)


@off(remainder)
def _(real: Real, a: Array, b: Array) -> tuple[Array]:
    """fmod is exact; adding b to it rounds once, to at most b."""
    most = np.where(np.isfinite(b), np.abs(b), 0)
    return (np.where(remainder(a, b) == np.fmod(a, b), 0, real.u * most) + real.tiny,)


@op(BINARY, choice, gradient=two())
def maximum(a, b):
    """out = the larger; nan when either is nan."""
    return np.maximum(a, b)


@op(BINARY, choice, gradient=two())
def minimum(a, b):
    """out = the smaller; nan when either is nan."""
    return np.minimum(a, b)


def _comparison(name: str, compare: Callable[[Array, Array], Array]) -> Reference:
    def out(a, b):
        return compare(a, b)

    out.__name__, out.__doc__ = name, f"out = a {compare.__name__} b"
    return op(broadcast(values, values, out=np.bool_), exactly)(out)


eq, ne = _comparison("eq", np.equal), _comparison("ne", np.not_equal)
lt, le = _comparison("lt", np.less), _comparison("le", np.less_equal)
gt, ge = _comparison("gt", np.greater), _comparison("ge", np.greater_equal)


# Of three inputs

_CONDITION = Fixed(spread(2, 3) > 0)


@op(broadcast(condition, values, values), exactly,
    gradient=tuple(Sample((_CONDITION, spread(*p), spread(*q)))
                   for p, q in [((2, 3), (2, 3)), ((3,), (2, 1)), ((), (1, 1))]))  # fmt: skip
def where(condition, a, b):
    """out = a where condition, else b."""
    return np.where(condition != 0, a, b)


_WEIGHT = spread(2, 1, low=-0.4, high=1.4, seed=2)


@op(broadcast(values, values, values, flavours=TIES),
    gradient=(Sample((spread(2, 3), spread(3, seed=1), _WEIGHT)),))  # fmt: skip
def lerp(a, b, weight):
    """(1 - weight) a + weight b."""
    return (1 - weight) * a + weight * b


@off(lerp)
def _(real: Real, a: Array, b: Array, weight: Array) -> tuple[Array]:
    """As torch: from a where |weight| < 1/2, else from b. Exact at both ends."""
    near_a, near_b, w = (Approx(real, x) for x in (a, b, weight))
    gap = near_b - near_a
    low, high = near_a + w * gap, near_b - (1 - w) * gap
    return (np.where(np.abs(weight) < 0.5, low.error, high.error),)

"""Special functions: of the gamma, normal and Bessel families."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from families.activations import TWO_OVER_SQRT_PI, erf, far_erfc
from families.approx import SLACK, U_DOUBLE, Real
from families.base import SMOOTH, Array, Bound, Dims, Fixed, Reference, Sample, op, spread, values
from families.elementwise import INF, UNARY, VMATH_ULPS, broadcast, one

PI = np.longdouble("3.14159265358979323846264338327950288")


def by_double(k: float, apart: Callable[[Array], Array] | None = None) -> Callable[..., Bound]:
    """One rounding of a result in double that is off by k roundings, or by k of `apart`: what it is
    the difference of."""

    def make(reference: Reference) -> Bound:
        def bound(real: Real, *inputs: Array) -> tuple[Array]:
            want = reference(*inputs)
            most = np.abs(want) if apart is None else np.maximum(np.abs(want), apart(*inputs))
            off = 0.5 * SLACK * real.ulp(want) + k * U_DOUBLE * np.where(most < INF, most, 0)
            return (off + real.tiny,)

        return bound

    return make


def _erfc(x: Array) -> Array:
    """1 - erf(x) in long double: by erf up to 1.5, by the continued fraction beyond."""
    far = np.abs(x) > 1.5
    out = 1 - erf(np.where(far, 0, x))
    tail = far_erfc(np.abs(x[far]))
    out[far] = np.where(x[far] > 0, tail, 2 - tail)
    return out


@op(UNARY, VMATH_ULPS, signed_zero=True, gradient=one(),
    exact=((0.0, 1), (-0.0, 1), (INF, 0), (-INF, 2), (50, 0), (-50, 2)))  # fmt: skip
def erfc(x):
    """out = 1 - erf(x)"""
    wide = np.asarray(x, np.longdouble)
    known = np.isfinite(wide)
    out = np.where(np.isnan(wide), wide, np.where(wide > 0, 0, 2))
    out[known] = _erfc(wide[known])
    return out.astype(x.dtype)


@op(UNARY, by_double(12), gradient=one())
def erfcx(x):
    """out = e^(x^2) (1 - erf(x)); beyond 1.5 the continued fraction without the exponential."""
    wide = np.asarray(x, np.longdouble)
    out = np.where(np.isnan(wide), wide, np.where(wide > 0, np.longdouble(0), np.inf))
    near = np.isfinite(wide) & (wide < 1.5) & (wide > -100)
    out[near] = np.exp(wide[near] ** 2) * _erfc(wide[near])
    far = np.isfinite(wide) & (wide >= 1.5)
    below = np.zeros(np.count_nonzero(far), np.longdouble)
    for k in range(150, 0, -1):
        below = k / np.longdouble(2) / (wide[far] + below)
    out[far] = TWO_OVER_SQRT_PI / 2 / (wide[far] + below)
    return out.astype(x.dtype)


def _shares(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    """0 to 1, many of them small; special values as they are."""
    x = values(rng, shape, real, flavour)
    return x if flavour == "special" else np.asarray(1 / (1 + np.exp(-3.0 * x)), real)


_SHARES = broadcast(_shares, flavours=("normal", "special"))


@op(_SHARES, VMATH_ULPS, gradient=(Sample((spread(2, 3, low=0.05, high=0.9),)),))
def ndtri(p):
    """out = the x with (1 + erf(x / sqrt 2)) / 2 = p, by Newton's method on its logarithm."""
    wide = np.asarray(p, np.longdouble)
    out = np.where(wide == 0, -np.inf, np.where(wide == 1, np.inf, np.full(wide.shape, np.nan)))
    out = out.astype(np.longdouble)
    inside = (wide > 0) & (wide < 1)
    low = np.minimum(wide, 1 - wide)[inside]
    half = np.sqrt(np.longdouble(0.5))
    x = -np.sqrt(-2 * np.log(low))
    for _ in range(40):
        size = -x * half
        below = _erfc(size) / 2
        density = np.exp(-size * size) * half / np.sqrt(PI)
        step = np.log(below / low) * below / density
        x = x - step
        if np.all(np.abs(step) <= 1e-12 * np.abs(x)):  # the next would be by their square
            break
    middle = low > 0.3  # where the error in Phi - 1/2 says more
    for _ in range(3):
        z = x[middle]
        miss = erf(z * half) / 2 - (low[middle] - np.longdouble(0.5))
        x[middle] = z - miss / (np.exp(-z * z / 2) * half / np.sqrt(PI))
    x = np.where(low == 0.5, 0, x)
    out[inside] = np.where(wide[inside] > 0.5, -x, x)
    return out.astype(p.dtype)


# ---- gamma ----


def _shifted(x: Array) -> tuple[Array, int]:
    """x + 40, where the asymptotic series have more digits than long double."""
    return x + 40, 40


def _lgamma_above(x: Array) -> Array:
    """Stirling's series for x >= 1/2."""
    z, n = _shifted(x)
    y = (z - np.longdouble(0.5)) * np.log(z) - z + np.log(2 * PI) / 2
    terms = [(1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360360), (1, 156)]
    for k, (a, b) in enumerate(terms):
        y = y + np.longdouble(a) / b / z ** (2 * k + 1)
    for k in range(n):
        y = y - np.log(x + k)
    large = x > 1e6
    plain = (x - np.longdouble(0.5)) * np.log(x) - x + np.log(2 * PI) / 2 + 1 / (12 * x)
    return np.where(large, plain, y)


def _sine_of_pi(x: Array) -> Array:
    """|sin(pi x)|, from the distance to the nearest whole number."""
    return np.abs(np.sin(PI * (x - np.round(x))))


def _lgamma_scale(x: Array) -> Array:
    size = np.abs(np.nan_to_num(x, posinf=0, neginf=0)) + 1
    return 1 + size * np.log(size) + np.abs(np.log(np.maximum(_sine_of_pi(size), 1e-300)))


@op(UNARY, by_double(8, _lgamma_scale),
    gradient=(Sample((spread(2, 3, low=0.3, high=3.0),)), Sample((np.array(-1.6),))))  # fmt: skip
def lgamma(x):
    """out = ln |Gamma(x)|; below 1/2 by pi / sin(pi x) / Gamma(1 - x)."""
    wide = np.asarray(x, np.longdouble)
    low = wide < 0.5
    above = _lgamma_above(np.where(low, 1 - wide, wide))
    out = np.where(low, np.log(PI / _sine_of_pi(wide)) - above, above)
    out = np.where(np.isinf(wide) | ((wide <= 0) & (wide == np.floor(wide))), np.inf, out)
    return out.astype(x.dtype)


def _digamma_scale(x: Array) -> Array:
    low = np.where(np.isfinite(x) & (x < 0), x, 0.5)
    angle = np.maximum(_sine_of_pi(low), 1e-300)
    size = np.abs(np.nan_to_num(x, posinf=0, neginf=0))
    return 8 + np.log1p(size) + (np.pi * (1 + np.abs(low)) / angle**2) * (x < 0)


@op(UNARY, by_double(8, _digamma_scale),
    gradient=(Sample((spread(2, 3, low=0.3, high=3.0),)), Sample((np.array(-1.6),))))  # fmt: skip
def digamma(x):
    """out = the derivative of ln Gamma; below 0 by digamma(1 - x) - pi / tan(pi x)."""
    wide = np.asarray(x, np.longdouble)
    low = wide < 0
    positive = np.where(low, 1 - wide, wide)
    z, n = _shifted(positive)
    y = np.log(z) - 1 / (2 * z)
    for k, (a, b) in enumerate([(1, 12), (-1, 120), (1, 252), (-1, 240), (1, 132), (-691, 32760)]):
        y = y - np.longdouble(a) / b / z ** (2 * k + 2)
    for k in range(n):
        y = y - 1 / (positive + k)
    turn = wide - np.round(wide)
    out = np.where(low, y - PI / np.tan(PI * turn), y)
    out = np.where(np.isinf(wide), np.where(low, np.nan, np.inf), out)
    pole = (wide <= 0) & (wide == np.floor(wide))
    out = np.where(pole, np.where(wide == 0, np.copysign(np.inf, -wide), np.nan), out)
    return out.astype(x.dtype)


def _exponent(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    return np.asarray(rng.uniform(1.05, 9, shape), real)


def _place(rng: Generator, shape: Dims, real: str, flavour: str) -> Array:
    return np.asarray(10 ** rng.uniform(-3, 3, shape), real)


@op(broadcast(_exponent, _place, flavours=SMOOTH), by_double(64),
    gradient=(Sample((Fixed(np.array(2.5)), spread(2, 3, low=0.4, high=3.0))),))  # fmt: skip
def zeta(s, q):
    """out = the sum of (q + k)^-s over k >= 0: 60 terms, the integral, and its corrections."""
    s, z = np.asarray(s, np.longdouble), np.asarray(q, np.longdouble)
    total = np.zeros(np.broadcast_shapes(s.shape, z.shape), np.longdouble)
    for _ in range(60):
        total = total + z**-s
        z = z + 1
    total = total + z ** (1 - s) / (s - 1) + z**-s / 2
    slope = s * z ** (-s - 1)
    for k, (a, b) in enumerate([(1, 12), (-1, 720), (1, 30240), (-1, 1209600)]):
        total = total + np.longdouble(a) / b * slope
        slope = slope * (s + 2 * k + 1) * (s + 2 * k + 2) / (z * z)
    return total.astype(q.dtype)


# ---- Bessel ----


def _bessel(x: Array, n: int) -> Array:
    """e^-|x| I_n(x): 1/pi times the integral of e^(|x| (cos t - 1)) cos(n t) over 0..pi by 300
    equal steps, which is off by about e^(-600^2 / 2|x|); from 2000 on the asymptotic series."""
    size = np.abs(np.asarray(x, np.longdouble))
    known = np.where(size < 2000, size, 0)
    angles = (np.arange(300) + np.longdouble(0.5)) * (PI / 300)
    out = np.zeros(size.shape, np.longdouble)
    for angle in angles:
        out = out + np.exp(-2 * known * np.sin(angle / 2) ** 2) * np.cos(n * angle) / 300
    far, term = np.ones(size.shape, np.longdouble), np.ones(size.shape, np.longdouble)
    beyond = np.where(size < 2000, 2000, size)
    for k in range(1, 10):
        term = term * ((2 * k - 1) ** 2 - 4 * n * n) / (8 * beyond * k)
        far = far + term
    out = np.where(size < 2000, out, far / np.sqrt(2 * PI * beyond))
    return np.where(np.isnan(size), size, out)


@op(UNARY, by_double(24), gradient=one())
def i0e(x):
    """out = e^-|x| I_0(x), I_0 the modified Bessel function"""
    return _bessel(x, 0).astype(x.dtype)


@op(UNARY, by_double(24, lambda x: np.minimum(np.abs(np.nan_to_num(x)), 1) * 0.5), gradient=one())
def i1e(x):
    """out = e^-|x| I_1(x), I_1 the modified Bessel function"""
    wide = np.asarray(x, np.longdouble)
    near = np.abs(x) < 1e-3  # where the integral is a difference: the power series
    series = wide / 2 * (1 + wide**2 / 8 + wide**4 / 192) * np.exp(-np.abs(wide))
    return np.where(near, series, np.sign(x) * _bessel(x, 1)).astype(x.dtype)

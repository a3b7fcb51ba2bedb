"""Ops of tabular nets: activations with a learned bend, and numbers embedded by cosines."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import U_DOUBLE, VMATH, Real, gamma
from families.base import (
    TAILS,
    TIES,
    Array,
    Calls,
    Case,
    Dims,
    Fixed,
    Sample,
    off,
    op,
    size,
    spread,
    values,
)

BENDS = ("selu", "mish")  # enum fnn_bend
SCALE, ALPHA = "1.0507009873554804934193349852946", "1.6732632423543772848170429916717"
CHAIN = 64  # rows that are added up in the real type

# x + alpha (f(x) - x)


def _draw_bend(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    x, alpha = values(rng, dims, real, flavour), values(rng, dims[1:], real, "normal")
    at = int(rng.integers(2))
    keywords, attrs = {"kind": BENDS[at]}, (at,)
    if op.endswith("_grad"):
        dy = values(rng, dims, real, flavour)
        outputs = [(dims, real), (dims[1:], real)]
        return Case(op, real, [dy, x, alpha], outputs, dims, keywords, attrs)
    return Case(op, real, [x, alpha], [(dims, real)], dims, keywords, attrs)


BENT = Calls(
    _draw_bend,
    st.tuples(size(65), size(70)),
    (*((3, n) for n in TAILS), *((n, 5) for n in TAILS)),
    ((20_011, 3), (301, 257)),
    TIES,
    hard=((2, 9000), (9000, 1)),
)
_X, _ALPHA = spread(4, 3), spread(3, seed=1)


def _bend(x: Array, kind: str) -> tuple[Array, Array]:
    """f and its derivative."""
    if kind == "selu":
        scale, alpha = x.dtype.type(SCALE), x.dtype.type(ALPHA)
        below = np.minimum(x, 0)
        slope = np.where(x > 0, scale, scale * alpha * np.exp(below))
        return np.where(x > 0, scale * x, scale * alpha * np.expm1(below)), slope
    t = np.tanh(np.logaddexp(0, x))
    return x * t, t + x * (1 - t * t) / (1 + np.exp(-x))


def _bend_errors(real: Real, x: Array, f: Array, slope: Array, kind: str) -> tuple[Array, Array]:
    """Of f, relative, and of the slope, whose terms may cancel; a small e^x goes to zero."""
    flushed = 8 * real.tiny * (1 + np.abs(x))
    k = VMATH + (4 if kind == "selu" else 16)
    terms = 4.0 if kind == "selu" else np.abs(slope) + 2
    return real.gamma(k) * np.abs(f) + flushed, real.gamma(2 * k) * terms + flushed


@op(
    BENT,
    gradient=tuple(Sample((_X, _ALPHA), None, {"kind": kind}) for kind in BENDS),
)
def parametric_activation(x, alpha, *, kind):
    """out_ij = x_ij + alpha_j (f(x_ij) - x_ij); f is SELU or x tanh(ln(1 + e^x)).

    Source: Holzmueller, Grinsztajn and Steinwart 2024.
    """
    return x + alpha * (_bend(x, kind)[0] - x)


@off(parametric_activation)
def _(real: Real, x: Array, alpha: Array, *, kind: str) -> tuple[Array]:
    """The error of f, and the roundings of a difference, a product and a sum."""
    f, slope = _bend(x, kind)
    error, _ = _bend_errors(real, x, f, slope, kind)
    apart = np.abs(f) + np.abs(x)
    most = np.abs(x) + np.abs(alpha) * apart
    return (np.abs(alpha) * (error + real.gamma(1) * apart) + real.gamma(2) * most + real.tiny,)


@op(BENT)
def parametric_activation_grad(dy, x, alpha, *, kind):
    """dx = dy (1 + alpha (f'(x) - 1)); dalpha_j = sum_i dy_ij (f(x_ij) - x_ij)."""
    f, slope = _bend(x, kind)
    return dy * (1 + alpha * (slope - 1)), np.sum(dy * (f - x), axis=0)


@off(parametric_activation_grad)
def _(real: Real, dy: Array, x: Array, alpha: Array, *, kind: str) -> tuple[Array, Array]:
    """The errors of f and f', and of a sum in double of short sums in the real type."""
    f, slope = _bend(x, kind)
    of_f, of_slope = _bend_errors(real, x, f, slope, kind)
    dy, alpha, apart = np.abs(dy), np.abs(alpha), np.abs(f) + np.abs(x)
    steep = np.abs(slope) + 1
    rise = alpha * (of_slope + real.gamma(1) * steep) + real.gamma(2) * (1 + alpha * steep)
    dx = dy * (rise + real.gamma(1) * (1 + alpha * steep)) + real.tiny * (1 + dy)
    chain = real.gamma(min(len(x), CHAIN) + 3) + gamma(len(x) + 2, U_DOUBLE)
    sums = np.sum(dy * (of_f + chain * apart), axis=0)
    return dx, sums + real.tiny * (len(x) + 1)


# Numbers embedded by cosines


def _draw_periodic(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    n, d, f = dims
    x, w, b = (values(rng, shape, real, flavour) for shape in ((n, d), (d, f), (d, f)))
    mixing, shift = (values(rng, shape, real, "normal") for shape in ((d, 3, f), (d, 3)))
    if op.endswith("_grad"):
        dy = values(rng, (n, 4 * d), real, flavour)
        return Case(op, real, [dy, x, w, b, mixing], [((d, 5 * f + 3), real)], dims)
    return Case(op, real, [x, w, b, mixing, shift], [((n, 4 * d), real)], dims)


EMBEDDED = Calls(
    _draw_periodic,
    st.tuples(size(65), st.integers(1, 5), st.integers(1, 40)),
    (*((n, 2, 3) for n in TAILS), *((5, 2, f) for f in TAILS if f)),
    ((2003, 5, 16), (70, 90, 16)),
    TIES,
)


def _angles(x: Array, w: Array, b: Array) -> Array:
    """2 pi w x + b, (n, d, f)."""
    return 8 * np.arctan(x.dtype.type(1)) * w * x[:, :, None] + b


def _unsure(real: Real, x: Array, w: Array, b: Array) -> Array:
    """The error of a sine or cosine: that of the angle and of its reduction, at most 2."""
    far = 7 * np.abs(w * x[:, :, None]) + np.abs(b)
    return np.minimum(2, real.gamma(10) * far + 8 * real.u)


_PARAMETERS = (
    spread(2, 3, seed=1), spread(2, 3, seed=2), spread(2, 3, 3), spread(2, 3, seed=3),
)  # fmt: skip
_NUMBERS = spread(4, 2)


# The kernel gives the gradient by the parameters, an expression that by the numbers too.
@op(
    EMBEDDED,
    gradient=(
        Sample((_NUMBERS, *_PARAMETERS), None),
        Sample((Fixed(_NUMBERS), *_PARAMETERS), None),
    ),
)
def periodic_embedding(x, w, b, mixing, shift):
    """out = (z, x), z_i,3j+m = sum_k mixing_jmk cos(2 pi w_jk x_ij + b_jk) + shift_jm.

    Source: Holzmueller, Grinsztajn and Steinwart 2024.
    """
    cosines = np.cos(_angles(x, w, b))
    z = (cosines[:, :, None] * mixing).sum(axis=3) + shift
    return np.concatenate([z.reshape(len(x), 3 * x.shape[1]), x], axis=1)


@off(periodic_embedding)
def _(real: Real, x: Array, w: Array, b: Array, mixing: Array, shift: Array) -> tuple[Array]:
    """The cosines' errors, and a chain of f + 1 sums in the real type."""
    each = _unsure(real, x, w, b) + real.gamma(w.shape[1] + 3)
    z = (each[:, :, None] * np.abs(mixing)).sum(axis=3)
    z = z + real.gamma(w.shape[1] + 3) * np.abs(shift) + real.tiny * (w.shape[1] + 2)
    return (np.concatenate([z.reshape(len(x), 3 * x.shape[1]), np.zeros_like(x)], axis=1),)


@op(EMBEDDED)
def periodic_embedding_grad(dy, x, w, b, mixing):
    """Of each column the gradient by w, b, mixing and shift, one after another."""
    n, d = x.shape
    angles, dz = _angles(x, w, b), dy[:, : 3 * d].reshape(n, d, 3)
    da = -np.sin(angles) * (dz[..., None] * mixing).sum(axis=2)
    dw = 8 * np.arctan(x.dtype.type(1)) * (da * x[:, :, None]).sum(axis=0)
    by_mixing = (dz[..., None] * np.cos(angles)[:, :, None]).sum(axis=0)
    parts = (dw, da.sum(axis=0), by_mixing.reshape(d, 3 * w.shape[1]), dz.sum(axis=0))
    return np.concatenate(parts, axis=1)


@off(periodic_embedding_grad)
def _(real: Real, dy: Array, x: Array, w: Array, b: Array, mixing: Array) -> tuple[Array]:
    """The errors of sines and cosines, and of sums in double of short sums in the real type."""
    n, d = x.shape
    unsure, dz = _unsure(real, x, w, b), np.abs(dy[:, : 3 * d]).reshape(n, d, 3)
    chain = real.gamma(min(n, CHAIN) + 8) + gamma(n + 2, U_DOUBLE)
    da = (dz[..., None] * np.abs(mixing)).sum(axis=2) * (unsure + chain)
    dw = 7 * (da * np.abs(x)[:, :, None]).sum(axis=0)
    by_mixing = (
        (dz[..., None] * (unsure + chain)[:, :, None]).sum(axis=0).reshape(d, 3 * w.shape[1])
    )
    shift = (real.gamma(1) + gamma(n, U_DOUBLE)) * dz.sum(axis=0)
    flushed = real.tiny * (1 + n + 8 * np.abs(x).sum())
    return (np.concatenate([dw, da.sum(axis=0), by_mixing, shift], axis=1) + flushed,)

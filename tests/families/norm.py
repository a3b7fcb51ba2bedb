"""Normalisation: by columns (batch_norm) and along rows (layer_norm), and their gradients.

Sums are in double. A mean is rounded to the real type once, which moves every x - mean; the
variance is taken about the rounded mean and corrected for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.random import Generator

from families.approx import SLACK, U_DOUBLE, Real, gamma
from families.base import (
    TAILS,
    TIES,
    Array,
    Calls,
    Case,
    Dims,
    Sample,
    bits_of,
    off,
    op,
    size,
    spread,
    values,
)


def _draw(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    """The value or, where the name ends in _grad, the gradient."""
    n, c = dims
    by_rows = op.startswith("layer")
    x = values(rng, dims, real, flavour)
    x += np.asarray(rng.choice([0, 100]), real)  # a mean that is far from 0
    shape = (n, 2) if by_rows else (3, c)
    gain, shift = (
        None if rng.random() < 0.3 else values(rng, (c,), real, "normal") for _ in range(2)
    )
    centred = bool(rng.random() < 0.5) if by_rows else True
    keywords: dict[str, Any] = {"centred": centred} if by_rows else {}
    attrs: Dims = (int(centred),) if by_rows else ()
    if op.endswith("_grad"):
        stats = np.abs(values(rng, shape, real, "normal")) + np.asarray(0.01, real)
        dy = values(rng, dims, real, flavour)
        outputs = [(dims, real), ((2, c), real)]
        return Case(op, real, [dy, x, stats, gain], outputs, dims, keywords, attrs)
    eps = float(rng.choice([1e-5, 1e-3, 0.1]))
    attrs = (bits_of(eps), *attrs)
    outputs = [(dims, real), (shape, real)]
    return Case(op, real, [x, gain, shift], outputs, dims, {"eps": eps, **keywords}, attrs)


_TAILS = (*((3, n) for n in TAILS if n), *((n, 5) for n in TAILS if n))
NORMS = Calls(
    _draw,
    st.tuples(st.integers(1, 65), st.integers(1, 70)),
    _TAILS,
    ((20_011, 10), (301, 257)),
    TIES,
    hard=((300, 3), (2, 1000), (40, 150)),
)
_X, _GAIN, _SHIFT = spread(4, 3), spread(3, seed=1), spread(3, seed=2)
_SAMPLES = (
    Sample((_X, _GAIN, _SHIFT), None, {"eps": 0.1}),
    Sample((_X, _GAIN), None, {"eps": 0.1}),
    Sample((_X, None, _GAIN), None, {"eps": 0.1}),
)


def _affine(h: Array, gain: Array | None, shift: Array | None) -> Array:
    h = h if gain is None else h * gain
    return h if shift is None else h + shift


# Errors of what they have in common


def _size(x: Array | None) -> Any:
    return 1 if x is None else np.abs(x)


def _moments(real: Real, x: Array, axis: int, centred: bool, eps: float) -> Any:
    """|x - mean| with its error, and 1 / std with its relative error; the error of mean, var."""
    n = x.shape[axis]
    mean = np.mean(x, axis=axis, keepdims=True) * centred
    far = gamma(n + 1, U_DOUBLE) * np.mean(np.abs(x), axis=axis, keepdims=True)
    mean_err = (real.u * np.abs(mean) + far + real.tiny) * centred
    d = np.abs(x - mean)
    d_err = mean_err + real.gamma(1) * (d + mean_err)
    square = np.mean((d + d_err) ** 2, axis=axis, keepdims=True)
    var = np.mean(d * d, axis=axis, keepdims=True)
    var_err = (real.gamma(8) + gamma(4 * n + 8, U_DOUBLE)) * square + real.tiny
    share = (var_err + real.gamma(2) * (var + eps)) / np.maximum(var + eps - var_err, real.tiny)
    inverse = 1 / np.sqrt(var + eps)
    return d, d_err, inverse, share + real.gamma(3), mean_err, var_err


def _affine_error(real: Real, parts: Any, gain: Any, shift: Any) -> Array:
    d, d_err, inverse, share = parts[:4]
    h = d * inverse
    err = d_err * inverse * (1 + share) + h * (share + real.gamma(3))
    most = h * _size(gain) + (0 if shift is None else np.abs(shift))
    return err * _size(gain) + real.gamma(2) * most + 4 * real.tiny * (1 + _size(gain))


def _parameters_error(real: Real, dy: Array, h: Array) -> Array:
    """Sums of dy h and dy over the rows, in double, h from two roundings."""
    far = gamma(len(dy) + 2, U_DOUBLE)
    product, plain = np.sum(dy * h, axis=0), np.sum(dy, axis=0)
    return np.stack([(real.gamma(4) + far) * product, (real.gamma(1) + far) * plain]) + real.tiny


# By columns


@op(NORMS, optional=(3, 4), gradient=_SAMPLES)
def batch_norm(x, gain, shift, *, eps):
    """h = (x - mean) / std by column, std^2 = var + eps; out = gain h + shift.

    stats = mean, 1 / std, var. Source: Ioffe and Szegedy 2015, algorithm 1.
    """
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + x.dtype.type(eps))
    return _affine((x - mean) / std, gain, shift), np.stack([mean, 1 / std, var])


@off(batch_norm)
def _(real: Real, x: Array, gain: Any, shift: Any, *, eps: float) -> Any:
    """The moments' errors through (x - mean) / std, and the roundings of the products."""
    if x.size == 0:
        return 0.0, 0.0
    parts = _moments(real, x, 0, True, eps)
    _, _, inverse, share, mean_err, var_err = parts
    stats = np.concatenate([mean_err, inverse * share, var_err])
    return _affine_error(real, parts, gain, shift), stats


@op(NORMS, optional=(5,))
def batch_norm_grad(dy, x, stats, gain):
    """dx = gain / std (dy - mean(dy) - h mean(dy h)); dgain = sum dy h; dshift = sum dy."""
    mean, inverse, _ = stats
    h = (x - mean) * inverse
    rest = dy - np.mean(dy, axis=0) - h * np.mean(dy * h, axis=0)
    return _affine(rest * inverse, gain, None), np.stack([np.sum(dy * h, 0), np.sum(dy, 0)])


@off(batch_norm_grad)
def _(real: Real, dy: Array, x: Array, stats: Array, gain: Array | None) -> tuple[Array, Array]:
    """dy - db / n - d (dg / n) r, times r g: each term of a few roundings."""
    n = max(len(dy), 1)
    mean, inverse, _ = stats
    inverse, dy, d = np.abs(inverse), np.abs(dy), np.abs(x - mean)
    h = d * inverse
    dp = _parameters_error(real, dy, h)
    most = dy + np.sum(dy, axis=0) / n + h * np.sum(dy * h, axis=0) / n
    err = (dp[1] + h * dp[0]) / n + real.gamma(8) * most + 4 * real.tiny * (1 + d + h)
    scale = inverse * _size(gain)
    return SLACK * (err * scale + real.gamma(4) * most * scale) + real.tiny, dp


def _draw_moments(op: str, real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    c, n = dims
    mean, var = values(rng, (c,), real, flavour), np.abs(values(rng, (c,), real, flavour))
    stats = np.abs(values(rng, (3, c), real, flavour))
    count = rng.integers(0, 1000, 1)
    momentum = float(rng.choice([0.1, 0.0, 1.0, -0.25, np.nan]))
    keywords = {"rows": n, "momentum": momentum}
    inputs = [mean, var, count, stats]
    return Case(op, real, inputs, [], dims, keywords, (bits_of(momentum),), 3)


_MOMENTS = Calls(
    _draw_moments,
    st.tuples(size(65), st.integers(2, 10**6)),
    tuple((n, 7) for n in TAILS),
    ((5001, 3),),
    TIES,
)


@op(_MOMENTS)
def running_moments_step(mean, var, count, stats, *, rows, momentum):
    """mean = (1 - f) mean + f batch mean, var with the unbiased one; f = momentum or 1 / count."""
    count = count + 1
    f = momentum if momentum == momentum else 1 / mean.dtype.type(count[0])
    unbiased = stats[2] * rows / (rows - 1)
    return (1 - f) * mean + f * stats[0], (1 - f) * var + f * unbiased, count


@off(running_moments_step)
def _(
    real: Real, mean: Array, var: Array, count: Array, stats: Array, *, rows: int, momentum: float
) -> tuple[Any, ...]:
    """Two rounded coefficients and two products."""
    f = momentum if momentum == momentum else 1 / (count[0] + 1)
    new = np.abs(stats[0]), np.abs(stats[2]) * rows / max(rows - 1, 1)
    sizes = [abs(1 - f) * np.abs(old) + abs(f) * x for old, x in zip((mean, var), new)]
    return *(real.gamma(5) * most + 3 * real.tiny for most in sizes), 0


# Along rows


@op(NORMS, optional=(3, 4),
    gradient=(*_SAMPLES, Sample((_X,), None, {"eps": 0.1, "centred": False})))  # fmt: skip
def layer_norm(x, gain, shift, *, eps, centred):
    """h = (x - mean) / std by row, std^2 = var + eps; out = gain h + shift; stats = mean, 1 / std.

    Not centred: mean = 0 and var = mean(x^2). Source: Ba, Kiros and Hinton 2016; Zhang and
    Sennrich 2019.
    """
    mean = np.mean(x, axis=1, keepdims=True) * centred
    std = np.sqrt(np.mean((x - mean) ** 2, axis=1, keepdims=True) + x.dtype.type(eps))
    return _affine((x - mean) / std, gain, shift), np.concatenate([mean, 1 / std], axis=1)


@off(layer_norm)
def _(real: Real, x: Array, gain: Any, shift: Any, *, eps: float, centred: bool) -> Any:
    """As of batch_norm, along rows."""
    if x.size == 0:
        return 0.0, 0.0
    parts = _moments(real, x, 1, centred, eps)
    _, _, inverse, share, mean_err, _ = parts
    mean_err = np.broadcast_to(mean_err, inverse.shape)
    return _affine_error(real, parts, gain, shift), np.hstack([mean_err, inverse * share])


@op(NORMS, optional=(5,))
def layer_norm_grad(dy, x, stats, gain, *, centred):
    """dx = 1 / std (e - mean(e) - h mean(e h)), e = gain dy; dgain = sum dy h; dshift = sum dy."""
    h = (x - stats[:, :1]) * stats[:, 1:]
    e = _affine(dy, gain, None)
    rest = e - h * np.mean(e * h, axis=1, keepdims=True)
    if centred:
        rest = rest - np.mean(e, axis=1, keepdims=True)
    return rest * stats[:, 1:], np.stack([np.sum(dy * h, axis=0), np.sum(dy, axis=0)])


@off(layer_norm_grad)
def _(
    real: Real, dy: Array, x: Array, stats: Array, gain: Array | None, *, centred: bool
) -> tuple[Array, Array]:
    """e - s - h t, times r: each term of a few roundings."""
    c = max(dy.shape[1], 1)
    inverse, dy = np.abs(stats[:, 1:]), np.abs(dy)
    h = np.abs(x - stats[:, :1]) * inverse
    e = dy * _size(gain)
    s, t = np.sum(e, 1, keepdims=True) / c, np.sum(e * h, 1, keepdims=True) / c
    most = e + s + h * t
    err = (real.gamma(12) + gamma(c + 4, U_DOUBLE)) * most
    err = err + 8 * real.tiny * (1 + h) * (1 + _size(gain))
    return err * inverse + real.tiny, _parameters_error(real, dy, h)

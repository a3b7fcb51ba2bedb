"""The rows of reference.py that normalise, and those that draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def _real(x: ArrayLike) -> Array:
    x = np.asarray(x)
    return x if x.dtype == np.longdouble else x.astype(np.float64)


def _affine(h: Array, gain: ArrayLike | None, shift: ArrayLike | None) -> Array:
    h = h if gain is None else h * _real(gain)
    return h if shift is None else h + _real(shift)


def batch_norm(
    x: ArrayLike, gain: ArrayLike | None, shift: ArrayLike | None, *, eps: float
) -> tuple[Array, Array]:
    """h = (x - mean) / std by column, std^2 = var + eps; out = gain h + shift.

    stats = mean, 1 / std, var. Source: Ioffe and Szegedy 2015, algorithm 1.
    """
    x = _real(x)
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    std = np.sqrt(var + x.dtype.type(eps))
    return _affine((x - mean) / std, gain, shift), np.stack([mean, 1 / std, var])


def batch_norm_grad(
    dy: ArrayLike, x: ArrayLike, stats: ArrayLike, gain: ArrayLike | None
) -> tuple[Array, Array]:
    """dx = gain / std (dy - mean(dy) - h mean(dy h)); dgain = sum dy h; dshift = sum dy."""
    dy, x, (mean, inverse, _) = _real(dy), _real(x), _real(stats)
    h = (x - mean) * inverse
    rest = dy - np.mean(dy, axis=0) - h * np.mean(dy * h, axis=0)
    return _affine(rest * inverse, gain, None), np.stack([np.sum(dy * h, 0), np.sum(dy, 0)])


def layer_norm(
    x: ArrayLike, gain: ArrayLike | None, shift: ArrayLike | None, *, eps: float, centred: bool
) -> tuple[Array, Array]:
    """h = (x - mean) / std by row, std^2 = var + eps; out = gain h + shift; stats = mean, 1 / std.

    Not centred: mean = 0 and var = mean(x^2). Source: Ba, Kiros and Hinton 2016; Zhang and
    Sennrich 2019.
    """
    x = _real(x)
    mean = np.mean(x, axis=1, keepdims=True) * centred
    std = np.sqrt(np.mean((x - mean) ** 2, axis=1, keepdims=True) + x.dtype.type(eps))
    return _affine((x - mean) / std, gain, shift), np.concatenate([mean, 1 / std], axis=1)


def layer_norm_grad(
    dy: ArrayLike, x: ArrayLike, stats: ArrayLike, gain: ArrayLike | None, *, centred: bool
) -> tuple[Array, Array]:
    """dx = 1 / std (e - mean(e) - h mean(e h)), e = gain dy; dgain = sum dy h; dshift = sum dy."""
    dy, x, stats = _real(dy), _real(x), _real(stats)
    h = (x - stats[:, :1]) * stats[:, 1:]
    e = _affine(dy, gain, None)
    rest = e - h * np.mean(e * h, axis=1, keepdims=True)
    if centred:
        rest = rest - np.mean(e, axis=1, keepdims=True)
    return rest * stats[:, 1:], np.stack([np.sum(dy * h, axis=0), np.sum(dy, axis=0)])


def running_moments_step(
    mean: ArrayLike,
    var: ArrayLike,
    count: ArrayLike,
    stats: ArrayLike,
    *,
    rows: int,
    momentum: float,
) -> tuple[Array, Array, Array]:
    """mean = (1 - f) mean + f batch mean, var with the unbiased one; f = momentum or 1 / count."""
    mean, var, stats = _real(mean), _real(var), _real(stats)
    count = np.asarray(count) + 1
    f = mean.dtype.type(momentum) if momentum >= 0 else 1 / mean.dtype.type(count[0])
    unbiased = stats[2] * rows / (rows - 1)
    return (1 - f) * mean + f * stats[0], (1 - f) * var + f * unbiased, count


_WORD = 2**64 - 1


def _mix(z: int) -> int:
    """Steele, Lea and Flood 2014: the output function of splitmix64."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _WORD
    return z ^ z >> 31


def draw_key(state: ArrayLike, key: ArrayLike) -> tuple[Array, Array]:
    """key = state = (seed, count); state = (seed, count + 1)."""
    state = np.asarray(state)
    return state + np.array([0, 1]), state


def dropout(x: ArrayLike, key: ArrayLike, *, p: float) -> Array:
    """out_i = x_i / (1 - p) where bits_i >= p 2^32, else 0; the bits are Wellons' lowbias32 of i
    with half of the mixed key before each round."""
    x, (seed, count) = _real(x), (int(k) & _WORD for k in np.asarray(key))
    mixed = _mix(_mix(_mix(seed + 0x9E3779B97F4A7C15 & _WORD) ^ count))
    h = np.arange(x.size, dtype=np.uint32) ^ np.uint32(mixed & 0xFFFFFFFF)
    h = (h ^ h >> np.uint32(16)) * np.uint32(0x7FEB352D)
    h = (h ^ h >> np.uint32(15)) + np.uint32(mixed >> 32)
    h = h * np.uint32(0x846CA68B)
    h = h ^ h >> np.uint32(16)
    return np.where(h >= int(p * 2**32), x / (1 - x.dtype.type(p)), 0)

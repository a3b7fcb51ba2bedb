"""The bounds of bounds.py for the rows that normalise, and for those that draw.

Sums are in double. A mean is rounded to the real type once, which moves every x - mean; the
variance is taken about the rounded mean and corrected for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import reference
from bounds_real import SLACK, U_DOUBLE, Real, gamma
from numpy.typing import NDArray

Array = NDArray[Any]


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


def _affine_error(real: Real, x: Array, parts: Any, gain: Any, shift: Any) -> Array:
    d, d_err, inverse, share = parts[:4]
    h = d * inverse
    err = d_err * inverse * (1 + share) + h * (share + real.gamma(3))
    size = h * _size(gain) + (0 if shift is None else np.abs(shift))
    return err * _size(gain) + real.gamma(2) * size + 4 * real.tiny * (1 + _size(gain))


def bound_batch_norm(real: Real, x: Array, gain: Any, shift: Any, *, eps: float) -> Any:
    """The moments' errors through (x - mean) / std, and the roundings of the products."""
    if x.size == 0:
        return 0.0, 0.0
    parts = _moments(real, x, 0, True, eps)
    _, _, inverse, share, mean_err, var_err = parts
    stats = np.concatenate([mean_err, inverse * share, var_err])
    return _affine_error(real, x, parts, gain, shift), stats


def bound_layer_norm(
    real: Real, x: Array, gain: Any, shift: Any, *, eps: float, centred: bool
) -> Any:
    """As of batch_norm, along rows."""
    if x.size == 0:
        return 0.0, 0.0
    parts = _moments(real, x, 1, centred, eps)
    _, _, inverse, share, mean_err, _ = parts
    mean_err = np.broadcast_to(mean_err, inverse.shape)
    return _affine_error(real, x, parts, gain, shift), np.hstack([mean_err, inverse * share])


def _parameters_error(real: Real, dy: Array, h: Array) -> Array:
    """Sums of dy h and dy over the rows, in double, h from two roundings."""
    n = len(dy)
    product, plain = np.sum(dy * h, axis=0), np.sum(dy, axis=0)
    far = gamma(n + 2, U_DOUBLE)
    return np.stack([(real.gamma(4) + far) * product, (real.gamma(1) + far) * plain]) + real.tiny


def bound_batch_norm_grad(
    real: Real, dy: Array, x: Array, stats: Array, gain: Array | None
) -> tuple[Array, Array]:
    """dy - db / n - d (dg / n) r, times r g: each term of a few roundings."""
    n = max(len(dy), 1)
    mean, inverse, _ = stats
    inverse, dy, d = np.abs(inverse), np.abs(dy), np.abs(x - mean)
    h = d * inverse
    dp = _parameters_error(real, dy, h)
    size = dy + np.sum(dy, axis=0) / n + h * np.sum(dy * h, axis=0) / n
    err = (dp[1] + h * dp[0]) / n + real.gamma(8) * size + 4 * real.tiny * (1 + d + h)
    scale = inverse * _size(gain)
    return SLACK * (err * scale + real.gamma(4) * size * scale) + real.tiny, dp


def bound_layer_norm_grad(
    real: Real, dy: Array, x: Array, stats: Array, gain: Array | None, *, centred: bool
) -> tuple[Array, Array]:
    """e - s - h t, times r: each term of a few roundings."""
    c = max(dy.shape[1], 1)
    inverse, dy = np.abs(stats[:, 1:]), np.abs(dy)
    h = np.abs(x - stats[:, :1]) * inverse
    e = dy * _size(gain)
    far = gamma(c + 4, U_DOUBLE)
    s, t = np.sum(e, 1, keepdims=True) / c, np.sum(e * h, 1, keepdims=True) / c
    size = e + s + h * t
    err = (real.gamma(12) + far) * size + 8 * real.tiny * (1 + h) * (1 + _size(gain))
    return err * inverse + real.tiny, _parameters_error(real, dy, h)


def bound_running_moments_step(
    real: Real,
    mean: Array,
    var: Array,
    count: Array,
    stats: Array,
    *,
    rows: int,
    momentum: float,
) -> tuple[Any, ...]:
    """Two rounded coefficients and two products."""
    f = momentum if momentum >= 0 else 1 / (count[0] + 1)
    new = np.abs(stats[0]), np.abs(stats[2]) * rows / max(rows - 1, 1)
    sizes = [(1 - f) * np.abs(old) + f * x for old, x in zip((mean, var), new)]
    return *(real.gamma(5) * size + 3 * real.tiny for size in sizes), 0


def bound_draw_key(real: Real, state: Array, key: Array) -> tuple[int, int]:
    """Exact."""
    return 0, 0


def bound_dropout(real: Real, x: Array, key: Array, *, p: float) -> tuple[Array]:
    """The factor is rounded, and the product."""
    return (real.gamma(3) * np.abs(reference.dropout(x, key, p=p)) + real.tiny,)

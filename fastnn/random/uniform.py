"""Scaling of uniform numbers to a range as in torch's vector kernels, with one rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def scaled(x: Array, low: float, high: float) -> Array:
    """x * (high - low) + low for x in [0, 1), by a fused multiply-add; may overwrite x."""
    return (_scale32 if x.dtype == np.float32 else _scale64)(x, low, high)


def _scale32(x: npt.NDArray[np.float32], low: float, high: float) -> Array:
    """fma(x, high - low, low) in float32: the product is exact in double."""
    a, b = np.float32(low), np.float32(high)
    if a == 0.0 and b == 1.0:
        return x
    step = 1 << 16  # in pieces that stay in cache
    for i in range(0, x.size, step):
        piece = x[i : i + step].astype(np.float64)
        x[i : i + step] = piece * np.float64(b - a) + np.float64(a)
    return x


def _scale64(x: npt.NDArray[np.float64], low: float, high: float) -> Array:
    """fma(x, high - low, low) in float64: Dekker's product and Knuth's sum, errors kept."""
    width = float(high) - float(low)
    if low == 0.0 and width == 1.0:
        return x
    product = x * width
    split = 134217729.0  # 2**27 + 1
    xs, ws = x * split, width * split
    x_high = xs - (xs - x)
    w_high = ws - (ws - width)
    x_low, w_low = x - x_high, width - w_high
    lost = ((x_high * w_high - product) + x_high * w_low + x_low * w_high) + x_low * w_low
    total = product + low
    back = total - product
    lost += (product - (total - back)) + (low - back)
    return np.asarray(total + lost)

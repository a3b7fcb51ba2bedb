"""Scaling of uniform numbers to a range as in torch's vector kernels, with one rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_PIECE = 1 << 16  # numbers that stay in the cache


def scaled32(draw: Callable[[int], Array], n: int, low: float, high: float) -> Array:
    """n float32 numbers fma(x, high - low, low) for x = a draw of 24 bits / 2**24.

    draw: gives so many whole numbers. Product and sum are made in double; the product is exact.
    """
    a, b = np.float32(low), np.float32(high)
    scale, start = np.float64(b - a) * 2.0**-24, np.float64(a)
    out = np.empty(n, np.float32)
    for i in range(0, n, _PIECE):
        count = min(_PIECE, n - i)
        piece = draw(count) * scale
        piece += start
        out[i : i + count] = piece
    return out


def scaled64(x: Array, low: float, high: float) -> Array:
    """fma(x, high - low, low) for float64 x in [0, 1), which may be overwritten.

    Dekker's product and Knuth's sum, errors kept.
    """
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

"""Box-Muller transform in blocks, as in torch's vector kernel.

float32 follows the Cephes logarithm, sine and cosine (Moshier, netlib; the AVX form by Pommier
and Garberoglio) with the fused multiply-adds of torch's build, so the bits agree. A fused step is
one float64 expression rounded once: the product of two float32 is exact there.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_F32 = npt.NDArray[np.float32]
_PIECE = 1 << 15  # elements handled at once, to stay in cache

_LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_SQRT_HALF = np.float32(0.707106781186547524)
_PI_4 = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)  # three parts
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def box_muller(flat: npt.NDArray[np.floating], mean: float, std: float) -> None:
    """Turn U(0, 1) into N(mean, std**2) in place, in blocks of 8 + 8.

    r = sqrt(-2 log(1 - u[j])), t = 2 pi u[j + 8]; u[j] = r cos t * std + mean and
    u[j + 8] = r sin t * std + mean, j = 0..7.

    Args:
        flat: float32 or float64, a multiple of 16 long, overwritten.
        mean, std: of the normal numbers.
    """
    for begin in range(0, flat.size, _PIECE):
        blocks = flat[begin : begin + _PIECE].reshape(-1, 2, 8)
        if flat.dtype == np.float32:
            _blocks32(blocks, mean, std)
        else:
            _blocks64(blocks, mean, std)


def _blocks64(blocks: npt.NDArray[np.floating], mean: float, std: float) -> None:
    radius = np.sqrt(-2.0 * np.log(1.0 - blocks[:, 0]))
    theta = (2.0 * math.pi) * blocks[:, 1]
    blocks[:, 0] = radius * np.cos(theta) * std + mean
    blocks[:, 1] = radius * np.sin(theta) * std + mean


def _blocks32(blocks: npt.NDArray[np.floating], mean: float, std: float) -> None:
    radius = np.sqrt(np.float32(-2.0) * _log(np.float32(1.0) - blocks[:, 0]))
    sine, cosine = _sin_cos(np.float32(2.0 * math.pi) * blocks[:, 1])
    blocks[:, 0] = _fma(radius * cosine, np.float32(std), np.float32(mean))
    blocks[:, 1] = _fma(radius * sine, np.float32(std), np.float32(mean))


def _fma(a: _F32, b: _F32 | np.float32 | float, c: _F32 | np.float32 | float) -> _F32:
    """a * b + c with one rounding (but for float64 ties, which do not come up here)."""
    wide = a.astype(np.float64)
    wide *= b
    wide += c
    return wide.astype(np.float32)


def _constant(value: float) -> float:
    return float(np.float32(value))


def _log(x: _F32) -> _F32:
    bits = x.view(np.int32) if x.flags.c_contiguous else np.ascontiguousarray(x).view(np.int32)
    exponent = ((bits >> 23) - 0x7F).astype(np.float32) + np.float32(1.0)
    x = ((bits & ~np.int32(0x7F800000)) | np.int32(0x3F000000)).view(np.float32)
    small = x < _SQRT_HALF
    exponent = exponent - small
    x = (x - np.float32(1.0)) + np.where(small, x, np.float32(0.0))
    z = x * x
    y = np.full_like(x, _LOG[0])
    for coefficient in _LOG[1:]:
        y = _fma(y, x, _constant(coefficient))
    y = _fma(y * x, z, exponent * np.float32(_LN2_LOW))
    y = _fma(z, -0.5, y)
    return _fma(exponent, _LN2_HIGH, x + y)


def _sin_cos(x: _F32) -> tuple[_F32, _F32]:
    """Sine and cosine of x >= 0."""
    octant = (x * np.float32(1.27323954473516)).astype(np.int32)  # 4 / pi
    octant = (octant + 1) & ~np.int32(1)
    turns = octant.astype(np.float32)
    for part in _PI_4:
        x = _fma(turns, -_constant(part), x)
    z = x * x
    cosine = np.full_like(x, _COS[0])
    for coefficient in _COS[1:]:
        cosine = _fma(cosine, z, _constant(coefficient))
    cosine = _fma(cosine * z, z, -(z * np.float32(0.5))) + np.float32(1.0)
    sine = np.full_like(x, _SIN[0])
    for coefficient in _SIN[1:]:
        sine = _fma(sine, z, _constant(coefficient))
    sine = _fma(sine * z, x, x)
    straight = (octant & 2) == 0
    first, second = np.where(straight, sine, cosine), np.where(straight, cosine, sine)
    minus_sine, minus_cosine = (octant & 4) != 0, (~(octant - 2) & 4) != 0
    return np.where(minus_sine, -first, first), np.where(minus_cosine, -second, second)

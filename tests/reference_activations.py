"""The activations and erf of the op table in their textbook form; see reference.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

_TWO_OVER_SQRT_PI = np.longdouble("1.128379167095512573896158903121545172")


def _real(x: ArrayLike) -> Array:
    x = np.asarray(x)
    return x if x.dtype == np.longdouble else x.astype(np.float64)


def erf(x: ArrayLike) -> Array:
    """out = 2/sqrt(pi) * integral of e^(-t^2) over 0..x.

    The series e^(-x^2) * sum_k 2^k x^(2k+1) / (2k+1)!! has terms of one sign, so it loses nothing;
    beyond 7 the function is 1 to more than long double. Source: Abramowitz and Stegun 7.1.6.
    """
    x = _real(x)
    inside = np.abs(x) < 7
    t = np.where(inside, x, 0).astype(np.longdouble)
    term = t.copy()
    total = t.copy()
    for k in range(1, 400):
        term = term * (2 * t * t) / (2 * k + 1)
        total = total + term
        if np.all(np.abs(term) <= np.abs(total) * np.longdouble(1e-22)):
            break
    series = (_TWO_OVER_SQRT_PI * np.exp(-t * t) * total).astype(x.dtype)
    return np.where(inside, series, np.where(np.isnan(x), x, np.copysign(1, x)))


def tanh(x: ArrayLike) -> Array:
    """out = (e^x - e^-x) / (e^x + e^-x)"""
    return np.tanh(_real(x))


def sigmoid(x: ArrayLike) -> Array:
    """out = 1 / (1 + e^-x)"""
    return 1 / (1 + np.exp(-_real(x)))


def relu(x: ArrayLike) -> Array:
    """out = max(x, 0); nan stays nan."""
    return np.maximum(_real(x), 0)


def relu_grad(dy: ArrayLike, y: ArrayLike) -> Array:
    """out = dy where y > 0, else 0."""
    return np.where(_real(y) > 0, _real(dy), 0)


def sigmoid_grad(dy: ArrayLike, y: ArrayLike) -> Array:
    """out = dy * y * (1 - y)"""
    y = _real(y)
    return _real(dy) * y * (1 - y)


def tanh_grad(dy: ArrayLike, y: ArrayLike) -> Array:
    """out = dy * (1 - y^2)"""
    y = _real(y)
    return _real(dy) * (1 - y * y)


def gelu(x: ArrayLike) -> Array:
    """out = x Phi(x), Phi the normal distribution function: x/2 (1 + erf(x / sqrt 2))"""
    x = _real(x)
    return x / 2 * (1 + erf(x / np.sqrt(x.dtype.type(2))))


def gelu_grad(dy: ArrayLike, x: ArrayLike) -> Array:
    """out = dy (Phi(x) + x phi(x)), phi the density e^(-x^2 / 2) / sqrt(2 pi)"""
    x = _real(x)
    root = np.sqrt(x.dtype.type(2))
    bell = np.exp(-x * x / 2) * np.sqrt(_TWO_OVER_SQRT_PI.astype(x.dtype) ** 2 / 8)
    return _real(dy) * ((1 + erf(x / root)) / 2 + x * bell)

"""Gamma, Poisson and binomial numbers by rejection: one element after another, torch's numbers.

Source: Marsaglia and Tsang 2000 (gamma), Hoermann 1993 (Poisson, binomial), Knuth; in torch's
order of draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._support import dtypes
from fastnn._support.dtype_info import finfo
from fastnn._support.errors import InvalidValueError
from fastnn.random.generator import Generator, default_generator
from fastnn.tensor import Tensor, of_array

__all__ = ["binomial", "poisson", "standard_gamma"]

_THIRD, _SQUEEZE = float(np.float32(1.0 / 3.0)), float(np.float32(0.0331))  # as torch rounds them
_Draw = Callable[[], float]


def _each(draw: Callable[..., float], generator: Generator | None, *parameters: Tensor) -> Tensor:
    """The tensor of draw(uniform, normal, *parameters of one element)."""
    source = generator or default_generator
    arrays = np.broadcast_arrays(*(dtypes.readable(p._array) for p in parameters))
    rows = list(zip(*(a.ravel().tolist() for a in arrays)))

    def fill(uniform: _Draw, normal: _Draw) -> list[float]:
        return [draw(uniform, normal, *row) for row in rows]

    values: Any = np.array(source.one_by_one(fill), np.float64)
    return of_array(dtypes.converted(values.reshape(arrays[0].shape), parameters[0].dtype))


def standard_gamma(concentration: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Gamma numbers of rate 1; the gradient is left to `distributions.Gamma`."""
    tiny = float(finfo(concentration.dtype).tiny)
    drawn = _each(_gamma, generator, concentration)
    found = np.maximum(dtypes.readable(drawn._array), tiny)
    return of_array(dtypes.converted(found, drawn.dtype))


def poisson(rate: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the mean given by each element.

    Raises:
        ValueError: a mean below 0.

    >>> import fastnn
    >>> fastnn.poisson(fastnn.zeros(2))
    tensor([0., 0.])
    """
    if not bool((dtypes.readable(rate._array) >= 0).all()):
        raise InvalidValueError("rate: expected numbers >= 0")
    return _each(_poisson, generator, rate)


def binomial(count: Tensor, prob: Tensor, *, generator: Generator | None = None) -> Tensor:
    """The number of successes in `count` trials, each of probability `prob`, elementwise."""
    return _each(_binomial, generator, count, prob)


def _gamma(uniform: _Draw, normal: _Draw, alpha: float) -> float:
    scale = 1.0
    if alpha < 1.0:
        if alpha == 0.0:
            return 0.0
        scale = (1.0 - uniform()) ** (1.0 / alpha)
        alpha += 1.0
    d = alpha - _THIRD
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        y = 0.0
        while y <= 0.0:
            x = normal()
            y = 1.0 + c * x
        v = y * y * y
        u = 1.0 - uniform()
        xx = x * x
        if u < 1.0 - _SQUEEZE * xx * xx or math.log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


def _poisson(uniform: _Draw, normal: _Draw, mean: float) -> float:
    if mean >= 10:
        return _large_poisson(uniform, mean)
    if mean == 0:
        return 0.0
    limit, count, product = math.exp(-mean), 0, 1.0
    while True:
        product *= uniform()
        if product <= limit:
            return float(count)
        count += 1


def _large_poisson(uniform: _Draw, mean: float) -> float:
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    accepted = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= accepted:
            return float(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v) + math.log(inverse) - math.log(a / (us * us) + b)
        if left <= -mean + k * math.log(mean) - math.lgamma(k + 1.0):
            return float(k)


def _binomial(uniform: _Draw, normal: _Draw, count: float, prob: float) -> float:
    if count <= 0 or prob <= 0:
        return 0.0
    if prob >= 1:
        return count
    few = min(prob, 1.0 - prob)
    drawn = _large_binomial if count * few >= 10 else _small_binomial
    found = drawn(uniform, count, few)
    return found if prob <= 0.5 else count - found


def _small_binomial(uniform: _Draw, count: float, prob: float) -> float:
    log_q, total, found = math.log1p(-prob), 0.0, 0
    while True:
        total += math.ceil(math.log(uniform()) / log_q)
        if total > count:
            return float(found)
        found += 1


def _large_binomial(uniform: _Draw, count: float, prob: float) -> float:
    deviation = math.sqrt(count * prob * (1 - prob))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * prob
    c = count * prob + 0.5
    accepted = 0.92 - 4.2 / b
    r = prob / (1 - prob)
    alpha = (2.83 + 5.1 / b) * deviation
    m = math.floor((count + 1) * prob)
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + c)
        if us >= 0.07 and v <= accepted:
            return float(k)
        if k < 0 or k > count:
            continue
        bound = (
            (m + 0.5) * math.log((m + 1) / (r * (count - m + 1)))
            + (count + 1) * math.log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * math.log(r * (count - k + 1) / (k + 1))
            + _tail(m) + _tail(count - m) - _tail(k) - _tail(count - k)
        )  # fmt: skip
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return float(k)


def _tail(k: float) -> float:
    """log k! without Stirling's formula for it."""
    stirling = (k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi)
    return math.lgamma(k + 1) - stirling

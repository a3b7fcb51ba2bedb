"""Tensor's methods that fill it with random numbers; the values equal torch's.

Source: ATen's `DistributionsHelper.h` and `TransformationHelper.h`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._support import check, pieces
from fastnn._support.dtypes import int32
from fastnn._support.errors import InvalidTypeError
from fastnn.ops.inplace import copy_
from fastnn.random.arguments import held, within
from fastnn.random.generator import Generator, default_generator
from fastnn.random.sampling import bernoulli, multinomial
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods


def _floating(self: Tensor, name: str) -> None:
    if self.dtype.kind != "f":
        raise InvalidTypeError(f"{name}: expected a floating-point tensor, got {self.dtype}")


def _filled(self: Tensor, values: Any) -> Tensor:
    return copy_(self, of_array(values))


def _of_uniform53(
    function: Callable[[Any], Any], self: Tensor, generator: Generator | None, dtype: Any = None
) -> Any:
    """A function of uniform float64 numbers in [0, 1), one for each element.

    dtype: of what it gives; default: float64.
    """
    u = (generator or default_generator).uniform(self.shape, 0.0, 1.0, np.float64)
    return pieces.mapped(function, u, dtype)


def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Uniform numbers in [from_, to).

    Raises:
        TypeError: a tensor that is not floating-point.
        ValueError: from_ > to.
    """
    _floating(self, "uniform_")
    low = check.real("from_", from_)
    high = check.real("to", to, low)
    source = generator or default_generator
    return copy_(self, of_array(source.uniform(self.shape, low, high, self.dtype)))


def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Normal numbers N(mean, std**2).

    Raises:
        TypeError: a tensor that is not floating-point.
        ValueError: std < 0.
    """
    _floating(self, "normal_")
    check.real("std", std, 0.0)
    source = generator or default_generator
    return copy_(self, of_array(source.normal(self.shape, float(mean), float(std), self.dtype)))


def bernoulli_(
    self: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None
) -> Tensor:
    """1 with probability p, else 0; p: a number, or a tensor of the shape of `self`.

    Raises:
        ValueError: a probability outside of 0..1.
    """
    if isinstance(p, Tensor):
        return copy_(self, bernoulli(p.detach().expand(self.shape), generator=generator))
    probability = check.real("p", p, 0.0, 1.0)
    return _filled(self, _of_uniform53(lambda u: u < probability, self, generator, bool))


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Exponential numbers with the rate lambd: -log(1 - u) / lambd.

    Raises:
        TypeError: a tensor that is not floating-point.
        ValueError: lambd <= 0.
    """
    _floating(self, "exponential_")
    rate = check.real("lambd", lambd, 0.0, open_low=True)
    return _filled(self, _of_uniform53(lambda u: -1.0 / rate * np.log1p(-u), self, generator))


def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Geometric numbers 1, 2, ..: trials up to the first success, each of probability p.

    Raises:
        TypeError: a tensor of bool.
        ValueError: p outside of (0, 1).
    """
    if self.dtype.kind == "b":
        raise InvalidTypeError("geometric_: expected a tensor of numbers, got bool")
    chance = check.real("p", p, 0.0, 1.0, open_low=True, open_high=True)
    with np.errstate(divide="ignore"):
        trials = _of_uniform53(lambda u: np.ceil(np.log(u) / math.log1p(-chance)), self, generator)
    return _filled(self, trials)


def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Cauchy numbers: median + sigma tan(pi (u - 1/2)).

    Raises:
        TypeError: a tensor that is not floating-point.
        ValueError: sigma <= 0.
    """
    _floating(self, "cauchy_")
    scale = check.real("sigma", sigma, 0.0, open_low=True)
    return _filled(
        self, _of_uniform53(lambda u: median + scale * np.tan(math.pi * (u - 0.5)), self, generator)
    )


def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """exp(z) for z of N(mean, std**2).

    Raises:
        TypeError: a tensor that is not floating-point.
        ValueError: std <= 0.
    """
    _floating(self, "log_normal_")
    check.real("std", std, 0.0, open_low=True)
    source = generator or default_generator
    return _filled(self, np.exp(source.normal_one_by_one(self.shape, float(mean), float(std))))


def random_(
    self: Tensor,
    from_: int | None = None,
    to: int | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Whole numbers from_ .. to - 1; `random_(to)` begins at 0.

    Args:
        to: default: all numbers from 0 up that the dtype holds exactly.

    Raises:
        ValueError: from_ >= to.
    """
    if to is None and from_ is not None:
        from_, to = 0, from_
    least, most, exact = held(self.dtype)
    low = check.integer("from_", from_ or 0, least, most)
    high = exact if to is None else check.integer("to", to, low + 1, most + 1)
    low, high = within(low, high, self.dtype)
    bits = 32 if to is None and self.dtype == int32 else 64  # as torch draws them
    return _filled(self, (generator or default_generator).integers(self.shape, low, high, bits))


METHODS = methods(
    uniform_,
    normal_,
    bernoulli_,
    exponential_,
    geometric_,
    cauchy_,
    log_normal_,
    random_,
    bernoulli,
    multinomial,
)

"""Discrete distributions, by probabilities or logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import dtypes
from fastnn._support.dtype_info import finfo
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.distribution import (
    Distribution,
    ExponentialFamily,
    batch_of,
    broadcast_all,
)
from fastnn.nn.functional import softplus
from fastnn.ops import creation
from fastnn.random import rejection, sampling
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array

__all__ = [
    "Bernoulli",
    "Binomial",
    "Geometric",
    "NegativeBinomial",
    "Poisson",
]


def _log_odds(probs: Tensor) -> Tensor:
    """log(p / (1 - p)), p kept off 0 and 1."""
    eps = float(finfo(probs.dtype).eps)
    p = ops.clamp(probs, eps, 1 - eps)
    return p.log() - (-p).log1p()


class ByProbability(Distribution):
    """Parameters `probs` or `logits`, one of them given: the other is computed when asked for."""

    arg_constraints: dict[str, Constraint] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    probs: Tensor
    logits: Tensor

    def _take(self, probs: Any, logits: Any, *others: Any) -> tuple[Tensor, ...]:
        if (probs is None) is (logits is None):
            raise ValueError("probs, logits: expected one of them")
        given = probs if logits is None else logits
        tensors = broadcast_all(given, *others)
        self.__dict__["probs" if logits is None else "logits"] = tensors[0]
        self._given = tensors[0]
        return tensors[1:]

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        new = super().expand(batch_shape)
        new._given = new.__dict__.get("probs", new.__dict__.get("logits"))
        return new

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return self.logits.sigmoid()
        if name == "logits" and "probs" in self.__dict__:
            return _log_odds(self.probs)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def param_shape(self) -> tuple[int, ...]:
        """Shape of the parameter that was given."""
        return self._given.shape


class Bernoulli(ByProbability, ExponentialFamily):
    """1 with probability p, else 0.

    Args:
        probs: p, or logits: log(p / (1 - p)).

    >>> from fastnn.distributions import Bernoulli
    >>> Bernoulli(logits=0.0).entropy()
    tensor(0.6931)
    """

    support: Any = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return ops.where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self._given.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return sampling.bernoulli(self.probs.expand(self._shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = ops.broadcast_tensors(self._checked(value), self.logits)
        return value * logits - softplus(logits)

    def entropy(self) -> Tensor:
        return softplus(self.logits) - self.probs * self.logits

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return listed(
            dtypes.converted(np.arange(2.0), self._given.dtype), self._batch_shape, expand
        )


def listed(values: Any, batch_shape: tuple[int, ...], expand: bool) -> Tensor:
    """Values along a new first axis, before the batch."""
    found = of_array(values).reshape((-1,) + (1,) * len(batch_shape))
    return found.expand((len(values), *batch_shape)) if expand else found


class Geometric(ByProbability):
    """The number of failures before the first success: P(k) = (1 - p)**k p, k = 0, 1, ..

    Args:
        probs: p in (0, 1], or logits.
    """

    support: Any = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return creation.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            tiny = float(finfo(self._given.dtype).tiny)
            u = creation.empty(*self._shape(sample_shape), dtype=self._given.dtype)
            return (u.uniform_(tiny, 1).log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        value, probs = ops.broadcast_tensors(self._checked(value), self.probs)
        probs = ops.where((probs == 1) & (value == 0), 0.0, probs)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        p, q = self.probs, 1 - self.probs
        return -(q * q.log() + p * p.log()) / p


class Binomial(ByProbability):
    """The number of successes in total_count trials, each of probability p.

    Args:
        total_count: number of trials. probs: p, or logits.
    """

    arg_constraints: dict[str, Constraint] = {
        "total_count": constraints.nonnegative_integer, **ByProbability.arg_constraints,
    }  # fmt: skip
    total_count: Tensor

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.to(self._given.dtype)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        with no_grad():
            return rejection.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        n, z = self.total_count, self.logits
        ways = ops.lgamma(n + 1) - ops.lgamma(value + 1) - ops.lgamma(n - value + 1)
        return ways + value * z - n * softplus(z)

    def entropy(self) -> Tensor:
        counts = dtypes.readable(self.total_count._array)
        if (counts != counts.max(initial=0)).any():
            raise NotImplementedError("entropy: expected one total_count for all")
        log_p = self.log_prob(self.enumerate_support(False))
        return -(log_p.exp() * log_p).sum(0)

    has_enumerate_support = True

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = int(dtypes.readable(self.total_count._array).max(initial=0))
        values = dtypes.converted(np.arange(n + 1), self._given.dtype)
        return listed(values, self._batch_shape, expand)


class NegativeBinomial(ByProbability):
    """Successes before total_count failures, each success of probability p.

    Args:
        total_count: number of failures, > 0. probs: p in [0, 1), or logits.
    """

    arg_constraints: dict[str, Constraint] = {
        "total_count": constraints.nonnegative,
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support: Any = constraints.nonnegative_integer
    total_count: Tensor

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.to(self._given.dtype)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ops.larger((self.total_count - 1) * self.logits.exp(), 0.0).floor()

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        with no_grad():
            drawn = rejection.standard_gamma(self.total_count.expand(shape))
            return rejection.poisson(drawn * self.logits.exp())

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        n = self.total_count
        found = -n * softplus(self.logits) - value * softplus(-self.logits)
        ways = ops.lgamma(n + value) - ops.lgamma(1.0 + value) - ops.lgamma(n)
        return found + ops.where(n + value == 0, 0.0, ways)


class Poisson(ExponentialFamily):
    """P(k) = rate**k exp(-rate) / k!

    Args:
        rate: mean, >= 0.
    """

    arg_constraints: dict[str, Constraint] = {"rate": constraints.nonnegative}
    support: Any = constraints.nonnegative_integer
    rate: Tensor

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(batch_of(self.rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return rejection.poisson(self.rate.expand(self._shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        value, rate = ops.broadcast_tensors(self._checked(value), self.rate)
        return ops.xlogy(value, rate) - rate - ops.lgamma(value + 1)

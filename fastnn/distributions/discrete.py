"""Discrete distributions, by probabilities or logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
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
from fastnn.tensor import Tensor, int64

__all__ = [
    "Bernoulli",
    "Binomial",
    "Categorical",
    "Geometric",
    "Multinomial",
    "NegativeBinomial",
    "OneHotCategorical",
    "Poisson",
]


def _log_odds(probs: Tensor) -> Tensor:
    """log(p / (1 - p)), p kept off 0 and 1."""
    eps = float(np.finfo(probs.dtype).eps)
    p = ops.clamp(probs, eps, 1 - eps)
    return p.log() - (-p).log1p()


class _ByProbability(Distribution):
    """Parameters `probs` or `logits`, one of them given: the other is computed when asked for."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}

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


class Bernoulli(_ByProbability, ExponentialFamily):
    """1 with probability p, else 0.

    Args:
        probs: p, or logits: log(p / (1 - p)).

    >>> Bernoulli(logits=0.0).entropy()
    tensor(0.6931)
    """

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        return ops.where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self._given.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return sampling.bernoulli(self.probs.expand(self._shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = ops.broadcast_tensors(self._checked(value), self.logits)
        return value * logits - softplus(logits)

    def entropy(self) -> Tensor:
        return softplus(self.logits) - self.probs * self.logits  # type: ignore[no-any-return]

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return _listed(np.arange(2.0, dtype=self._given.dtype), self._batch_shape, expand)


def _listed(values: Any, batch_shape: tuple[int, ...], expand: bool) -> Tensor:
    found = Tensor(values).reshape((-1,) + (1,) * len(batch_shape))
    return found.expand((len(values), *batch_shape)) if expand else found


class Geometric(_ByProbability):
    """The number of failures before the first success: P(k) = (1 - p)**k p, k = 0, 1, ..

    Args:
        probs: p in (0, 1], or logits.
    """

    support = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        return creation.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            tiny = float(np.finfo(self._given.dtype).tiny)
            u = creation.empty(*self._shape(sample_shape), dtype=self._given.dtype)
            return (u.uniform_(tiny, 1).log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        value, probs = ops.broadcast_tensors(self._checked(value), self.probs)
        probs = ops.where((probs == 1) & (value == 0), 0.0, probs)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        p, q = self.probs, 1 - self.probs
        return -(q * q.log() + p * p.log()) / p  # type: ignore[no-any-return]


class Binomial(_ByProbability):
    """The number of successes in total_count trials, each of probability p.

    Args:
        total_count: number of trials. probs: p, or logits.
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer, **_ByProbability.arg_constraints,
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
        if self.total_count.numel() and bool((self.total_count != self.total_count.max()).any()):
            raise NotImplementedError("entropy: expected one total_count for all")
        log_p = self.log_prob(self.enumerate_support(False))
        return -(log_p.exp() * log_p).sum(0)

    has_enumerate_support = True

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = int(self.total_count.max().item())
        values = np.arange(n + 1, dtype=self._given.dtype)
        return _listed(values, self._batch_shape, expand)


class NegativeBinomial(_ByProbability):
    """Successes before total_count failures, each success of probability p.

    Args:
        total_count: number of failures, > 0. probs: p in [0, 1), or logits.
    """

    arg_constraints = {
        "total_count": constraints.nonnegative,
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
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
        return ops.maximum((self.total_count - 1) * self.logits.exp(), 0.0).floor()

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

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
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


class _Classes(_ByProbability):
    """Distributions over n classes: the last axis of the parameter; probabilities sum to 1."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def _take(self, probs: Any, logits: Any, *others: Any) -> tuple[Tensor, ...]:
        if (probs is None) is (logits is None):
            raise ValueError("probs, logits: expected one of them")
        name = "probs" if logits is None else "logits"
        given = probs if logits is None else logits
        if not isinstance(given, Tensor) or given.ndim < 1:
            raise ValueError(f"{name}: expected a tensor with an axis of classes, got {given!r}")
        if name == "probs":
            if self._validate_args and bool((given < 0).any().item()):
                raise ValueError("probs: expected numbers >= 0")
            given = given / given.sum(-1, True)
        else:
            given = given - ops.logsumexp(given, -1, True)
        self.__dict__[name] = self._given = given
        return ()

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return ops.softmax(self.logits, -1)
        if name == "logits" and "probs" in self.__dict__:
            eps = float(np.finfo(self.probs.dtype).eps)
            return ops.clamp(self.probs, eps, 1 - eps).log()
        return super().__getattr__(name)

    def _entropy(self) -> Tensor:
        least = float(np.finfo(self._given.dtype).min)
        return -(self.probs * ops.clamp(self.logits, min=least)).sum(-1)  # type: ignore[no-any-return]


class Categorical(_Classes):
    """One of n classes.

    Args:
        probs: (.., n), weights >= 0, which are divided by their sum; or logits: (.., n).

    >>> import fastnn
    >>> d = Categorical(logits=fastnn.tensor([0.0, 0.0]))
    >>> d.log_prob(fastnn.tensor(1)), d.entropy()
    (tensor(-0.6931), tensor(0.6931))
    """

    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._take(probs, logits)
        self._num_events = self._given.shape[-1]
        super().__init__(self._given.shape[:-1], validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return creation.full(self._batch_shape, math.nan, dtype=self._given.dtype)

    variance = mean

    @property
    def mode(self) -> Tensor:
        return self._given.argmax(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = sampling.multinomial(rows, math.prod(sample_shape), True)
            return drawn.t().reshape(self._shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value).to(int64).unsqueeze(-1)
        shape = np.broadcast_shapes(value.shape[:-1], self._batch_shape)
        logits = self.logits.expand((*shape, self._num_events))
        return ops.gather(logits, -1, value.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        return self._entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return _listed(np.arange(self._num_events), self._batch_shape, expand)


class OneHotCategorical(_Classes):
    """One of n classes, as a vector with one 1.

    Args:
        probs: (.., n), or logits: (.., n), as in `Categorical`.
    """

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._take(probs, logits)
        shape = self._given.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def _classes(self) -> Categorical:
        if "probs" in self.__dict__:
            return Categorical(probs=self.probs, validate_args=False)
        return Categorical(logits=self.logits, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.probs  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        return ops.one_hot(self._given.argmax(-1), self._event_shape[0]).to(self._given.dtype)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn = self._classes().sample(sample_shape)
        return ops.one_hot(drawn, self._event_shape[0]).to(self._given.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._classes().log_prob(self._checked(value).argmax(-1))

    def entropy(self) -> Tensor:
        return self._entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = self._event_shape[0]
        values = Tensor(np.eye(n, dtype=self._given.dtype))
        found = values.reshape((n,) + (1,) * len(self._batch_shape) + (n,))
        return found.expand((n, *self._batch_shape, n)) if expand else found


class Multinomial(_Classes):
    """How often each of n classes comes in total_count draws.

    Args:
        total_count: number of draws. probs: (.., n), or logits: (.., n), as in `Categorical`.
    """

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("total_count: expected one integer for all")
        self.total_count = total_count
        self._take(probs, logits)
        shape = self._given.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)  # type: ignore[no-any-return]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        one = OneHotCategorical(self.__dict__.get("probs"), self.__dict__.get("logits"), False)
        return one.sample((self.total_count, *sample_shape)).sum(0)

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = ops.broadcast_tensors(self._checked(value), self.logits)
        ways = ops.lgamma(value.sum(-1) + 1) - ops.lgamma(value + 1).sum(-1)
        terms = ops.where((value == 0) & (logits == -math.inf), 0.0, logits * value)
        return ways + terms.sum(-1)

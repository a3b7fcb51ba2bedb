"""Distributions over n classes: one class, a one-hot vector, counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import dtypes
from fastnn._support.dtype_info import finfo
from fastnn._support.errors import broadcast_shapes
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint, _Simplex
from fastnn.distributions.discrete import Binomial, ByProbability, listed
from fastnn.distributions.distribution import holds
from fastnn.ops import creation
from fastnn.random import sampling
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, int64, of_array

__all__ = ["Categorical", "Multinomial", "OneHotCategorical"]


class ByClasses(ByProbability):
    """Distributions over n classes: the last axis of the parameter; probabilities sum to 1."""

    arg_constraints: dict[str, _Simplex | Constraint] = {
        "probs": constraints.simplex,
        "logits": constraints.real_vector,
    }

    def _take(
        self, probs: Any, logits: Any, *others: Any, validate_args: bool | None = None
    ) -> tuple[Tensor, ...]:
        if (probs is None) is (logits is None):
            raise ValueError("probs, logits: expected one of them")
        name = "probs" if logits is None else "logits"
        given = probs if logits is None else logits
        if not isinstance(given, Tensor) or given.ndim < 1:
            raise ValueError(f"{name}: expected a tensor with an axis of classes, got {given!r}")
        if name == "probs":
            if self._validate_args if validate_args is None else validate_args:
                holds("probs", given, constraints.nonnegative)
            given = given / given.sum(-1, True)
        else:
            given = given - ops.logsumexp(given, -1, True)
        self.__dict__[name] = self._given = given
        return ()

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return ops.softmax(self.logits, -1)
        if name == "logits" and "probs" in self.__dict__:
            eps = float(finfo(self.probs.dtype).eps)
            return ops.clamp(self.probs, eps, 1 - eps).log()
        return super().__getattr__(name)

    def _entropy(self) -> Tensor:
        least = float(finfo(self._given.dtype).min)
        return -(self.probs * ops.clamp(self.logits, min=least)).sum(-1)


class Categorical(ByClasses):
    """One of n classes.

    Args:
        probs: (.., n), weights >= 0, which are divided by their sum; or logits: (.., n).

    >>> import fastnn
    >>> from fastnn.distributions import Categorical
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
        self._take(probs, logits, validate_args=validate_args)
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
        shape = broadcast_shapes(value.shape[:-1], self._batch_shape)
        logits = self.logits.expand((*shape, self._num_events))
        return ops.gather(logits, -1, value.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        return self._entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return listed(np.arange(self._num_events), self._batch_shape, expand)


class OneHotCategorical(ByClasses):
    """One of n classes, as a vector with one 1.

    Args:
        probs: (.., n), or logits: (.., n), as in `Categorical`.
    """

    support: Any = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._take(probs, logits, validate_args=validate_args)
        shape = self._given.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def _classes(self) -> Categorical:
        if "probs" in self.__dict__:
            return Categorical(probs=self.probs, validate_args=False)
        return Categorical(logits=self.logits, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return ops.one_hot(self._given.argmax(-1), self._event_shape[0]).to(self._given.dtype)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn = self._classes().sample(sample_shape)
        return ops.one_hot(drawn, self._event_shape[0]).to(self._given.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._classes().log_prob(self._checked(value).argmax(-1))

    def entropy(self) -> Tensor:
        return self._entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = self._event_shape[0]
        values = of_array(dtypes.converted(np.eye(n), self._given.dtype))
        found = values.reshape((n,) + (1,) * len(self._batch_shape) + (n,))
        return found.expand((n, *self._batch_shape, n)) if expand else found


class Multinomial(ByClasses):
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
        self._take(probs, logits, validate_args=validate_args)
        shape = self._given.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        one = OneHotCategorical(self.__dict__.get("probs"), self.__dict__.get("logits"), False)
        return one.sample((self.total_count, *sample_shape)).sum(0)

    def entropy(self) -> Tensor:
        n = self.total_count
        counts = Binomial(n, self.probs, validate_args=False)
        values = counts.enumerate_support(False)[1:]
        expected = (counts.log_prob(values).exp() * ops.lgamma(values + 1)).sum((0, -1))
        return n * self._entropy() - math.lgamma(n + 1) + expected

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = ops.broadcast_tensors(self._checked(value), self.logits)
        ways = ops.lgamma(value.sum(-1) + 1) - ops.lgamma(value + 1).sum(-1)
        terms = ops.where((value == 0) & (logits == -math.inf), 0.0, logits * value)
        return ways + terms.sum(-1)

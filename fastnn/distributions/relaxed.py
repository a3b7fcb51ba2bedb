"""Continuous relaxations of discrete distributions, whose samples have gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import ops
from fastnn._support.dtype_info import finfo
from fastnn.distributions import constraints
from fastnn.distributions.categorical import ByClasses, OneHotCategorical
from fastnn.distributions.discrete import ByProbability
from fastnn.distributions.distribution import batch_of, broadcast_all
from fastnn.distributions.transformed import TransformedDistribution
from fastnn.distributions.transforms import ExpTransform, SigmoidTransform
from fastnn.nn.functional import softplus
from fastnn.ops import creation
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

__all__ = [
    "LogitRelaxedBernoulli",
    "OneHotCategoricalStraightThrough",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
]


def _uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    """Uniform numbers kept off 0 and 1."""
    eps = float(finfo(like.dtype).eps)
    with no_grad():
        u = creation.empty(*shape, dtype=like.dtype).uniform_()
        return ops.clamp(u, eps, 1 - eps)


class LogitRelaxedBernoulli(ByProbability):
    """The logit of a relaxed Bernoulli sample (Maddison, Mnih and Teh 2017).

    Args:
        temperature: > 0; near 0 the samples are near 0 and 1.
        probs, logits: as in `Bernoulli`.
    """

    temperature: Tensor
    support: Any = constraints.real
    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (self.temperature,) = broadcast_all(temperature)
        self._take(probs, logits)
        super().__init__(batch_of(self._given), validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = _uniform(self._shape(sample_shape), self._given)
        return (u.log() - (-u).log1p() + self.logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = ops.broadcast_tensors(self._checked(value), self.logits)
        d = logits - value * self.temperature
        return self.temperature.log() + d - 2 * softplus(d)


class RelaxedBernoulli(TransformedDistribution):
    """A relaxed Bernoulli distribution: samples in (0, 1) with gradients.

    Args:
        temperature: > 0; near 0 the samples are near 0 and 1.
        probs, logits: as in `Bernoulli`.
    """

    support: Any = constraints.unit_interval

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args)
        super().__init__(base, SigmoidTransform(), validate_args)

    def __getattr__(self, name: str) -> Any:
        if name in ("temperature", "probs", "logits"):
            return getattr(self.__dict__["base_dist"], name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class _LogRelaxedCategorical(ByClasses):
    """The logarithm of a relaxed one-hot sample."""

    has_rsample = True
    support = constraints.real_vector

    def __init__(self, temperature: Any, probs: Any, logits: Any, validate_args: Any) -> None:
        (self.temperature,) = broadcast_all(temperature)
        self._take(probs, logits, validate_args=validate_args)
        super().__init__(self._given.shape[:-1], self._given.shape[-1:], validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = _uniform(self._shape(sample_shape), self._given)
        scores = (self.logits - (-u.log()).log()) / self.temperature
        return scores - ops.logsumexp(scores, -1, True)

    def log_prob(self, value: Tensor) -> Tensor:
        (n,) = self._event_shape
        value, logits = ops.broadcast_tensors(self._checked(value), self.logits)
        scale = math.lgamma(n) + (n - 1) * self.temperature.log()
        scores = logits - value * self.temperature
        scores = scores - ops.logsumexp(scores, -1, True)
        return scores.sum(-1) + scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """A relaxed one-hot distribution (Gumbel-softmax): vectors with gradients.

    Args:
        temperature: > 0; near 0 the samples are near one-hot vectors.
        probs, logits: as in `Categorical`.
    """

    support: Any = constraints.simplex

    def __init__(
        self,
        temperature: Any,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = _LogRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args)

    def __getattr__(self, name: str) -> Any:
        if name in ("temperature", "probs", "logits"):
            return getattr(self.__dict__["base_dist"], name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot samples whose gradient is that of the probabilities (Bengio et al. 2013).

    Args:
        probs, logits: as in `Categorical`.
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())

"""Distributions made of others: transformed ones, and batches taken as one sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import ops
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.distribution import Distribution, shape_of
from fastnn.distributions.transforms import ComposeTransform, Transform, event_dim, sum_last
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

__all__ = ["Independent", "MixtureSameFamily", "TransformedDistribution"]


class TransformedDistribution(Distribution):
    """y = t(x) for x of another distribution: log p(y) = log p(x) - log |dy/dx|.

    Args:
        base_distribution: the distribution of x.
        transforms: one Transform or a list, the first one first.
    """

    transforms: list[Transform]
    base_dist: Distribution

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        parts = [transforms] if isinstance(transforms, Transform) else list(transforms)
        for i, part in enumerate(parts):
            if not isinstance(part, Transform):
                raise ValueError(f"transforms[{i}]: expected a Transform, got {part!r}")
        self.transforms, self.base_dist = parts, base_distribution
        self.has_rsample: bool = base_distribution.has_rsample
        joint = ComposeTransform(parts)
        sizes = base_distribution.batch_shape + base_distribution.event_shape
        shape = joint.forward_shape(sizes)
        events = max(event_dim(joint), len(base_distribution.event_shape))
        cut = len(shape) - events
        super().__init__(shape[:cut], shape[cut:], validate_args)

    @property
    def support(self) -> Constraint:
        if not self.transforms:
            return self.base_dist.support
        found = self.transforms[-1].codomain
        return constraints.independent(found, len(self._event_shape) - found.event_dim)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        shape = shape_of(batch_shape)
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._batch_shape = shape
        base = ComposeTransform(self.transforms).inverse_shape(shape + self._event_shape)
        own = len(self.base_dist.event_shape)
        new.base_dist = self.base_dist.expand(base[: len(base) - own])
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._through(self.base_dist.rsample(sample_shape))

    def _through(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        y = self._checked(value)
        events = len(self._event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            own = event_dim(transform)
            total = total - sum_last(transform.log_abs_det_jacobian(x, y), events - own)
            y = x
        inner = self.base_dist.log_prob(y)
        found: Tensor = total + sum_last(inner, events - len(self.base_dist.event_shape))
        return found

    def _sign(self) -> Any:
        return ComposeTransform(self.transforms).sign

    def _lone(self, name: str) -> None:
        """Refuse what numbers have that the transforms make a vector of."""
        if len(self._event_shape) > len(self.base_dist.event_shape):
            raise self._lacks(name)

    def cdf(self, value: Tensor) -> Tensor:
        self._lone("cdf")
        # 0 is no sample where samples are positive, but it has a cdf.
        open_at_0 = self.support is constraints.positive
        y = self._checked(value, constraints.nonnegative if open_at_0 else None)
        for transform in reversed(self.transforms):
            y = transform.inv(y)
        sign = self._sign()
        found: Tensor = sign * (self.base_dist.cdf(y) - 0.5) + 0.5
        return found

    def icdf(self, value: Tensor) -> Tensor:
        self._lone("icdf")
        return self._through(self.base_dist.icdf(self._sign() * (value - 0.5) + 0.5))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist!r}, {self.transforms!r})"


class Independent(Distribution):
    """A distribution whose last batch axes count as one sample: log_prob sums over them.

    Args:
        base_distribution: the distribution.
        reinterpreted_batch_ndims: how many of its batch axes.

    >>> import fastnn
    >>> from fastnn.distributions import Independent, Normal
    >>> d = Independent(Normal(fastnn.zeros(3, 2), 1.0), 1)
    >>> d.batch_shape, d.event_shape, d.log_prob(fastnn.zeros(3, 2)).shape
    ((3,), (2,), (3,))
    """

    base_dist: Distribution
    reinterpreted_batch_ndims: int

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        n = reinterpreted_batch_ndims
        batch = base_distribution.batch_shape
        if not 0 <= n <= len(batch):
            raise ValueError(
                f"reinterpreted_batch_ndims: expected 0..{len(batch)} for batch_shape {batch}, "
                f"got {n}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        self.has_rsample: bool = base_distribution.has_rsample
        self.has_enumerate_support: bool = not n and base_distribution.has_enumerate_support
        cut = len(batch) - n
        super().__init__(batch[:cut], batch[cut:] + base_distribution.event_shape, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.independent(self.base_dist.support, self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Independent:
        n = self.reinterpreted_batch_ndims
        base = self.base_dist.expand(shape_of(batch_shape) + self._event_shape[:n])
        return Independent(base, n, self._validate_args)

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_last(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_last(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        if self.reinterpreted_batch_ndims:
            raise self._lacks("enumerate_support")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamily(Distribution):
    """A mixture: p(x) = sum over k of w[k] p[k](x).

    Args:
        mixture_distribution: a Categorical, of the weights w.
        component_distribution: its last batch axis is k.
    """

    def __init__(
        self,
        mixture_distribution: Any,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        parts = component_distribution.batch_shape
        if not hasattr(mixture_distribution, "logits"):
            raise ValueError(
                f"mixture_distribution: expected a Categorical, got {mixture_distribution!r}"
            )
        count = mixture_distribution.logits.shape[-1]
        if not parts or parts[-1] != count:
            raise ValueError(
                f"component_distribution: expected a batch_shape that ends in {count}, got {parts}"
            )
        self.mixture_distribution = mixture_distribution
        self.component_distribution = component_distribution
        self._count = count
        super().__init__(parts[:-1], component_distribution.event_shape, validate_args)

    @property
    def support(self) -> Constraint:
        return self.component_distribution.support

    def _weights(self) -> Tensor:
        weights: Tensor = self.mixture_distribution.probs
        return weights.reshape(weights.shape + (1,) * len(self._event_shape))

    @property
    def mean(self) -> Tensor:
        return (self._weights() * self.component_distribution.mean).sum(self._axis())

    @property
    def variance(self) -> Tensor:
        weights, parts = self._weights(), self.component_distribution
        within = (weights * parts.variance).sum(self._axis())
        between = parts.mean - self.mean.unsqueeze(self._axis())
        return within + (weights * between.square()).sum(self._axis())

    def _axis(self) -> int:
        return -1 - len(self._event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value).unsqueeze(self._axis())
        weights = ops.log_softmax(self.mixture_distribution.logits, -1)
        return ops.logsumexp(self.component_distribution.log_prob(value) + weights, -1)

    def cdf(self, value: Tensor) -> Tensor:
        value = self._checked(value).unsqueeze(self._axis())
        weights = self.mixture_distribution.probs
        found: Tensor = (self.component_distribution.cdf(value) * weights).sum(-1)
        return found

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            events = len(self._event_shape)
            chosen = self.mixture_distribution.sample(sample_shape)
            samples = self.component_distribution.sample(sample_shape)
            index = chosen.reshape(chosen.shape + (1,) * (events + 1))
            index = index.expand((*chosen.shape, 1, *self._event_shape))
            return ops.gather(samples, len(chosen.shape), index).squeeze(len(chosen.shape))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> MixtureSameFamily:
        shape = shape_of(batch_shape)
        return MixtureSameFamily(
            self.mixture_distribution.expand(shape),
            self.component_distribution.expand((*shape, self._count)),
            self._validate_args,
        )

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self.mixture_distribution!r}, {self.component_distribution!r})"

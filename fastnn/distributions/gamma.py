"""The gamma distribution and its relatives: chi-squared, inverse gamma, beta, Dirichlet, t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import ops
from fastnn.distributions import constraints, implicit
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.distribution import (
    Distribution,
    ExponentialFamily,
    batch_of,
    broadcast_all,
)
from fastnn.distributions.normal import standard_normal
from fastnn.tensor import Tensor

__all__ = ["Beta", "Chi2", "Dirichlet", "Gamma", "InverseGamma", "StudentT"]


class _ShapeRate(Distribution):
    """Parameters concentration and rate, both > 0."""

    arg_constraints: dict[str, Constraint] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }
    has_rsample = True
    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(batch_of(self.rate), validate_args=validate_args)

    def _gamma(self, sample_shape: Sequence[int]) -> Tensor:
        shape = self._shape(sample_shape)
        return implicit.standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)


class Gamma(_ShapeRate, ExponentialFamily):
    """Density rate**a x**(a - 1) exp(-rate x) / Gamma(a), x > 0, a being the concentration.

    Args:
        concentration, rate: > 0.
    """

    support: Any = constraints.nonnegative

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ops.clamp((self.concentration - 1) / self.rate, min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._gamma(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        a, rate = self.concentration, self.rate
        return ops.xlogy(a, rate) + ops.xlogy(a - 1, value) - rate * value - ops.lgamma(a)

    def cdf(self, value: Tensor) -> Tensor:
        scaled = self.rate * self._checked(value)
        return ops.igamma(self.concentration.expand(scaled.shape), scaled)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + ops.lgamma(a) + (1.0 - a) * ops.digamma(a)


class Chi2(Gamma):
    """The chi-squared distribution: Gamma(df / 2, 1 / 2).

    Args:
        df: degrees of freedom, > 0.
    """

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (degrees,) = broadcast_all(df)
        super().__init__(0.5 * degrees, 0.5, validate_args)

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2


class InverseGamma(_ShapeRate):
    """1 / x for x of Gamma(concentration, rate).

    Args:
        concentration, rate: > 0.
    """

    support: Any = constraints.positive

    @property
    def mean(self) -> Tensor:
        a = self.concentration
        return ops.where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return ops.where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._gamma(sample_shape).reciprocal()

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        gamma = Gamma(self.concentration, self.rate, validate_args=False)
        return gamma.log_prob(value.reciprocal()) - 2 * value.log()

    def cdf(self, value: Tensor) -> Tensor:
        scaled = self.rate / self._checked(value, constraints.nonnegative)
        return ops.igammac(self.concentration.expand(scaled.shape), scaled)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + ops.lgamma(a) - (1.0 + a) * ops.digamma(a)


class Dirichlet(ExponentialFamily):
    """Density prod x**(a - 1) / B(a) on vectors of numbers >= 0 that sum to 1.

    Args:
        concentration: a, (.., n), > 0.
    """

    arg_constraints: dict[str, Constraint] = {
        "concentration": constraints.independent(constraints.positive, 1)
    }
    support: Any = constraints.simplex
    has_rsample = True
    concentration: Tensor

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("concentration: expected at least one axis, got a 0-d tensor")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def _total(self) -> Tensor:
        return self.concentration.sum(-1, True)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self._total()

    @property
    def mode(self) -> Tensor:
        less = ops.clamp(self.concentration - 1, min=0.0)
        found = less / less.sum(-1, True)
        corner = ops.one_hot(found.argmax(-1), self.concentration.shape[-1]).to(found.dtype)
        return ops.where((self.concentration < 1).all(-1).unsqueeze(-1), corner, found)

    @property
    def variance(self) -> Tensor:
        total = self._total()
        return self.concentration * (total - self.concentration) / (total.square() * (total + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return implicit.dirichlet(self.concentration.expand(self._shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        a = self.concentration
        found = ops.xlogy(a - 1.0, self._checked(value)).sum(-1)
        return found + ops.lgamma(a.sum(-1)) - ops.lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        a, n = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        found = ops.lgamma(a).sum(-1) - ops.lgamma(total) - (n - total) * ops.digamma(total)
        return found - ((a - 1.0) * ops.digamma(a)).sum(-1)


class Beta(ExponentialFamily):
    """Density x**(a - 1) (1 - x)**(b - 1) / B(a, b) for x in (0, 1).

    Args:
        concentration1: a, > 0. concentration0: b, > 0.
    """

    arg_constraints: dict[str, Constraint] = {
        "concentration1": constraints.positive, "concentration0": constraints.positive,
    }  # fmt: skip
    support: Any = constraints.unit_interval
    has_rsample = True
    concentration1: Tensor
    concentration0: Tensor

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(batch_of(self.concentration1), validate_args=validate_args)

    def _pair(self) -> Dirichlet:
        both = ops.stack([self.concentration1, self.concentration0], -1)
        return Dirichlet(both, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._pair().mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.square() * (total + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._pair().rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        return self._pair().log_prob(ops.stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._pair().entropy()


class StudentT(Distribution):
    """Student's t: z sqrt(df / chi2) scale + loc for z of N(0, 1) and chi2 of Chi2(df).

    Args:
        df: degrees of freedom, > 0. loc: default 0. scale: > 0, default 1.
    """

    arg_constraints: dict[str, Constraint] = {
        "df": constraints.positive, "loc": constraints.real, "scale": constraints.positive,
    }  # fmt: skip
    support: Any = constraints.real
    has_rsample = True
    df: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(batch_of(self.df), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return ops.where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        large = self.scale.square() * self.df / (self.df - 2)
        found = ops.where(self.df > 2, large, math.inf)
        return ops.where(self.df > 1, found, math.nan)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._shape(sample_shape)
        z = standard_normal(shape, self.df)
        chi2 = Chi2(self.df, validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * z * (chi2 / self.df).rsqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        y = (self._checked(value) - self.loc) / self.scale
        df = self.df
        const = self.scale.log() + 0.5 * df.log() + 0.5 * math.log(math.pi)
        const = const + ops.lgamma(0.5 * df) - ops.lgamma(0.5 * (df + 1.0))
        return -0.5 * (df + 1.0) * (y.square() / df).log1p() - const

    def entropy(self) -> Tensor:
        df = self.df
        beta = ops.lgamma(0.5 * df) + math.lgamma(0.5) - ops.lgamma(0.5 * (df + 1))
        slope = ops.digamma(0.5 * (df + 1)) - ops.digamma(0.5 * df)
        return self.scale.log() + 0.5 * (df + 1) * slope + 0.5 * df.log() + beta

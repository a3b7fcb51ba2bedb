"""Distributions with heavy tails: ratios of gamma numbers, and excesses over a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn import ops
from fastnn._support.dtype_info import finfo
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.distribution import Distribution, batch_of, broadcast_all
from fastnn.distributions.gamma import Gamma
from fastnn.random.sampling import rand
from fastnn.tensor import Tensor

__all__ = ["FisherSnedecor", "GeneralizedPareto"]


class FisherSnedecor(Distribution):
    """The F distribution: (x1 / df1) / (x2 / df2) for x1, x2 of Chi2(df1), Chi2(df2).

    Args:
        df1, df2: degrees of freedom, > 0.
    """

    arg_constraints: dict[str, Constraint] = {
        "df1": constraints.positive,
        "df2": constraints.positive,
    }
    support: Any = constraints.positive
    has_rsample = True
    df1: Tensor
    df2: Tensor

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(batch_of(self.df1), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return ops.where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self) -> Tensor:
        found = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return ops.where(self.df1 > 2, found, math.nan)

    @property
    def variance(self) -> Tensor:
        a, b = self.df1, self.df2
        found = 2 * b.square() * (a + b - 2) / (a * (b - 2).square() * (b - 4))
        return ops.where(b > 4, found, math.nan)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        tiny = float(finfo(self.df1.dtype).tiny)
        x1, x2 = (
            Gamma(df * 0.5, df, validate_args=False).rsample(sample_shape)
            for df in (self.df1, self.df2)
        )
        return ops.clamp(x1 / ops.clamp(x2, tiny), tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        a, b, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        constant = ops.lgamma(a + b) - ops.lgamma(a) - ops.lgamma(b) + a * ratio.log()
        return constant + (a - 1) * value.log() - (a + b) * (ratio * value).log1p()


class GeneralizedPareto(Distribution):
    """The distribution of excesses: P(x > v) = (1 + k z)^(-1 / k), z = (v - loc) / scale >= 0; for
    k = 0 exp(-z).

    Args:
        loc: the least value. scale: > 0. concentration: k; below 0 no value is above loc - scale/k.

    Source: torch's; Pickands 1975.

    >>> import fastnn
    >>> from fastnn.distributions import GeneralizedPareto
    >>> GeneralizedPareto(0.0, 1.0, 0.0).cdf(fastnn.tensor(1.0))  # 1 - exp(-1)
    tensor(0.6321)
    """

    arg_constraints: dict[str, Constraint] = {
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real,
    }  # fmt: skip
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(batch_of(self.loc), validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        k, end = self.concentration, self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, ops.where(k < 0, end, math.inf))

    @property
    def mean(self) -> Tensor:
        k = self.concentration
        return ops.where(k < 1, self.loc + self.scale / (1 - k), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        found = self.scale.square() / ((1 - k).square() * (1 - 2 * k))
        return ops.where(k < 0.5, found, math.nan)

    def _k(self) -> tuple[Tensor, Tensor]:
        """Where k is 0, and k with 1 in its place there."""
        none = self.concentration.detach().abs() <= 1e-8
        return none, ops.where(none, 1.0, self.concentration)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(rand(*self._shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        none, k = self._k()
        power = 1 / k + 1
        bent = ops.where(power == 0, power, power * (k * z).log1p())
        return -self.scale.log() - ops.where(none, z, bent)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log P(x > value)."""
        z = (self._checked(value) - self.loc) / self.scale
        none, k = self._k()
        return ops.where(none, -z, -(k * z).log1p() / k)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(x <= value)."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return -self.log_survival_function(value).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        none, k = self._k()
        logs = (-value).log1p()
        bent = self.loc + self.scale / k * (-k * logs).expm1()
        return ops.where(none, self.loc - self.scale * logs, bent)

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1

"""Distributions that are functions of an exponential one."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.continuous import EULER, Exponential
from fastnn.distributions.distribution import broadcast_all
from fastnn.distributions.transformed import TransformedDistribution
from fastnn.distributions.transforms import AffineTransform, ExpTransform, PowerTransform
from fastnn.ops import creation
from fastnn.tensor import Tensor

__all__ = ["Pareto", "Weibull"]


class Pareto(TransformedDistribution):
    """Density alpha scale**alpha / x**(alpha + 1) for x >= scale.

    Args:
        scale: least value, > 0. alpha: > 0.
    """

    arg_constraints: dict[str, Constraint] = {
        "alpha": constraints.positive,
        "scale": constraints.positive,
    }
    alpha: Tensor
    scale: Tensor

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args)
        parts = [ExpTransform(), AffineTransform(0, self.scale)]
        super().__init__(base, parts, validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        a = ops.clamp(self.alpha, min=1)
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = ops.clamp(self.alpha, min=2)
        return self.scale.square() * a / ((a - 1).square() * (a - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class Weibull(TransformedDistribution):
    """Cumulative distribution 1 - exp(-(x / scale)**concentration) for x >= 0.

    Args:
        scale, concentration: > 0.
    """

    arg_constraints: dict[str, Constraint] = {
        "scale": constraints.positive,
        "concentration": constraints.positive,
    }
    support: Any = constraints.positive
    scale: Tensor
    concentration: Tensor

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(creation.ones_like(self.scale), validate_args)
        power = PowerTransform(self.concentration.reciprocal())
        super().__init__(base, [power, AffineTransform(0, self.scale)], validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * ops.lgamma(1 + self.concentration.reciprocal()).exp()

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self) -> Tensor:
        inverse = self.concentration.reciprocal()
        second = ops.lgamma(1 + 2 * inverse).exp()
        return self.scale.square() * (second - (2 * ops.lgamma(1 + inverse)).exp())

    def entropy(self) -> Tensor:
        inverse = self.concentration.reciprocal()
        return EULER * (1 - inverse) + (self.scale * inverse).log() + 1

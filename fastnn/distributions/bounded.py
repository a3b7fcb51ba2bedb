"""Distributions on intervals and on probabilities, and of the circle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn.distributions import constraints
from fastnn.distributions.constraints import Constraint
from fastnn.distributions.continuous import EULER, Uniform
from fastnn.distributions.discrete import ByProbability
from fastnn.distributions.distribution import (
    Distribution,
    ExponentialFamily,
    batch_of,
    broadcast_all,
)
from fastnn.distributions.normal import Normal
from fastnn.distributions.transformed import TransformedDistribution
from fastnn.distributions.transforms import (
    AffineTransform,
    PowerTransform,
    StickBreakingTransform,
)
from fastnn.nn.functional import binary_cross_entropy_with_logits
from fastnn.ops import creation
from fastnn.ops.special import i0e, i1e
from fastnn.random.generator import default_generator
from fastnn.random.sampling import rand
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, of_array

__all__ = ["ContinuousBernoulli", "Kumaraswamy", "LogisticNormal", "VonMises"]


class ContinuousBernoulli(ByProbability, ExponentialFamily):
    """Density C p^x (1 - p)^(1 - x) for x in [0, 1], C = 2 artanh(1 - 2p) / (1 - 2p).

    Args:
        probs: p, or logits: log(p / (1 - p)).
        lims: between these p, C and the moments are taken from their series at 1/2; default
            (0.499, 0.501).

    Source: torch's; Loaiza-Ganem and Cunningham, "The continuous Bernoulli", 2019.

    >>> from fastnn.distributions import ContinuousBernoulli
    >>> ContinuousBernoulli(probs=0.5).entropy()
    tensor(0.)
    """

    support: Any = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._take(probs, logits)
        self._lims = lims
        super().__init__(batch_of(self._given), validate_args=validate_args)

    def _p(self) -> Tensor:
        """p, kept off 0 and 1."""
        eps = float(np.finfo(self._given.dtype).eps)
        return ops.clamp(self.probs, eps, 1 - eps)

    def _split(self) -> tuple[Tensor, Tensor]:
        """Where p is away from 1/2, and p there; the lower limit elsewhere."""
        low, high = self._lims
        p = self._p()
        away = (p <= low) | (p > high)
        return away, ops.where(away, p, low)

    def _log_constant(self) -> Tensor:
        away, p = self._split()
        x = (self._p() - 0.5).square()
        series = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        exact = ((-p).log1p() - p.log()).abs().log() - (1 - 2 * p).abs().log()
        return ops.where(away, exact, series)

    @property
    def mean(self) -> Tensor:
        away, p = self._split()
        x = self._p() - 0.5
        exact = p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())
        return ops.where(away, exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.square()) * x)

    @property
    def variance(self) -> Tensor:
        away, p = self._split()
        x = (self._p() - 0.5).square()
        exact = p * (p - 1) / (1 - 2 * p).square() + 1 / ((-p).log1p() - p.log()).square()
        return ops.where(away, exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(rand(*self._shape(sample_shape), dtype=self._given.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = ops.broadcast_tensors(self.logits, self._checked(value))
        constant = self._log_constant()
        return constant - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        away, p = self._split()
        exact = (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        found = ops.where(away, exact, value)
        return ops.where(value <= 0, 0.0, ops.where(value >= 1, 1.0, found))

    def icdf(self, value: Tensor) -> Tensor:
        away, p = self._split()
        exact = ((value * (2 * p - 1) - p).log1p() - (-p).log1p()) / (p.log() - (-p).log1p())
        return ops.where(away, exact, value)

    def entropy(self) -> Tensor:
        p = self._p()
        no, yes = (-p).log1p(), p.log()
        return self.mean * (no - yes) - self._log_constant() - no


class Kumaraswamy(TransformedDistribution):
    """Density a b x^(a - 1) (1 - x^a)^(b - 1) for x in (0, 1); much like Beta, with a simple cdf.

    Args:
        concentration1: a, > 0. concentration0: b, > 0.

    The mode is ((a - 1) / (a b - 1))^(1 / a), nan for a or b < 1.
    """

    arg_constraints: dict[str, Constraint] = {
        "concentration1": constraints.positive, "concentration0": constraints.positive,
    }  # fmt: skip
    support: Any = constraints.unit_interval
    concentration1: Tensor
    concentration0: Tensor

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        a, b = self.concentration1, self.concentration0
        base = Uniform(creation.zeros_like(b), creation.ones_like(b), validate_args)
        parts = [
            PowerTransform(b.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(a.reciprocal()),
        ]
        super().__init__(base, parts, validate_args)

    def _moment(self, n: int) -> Tensor:
        b, first = self.concentration0, 1 + n / self.concentration1
        return b * (ops.lgamma(first) + ops.lgamma(b) - ops.lgamma(first + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        found = ((a - 1) / (a * b - 1)) ** a.reciprocal()
        return ops.where((a < 1) | (b < 1), math.nan, found)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self.mean.square()

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = ops.digamma(b + 1) + EULER
        return 1 - b.reciprocal() + (1 - a.reciprocal()) * harmonic - a.log() - b.log()


class LogisticNormal(TransformedDistribution):
    """Vectors of n + 1 probabilities: `StickBreakingTransform` of n normal numbers.

    Args:
        loc, scale: of the normal numbers, (.., n).

    >>> import fastnn
    >>> from fastnn.distributions import LogisticNormal
    >>> LogisticNormal(fastnn.zeros(3), fastnn.ones(3)).event_shape
    (4,)
    """

    arg_constraints: dict[str, Constraint] = {
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support: Any = constraints.simplex
    base_dist: Normal

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        base = base if base.batch_shape else base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        """The mean of the normal numbers."""
        return self.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the normal numbers."""
        return self.base_dist.scale


class VonMises(Distribution):
    """Density exp(k cos(x - loc)) / (2 pi I0(k)) of an angle x; I0 is a modified Bessel function.

    Args:
        loc: an angle. concentration: k, > 0.

    Samples are in [-pi, pi). The mean and the variance 1 - I1(k) / I0(k) are those of directions.

    Source: torch's; Best and Fisher 1979. torch takes I0 to seven digits, here it has all.

    >>> import fastnn
    >>> from fastnn.distributions import VonMises
    >>> VonMises(0.0, 1.0).variance
    tensor(0.5536)
    """

    arg_constraints: dict[str, Constraint] = {
        "loc": constraints.real,
        "concentration": constraints.positive,
    }
    support: Any = constraints.real
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        k = self.concentration
        near = k * ((self._checked(value) - self.loc).cos() - 1)
        return near - math.log(2 * math.pi) - i0e(k).log()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            k, loc = (t.detach().double().numpy() for t in (self.concentration, self.loc))
            angle = _angles(k, self._shape(sample_shape))
            found = (angle + math.pi + loc) % (2 * math.pi) - math.pi
            return of_array(found.astype(self.loc.dtype))


def _angles(k: Any, shape: tuple[int, ...]) -> Any:
    """Angles around 0 by rejection from a wrapped Cauchy distribution."""
    tau = 1 + np.sqrt(1 + 4 * k * k)
    rho = (tau - np.sqrt(2 * tau)) / (2 * k)
    r = np.where(k < 1e-5, 1 / k + k, (1 + rho * rho) / (2 * rho))
    found, done = np.zeros(shape), np.zeros(shape, bool)
    while not done.all():
        u1, u2, u3 = default_generator.uniform((3, *shape), 0.0, 1.0, np.float64)
        z = np.cos(math.pi * u1)
        f = (1 + r * z) / (r + z)
        c = k * (r - f)
        with np.errstate(divide="ignore"):
            taken = (c * (2 - c) > u2) | (np.log(c / u2) + 1 - c >= 0)
        found = np.where(taken, np.sign(u3 - 0.5) * np.arccos(f), found)
        done |= taken
    return found

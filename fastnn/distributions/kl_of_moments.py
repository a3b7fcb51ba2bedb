"""Divergences of distributions of different kinds: -H(p) - E log q, by moments of p.

What p can give and q cannot makes the divergence infinite.
"""

from __future__ import annotations

import math

from fastnn import ops
from fastnn.distributions.bounded import ContinuousBernoulli
from fastnn.distributions.continuous import Exponential, Gumbel, Laplace, Uniform
from fastnn.distributions.discrete import Bernoulli, Poisson
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.gamma import Beta, Gamma
from fastnn.distributions.kl import never, register_kl
from fastnn.distributions.normal import Normal
from fastnn.distributions.powers import Pareto
from fastnn.nn.functional import softplus
from fastnn.ops import creation
from fastnn.tensor import Tensor

__all__: list[str] = []


# ---- moments of p ----


def _x_log_x(x: Tensor) -> Tensor:
    return ops.xlogy(x, x)


def _mean_log(p: Distribution) -> Tensor:
    """E log x."""
    if isinstance(p, Beta):
        a, b = p.concentration1, p.concentration0
        return ops.digamma(a) - ops.digamma(a + b)
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    assert isinstance(p, Uniform)
    return (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1


def _mean_exp(p: Distribution, rate: Tensor) -> Tensor:
    """E exp(-rate x)."""
    if isinstance(p, Exponential):
        return p.rate / (p.rate + rate)
    if isinstance(p, Gamma):
        return (p.rate / (p.rate + rate)) ** p.concentration
    assert isinstance(p, Uniform)
    return ((-rate * p.low).exp() - (-rate * p.high).exp()) / (rate * (p.high - p.low))


def _inside(p: Distribution, low: Tensor | float, high: Tensor | float, found: Tensor) -> Tensor:
    """`found`, and inf where samples of p lie outside of q's bounds."""
    own = (p.low, p.high) if isinstance(p, Uniform) else (0.0, 1.0)
    zero = creation.zeros_like(found.detach())
    outside = ops.logical_or(zero + own[0] < low, zero + own[1] > high)
    return ops.where(outside, math.inf, found)


# ---- formulas by q ----


def _to_normal(p: Distribution, q: Normal) -> Tensor:
    spread = (p.variance + (p.mean - q.loc).square()) / (2 * q.scale.square())
    return spread + q.scale.log() + 0.5 * math.log(2 * math.pi) - p.entropy()


def _to_exponential(p: Distribution, q: Exponential) -> Tensor:
    found = q.rate * p.mean - q.rate.log() - p.entropy()
    return _inside(p, 0.0, math.inf, found) if isinstance(p, Uniform) else found


def _to_gamma(p: Distribution, q: Gamma) -> Tensor:
    found = ops.lgamma(q.concentration) - q.concentration * q.rate.log() + q.rate * p.mean
    found = found - (q.concentration - 1) * _mean_log(p) - p.entropy()
    return _inside(p, 0.0, math.inf, found) if isinstance(p, Uniform) else found


def _to_gumbel(p: Distribution, q: Gumbel) -> Tensor:
    tail = (q.loc / q.scale).exp() * _mean_exp(p, q.scale.reciprocal())
    return (p.mean - q.loc) / q.scale + tail + q.scale.log() - p.entropy()


def _to_uniform(p: Distribution, q: Uniform) -> Tensor:
    return _inside(p, q.low, q.high, (q.high - q.low).log() - p.entropy())


def _to_continuous_bernoulli(p: Distribution, q: ContinuousBernoulli) -> Tensor:
    found = softplus(q.logits) - q.logits * p.mean - q._log_constant() - p.entropy()
    return _inside(p, 0.0, 1.0, found)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    down, up = 1 - p.high, 1 - p.low  # of 1 - x
    mirrored = (_x_log_x(up) - _x_log_x(down)) / (p.high - p.low) - 1
    found = ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b) - p.entropy()
    return _inside(p, 0.0, 1.0, found - (a - 1) * _mean_log(p) - (b - 1) * mirrored)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    found = (q.alpha + 1) * _mean_log(p) - q.alpha.log() - q.alpha * q.scale.log() - p.entropy()
    return _inside(p, q.scale, math.inf, found)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()


for _rule, _q, _kinds in (
    (_to_normal, Normal, (Beta, ContinuousBernoulli, Gamma, Gumbel, Pareto)),
    (_to_exponential, Exponential, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (_to_gamma, Gamma, (Beta, Pareto, Uniform)),
    (_to_gumbel, Gumbel, (Exponential, Gamma, Uniform)),
    (_to_uniform, Uniform, (Beta, ContinuousBernoulli)),
    (_to_continuous_bernoulli, ContinuousBernoulli, (Beta, ContinuousBernoulli, Uniform)),
):
    for _p in _kinds:
        register_kl(_p, _q)(_rule)

for _outside in (Exponential, Gamma, Gumbel, Laplace, Normal, Pareto):
    register_kl(_outside, ContinuousBernoulli)(never)
for _below in (Beta, ContinuousBernoulli):
    register_kl(_below, Pareto)(never)

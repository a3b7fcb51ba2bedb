"""kl_divergence(p, q): the integral of p log(p / q), by a table of pairs of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from fastnn import ops
from fastnn._support.errors import broadcast_shapes
from fastnn.distributions.categorical import Categorical, OneHotCategorical
from fastnn.distributions.continuous import EULER, Cauchy, Exponential, Gumbel, Laplace, Uniform
from fastnn.distributions.discrete import (
    Bernoulli,
    Binomial,
    Geometric,
    Poisson,
)
from fastnn.distributions.distribution import Distribution
from fastnn.distributions.gamma import Beta, Dirichlet, Gamma, InverseGamma
from fastnn.distributions.multivariate import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    divergence as _of_vectors,
)
from fastnn.distributions.normal import HalfNormal, LogNormal, Normal
from fastnn.distributions.powers import Pareto
from fastnn.distributions.transformed import Independent, TransformedDistribution
from fastnn.distributions.transforms import sum_last
from fastnn.nn.functional import softplus
from fastnn.ops import creation
from fastnn.tensor import Tensor

__all__ = ["kl_divergence", "register_kl"]

_Rule = TypeVar("_Rule", bound=Callable[..., Any])
_RULES: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[_Rule], _Rule]:
    """A decorator: the function gives `kl_divergence(p, q)` for these classes.

    A pair of classes takes the rule of the nearest base classes, p's first.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"{name}: expected a class of distributions, got {kind!r}")

    def register(rule: _Rule) -> _Rule:
        _RULES[type_p, type_q] = rule
        return rule

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q) = integral of p(x) log(p(x) / q(x)), one value for each of the batch.

    Raises:
        NotImplementedError: no formula is known for this pair; `register_kl` adds one.

    >>> from fastnn.distributions import kl_divergence, Normal
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            rule = _RULES.get((a, b))
            if rule is not None:
                return rule(p, q)
    raise NotImplementedError(
        f"kl_divergence: no formula for {type(p).__name__} and {type(q).__name__}; "
        "add one with register_kl"
    )


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return _normal(p._normal(), q._normal())


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: expected the same transforms in p and q")
    found = kl_divergence(p.base_dist, q.base_dist)
    return sum_last(found, len(p.event_shape) - len(p.base_dist.event_shape))


@register_kl(LogNormal, LogNormal)
def _log_normal(p: LogNormal, q: LogNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    n = p.reinterpreted_batch_ndims
    if n != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: expected one reinterpreted_batch_ndims")
    return sum_last(kl_divergence(p.base_dist, q.base_dist), n)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    first = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    found = first + (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    impossible = ((q.probs == 0) & (p.probs > 0)) | ((q.probs == 1) & (p.probs < 1))
    return ops.where(impossible, math.inf, found)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    if bool((p.total_count < q.total_count).any().item()):
        raise NotImplementedError("kl_divergence: expected total_count of p >= that of q")
    return ops.where(p.total_count > q.total_count, math.inf, p.total_count * each)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    found = p.probs * (p.logits - q.logits)
    found = ops.where(q.probs == 0, math.inf, found)
    return ops.where(p.probs == 0, 0.0, found).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _categorical(p._classes(), q._classes())


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + apart / q.scale + ratio * (-apart / p.scale).exp() - 1


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, apart = p.scale / q.scale, q.loc / q.scale - p.loc / q.scale
    tail = (apart + ops.lgamma(1 + ratio)).exp()
    return -ratio.log() - apart + ratio * EULER + tail - (1 + EULER)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return ops.where((q.low > p.low) | (q.high < p.high), math.inf, found)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    width = p.high - p.low
    spread = (width / q.scale).square() / 24 + (
        (p.high + p.low - 2 * q.loc) / 2 / q.scale
    ).square() / 2
    return ((math.sqrt(2 * math.pi) * q.scale) / width).log() + spread


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    apart, ratio = (p.loc - q.loc) / p.scale, p.scale / q.scale
    bell = math.sqrt(2 / math.pi) * (-0.5 * apart.square()).exp()
    mean = bell + apart * ops.erf(math.sqrt(0.5) * apart)
    return -ratio.log() + ratio * mean - (0.5 + 0.5 * math.log(0.5 * math.pi))


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> Tensor:
    ratio = p.scale.square() / q.scale.square()
    found = ratio + ((p.loc - q.loc) / q.scale).square() / 2
    return found - 0.5 * (2 * ratio).log() - 1 + 0.5 * math.log(math.pi)


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> Tensor:
    square = q.scale.square() * p.rate.square()
    found = 0.5 * (square * 2 * math.pi).log() - 1
    mean = p.rate.reciprocal()
    return found + (mean.square() - q.loc * mean + q.loc.square() / 2) / q.scale.square()


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    ratio, a = q.rate / p.rate, q.concentration
    return -a * ratio.log() + ratio + ops.lgamma(a) + a * EULER - (1 + EULER)


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    found = b * (p.rate / q.rate).log() + ops.lgamma(b) - ops.lgamma(a)
    return found + (a - b) * ops.digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(InverseGamma, InverseGamma)
def _inverse_gamma(p: InverseGamma, q: InverseGamma) -> Tensor:
    first = Gamma(p.concentration, p.rate, validate_args=False)
    return _gamma(first, Gamma(q.concentration, q.rate, validate_args=False))


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet(p._pair(), q._pair())


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    found = ops.lgamma(total) - ops.lgamma(b.sum(-1)) - (ops.lgamma(a) - ops.lgamma(b)).sum(-1)
    return found + ((a - b) * (ops.digamma(a) - ops.digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    total = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return total.log() - (4 * p.scale * q.scale).log()


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    ratio, apart = (p.scale / q.scale).square(), (p.loc - q.loc) / q.scale
    found = apart + (0.5 * ratio - apart).exp() - 0.5 * ratio.log()
    return found - 0.5 * (1 + math.log(2 * math.pi))


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return ops.where(p.scale < q.scale, math.inf, found)


_OF_VECTORS = (MultivariateNormal, LowRankMultivariateNormal)
for _vectors in _OF_VECTORS:
    for _others_of in _OF_VECTORS:
        register_kl(_vectors, _others_of)(_of_vectors)


def never(p: Distribution, q: Distribution) -> Tensor:
    """p has samples that q has not."""
    shape = broadcast_shapes(p.batch_shape, q.batch_shape)
    return creation.full(shape, math.inf, dtype=p.mean.dtype)


for _p, _others in {
    Normal: (Exponential, Gamma, Beta, Pareto, Uniform),
    Laplace: (Exponential, Gamma, Beta, Pareto, Uniform),
    Gumbel: (Exponential, Gamma, Beta, Pareto, Uniform),
    Exponential: (Beta, Pareto, Uniform),
    Gamma: (Beta, Pareto, Uniform),
    Pareto: (Beta, Uniform),
    Poisson: (Bernoulli, Binomial),
}.items():
    for _q in _others:
        register_kl(_p, _q)(never)

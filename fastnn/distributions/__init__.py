"""Probability distributions: torch.distributions' classes, shapes and random numbers.

`log_prob`, `entropy` and `kl_divergence` are made of ops, so compiled functions may call them;
samples are drawn outside of them.
"""

from fastnn.distributions import constraints, transforms
from fastnn.distributions.classes import *
from fastnn.distributions.continuous import *
from fastnn.distributions.discrete import *
from fastnn.distributions.distribution import Distribution, ExponentialFamily
from fastnn.distributions.gamma import *
from fastnn.distributions.kl import kl_divergence, register_kl
from fastnn.distributions.normal import *
from fastnn.distributions.powers import *
from fastnn.distributions.relaxed import *
from fastnn.distributions.transformed import *
from fastnn.distributions.transforms import *

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "Dirichlet", "Distribution",
    "Exponential", "ExponentialFamily", "Gamma", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal",
    "Independent", "InverseGamma", "Laplace", "LogNormal", "LogitRelaxedBernoulli",
    "MixtureSameFamily", "Multinomial", "NegativeBinomial", "Normal", "OneHotCategorical",
    "OneHotCategoricalStraightThrough", "Pareto", "Poisson", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "StudentT", "TransformedDistribution", "Uniform", "Weibull",
    "constraints", "kl_divergence", "register_kl", "transforms", *transforms.__all__,
]  # fmt: skip

"""Probability distributions: torch.distributions' classes, shapes and random numbers.

`log_prob`, `entropy` and `kl_divergence` are made of ops, so compiled functions may call them;
samples are drawn outside of them.
"""

import sys as _sys

from fastnn.distributions import (
    categorical,
    constraints,
    continuous,
    discrete,
    gamma,
    normal,
    powers,
    relaxed,
    transformed,
    transforms,
)
from fastnn.distributions.categorical import *
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

# torch has a module for each class: `from fastnn.distributions.bernoulli import Bernoulli`.
for _name, _home in {
    "bernoulli": discrete, "beta": gamma, "binomial": discrete, "cauchy": continuous, "chi2": gamma,
    "dirichlet": gamma, "exponential": continuous, "geometric": discrete, "gumbel": continuous,
    "half_cauchy": continuous, "half_normal": normal, "independent": transformed,
    "inverse_gamma": gamma, "laplace": continuous, "log_normal": normal,
    "mixture_same_family": transformed, "multinomial": categorical, "negative_binomial": discrete,
    "one_hot_categorical": categorical, "pareto": powers, "poisson": discrete,
    "relaxed_bernoulli": relaxed, "relaxed_categorical": relaxed, "studentT": gamma,
    "transformed_distribution": transformed, "uniform": continuous, "weibull": powers,
}.items():  # fmt: skip
    _sys.modules[f"{__name__}.{_name}"] = _home

"""Probability distributions: torch.distributions' classes, shapes and random numbers.

`log_prob`, `entropy` and `kl_divergence` are made of ops, so compiled functions may call them;
samples are drawn outside of them.
"""

import sys as _sys

from fastnn.distributions import (
    bounded,
    categorical,
    constraints,
    continuous,
    correlation,
    discrete,
    gamma,
    kl_of_moments,
    multivariate,
    normal,
    powers,
    relaxed,
    tails,
    transformed,
    transforms,
)
from fastnn.distributions.bounded import *
from fastnn.distributions.categorical import *
from fastnn.distributions.constraint_registry import biject_to, transform_to
from fastnn.distributions.continuous import *
from fastnn.distributions.correlation import *
from fastnn.distributions.discrete import *
from fastnn.distributions.distribution import Distribution, ExponentialFamily
from fastnn.distributions.gamma import *
from fastnn.distributions.kl import kl_divergence, register_kl
from fastnn.distributions.multivariate import *
from fastnn.distributions.normal import *
from fastnn.distributions.powers import *
from fastnn.distributions.relaxed import *
from fastnn.distributions.tails import *
from fastnn.distributions.transformed import *
from fastnn.distributions.transforms import *

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli",
    "Dirichlet", "Distribution", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma",
    "GeneralizedPareto", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent",
    "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace", "LogNormal", "LogisticNormal",
    "LogitRelaxedBernoulli", "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial",
    "MultivariateNormal", "NegativeBinomial", "Normal", "OneHotCategorical",
    "OneHotCategoricalStraightThrough", "Pareto", "Poisson", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "StudentT", "TransformedDistribution", "Uniform", "VonMises",
    "Weibull", "Wishart", "biject_to", "constraints", "kl_divergence", "register_kl",
    "transform_to", "transforms", *transforms.__all__,
]  # fmt: skip

# torch has a module for each class: `from fastnn.distributions.bernoulli import Bernoulli`.
for _name, _home in {
    "bernoulli": discrete, "beta": gamma, "binomial": discrete, "cauchy": continuous, "chi2": gamma,
    "continuous_bernoulli": bounded, "dirichlet": gamma, "exponential": continuous,
    "fishersnedecor": tails, "generalized_pareto": tails, "geometric": discrete, "gumbel":
    continuous, "half_cauchy": continuous, "half_normal": normal, "independent": transformed,
    "inverse_gamma": gamma, "kumaraswamy": bounded, "laplace": continuous, "lkj_cholesky":
    correlation, "log_normal": normal, "logistic_normal": bounded, "lowrank_multivariate_normal":
    multivariate, "mixture_same_family": transformed, "multinomial": categorical,
    "multivariate_normal": multivariate, "negative_binomial": discrete, "one_hot_categorical":
    categorical, "pareto": powers, "poisson": discrete, "relaxed_bernoulli": relaxed,
    "relaxed_categorical": relaxed, "studentT": gamma, "transformed_distribution": transformed,
    "uniform": continuous, "von_mises": bounded, "weibull": powers, "wishart": correlation,
}.items():  # fmt: skip
    _sys.modules[f"{__name__}.{_name}"] = _home

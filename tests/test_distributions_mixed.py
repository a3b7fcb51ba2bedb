"""Divergences of different kinds of distributions, and gradients of beta and Dirichlet samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import distributions as D
from fastnn.distributions import implicit
from fastnn.distributions.implicit import beta_slope


def t(*values: float) -> fastnn.Tensor:
    return fastnn.tensor(values, dtype=fastnn.float64)


MADE: dict[str, Callable[[], Any]] = {
    "Beta": lambda: D.Beta(t(2.0, 1.7), t(3.0, 1.5)),
    "ContinuousBernoulli": lambda: D.ContinuousBernoulli(t(0.3, 0.8)),
    "Exponential": lambda: D.Exponential(t(0.7, 2.0)),
    "Gamma": lambda: D.Gamma(t(2.0, 1.8), t(1.3, 0.9)),
    "Gumbel": lambda: D.Gumbel(t(0.2, -1.0), t(0.8, 1.5)),
    "Laplace": lambda: D.Laplace(t(0.2, -1.0), t(0.8, 1.5)),
    "Normal": lambda: D.Normal(t(0.2, -1.0), t(0.8, 2.0)),
    "Pareto": lambda: D.Pareto(t(0.1, 0.1), t(6.0, 5.5)),
    "Uniform": lambda: D.Uniform(t(0.2, 0.5), t(0.9, 0.7)),
    "wide Uniform": lambda: D.Uniform(t(-1.0, -0.5), t(1.5, 2.0)),
}
SPANS = {
    "Beta": (0, 1), "ContinuousBernoulli": (0, 1), "Exponential": (0, 60), "Gamma": (0, 40),
    "Gumbel": (-12, 60), "Pareto": (0.1, 40), "Uniform": (0.2, 0.9), "wide Uniform": (-1, 2),
}  # fmt: skip
PAIRS = [
    *(("Beta", q) for q in ("ContinuousBernoulli", "Exponential", "Gamma", "Normal")),
    ("Beta", "wide Uniform"), ("ContinuousBernoulli", "ContinuousBernoulli"),
    ("ContinuousBernoulli", "Exponential"), ("ContinuousBernoulli", "Normal"),
    ("ContinuousBernoulli", "wide Uniform"), ("Exponential", "Gumbel"), ("Gamma", "Gumbel"),
    ("Gamma", "Normal"), ("Gumbel", "Normal"), ("Pareto", "Exponential"), ("Pareto", "Gamma"),
    ("Pareto", "Normal"), ("Uniform", "Beta"), ("Uniform", "ContinuousBernoulli"),
    ("Uniform", "Exponential"), ("Uniform", "Gamma"), ("Uniform", "Gumbel"), ("Uniform", "Pareto"),
    ("wide Uniform", "Gumbel"),
]  # fmt: skip
INFINITE = [
    *((p, "ContinuousBernoulli") for p in ("Exponential", "Gamma", "Gumbel", "Laplace", "Normal")),
    ("Pareto", "ContinuousBernoulli"), ("Beta", "Pareto"), ("ContinuousBernoulli", "Pareto"),
    ("Beta", "Uniform"), ("ContinuousBernoulli", "Uniform"), ("wide Uniform", "Exponential"),
    ("wide Uniform", "Gamma"), ("wide Uniform", "Beta"), ("wide Uniform", "Pareto"),
    ("wide Uniform", "ContinuousBernoulli"),
]  # fmt: skip


def integrated(p: Any, q: Any, low: float, high: float) -> np.ndarray[Any, Any]:
    """The integral of p log(p / q) by the middle rule."""
    n = 200_000
    x = low + (np.arange(n) + 0.5) * (high - low) / n
    x = fastnn.from_numpy(np.stack([x, x], 1))
    p._validate_args = q._validate_args = False
    of_p, of_q = (np.asarray(d.log_prob(x)) for d in (p, q))
    with np.errstate(invalid="ignore"):
        change = np.exp(of_p) * (of_p - of_q)
    return np.nansum(np.where(np.isfinite(of_p), change, 0), 0) * (high - low) / n


@pytest.mark.every(5)
@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_divergence_is_the_integral(p: str, q: str) -> None:
    got = D.kl_divergence(MADE[p](), MADE[q]()).tolist()
    want = integrated(MADE[p](), MADE[q](), *SPANS[p])
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize(("p", "q"), INFINITE)
def test_infinite_divergence(p: str, q: str) -> None:
    assert D.kl_divergence(MADE[p](), MADE[q]()).tolist() == [math.inf] * 2


def test_bernoulli_and_poisson() -> None:
    found = D.kl_divergence(D.Bernoulli(t(0.3)), D.Poisson(t(0.5))).item()
    q = [math.exp(-0.5), 0.5 * math.exp(-0.5)]
    assert found == pytest.approx(0.7 * math.log(0.7 / q[0]) + 0.3 * math.log(0.3 / q[1]))


def test_slopes_of_beta_numbers() -> None:
    """x = u^(1/a) of Beta(a, 1), and 1 - u^(1/b) of Beta(1, b), have slopes in closed form."""
    x = np.linspace(0.001, 0.999, 101)
    for a in (0.1, 1.0, 3.0, 40.0):
        np.testing.assert_allclose(beta_slope(a, 1.0, x), -x * np.log(x) / a, rtol=1e-12)
        mirrored = -beta_slope(a, 1.0, 1 - x)  # of 1 - x by its second parameter
        np.testing.assert_allclose(mirrored, (1 - x) * np.log1p(-x) / a, rtol=1e-12)
    assert beta_slope(2.0, 3.0, np.array([0.0, 1.0])).tolist() == [0, 0]


def test_slopes_take_few_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A factor that rounding keeps one unit from 1 ends a fraction too; it went on to 10,000."""
    terms = []

    def counted(*given: int) -> Iterator[int]:
        for term in range(*given):
            terms[-1] += 1
            yield term

    monkeypatch.setattr(implicit, "range", counted, raising=False)
    rng = np.random.default_rng(0)
    for a, b in ((0.5, 5.0), (2.0, 3.0), (40.0, 0.7)):
        terms.append(0)
        beta_slope(a, b, rng.beta(a, b, 5000))
    for a in (0.5, 3.0, 40.0):
        for x in a + 1 + rng.gamma(a, 1.0, 50):
            terms.append(0)
            assert math.isfinite(implicit.gamma_slope(a, float(x)))
    terms.append(0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(beta_slope(np.array([np.nan, 2.0]), 3.0, 0.5)).tolist() == [True, False]
    assert max(terms) < 200


@pytest.mark.long
def test_gradients_of_samples() -> None:
    """torch's numbers for the seed, from torch 2.13; the mean's gradient is that of the mean."""
    fastnn.manual_seed(0)
    a = fastnn.tensor([0.5, 2.0, 7.0], requires_grad=True)
    b = fastnn.tensor([0.7, 3.0, 1.0], requires_grad=True)
    D.Beta(a, b).rsample((2,)).sum().backward()
    np.testing.assert_allclose(np.asarray(a.grad), [0.8360, 0.2784, 0.0483], atol=1e-4)
    np.testing.assert_allclose(np.asarray(b.grad), [-0.3716, -0.1497, -0.2982], atol=1e-4)
    alpha = fastnn.tensor([0.5, 2.0, 3.0], dtype=fastnn.float64, requires_grad=True)
    D.Dirichlet(alpha).rsample((20_000,))[:, 0].mean().backward()
    np.testing.assert_allclose(np.asarray(alpha.grad), [5 / 5.5**2, *[-0.5 / 5.5**2] * 2], rtol=0.1)


def test_samples_that_round_to_a_bound() -> None:
    relaxed = D.RelaxedBernoulli(fastnn.tensor(0.5), fastnn.tensor(0.3))
    got = relaxed.log_prob(fastnn.tensor([0.0, 1.0, 0.5])).tolist()
    assert got == pytest.approx([43.8224, 6.4305, -0.8675], abs=1e-3)  # torch's

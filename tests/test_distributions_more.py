"""Distributions of vectors and matrices, heavy tails, transforms of parts, and transform_to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Tensor, distributions as D
from fastnn.distributions import constraints, transforms
from fastnn.distributions.triangles import cholesky, lower_solve, precision_factor

RNG = np.random.default_rng(2)
W = RNG.standard_normal((2, 3, 3))
COVARIANCE = W @ np.swapaxes(W, -1, -2) + np.eye(3)
LOC = RNG.standard_normal((2, 3))


def tensor(a: Any) -> Tensor:
    return fastnn.tensor(np.asarray(a, np.float64))


FORMS: dict[str, Any] = {
    "covariance_matrix": COVARIANCE, "precision_matrix": np.linalg.inv(COVARIANCE),
    "scale_tril": np.linalg.cholesky(COVARIANCE),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["MultivariateNormal", "Wishart"])
def test_a_matrix_is_given_in_any_form(kind: str, form: str) -> None:
    first = tensor(LOC) if kind == "MultivariateNormal" else tensor([4.0, 5.5])
    d = getattr(D, kind)(first, **{form: tensor(FORMS[form])})
    other = getattr(D, kind)(first, scale_tril=tensor(FORMS["scale_tril"]))
    for name, want in FORMS.items():
        np.testing.assert_allclose(getattr(d, name).numpy(), want, 1e-9, 1e-12)
    x = d.sample((4,))
    np.testing.assert_allclose(d.log_prob(x).numpy(), other.log_prob(x).numpy(), 1e-9)
    np.testing.assert_allclose(d.entropy().numpy(), other.entropy().numpy(), 1e-9)
    wide = d.expand((5, 2))
    assert wide.covariance_matrix.shape == (5, 2, 3, 3)
    np.testing.assert_allclose(wide.log_prob(x[0]).numpy()[3], d.log_prob(x[0]).numpy(), 1e-12)


def test_density_of_vectors() -> None:
    d = D.MultivariateNormal(tensor(LOC), tensor(COVARIANCE))
    x = RNG.standard_normal((4, 2, 3))
    square = np.einsum("sbi,bij,sbj->sb", x - LOC, np.linalg.inv(COVARIANCE), x - LOC)
    want = -0.5 * (square + np.linalg.slogdet(2 * np.pi * COVARIANCE).logabsdet)
    np.testing.assert_allclose(d.log_prob(tensor(x)).numpy(), want, 1e-10)


def test_a_density_of_vectors_trains_in_a_program() -> None:
    """The mean and the covariance come to those of the samples, eager and compiled alike."""
    x = tensor(RNG.standard_normal((200, 3)) @ W[0] + 1.0)
    found = []
    for compiled in (False, True):
        loc, raw = (
            fastnn.zeros(*s, dtype=fastnn.float64, requires_grad=True) for s in ((3,), (3, 3))
        )
        adam = fastnn.optim.Adam([loc, raw], lr=0.05)

        def step(x: Tensor, loc: Any = loc, raw: Any = raw, adam: Any = adam) -> Tensor:
            adam.zero_grad()
            factor = transforms.LowerCholeskyTransform()(raw)
            d = D.MultivariateNormal(loc, scale_tril=factor, validate_args=False)
            loss = -d.log_prob(x).mean()
            loss.backward()
            adam.step()
            return loss.detach()

        run = fastnn.compile(step) if compiled else step
        losses = [run(x).item() for _ in range(300)]
        found.append((losses[-1], loc.tolist()))
        np.testing.assert_allclose(loc.detach().numpy(), x.numpy().mean(0), 0, 0.05)
    assert found[0] == found[1]


def test_few_columns_give_the_whole_covariance() -> None:
    w, d = RNG.standard_normal((2, 3, 1)), RNG.random((2, 3)) + 0.5
    low = D.LowRankMultivariateNormal(tensor(LOC), tensor(w), tensor(d))
    whole = w @ np.swapaxes(w, -1, -2) + np.eye(3) * d[:, None]
    full = D.MultivariateNormal(tensor(LOC), tensor(whole))
    np.testing.assert_allclose(low.precision_matrix.numpy(), np.linalg.inv(whole), 1e-9)
    np.testing.assert_allclose(low.scale_tril.numpy(), np.linalg.cholesky(whole), 1e-9, 1e-12)
    x = tensor(RNG.standard_normal((4, 2, 3)))
    np.testing.assert_allclose(low.log_prob(x).numpy(), full.log_prob(x).numpy(), 1e-9)
    for p, q in ((low, full), (full, low), (low, low)):
        np.testing.assert_allclose(D.kl_divergence(p, q).numpy(), 0, 0, 1e-9)
    with pytest.raises(ValueError, match="vectors of one length"):
        D.kl_divergence(full, D.MultivariateNormal(fastnn.zeros(2), fastnn.eye(2)))


def test_triangles() -> None:
    a, b = tensor(COVARIANCE), tensor(RNG.standard_normal((4, 1, 3, 2)))
    factor = cholesky(a)
    np.testing.assert_allclose(factor.numpy(), np.linalg.cholesky(COVARIANCE), 1e-12, 1e-12)
    want = np.linalg.solve(np.linalg.cholesky(COVARIANCE), b.numpy())
    np.testing.assert_allclose(lower_solve(factor, b).numpy(), want, 1e-10)
    made = precision_factor(a).numpy()
    np.testing.assert_allclose(made @ np.swapaxes(made, -1, -2), np.linalg.inv(COVARIANCE), 1e-9)
    assert fastnn.autograd.gradcheck(lambda x: cholesky(x), (a.requires_grad_(),))
    assert cholesky(tensor([[1.0, 2.0], [2.0, 1.0]])).isnan().any()


@pytest.mark.parametrize("k", [0.3, -0.4, 0.0])
def test_generalized_pareto(k: float) -> None:
    d = D.GeneralizedPareto(tensor(0.5), tensor(2.0), tensor(k))
    p = tensor([0.0, 0.1, 0.5, 0.9])
    x = d.icdf(p).requires_grad_()
    np.testing.assert_allclose(d.cdf(x).detach().numpy(), p.numpy(), 1e-12, 1e-12)
    (density,) = fastnn.autograd.grad(d.cdf(x).sum(), [x])
    np.testing.assert_allclose(d.log_prob(x).exp().detach().numpy(), density.numpy(), 1e-9)
    q = (np.arange(200_000) + 0.5) / 200_000
    values = d.icdf(tensor(q)).numpy()
    assert d.mean.item() == pytest.approx(values.mean(), rel=2e-3)
    assert d.entropy().item() == pytest.approx(-d.log_prob(tensor(values)).mean().item(), rel=1e-3)
    fastnn.manual_seed(0)
    u = fastnn.rand(5, dtype=fastnn.float64)
    fastnn.manual_seed(0)
    assert d.sample((5,)).tolist() == d.icdf(u).tolist()
    assert D.GeneralizedPareto(0.0, 1.0, 0.75).variance.isnan() and d.mode.item() == 0.5


def test_modes_and_moments_of_samples() -> None:
    fastnn.manual_seed(0)
    angles = D.VonMises(tensor(1.0), tensor(2.0))
    x = angles.sample((20_000,)).numpy()
    resultant = np.exp(1j * x).mean()
    assert np.angle(resultant) == pytest.approx(1.0, abs=0.02)
    assert 1 - abs(resultant) == pytest.approx(angles.variance.item(), abs=0.02)
    k = D.Kumaraswamy(tensor(2.5), tensor(3.0))
    grid = tensor(np.linspace(0.01, 0.99, 981))
    assert k.mode.item() == pytest.approx(grid[k.log_prob(grid).argmax()].item(), abs=1e-3)
    assert D.Kumaraswamy(0.5, 2.0).mode.isnan()
    correlations = D.LKJCholesky(3, 2.0).sample((1000,))
    assert constraints.corr_cholesky.check(correlations).all()
    with pytest.warns(UserWarning, match="df: below 3"):
        D.Wishart(2.5, fastnn.eye(3))


def test_cumulative_gamma() -> None:
    x = tensor([0.5, 2.0])
    np.testing.assert_allclose(D.Gamma(tensor(1.0), tensor(2.0)).cdf(x).numpy(),
                               1 - np.exp(-2 * x.numpy()), 1e-12)  # fmt: skip
    np.testing.assert_allclose(
        D.Chi2(tensor(2.0)).cdf(x).numpy(), 1 - np.exp(-x.numpy() / 2), 1e-12
    )
    np.testing.assert_allclose(D.InverseGamma(tensor(1.0), tensor(2.0)).cdf(x).numpy(),
                               np.exp(-2 / x.numpy()), 1e-12)  # fmt: skip


# ---- transforms ----

MATRICES = {"StickBreakingTransform": (2, 3), "CorrCholeskyTransform": (2, 3)}


@pytest.mark.parametrize("name", MATRICES)
def test_transforms_of_vectors(name: str) -> None:
    t = getattr(transforms, name)()
    x = tensor(RNG.standard_normal(MATRICES[name]))
    y = t(x)
    assert t.codomain.check(y).all() and y.shape == t.forward_shape(x.shape)
    assert t.inverse_shape(y.shape) == x.shape and t == getattr(transforms, name)()
    np.testing.assert_allclose(t.inv(y).numpy(), x.numpy(), 1e-9, 1e-12)
    free = (lambda v: t(v)[:-1]) if name[0] == "S" else lambda v: fastnn.cat(
        [t(v)[i, :i] for i in range(1, 3)])  # fmt: skip
    for row, found in zip(x, t.log_abs_det_jacobian(x, y), strict=True):
        jacobian = fastnn.func.jacrev(free)(row).numpy()
        assert found.item() == pytest.approx(np.linalg.slogdet(jacobian).logabsdet, rel=1e-9)
    with pytest.raises(ValueError, match="shape: expected"):
        t.forward_shape(())


def test_transforms_of_matrices() -> None:
    x = tensor(W)
    for t in (transforms.LowerCholeskyTransform(), transforms.PositiveDefiniteTransform()):
        y = t(x)
        assert t.codomain.check(y).all()
        np.testing.assert_allclose(t(t.inv(y)).numpy(), y.numpy(), 1e-9, 1e-12)


def test_transforms_of_parts() -> None:
    exp, tanh = transforms.ExpTransform(), transforms.TanhTransform()
    x = tensor(RNG.standard_normal((2, 3)))
    cat = transforms.CatTransform([exp, tanh], 1, [1, 2])
    want = np.concatenate([np.exp(x.numpy()[:, :1]), np.tanh(x.numpy()[:, 1:])], 1)
    np.testing.assert_allclose(cat(x).numpy(), want, 1e-12)
    stack = transforms.StackTransform([exp, tanh])
    np.testing.assert_allclose(stack(x)[1].numpy(), np.tanh(x.numpy()[1]), 1e-12)
    for t in (cat, stack):
        np.testing.assert_allclose(t.inv(t(x)).numpy(), x.numpy(), 1e-10)
        slopes = fastnn.func.jacrev(t)(x).reshape(6, 6).diagonal().log().reshape(2, 3)
        np.testing.assert_allclose(t.log_abs_det_jacobian(x, t(x)).numpy(), slopes.numpy(), 1e-9)
        with pytest.raises(ValueError, match="along axis"):
            t(x.t())
    assert cat.length == 3 and cat.codomain.check(cat(x)).all()
    flat = transforms.ReshapeTransform((3,), (3, 1))
    assert flat(x).shape == (2, 3, 1) and flat.inv(flat(x)).shape == (2, 3)
    assert flat.log_abs_det_jacobian(x, flat(x)).tolist() == [0, 0]
    with pytest.raises(ValueError, match="ends in"):
        flat(x.t())
    normal = transforms.CumulativeDistributionTransform(D.Normal(tensor(0.0), tensor(1.0)))
    np.testing.assert_allclose(normal.inv(normal(x)).numpy(), x.numpy(), 1e-9)
    copula = D.TransformedDistribution(D.Normal(tensor(0.0), tensor(1.0)), [normal])
    assert copula.log_prob(tensor([0.3, 0.9])).tolist() == pytest.approx([0, 0], abs=1e-12)


CONSTRAINTS: dict[str, Any] = {
    "real": constraints.real, "positive": constraints.positive, "simplex": constraints.simplex,
    "nonnegative": constraints.nonnegative, "greater_than": constraints.greater_than(2.0),
    "less_than": constraints.less_than(-1.0), "unit_interval": constraints.unit_interval,
    "interval": constraints.interval(-2.0, 3.0), "real_vector": constraints.real_vector,
    "greater_than a tensor": constraints.greater_than(tensor([1.0, 2.0, 3.0])),
    "half_open_interval": constraints.half_open_interval(1.0, 2.0),
    "independent": constraints.independent(constraints.positive, 1),
    "corr_cholesky": constraints.corr_cholesky, "lower_cholesky": constraints.lower_cholesky,
    "positive_definite": constraints.positive_definite,
    "positive_semidefinite": constraints.positive_semidefinite,
    "cat": constraints.cat([constraints.positive, constraints.real], 0, [1, 2]),
    "stack": constraints.stack([constraints.positive, constraints.unit_interval], 1),
}  # fmt: skip
ONE_WAY = ("lower_cholesky", "positive_definite", "positive_semidefinite")


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_transform_to(name: str) -> None:
    c = CONSTRAINTS[name]
    x = tensor(W[0, :, :2] if name == "stack" else W[0] * 3)
    assert c.check(D.transform_to(c)(x)).all()
    if name in ONE_WAY:
        with pytest.raises(NotImplementedError, match="biject_to: no transform"):
            D.biject_to(c)
        return
    t = D.biject_to(c)
    np.testing.assert_allclose(t.inv(t(x)).numpy(), x.numpy(), 1e-8, 1e-10)


def test_constraints_of_ones_own() -> None:
    class Even(constraints.Constraint):
        def check(self, value: Tensor) -> Tensor:
            return value % 2 == 0

    class Twos(D.Distribution):
        arg_constraints = {}

        @constraints.dependent_property(is_discrete=True, event_dim=0)
        def support(self) -> Any:
            return Even()

        def log_prob(self, value: Tensor) -> Tensor:
            return self._checked(value) * 0

    assert Twos().log_prob(fastnn.tensor(2.0)).item() == 0
    with pytest.raises(ValueError, match="value: expected values of its set"):
        Twos().log_prob(fastnn.tensor(1.0))
    with pytest.raises(NotImplementedError, match="transform_to: no transform"):
        D.transform_to(Even())
    D.transform_to.register(Even)(lambda c: transforms.AffineTransform(0.0, 2.0))
    assert D.transform_to(Even())(fastnn.tensor(3.0)).item() == 6
    with pytest.raises(TypeError, match="constraint: expected"):
        D.transform_to.register(3, lambda c: transforms.ExpTransform())
    assert constraints.interval(1.0, 2.0).upper_bound == 2.0
    with pytest.raises(AttributeError, match="no attribute 'upper_bound'"):
        _ = constraints.positive.upper_bound


def test_constraints_of_matrices() -> None:
    made = {
        "lower": [[2.0, 0.0], [1.0, 1.0]], "correlation": [[1.0, 0.0], [0.6, 0.8]],
        "symmetric": [[1.0, 2.0], [2.0, 1.0]], "singular": [[1.0, 1.0], [1.0, 1.0]],
        "definite": [[2.0, 1.0], [1.0, 2.0]], "nan": [[math.nan, 0.0], [0.0, 1.0]],
    }  # fmt: skip
    for name, fit in {
        "square": set(made), "lower_triangular": {"lower", "correlation"},
        "lower_cholesky": {"lower", "correlation"}, "corr_cholesky": {"correlation"},
        "symmetric": {"symmetric", "singular", "definite"}, "positive_definite": {"definite"},
        "positive_semidefinite": {"definite", "singular"},
    }.items():  # fmt: skip
        constraint = getattr(constraints, name)
        assert {k for k, m in made.items() if constraint.check(tensor(m)).item()} == fit, name
    wide = fastnn.ones(2, 3)
    assert not constraints.square.check(wide) and not constraints.symmetric.check(wide)

"""fastnn.distributions: torch's values, samples, gradients and divergences, also compiled."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.distributions import CASES, divergences, made, results

import fastnn
from fastnn import distributions as D
from fastnn.distributions import constraints, transforms
from fastnn.tape import listener

GOLDENS = json.loads((Path(__file__).parent / "goldens/distributions.json").read_text())
# torch's mode is nan, its Bessel function has seven digits, its incomplete gamma function ten.
OWN_MODE = "Kumaraswamy"
ROUGH = {"VonMises": 3e-6, "Gamma": 2e-9, "InverseGamma": 2e-9, "Chi2": 2e-9}


@pytest.mark.parametrize("name", CASES)
def test_as_torch(name: str) -> None:
    got, want = results(name, fastnn), GOLDENS[name]
    assert set(got) == set(want)
    for key, value in want.items():
        # torch's trigamma is off by 1e-9, and its Multinomial counts in float32.
        rtol = max(1e-7 if key in ("gradients", "entropy") else 1e-9, ROUGH.get(name, 0.0))
        if (name, key) == (OWN_MODE, "mode"):
            assert value[1] == pytest.approx([math.nan] * 2, nan_ok=True)
        elif value is None or key == "shapes":
            assert got[key] == value, key
        elif key == "next":  # the generator stands where torch's stands
            assert got[key] == pytest.approx(value, rel=1e-11)
        else:
            pairs = zip(got[key], value) if key == "gradients" else [(got[key], value)]
            for (shape, numbers), (shape_there, numbers_there) in pairs:
                assert shape == shape_there, key
                np.testing.assert_allclose(numbers, numbers_there, rtol, 1e-12, err_msg=key)


def test_divergences_as_torch() -> None:
    got, want = divergences(fastnn), GOLDENS["kl"]
    assert set(got) <= set(want)
    assert len(got) >= 60
    for pair, (shape, numbers) in got.items():
        assert shape == want[pair][0], pair
        np.testing.assert_allclose(numbers, want[pair][1], 1e-9, 1e-12, err_msg=pair)


@pytest.mark.parametrize("name", CASES)
def test_expand(name: str) -> None:
    d, _ = made(name, fastnn)
    wide = d.expand((3, *d.batch_shape))
    assert wide.batch_shape == (3, *d.batch_shape) and wide.event_shape == d.event_shape
    sample = wide.sample()
    assert sample.shape == wide.batch_shape + wide.event_shape
    for i in range(3):
        np.testing.assert_allclose(
            wide.log_prob(sample).numpy()[i], d.log_prob(sample[i]).numpy(), 1e-12
        )
    assert type(d).__name__ in repr(d)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", CASES)
def test_log_prob_and_entropy_record(name: str) -> None:
    """A compiled function may build the distribution from its arguments: eager's bits."""
    d, tensors = made(name, fastnn)
    sample = d.sample((4,))

    def step(*parameters: Any) -> Any:
        given = iter(parameters)
        arguments = [a if isinstance(a, int | None) else next(given) for a in CASES[name]]
        made_here = type(d)(*arguments)
        found = [made_here.log_prob(sample).sum()]
        try:
            found.append(made_here.entropy().sum())
        except NotImplementedError:
            pass
        loss = sum(found[1:], found[0])
        grads = fastnn.autograd.grad(loss, list(parameters), allow_unused=True)
        return (*(y.detach() for y in found), *(g for g in grads if g is not None))

    leaves = [t.detach().requires_grad_() for t in tensors]
    want = step(*leaves)
    compiled = fastnn.compile(step)
    for _ in range(3):
        for a, b in zip(compiled(*leaves), want, strict=True):
            assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_dtypes(name: str, dtype: str) -> None:
    _, tensors = made(name, fastnn)
    given = iter(tensors)
    arguments = [a if isinstance(a, int | None) else next(given).to(dtype) for a in CASES[name]]
    d = getattr(D, name)(*arguments)
    sample = d.sample()
    whole = name == "Categorical"
    assert sample.dtype == ("int64" if whole else dtype)
    assert d.log_prob(sample).dtype == dtype


@pytest.mark.parametrize("a", [1e-3, 0.1, 0.7, 1.0, 3.0, 50.0, 1000.0])
def test_gradient_of_a_gamma_sample(a: float) -> None:
    """dx/da for a fixed probability, by finite differences of the quantile in float64."""
    fastnn.manual_seed(1)
    alpha = fastnn.full((20,), a, dtype=fastnn.float64, requires_grad=True)
    x = D.Gamma(alpha, 1.0).rsample()
    x.sum().backward()
    assert alpha.grad is not None
    for value, slope in zip(x.detach().numpy(), alpha.grad.numpy()):
        h = 1e-5 * a
        up, down = (_probability(b, value) for b in (a + h, a - h))
        density = math.exp((a - 1) * math.log(value) - value - math.lgamma(a))
        if density * value > 1e-3:  # elsewhere the differences have no digits left
            assert slope == pytest.approx(-(up - down) / (2 * h) / density, rel=2e-4)


def _probability(a: float, x: float) -> float:
    """P(a, x): the integral of t**(a-1) exp(-t) / Gamma(a) over 0..x, by Simpson in s = log t."""
    n = 20_000
    s = np.linspace(min(math.log(x), math.log(a)) - 45.0 / min(a, 45.0), math.log(x), 2 * n + 1)
    f = np.exp(a * s - np.exp(s) - math.lgamma(a))
    step = (s[-1] - s[0]) / (6 * n)
    return float((f[0] + f[-1] + 4 * f[1:-1:2].sum() + 2 * f[2:-1:2].sum()) * step)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: D.Normal(0.0, -1.0), "scale: expected numbers > 0, got -1"),
        (lambda: D.Normal(math.nan, 1.0), "loc: expected numbers that are not nan"),
        (lambda: D.Bernoulli(1.5), "probs: expected numbers in"),
        (lambda: D.Bernoulli(), "probs, logits: expected one of them"),
        (lambda: D.Bernoulli(0.5, 0.0), "probs, logits: expected one of them"),
        (lambda: D.Categorical(fastnn.tensor(-1.0)), "probs: expected a tensor with an axis"),
        (lambda: D.Categorical(fastnn.tensor([-1.0, 2.0])), "probs: expected numbers >= 0"),
        (lambda: D.Uniform(1.0, 0.0), "high: expected numbers > low"),
        (lambda: D.Normal(0.0, 1.0).log_prob(1.0), "value: expected a Tensor, got float"),
        (lambda: D.Normal(0.0, 1.0).log_prob(fastnn.tensor(math.nan)), "value: "),
        (lambda: D.Normal(fastnn.zeros(2), 1.0).log_prob(fastnn.zeros(3)), "value: shape"),
        (lambda: D.Bernoulli(0.5).log_prob(fastnn.tensor(0.5)), "value: expected 0 or 1, got 0.5"),
        (lambda: D.Categorical(fastnn.ones(3)).log_prob(fastnn.tensor(3)), "value: .*0 to 2"),
        (lambda: D.Poisson(-1.0), "rate: "),
        (lambda: D.Dirichlet(fastnn.tensor(1.0)), "concentration: "),
        (lambda: D.Independent(D.Normal(0.0, 1.0), 1), "reinterpreted_batch_ndims: "),
        (lambda: D.MultivariateNormal(fastnn.zeros(2)), "covariance_matrix, .*exactly one"),
        (lambda: D.MultivariateNormal(fastnn.tensor(0.0), fastnn.eye(1)), "loc: expected at least"),
        (lambda: D.MultivariateNormal(fastnn.zeros(1), fastnn.ones(1)), "covariance_matrix: "),
        (lambda: D.MultivariateNormal(fastnn.zeros(2), -fastnn.eye(2)), "covariance_matrix: "),
        (lambda: D.LowRankMultivariateNormal(fastnn.zeros(2), fastnn.ones(3, 1), fastnn.ones(2)),
         "cov_factor: expected matrices of 2 rows"),
        (lambda: D.LowRankMultivariateNormal(fastnn.zeros(2), fastnn.ones(2, 1), fastnn.ones(3)),
         "cov_diag: expected vectors of 2"),
        (lambda: D.Wishart(1.0, fastnn.eye(2)), "df: expected numbers > 1"),
        (lambda: D.LKJCholesky(1), "dim: expected"),
        (lambda: D.ReshapeTransform((2,), (3,)), "out_shape: expected as many"),
        (lambda: D.CatTransform([D.ExpTransform()], lengths=[1, 1]), "lengths: expected one"),
        (lambda: D.CorrCholeskyTransform()(fastnn.zeros(2)), "shape: expected n"),
        (lambda: D.Normal("a", 1.0), "expected numbers or tensors, got str"),
        (lambda: D.TransformedDistribution(D.Normal(0.0, 1.0), [abs]), r"transforms\[0\]: "),
        (lambda: D.MixtureSameFamily(D.Categorical(fastnn.ones(2)), D.Normal(0.0, 1.0)),
         "component_distribution: "),
    ],
)  # fmt: skip
def test_refusals(call: Callable[[], object], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}"):
        call()


def test_validation_can_be_left_out() -> None:
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    D.Distribution.set_default_validate_args(False)
    try:
        assert D.Poisson(-1.0).rate.item() == -1.0
    finally:
        D.Distribution.set_default_validate_args(True)


def test_independent_mixture_and_enumeration() -> None:
    base = D.Normal(fastnn.zeros(4, 3), 2.0)
    joint = D.Independent(base, 1)
    x = joint.rsample((5,))
    assert x.shape == (5, 4, 3)
    np.testing.assert_allclose(joint.log_prob(x).numpy(), base.log_prob(x).sum(-1).numpy(), 1e-6)
    np.testing.assert_allclose(joint.entropy().numpy(), base.entropy().sum(-1).numpy(), 1e-6)
    other = D.Independent(D.Normal(fastnn.ones(4, 3), 1.0), 1)
    assert D.kl_divergence(joint, other).shape == (4,)
    mixture = D.MixtureSameFamily(
        D.Categorical(fastnn.tensor([0.25, 0.75])), D.Normal(fastnn.tensor([-1.0, 3.0]), 1.0)
    )
    assert mixture.mean.item() == 2.0 and mixture.variance.item() == 4.0
    density = 0.25 * math.exp(-0.5) + 0.75 * math.exp(-4.5)
    want = math.log(density / math.sqrt(2 * math.pi))
    assert mixture.log_prob(fastnn.tensor(0.0)).item() == pytest.approx(want, rel=1e-5)
    assert mixture.sample((7,)).shape == (7,)
    assert mixture.cdf(fastnn.tensor(100.0)).item() == pytest.approx(1.0)
    values = D.Categorical(fastnn.ones(2, 3)).enumerate_support()
    assert values.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert D.Bernoulli(fastnn.full((2,), 0.5)).enumerate_support(False).tolist() == [[0], [1]]


@pytest.mark.parametrize(
    "transform",
    [
        transforms.ExpTransform(), transforms.SigmoidTransform(), transforms.TanhTransform(),
        transforms.SoftplusTransform(), transforms.AffineTransform(1.0, -2.0),
        transforms.PowerTransform(3.0), transforms.identity_transform,
        transforms.ComposeTransform(
            [transforms.AffineTransform(0.0, 2.0), transforms.ExpTransform()]
        ),
    ],
    ids=str,
)  # fmt: skip
def test_transforms(transform: transforms.Transform) -> None:
    x = fastnn.tensor([0.1, 0.5, 0.9], dtype=fastnn.float64, requires_grad=True)
    y = transform(x)
    np.testing.assert_allclose(transform.inv(y).detach().numpy(), x.detach().numpy(), 1e-10)
    (slope,) = fastnn.autograd.grad(y.sum(), [x])
    found = transform.log_abs_det_jacobian(x, y).detach().numpy()
    np.testing.assert_allclose(found, np.log(np.abs(slope.numpy())), 1e-10, 1e-12)
    back = transform.inv.log_abs_det_jacobian(y, x).detach().numpy()
    np.testing.assert_allclose(back, -found, 1e-10)
    assert transform.inv.inv is transform or transform.inv.inv == transform


def test_a_divergence_of_ones_own() -> None:
    class Mine(D.Normal):
        pass

    mine = Mine(0.0, 1.0)
    assert D.kl_divergence(mine, D.Normal(0.0, 1.0)).item() == 0.0  # the base class's formula
    D.register_kl(Mine, D.Normal)(lambda p, q: fastnn.tensor(7.0))
    assert D.kl_divergence(mine, D.Normal(0.0, 1.0)).item() == 7.0
    with pytest.raises(NotImplementedError, match="Bernoulli and Normal; add one"):
        D.kl_divergence(D.Bernoulli(0.5), D.Normal(0.0, 1.0))
    with pytest.raises(TypeError, match="type_q"):
        D.register_kl(Mine, int)


def test_constraints() -> None:
    x = fastnn.tensor([-1.0, 0.0, 0.5, 1.0, 2.0, math.nan])
    for constraint, want in (
        (constraints.positive, [0, 0, 1, 1, 1, 0]), (constraints.real, [1, 1, 1, 1, 1, 0]),
        (constraints.unit_interval, [0, 1, 1, 1, 0, 0]), (constraints.boolean, [0, 1, 0, 1, 0, 0]),
        (constraints.nonnegative_integer, [0, 1, 0, 1, 1, 0]),
        (constraints.positive_integer, [0, 0, 0, 1, 1, 0]),
        (constraints.less_than(1.0), [1, 1, 1, 0, 0, 0]),
        (constraints.half_open_interval(0.0, 1.0), [0, 1, 1, 0, 0, 0]),
        (constraints.integer_interval(-1, 1), [1, 1, 0, 1, 0, 0]),
    ):  # fmt: skip
        assert constraint.check(x).tolist() == [bool(w) for w in want], constraint
    assert constraints.simplex.check(fastnn.tensor([[0.5, 0.5], [0.5, 0.6]])).tolist() == [
        True,
        False,
    ]
    matrices = fastnn.tensor([[[2.0, 0.0], [1.0, 1.0]], [[2.0, 1.0], [1.0, 1.0]]])
    assert constraints.lower_cholesky.check(matrices).tolist() == [True, False]
    assert constraints.positive_definite.check(matrices).tolist() == [False, True]


def test_samples_do_not_record() -> None:
    with pytest.raises(listener.RecordingError, match="random numbers were drawn"):
        fastnn.compile(lambda x: x + D.Gamma(2.0, 1.0).sample())(fastnn.zeros(1))


def test_modules_of_one_class_as_in_torch() -> None:
    from fastnn.distributions.bernoulli import Bernoulli
    from fastnn.distributions.transformed_distribution import TransformedDistribution

    from fastnn.distributions.categorical import Categorical

    assert Bernoulli is D.Bernoulli and Categorical is D.Categorical
    assert TransformedDistribution is D.TransformedDistribution

"""Distributions: checks that are left out, attributes of what they are made of, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fastnn
from fastnn import distributions as D
from fastnn.distributions import constraints, transforms
from fastnn.distributions.implicit import gamma_slope

t = fastnn.tensor
WRONG = t([-1.0, 3.0])

BY_CLASSES: dict[str, Callable[..., Any]] = {
    "Categorical": D.Categorical,
    "OneHotCategorical": D.OneHotCategorical,
    "OneHotCategoricalStraightThrough": D.OneHotCategoricalStraightThrough,
    "Multinomial": lambda **given: D.Multinomial(2, **given),
    "RelaxedOneHotCategorical": lambda **given: D.RelaxedOneHotCategorical(t(1.0), **given),
}


@pytest.fixture
def unchecked() -> Iterator[None]:
    D.Distribution.set_default_validate_args(False)
    yield
    D.Distribution.set_default_validate_args(True)


@pytest.mark.parametrize("name", BY_CLASSES)
def test_probabilities_are_taken_as_they_are(name: str) -> None:
    """With validate_args=False, as the weights of classes too."""
    made = BY_CLASSES[name](probs=WRONG, validate_args=False)
    assert made.probs.tolist() == [-0.5, 1.5]
    with pytest.raises(ValueError, match="probs: expected numbers >= 0, got -1"):
        BY_CLASSES[name](probs=WRONG)


def test_checks_are_left_out_by_default(unchecked: None) -> None:
    assert D.Categorical(WRONG).probs.tolist() == [-0.5, 1.5]
    assert D.Normal(0.0, -1.0).scale.item() == -1
    with pytest.raises(ValueError, match="probs: expected numbers >= 0"):
        D.Categorical(WRONG, validate_args=True)


@pytest.mark.parametrize(
    "made", [
        D.RelaxedBernoulli(t(0.5), probs=t([0.25])),
        D.RelaxedOneHotCategorical(t(0.5), probs=t([0.25, 0.75])),
    ], ids=lambda made: type(made).__name__,
)  # fmt: skip
def test_attributes_of_the_base(made: Any) -> None:
    assert made.temperature.item() == 0.5 and made.probs.tolist()[0] == 0.25
    assert made.logits.shape == made.probs.shape
    with pytest.raises(
        AttributeError, match=f"'{type(made).__name__}' object has no attribute 'x'"
    ):
        made.x


def test_one_hot_of_logits() -> None:
    """Whose probabilities nobody has asked for."""
    for given in ({"logits": t([0.0, math.log(3)])}, {"probs": t([1.0, 3.0])}):
        made = D.OneHotCategorical(**given)
        assert made.log_prob(t([0.0, 1.0])).item() == pytest.approx(math.log(0.75))
        assert made.entropy().item() == pytest.approx(0.5623, abs=1e-4)


def test_no_transforms() -> None:
    base = D.Uniform(0.0, 2.0)
    made = D.TransformedDistribution(base, [])
    assert made.support is base.support or repr(made.support) == repr(base.support)
    assert made.log_prob(t(1.0)).item() == pytest.approx(-math.log(2))


def test_values_of_independent_ones() -> None:
    """Of none joined they are those of the base; joined ones are not listed."""
    base = D.Bernoulli(t([0.5, 0.25]))
    assert D.Independent(base, 0).enumerate_support().tolist() == [[0, 0], [1, 1]]
    with pytest.raises(NotImplementedError, match="Independent has no enumerate_support"):
        D.Independent(base, 1).enumerate_support()


def test_a_parameter_that_is_a_number() -> None:
    """Of a user's class: there is nothing to check."""

    class Own(D.Distribution):
        arg_constraints = {"k": constraints.positive}

        def __init__(self, k: Any) -> None:
            self.k = k
            super().__init__()

    assert Own(-1.0).k == -1
    with pytest.raises(ValueError, match="k: expected"):
        Own(t(-1.0))


def test_the_slope_at_zero() -> None:
    """A gamma sample that has rounded to 0 does not move."""
    assert gamma_slope(0.5, 0.0) == 0.0
    h, a, x = 1e-6, 1.0, 0.7  # of the exponential distribution: P(1, x) = 1 - exp(-x)
    assert gamma_slope(a, x + h) == pytest.approx(gamma_slope(a, x), rel=1e-4)


def test_corner_shapes() -> None:
    made = transforms.CorrCholeskyTransform()
    assert made.inverse_shape((5, 3, 3)) == (5, 3)


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "default": (lambda: D.Distribution.set_default_validate_args(1), ValueError,  # type: ignore[arg-type]
                "value: expected True or False, got 1"),
    "shape": (lambda: D.Normal(0.0, 1.0).expand(3), TypeError, "shape: expected a sequence"),  # type: ignore[arg-type]
    "event": (lambda: D.Dirichlet(t([1.0, 2.0])).log_prob(t([0.2, 0.3, 0.5])), ValueError,
              r"value: expected a shape that ends in \(2,\), got \(3,\)"),
    "no axis": (lambda: D.Dirichlet(t([1.0, 2.0])).log_prob(t(0.5)), ValueError, "that ends in"),
    "both": (lambda: D.Categorical(t([1.0]), t([1.0])), ValueError, "probs, logits: expected one"),
    "neither": (lambda: D.Categorical(), ValueError, "probs, logits: expected one"),
    "mixture": (lambda: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(t([0.0]), t([1.0]))),
                ValueError, "mixture_distribution: expected a Categorical, got Normal"),
    "loc": (lambda: D.LowRankMultivariateNormal(t(0.0), t([[1.0]]), t([1.0])), ValueError,
            "loc: expected at least one axis"),
    "square": (lambda: transforms.CorrCholeskyTransform().inverse_shape((2, 3)), ValueError,
               r"shape: expected square matrices, got \(2, 3\)"),
    "vector": (lambda: transforms.CorrCholeskyTransform().inverse_shape((3,)), ValueError,
               r"shape: expected square matrices, got \(3,\)"),
    "parts": (lambda: D.CatTransform([transforms.ExpTransform(), abs]), ValueError,  # type: ignore[list-item]
              r"tseq\[1\]: expected a Transform, got <built-in function abs>"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()

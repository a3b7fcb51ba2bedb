"""Checks of the references in families/, by finite differences and worked values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from families import reference
from numpy.typing import NDArray

Array = NDArray[Any]

LOSSES = ("softmax_cross_entropy", "soft_cross_entropy", "bce_with_logits", "mse")


def numerical_gradient(f: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """Central differences of a scalar function, off by O(step^2)."""
    out = np.empty_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        out[i] = (f(up) - f(down)) / (2 * step)
    return out


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("op", LOSSES)
def test_dz_is_the_derivative_of_the_loss(op: str, reduction: str) -> None:
    rng = np.random.default_rng(1)
    of_rows = op.endswith("cross_entropy")
    z = rng.standard_normal((7, 4) if of_rows else 9) * 2
    y = rng.integers(0, 4, 7) if op == "softmax_cross_entropy" else rng.random(z.shape)
    function = getattr(reference, op)
    dz = function(z, y, reduction=reduction)[1]
    want = numerical_gradient(lambda z: float(np.sum(function(z, y, reduction=reduction)[0])), z)
    np.testing.assert_allclose(dz, want, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_derivative_by_the_output(activation: str) -> None:
    rng = np.random.default_rng(2)
    x, dy = rng.standard_normal(50) * 2, rng.standard_normal(50)
    function = getattr(reference, activation)
    got = getattr(reference, f"{activation}_grad")(dy, function(x))
    want = numerical_gradient(lambda x: float(np.sum(dy * function(x))), x)
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-9)


def test_scatter_add_rows_is_the_adjoint_of_take_rows() -> None:
    rng = np.random.default_rng(3)
    x, dy = rng.standard_normal((5, 3)), rng.standard_normal((8, 3))
    index = np.array([0, 4, 4, 2, -1, 5, 2**63 - 1, 4])
    back = reference.scatter_add_rows(dy, index, rows=5)
    np.testing.assert_allclose(np.sum(reference.take_rows(x, index) * dy), np.sum(x * back))


def test_erf_series_equals_libm() -> None:
    x = np.linspace(-8, 8, 4001)
    np.testing.assert_allclose(reference.erf(x), [math.erf(v) for v in x], rtol=3 * 2**-53, atol=0)
    edges = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(reference.erf(edges), [0, -0.0, 1, -1, np.nan])


def test_adam_first_step_is_lr_times_sign() -> None:
    """Kingma and Ba, section 2.1: without eps, the first step is lr in each coordinate."""
    g = np.array([3.0, -0.1, 1e-3])
    hyper = np.array([0.01, 0, 0, 1, 0, 0.9, 0.999, 0.0, 0.0, 0, 0, 0])
    zeros = np.zeros(3)
    p, after, *_ = reference.adam_step(zeros, hyper, zeros, zeros, None, g)
    np.testing.assert_allclose(p, [-0.01, 0.01, -0.01], rtol=1e-12)
    assert after[9] == 1 and hyper[9] == 0


def test_special_values() -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(reference.sign([-2.0, 0.0, 3.0, np.nan]), [-1, 0, 1, 0])
        np.testing.assert_array_equal(reference.relu([np.nan, -1.0]), [np.nan, 0])
        assert np.isnan(reference.mse(np.empty(0), np.empty(0))[0]).all()
        loss, dz = reference.softmax_cross_entropy(np.zeros((2, 3)), [3, 1], reduction="none")
    assert np.isnan(loss[0]) and np.isnan(dz[0]).all()
    assert loss[1] == pytest.approx(math.log(3))


def test_long_double_in_long_double_out() -> None:
    x = np.ones((2, 3), np.longdouble)
    for got in (reference.erf(x), reference.softmax(x), *reference.mse(x[0], x[1])):
        assert got.dtype == np.longdouble

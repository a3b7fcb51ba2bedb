"""fastnn.info: figures of SciPy, torch, scikit-learn; 0 log 0 = 0; gradients; what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.info import counts, pair

import fastnn
from fastnn import Tensor, info
from fastnn.autograd import gradcheck, gradgradcheck
from fastnn.tensor import of_array

GOLDENS = json.loads((Path(__file__).parent / "goldens/info.json").read_text())
P, Q = pair()
JOINT = counts() / counts().sum()
CALLS = {
    "entropy": lambda c: info.entropy(c(P)),
    "entropy in bits": lambda c: info.entropy(c(P), base=2),
    "entropy of columns": lambda c: info.entropy(c(Q / Q.sum(0)), axis=0),
    "cross_entropy": lambda c: info.cross_entropy(c(P), c(Q)),
    "kl_divergence": lambda c: info.kl_divergence(c(P), c(Q)),
    "js_divergence": lambda c: info.js_divergence(c(P), c(Q)),
    "binary_entropy": lambda c: info.binary_entropy(c(P)),
    "mutual_information": lambda c: info.mutual_information(c(JOINT)),
}
CLOSE = {np.float64: {"rtol": 1e-10, "atol": 1e-14}, np.float32: {"rtol": 1e-5, "atol": 1e-6}}


def array(value: Any) -> np.ndarray:
    return np.asarray(value.numpy() if isinstance(value, Tensor) else value)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", CLOSE)
def test_figures(name: str, dtype: Any) -> None:
    def tensor(a: np.ndarray) -> Tensor:
        return of_array(a.astype(dtype))

    def as_array(a: np.ndarray) -> np.ndarray:
        return a.astype(dtype)

    of_arrays, of_tensors = CALLS[name](as_array), CALLS[name](tensor)
    assert isinstance(of_tensors, Tensor) and not isinstance(of_arrays, Tensor)
    np.testing.assert_allclose(of_arrays, GOLDENS[name], **CLOSE[dtype])
    np.testing.assert_array_equal(array(of_tensors), of_arrays)
    assert array(of_arrays).dtype == dtype or isinstance(of_arrays, float)
    np.testing.assert_array_equal(array(fastnn.compile(lambda: CALLS[name](tensor))()), of_arrays)


def test_every_name_has_a_golden() -> None:
    assert {name.partition(" ")[0] for name in CALLS} == set(info.__all__)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients(compiled: bool) -> None:
    p, q = (of_array(v, requires_grad=True) for v in (P, Q))

    def step() -> None:
        info.kl_divergence(p, q).sum().backward()

    (fastnn.compile(step) if compiled else step)()
    assert p.grad is not None and q.grad is not None
    np.testing.assert_allclose(q.grad.numpy(), GOLDENS["kl by q"], rtol=1e-10)
    np.testing.assert_allclose(p.grad.numpy(), GOLDENS["kl by p"], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", sorted(info.__all__))
def test_gradients_of_gradients(name: str) -> None:
    two = name in ("cross_entropy", "kl_divergence", "js_divergence")
    inputs = tuple(of_array(Q[i : i + 2], requires_grad=True) for i in range(1 + two))
    assert gradcheck(getattr(info, name), inputs)
    assert gradgradcheck(getattr(info, name), inputs)


def test_zeros() -> None:
    one, other = [1.0, 0.0], [0.0, 1.0]
    assert info.entropy(one) == 0 and math.copysign(1, info.entropy(one)) == 1
    assert info.kl_divergence(one, one) == 0
    assert info.kl_divergence(one, other) == info.cross_entropy(one, other) == math.inf
    assert info.js_divergence(one, other) == pytest.approx(math.log(2))
    assert info.binary_entropy(0.0) == info.binary_entropy(1) == 0.0
    assert info.mutual_information(np.outer([0.25, 0.75], one)) == 0
    for dtype in (np.float32, np.float64):
        p = of_array(np.array(one, dtype), requires_grad=True)
        info.entropy(p).backward()
        assert p.grad is not None and np.isfinite(p.grad.numpy()).all()


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: info.entropy([0.5, 0.6]), "p: expected probabilities >= 0 that sum to 1 along"),
        (lambda: info.entropy([1.5, -0.5]), "p: expected probabilities"),
        (lambda: info.entropy([math.nan, 1.0]), "p: expected finite"),
        (lambda: info.entropy([1.0], base=1), "base: expected a number > 0 other than 1, got 1"),
        (lambda: info.entropy([1.0], base=-2), "base: expected"),
        (lambda: info.kl_divergence([1.0], [0.5, 0.5]), "q: expected shape"),
        (lambda: info.js_divergence([0.5, 0.5], [3, 4]), "q: expected probabilities"),
        (lambda: info.binary_entropy([0.5, 1.1]), "p: expected probabilities in 0..1"),
        (lambda: info.mutual_information([0.5, 0.5]), "joint: expected a table"),
        (lambda: info.mutual_information([[0.5, 0.6]]), "joint: expected probabilities"),
    ],
)
def test_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_tensors_and_arrays_do_not_mix() -> None:
    with pytest.raises(TypeError, match="q: expected a Tensor"):
        info.kl_divergence(of_array(P), Q)

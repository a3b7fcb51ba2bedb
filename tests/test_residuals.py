"""The Jacobian of residuals: both ways give the same, and neither grows with rows squared."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.nn import Parameter
from fastnn.optim import residuals
from fastnn.tensor import Tensor

RNG = np.random.default_rng(0)


def net(real: str) -> tuple[list[Tensor], Callable[[], Tensor]]:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(getattr(fastnn, real))
    x, y = (fastnn.tensor(RNG.normal(size=(40, n)).astype(real)) for n in (3, 2))
    return list(model.parameters()), lambda: (model(x) - y).reshape(-1)


def partly_linear(real: str) -> tuple[list[Tensor], Callable[[], Tensor]]:
    """One that is not used, others whose columns J does not depend on."""
    a, b, c, d = (Parameter(RNG.normal(size=n).astype(real)) for n in (2, 3, 1, 2))
    x = fastnn.tensor(RNG.normal(size=(30, 2)).astype(real))
    return [a, b, c, d], lambda: x @ a + (x @ d).sin() * c


def mixed(real: str) -> tuple[list[Tensor], Callable[[], Tensor]]:
    """Rows that depend on each other."""
    w = Parameter(RNG.normal(size=(3, 2)).astype(real))
    x = fastnn.tensor(RNG.normal(size=(20, 3)).astype(real))
    return [w], lambda: (nn.functional.softmax(x @ w, 0).cumsum(0) * 3).reshape(-1)


def alone(real: str) -> tuple[list[Tensor], Callable[[], Tensor]]:
    w = Parameter(RNG.normal(size=2).astype(real))
    return [w], lambda: w.exp()


@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("made", [net, partly_linear, mixed, alone])
def test_columns_and_rows_are_the_same(made: Any, real: str) -> None:
    params, closure = made(real)
    rows = residuals._by_rows(closure(), params)
    columns = residuals._by_columns(closure(), params)
    assert rows.shape == columns.shape == (closure().numel(), sum(p.numel() for p in params))
    near = 1e-5 if real == "float32" else 1e-13
    np.testing.assert_allclose(columns, rows, rtol=near, atol=near)


def test_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    params, closure = net("float64")
    want = residuals._by_columns(closure(), params)
    monkeypatch.setattr(residuals, "ELEMENTS", 200)
    np.testing.assert_array_equal(residuals._by_columns(closure(), params), want)


def test_a_step_takes_no_rows_by_rows() -> None:
    """A matrix of 6,000 x 6,000 residuals is 288 MB."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    x = fastnn.tensor(RNG.normal(size=(6000, 3)))
    y = x.sum(1, keepdim=True).sin()
    optimizer = optim.LevenbergMarquardt(model.parameters())
    tracemalloc.start()
    try:
        first = optimizer.step(lambda: model(x) - y)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()
    for _ in range(5):
        last = optimizer.step(lambda: model(x) - y)
    assert last < 0.2 * first

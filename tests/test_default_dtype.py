"""set_default_dtype: what is made without a dtype, as torch 2.13 makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, tensor as t
from fastnn.tensor import of_array


@pytest.fixture
def double() -> Iterator[None]:
    fastnn.set_default_dtype(fastnn.float64)
    try:
        yield
    finally:
        fastnn.set_default_dtype(fastnn.float32)


def single(*values: float) -> fastnn.Tensor:
    return t(list(values), dtype=fastnn.float32)


FLOATS: dict[str, Callable[[], Any]] = {
    "number": lambda: t(1.5), "list": lambda: t([1.5]),
    "as_tensor": lambda: fastnn.as_tensor([1.5]), "randn_like": lambda: fastnn.randn_like(t(1.5)),
    "zeros": lambda: fastnn.zeros(2), "ones": lambda: fastnn.ones(2), "eye": lambda: fastnn.eye(2),
    "empty": lambda: fastnn.empty(2), "full": lambda: fastnn.full((2,), 1.5),
    "arange": lambda: fastnn.arange(0, 1, 0.5), "linspace": lambda: fastnn.linspace(0, 1, 3),
    "scalar_tensor": lambda: fastnn.scalar_tensor(1), "rand": lambda: fastnn.rand(2),
    "randn": lambda: fastnn.randn(20), "normal": lambda: fastnn.normal(0.0, 1.0, (2,)),
    "Tensor": lambda: of_array([1, 2]), "division": lambda: t(1) / 2,
    "quotient": lambda: t([1, 2]) / t([2, 2]), "sqrt": lambda: t([1, 2]).sqrt(),
    "exp": lambda: fastnn.exp(t([1, 2])), "times": lambda: t([1, 2]) * 1.5,
    "bool": lambda: t(True) + 1.5, "power": lambda: t([1, 2]) ** -1.0,
    "where": lambda: fastnn.where(t([True]), 1.0, 2.0),
    "cat": lambda: fastnn.cat([t([1]), t([1.5])]),
    "linear": lambda: nn.Linear(2, 1)(fastnn.ones(2)),
    "dense": lambda: nn.Dense(2, 1).weight,
}  # fmt: skip
OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "float()": (lambda: t([1, 2]).float(), "float32"),
    "single and number": (lambda: single(1.0) * 1.5, "float32"),
    "single and integer": (lambda: single(1.0) + t([1]), "float32"),
    "like": (lambda: fastnn.rand_like(single(1.0)), "float32"),
    "array": (lambda: t(np.zeros(2, np.float32)), "float32"),
    "whole arange": (lambda: fastnn.arange(3), "int64"),
    "whole full": (lambda: fastnn.full((2,), 1), "int64"),
    "integers": (lambda: t([1]), "int64"),
    "named": (lambda: fastnn.zeros(2, dtype=fastnn.float32), "float32"),
    "a layer's": (lambda: nn.Linear(2, 1, dtype=fastnn.float32).weight, "float32"),
}


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", [*FLOATS, *OTHERS])
def test_what_is_made(name: str) -> None:
    make, want = OTHERS.get(name, (FLOATS.get(name), "float64"))
    assert make is not None and make().dtype == want


@pytest.mark.parametrize("name", FLOATS)
def test_float32_again(name: str) -> None:
    assert FLOATS[name]().dtype == "float32" and fastnn.get_default_dtype() == fastnn.float32


@pytest.mark.usefixtures("double")
def test_numbers_are_torchs() -> None:
    """Values of torch 2.13 under set_default_dtype(float64), seed 0."""
    fastnn.manual_seed(0)
    assert fastnn.rand(2).tolist() == [0.9700530018065531, 0.707819864399788]
    np.testing.assert_allclose(
        fastnn.randn(2).tolist(), [-2.1787893820745574, 0.5684312772806678], rtol=1e-15
    )
    fastnn.manual_seed(0)
    layer = nn.Linear(2, 1)
    np.testing.assert_allclose(
        layer.weight.tolist(), [[0.6647553301890121, 0.29390167076471757]], rtol=1e-15
    )
    assert layer.bias is not None
    np.testing.assert_allclose(layer.bias.tolist(), [-0.0574411926928383], rtol=1e-15)


@pytest.mark.usefixtures("double")
def test_text() -> None:
    assert repr(t([1.5])) == "tensor([1.5000])" and repr(fastnn.zeros(0)) == "tensor([])"
    assert repr(single(1.5)) == "tensor([1.5000], dtype=fastnn.float32)"


@pytest.mark.usefixtures("double")
def test_a_program_is_recorded_anew() -> None:
    halved = fastnn.compile(lambda x: x / 2)
    assert halved(t([1])).dtype == halved(t([1])).dtype == "float64"
    fastnn.set_default_dtype(fastnn.float32)
    assert halved(t([1])).dtype == halved(t([1])).dtype == "float32"


@pytest.mark.usefixtures("double")
def test_training() -> None:
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    optimizer = fastnn.optim.Adam(net.parameters(), lr=0.01)
    x, y = fastnn.randn(8, 2), fastnn.randn(8, 1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True) and loss.dtype == "float64"


@pytest.mark.parametrize("wrong", [fastnn.int64, fastnn.uint8, "complex64", None, 3, "real"])
def test_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="dtype: expected float32, float64, float16 or"):
        fastnn.set_default_dtype(wrong)
    assert fastnn.get_default_dtype() == fastnn.float32

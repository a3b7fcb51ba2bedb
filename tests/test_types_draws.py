"""Random numbers of the stored types: torch 2.13's, by one seed."""

from __future__ import annotations

from typing import Any

import pytest

import fastnn
from fastnn import Tensor

T = fastnn
DRAWS: dict[str, tuple[Any, list[float]]] = {
    "int32 random_": (lambda: T.zeros(3, dtype=T.int32).random_(),
                      [218175338, 303761048, 893988089]),
    "uint8 random_": (lambda: T.zeros(3, dtype=T.uint8).random_(), [106, 152, 249]),
    "bfloat16 random_": (lambda: T.zeros(3, dtype=T.bfloat16).random_(), [200, 155, 97]),
    "int8 randint": (lambda: T.randint(-100, 100, (4,), dtype=T.int8), [86, -52, 37, -33]),
    "int16 randperm": (lambda: T.randperm(4, dtype=T.int16), [2, 3, 1, 0]),
    "bfloat16 rand": (lambda: T.rand(3, dtype=T.bfloat16),
                      [0.0042724609375, 0.10546875, 0.28515625]),
    "float16 randn": (lambda: T.randn(18, dtype=T.float16)[:4],
                      [-0.07666015625, 0.35986328125, 0.261474609375, 0.93115234375]),
    "float16 bernoulli": (lambda: T.bernoulli(T.full((6,), 0.3).half()), [1, 1, 1, 1, 0, 1]),
    "float16 multinomial": (lambda: T.multinomial(T.tensor([1.0, 2, 3, 4]).half(), 4),
                            [0, 3, 1, 2]),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_draws(name: str) -> None:
    draw, expected = DRAWS[name]
    fastnn.manual_seed(3)
    found: Tensor = draw()
    assert found.tolist() == expected
    assert str(found.dtype) == ("int64" if "multinomial" in name else name.split()[0])


@pytest.mark.parametrize(("low", "high", "dtype"), [
    (0, 300, "uint8"), (-1, 3, "uint8"), (0, 129, "int8"), (0, 10, "bool"), (0, 70000, "float16"),
])  # fmt: skip
def test_bounds_that_a_dtype_has_not(low: int, high: int, dtype: str) -> None:
    with pytest.raises(ValueError, match=r"^(low|high): expected"):
        fastnn.randint(low, high, (2,), dtype=dtype)


def test_weights_are_floats() -> None:
    with pytest.raises(TypeError, match=r"^input: expected floating-point weights, got int32"):
        fastnn.multinomial(fastnn.tensor([1, 2], dtype=fastnn.int32), 1)

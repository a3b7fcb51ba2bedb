"""Gradients at nan, at infinities, at bounds, of steps and of nothing, as torch 2.13 has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import fastnn
from fastnn.nn import functional as F
from fastnn.tensor import Tensor

nan, inf = math.nan, math.inf
VALUES = [nan, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 6.0, inf, -inf]
ZEROS, ONES = [0.0] * 11, [1.0] * 11
t = fastnn.tensor

# name: the function, and torch's gradient of the sum by VALUES
OF_ONE: dict[str, tuple[Callable[[Tensor], Tensor], Sequence[float] | None]] = {
    "floor": (lambda x: x.floor(), ZEROS),
    "ceil": (lambda x: x.ceil(), ZEROS),
    "round": (lambda x: x.round(), ZEROS),
    "trunc": (lambda x: x.trunc(), ZEROS),
    "sign": (lambda x: x.sign(), ZEROS),
    "frac": (lambda x: x.frac(), ONES),
    "floor of floor": (lambda x: x.floor().floor() * 2, ZEROS),
    "div floor": (lambda x: fastnn.div(x, 0.7, rounding_mode="floor"), ZEROS),
    "div trunc": (lambda x: fastnn.div(x, 0.7, rounding_mode="trunc"), ZEROS),
    "remainder": (lambda x: x % 0.7, ONES),
    "fmod": (lambda x: x.fmod(0.7), ONES),
    "norm 0": (lambda x: x.norm(0), None),
    "prod of nothing": (lambda x: x[:0].prod(), ZEROS),
    "prod of no rows": (lambda x: x[None][:0].prod(0), ZEROS),
    "sum of nothing": (lambda x: x[:0].sum(), ZEROS),
    "mean of nothing": (lambda x: x[:0].mean(), ZEROS),
    "mean of no columns": (lambda x: x[None][:, :0].mean(1), ZEROS),
    "var of nothing": (lambda x: x[:0].var(), ZEROS),
    "norm of nothing": (lambda x: x[:0].norm(), ZEROS),
    "cumsum of nothing": (lambda x: x[:0].cumsum(0), ZEROS),
    "cat of nothing": (lambda x: fastnn.cat([x[:0], fastnn.ones(2)]), ZEROS),
    "power 0": (lambda x: x**0, ZEROS),
    # at nan as in torch's vectors; its loops over the last elements give 1
    "relu6": (F.relu6, [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]),
    "hardtanh": (F.hardtanh, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]),
    "elu": (F.elu, [1, 0.1353, 0.3679, 0.6065, 1, 1, 1, 1, 1, 1, 0]),
    "celu": (F.celu, [1, 0.1353, 0.3679, 0.6065, 1, 1, 1, 1, 1, 1, 0]),
    "selu": (
        F.selu,
        [1.0507, 0.2379, 0.6468, 1.0663, 1.7581, *[1.0507] * 5, 0],
    ),
    "leaky_relu": (F.leaky_relu, [0.01] * 5 + [1] * 5 + [0.01]),
    "hardsigmoid": (F.hardsigmoid, [0, *[0.1667] * 7, 0, 0, 0]),
    "hardswish": (
        F.hardswish,
        [nan, -0.1667, 0.1667, 0.3333, 0.5, 0.6667, 0.8333, 1.1667, 1, 1, 0],
    ),
    "hardshrink": (F.hardshrink, [0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]),
    "softshrink": (F.softshrink, [0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]),
    "clamp": (lambda x: x.clamp(-1, 1), [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
    "clamp from below": (lambda x: x.clamp(min=0.0), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0]),
    "clamp from above": (lambda x: x.clamp(max=0.0), [0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1]),
    "clamp by tensors": (lambda x: x.clamp(t(-1.0), t(1.0)), [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]),
    "maximum of 0": (lambda x: fastnn.maximum(x, t(0.0)), [1, 0, 0, 0, 0.5, 1, 1, 1, 1, 1, 0]),
    "minimum of 0": (lambda x: fastnn.minimum(x, t(0.0)), [1, 1, 1, 1, 0.5, 0, 0, 0, 0, 0, 1]),
    "maximum of nan": (lambda x: fastnn.maximum(x, t(nan)), ONES),
    "minimum of nan": (lambda x: fastnn.minimum(x, t(nan)), ONES),
    "max": (lambda x: x.max(), [1, *[0] * 10]),
    "min": (lambda x: x.min(), [1, *[0] * 10]),
    "amax": (lambda x: x.amax(), [nan] * 11),
    "nan_to_num": (lambda x: x.nan_to_num(), [0, *[1] * 8, 0, 0]),
    "logaddexp": (
        lambda x: fastnn.logaddexp(x, t(1.0)),
        [nan, 0.0474, 0.1192, 0.1824, 0.2689, 0.3775, 0.5, 0.7311, 0.9933, 1, 0],
    ),
}

A = [nan, 1.0, nan, 2.0, 1.0, -3.0, 0.0, inf]
B = [1.0, nan, nan, 1.0, 1.0, 2.0, 0.7, 2.0]
Pair = tuple[Callable[[Tensor, Tensor], Tensor], Sequence[float] | None, Sequence[float] | None]
OF_TWO: dict[str, Pair] = {
    "maximum": (fastnn.maximum, [1, 1, 1, 1, 0.5, 0, 0, 1], [1, 1, 1, 0, 0.5, 1, 1, 0]),
    "minimum": (fastnn.minimum, [1, 1, 1, 0, 0.5, 1, 1, 0], [1, 1, 1, 1, 0.5, 0, 0, 1]),
    "div floor": (lambda a, b: fastnn.div(a, b, rounding_mode="floor"), [0] * 8, [0] * 8),
    "div trunc": (lambda a, b: fastnn.div(a, b, rounding_mode="trunc"), [0] * 8, [0] * 8),
    "remainder": (fastnn.remainder, [1] * 8, [nan, nan, nan, -2, -1, 2, 0, nan]),
    "lerp": (lambda a, b: a.lerp(b, 0.3), [0.7] * 8, [0.3] * 8),
    "clamp": (lambda a, b: a.clamp(b, b + 1), [0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1]),
    "clamp above": (
        lambda a, b: a.clamp(max=b),
        [0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 0, 0, 0, 1]),
    "clamp below": (
        lambda a, b: a.clamp(min=b),
        [0, 0, 0, 1, 1, 0, 0, 1], [0, 0, 0, 0, 0, 1, 1, 0]),
    "logaddexp": (
        fastnn.logaddexp,
        [nan, nan, nan, 0.7311, 0.5, 0.0067, 0.3318, 1],
        [nan, nan, nan, 0.2689, 0.5, 0.9933, 0.6682, 0],
    ),
    "quantile": (
        lambda a, b: a[3:7].quantile(b[3:5] * 0.3),
        [0, 0, 0, 0, 0, 0.2, 1.8, 0],
        [0, 0, 0, 2.7, 2.7, 0, 0, 0],
    ),
    "quantile of one": (
        lambda a, b: a[3:7].quantile(b[6]),
        [0, 0, 0, 0.1, 0.9, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 3, 0],
    ),
    "quantile of rows": (
        lambda a, b: a[3:7].reshape(2, 2).quantile(b[3:5] * 0.3, dim=1, keepdim=True),
        [0, 0, 0, 0.6, 1.4, 1.4, 0.6, 0],
        [0, 0, 0, 1.2, 1.2, 0, 0, 0],
    ),
    "quantile nearest": (
        lambda a, b: a[3:7].quantile(b[6], interpolation="nearest"),
        [0, 0, 0, 0, 1, 0, 0, 0],
        None,
    ),
}  # fmt: skip


def close(found: Tensor | None, want: Sequence[float] | None) -> None:
    assert (found is None) == (want is None)
    if found is not None and want is not None:
        assert found.tolist() == pytest.approx(list(want), abs=6e-5, nan_ok=True)


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.parametrize("dtype", [fastnn.float32, fastnn.float64])
def test_of_one(name: str, dtype: Any) -> None:
    function, want = OF_ONE[name]
    x = fastnn.tensor(VALUES, dtype=dtype, requires_grad=True)
    function(x).sum().backward()
    close(x.grad, want)


@pytest.mark.parametrize("name", OF_TWO)
@pytest.mark.parametrize("dtype", [fastnn.float32, fastnn.float64])
def test_of_two(name: str, dtype: Any) -> None:
    function, *want = OF_TWO[name]
    inputs = [fastnn.tensor(v, dtype=dtype, requires_grad=True) for v in (A, B)]
    function(*inputs).sum().backward()
    for x, gradient in zip(inputs, want, strict=True):
        close(x.grad, gradient)  # type: ignore[arg-type]

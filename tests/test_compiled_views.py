"""Compiled functions that return what was made of an argument, beside the argument's gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.tensor import Tensor

OF_X: dict[str, Callable[[Tensor], Any]] = {
    "reshape": lambda x: x.reshape(3, 2),
    "two reshapes": lambda x: x.reshape(6).reshape(3, 2),
    "expand": lambda x: x.expand(4, 2, 3),
    "transpose": lambda x: x.T,
    "slice": lambda x: x[:, 1:],
    "pad": lambda x: nn.functional.pad(x, (1, 1)),
    "pad by a number": lambda x: nn.functional.pad(x, (0, 2), value=7.0),
    "zero pad": nn.ZeroPad1d(1),
    "constant pad, cut": nn.ConstantPad1d((1, -1), 2.0),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "permute": lambda x: x.permute(1, 0),
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(1, 0),
    "cat": lambda x: fastnn.cat([x, x]),
    "stack": lambda x: fastnn.stack([x, x]),
    "diagonal": lambda x: x.diagonal(),
    "chunk": lambda x: x.chunk(3, 1)[1],
    "clone": lambda x: x.clone(),
    "sum": lambda x: x.sum(0),
    "add": lambda x: x + 1,
    "mul": lambda x: x * 2,
    "exp": lambda x: x.exp(),
    "linear": nn.Linear(3, 2),
}


def by_grad(function: Callable[[Tensor], Any]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    def step(x: Tensor) -> tuple[Tensor, ...]:
        y = function(x)
        (gradient,) = fastnn.autograd.grad((y * y).sum(), x)
        assert gradient is not None
        return y, gradient

    return step


def by_backward(function: Callable[[Tensor], Any]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    def step(x: Tensor) -> tuple[Tensor, ...]:
        y = function(x)
        loss = (y * y).sum()
        loss.backward()
        return y, loss

    return step


@pytest.mark.parametrize("step", [by_grad, by_backward])
@pytest.mark.parametrize("name", OF_X)
def test_results_beside_gradients_are_those_of_the_eager_run(name: str, step: Any) -> None:
    eager = step(OF_X[name])
    compiled = fastnn.compile(eager)
    for i in range(3):
        values = np.arange(6, dtype=np.float32).reshape(2, 3) + i
        want_x, x = (fastnn.tensor(values).requires_grad_(True) for _ in range(2))
        want, found = eager(want_x), compiled(x)
        for a, b in zip(want, found, strict=True):
            np.testing.assert_array_equal(b.numpy(), a.detach().numpy())
            assert not b.requires_grad
        if step is by_backward:
            np.testing.assert_array_equal(x.grad.numpy(), want_x.grad.numpy())


@pytest.mark.parametrize("name", OF_X)
def test_a_result_without_its_gradients_is_refused(name: str) -> None:
    x = fastnn.ones(2, 3).requires_grad_(True)
    with pytest.raises(fastnn.RecordingError, match="the result depends on an argument"):
        fastnn.compile(lambda x: OF_X[name](x))(x)

    def kept(x: Tensor) -> Tensor:
        y = OF_X[name](x)
        y.sum().backward(retain_graph=True)
        return y  # type: ignore[no-any-return]

    with pytest.raises(fastnn.RecordingError, match="the result depends on an argument"):
        fastnn.compile(kept)(x)


def test_the_argument_itself_is_refused() -> None:
    x = fastnn.ones(2, 3).requires_grad_(True)
    with pytest.raises(fastnn.RecordingError, match="the result depends on an argument"):
        fastnn.compile(lambda x: x)(x)

"""`compile(model)` in the middle of a training step, as torch's users write it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor

Wrap = Callable[[nn.Module], Any]
WRAPS: dict[str, Wrap] = {
    "model": fastnn.compile,
    "forward": lambda model: fastnn.compile(model.forward),
    "options": lambda model: fastnn.compile(mode="max-autotune")(model),
}


def trained(wrap: Wrap) -> list[float]:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    x = fastnn.randn(16, 3)
    y = x.sum(1, keepdim=True)
    called, losses = wrap(model), []
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(called(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_backward_outside(wrap: Wrap) -> None:
    with pytest.warns(UserWarning, match="compile the whole step") as caught:
        losses = trained(wrap)
    assert len(caught) == 1
    assert losses == trained(lambda model: model)
    assert losses[-1] < losses[0]


def test_replays_where_no_gradient_is_asked_for() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    called, x = fastnn.compile(model), fastnn.ones(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with fastnn.no_grad():
                assert called(x).tolist() == model(x).tolist()
        model.eval()
        for _ in range(3):
            found = called(x)
            assert found.tolist() == model(x).tolist() and not found.requires_grad
        assert called.recordings == 2
        model.train().requires_grad_(False)
        assert called(x).tolist() == model(x).tolist() and called.recordings == 3
    model.requires_grad_()
    with pytest.warns(UserWarning, match="training mode"):
        called(x).sum().backward()
    assert model[0].weight.grad is not None


def test_a_step_in_a_method_of_a_model_is_a_program() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 1)
            self.optimizer = optim.SGD(self.layer.parameters(), lr=0.1)

        @fastnn.compile
        def step(self, x: Tensor) -> Tensor:
            self.optimizer.zero_grad()
            loss = (self.layer(x) ** 2).mean()
            loss.backward()
            self.optimizer.step()
            return loss

    net, x = Net(), fastnn.ones(4, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = [net.step(x).item() for _ in range(4)]
    assert losses[3] < losses[0] and net.step.recordings in (1, 2)


def test_a_function_is_asked_to_hold_the_backward_pass() -> None:
    layer = nn.Linear(2, 1)
    called = fastnn.compile(lambda x: layer(x).sum())
    with pytest.raises(RuntimeError, match="has to hold the backward pass itself"):
        called(fastnn.ones(3, 2)).backward()

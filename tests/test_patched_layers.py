"""Methods of built-in layers that somebody replaces at the class: compiled code goes by the new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor

SEVEN = 7.0


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


def net() -> nn.Sequential:
    fastnn.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU())


def by_model(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return fastnn.compile(model)


def by_function(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return fastnn.compile(lambda x: model(x))


def by_users_model(model: nn.Module) -> Callable[[Tensor], Tensor]:
    return fastnn.compile(Wrapped(model).eval())


def seven(self: nn.Module, x: Tensor) -> Tensor:
    return fastnn.full((len(x), 3), SEVEN)


@pytest.mark.filterwarnings("ignore:compile. .* runs in Python every time")
@pytest.mark.parametrize("name", ["forward", "__call__"])
@pytest.mark.parametrize("kind", [nn.ReLU, nn.Linear, nn.Sequential])
@pytest.mark.parametrize("compiled", [by_model, by_function, by_users_model])
def test_a_replaced_method_is_seen(
    compiled: Any, kind: type[nn.Module], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = net().eval()
    run, x = compiled(model), fastnn.ones(4, 2)
    expected = model(x).relu()
    for _ in range(3):
        assert run(x).tolist() == expected.tolist()
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, seven)
        for _ in range(3):
            assert run(x).tolist() == [[SEVEN] * 3] * 4
    for _ in range(3):
        assert run(x).tolist() == expected.tolist()


def test_a_replaced_method_is_seen_by_a_training_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = net(), fastnn.ones(4, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.0)

    @fastnn.compile
    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    before = [float(step(x)) for _ in range(3)]
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: x * 0.0 + SEVEN)
    assert [float(step(x)) for _ in range(3)] == [SEVEN * 12] * 3
    monkeypatch.undo()
    assert [float(step(x)) for _ in range(3)] == before


def test_a_replaced_method_is_seen_by_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    model = net()
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.0))
    x = fastnn.ones(4, 2).numpy()
    before = [trainer.predict(x).tolist() for _ in range(3)]
    monkeypatch.setattr(nn.ReLU, "forward", seven)
    assert trainer.predict(x).tolist() == [[SEVEN] * 3] * 4
    monkeypatch.undo()
    assert trainer.predict(x).tolist() == before[0]

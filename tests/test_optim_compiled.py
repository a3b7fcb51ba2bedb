"""Optimizers inside compiled steps: the bits of eager steps, and settings read at each replay."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim, random
from fastnn.compiler.compiled import Compiled
from fastnn.nn import Parameter
from fastnn.tensor import Tensor, of_array


class Session:
    """A small model, its optimizer and a training step, compiled or not."""

    def __init__(self, compiled: bool, name: str, settings: dict[str, Any]) -> None:
        random.manual_seed(1)
        self.model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
        self.optimizer = getattr(optim, name)(self.model.parameters(), **settings)
        self.loss = nn.CrossEntropyLoss()
        self.step = fastnn.compile(self.eager) if compiled else self.eager

    def eager(self, x: Tensor, y: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def run(self, count: int) -> list[float]:
        return [
            self.step(random.randn(16, 5), random.randint(0, 3, (16,))).item() for _ in range(count)
        ]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
     ("Adam", {"lr": 0.01}), ("AdamW", {"lr": 0.01}), ("Adam", {"lr": 0.01, "eps": 0.0})],
)  # fmt: skip
@pytest.mark.parametrize("frozen", [False, True])
def test_replay_equals_eager(name: str, settings: dict[str, Any], frozen: bool) -> None:
    losses, weights, states = [], [], []
    for compiled in (False, True):
        session = Session(compiled, name, settings)
        session.model[0].requires_grad_(not frozen)
        seen = session.run(3)
        session.optimizer.param_groups[0]["lr"] *= 0.5  # takes effect without compiling again
        seen += session.run(2)
        kept = copy.deepcopy(session.optimizer.state_dict())
        seen += session.run(2)
        session.optimizer.load_state_dict(kept)  # step counts go back, in the program too
        seen += session.run(2)
        losses.append(seen)
        weights.append([p.detach().numpy().copy() for p in session.model.parameters()])
        states.append(session.optimizer.state_dict()["state"])
    assert losses[0] == losses[1]
    assert all((a == b).all() for a, b in zip(*weights))
    assert [s["step"] for s in states[1].values()] == [7.0] * (2 if frozen else 4)
    assert states[0].keys() == states[1].keys()


def test_replays_and_eager_steps_take_turns() -> None:
    weights = []
    for compiled in (False, True):
        session = Session(compiled, "Adam", {"lr": 0.01})
        for _ in range(2):
            session.run(2)
            session.optimizer.zero_grad()
            for p in session.model.parameters():
                p.grad = of_array(np.ones(p.shape, p.dtype))
            session.optimizer.step()
        weights.append([p.detach().numpy().copy() for p in session.model.parameters()])
    assert all((a == b).all() for a, b in zip(*weights))


def test_other_updates_are_recorded_anew() -> None:
    weights = []
    for compiled in (False, True):
        session = Session(compiled, "SGD", {"lr": 0.1, "momentum": 0.9})
        group = session.optimizer.param_groups[0]
        for momentum in (0.9, 0.5, 0.0, 0.9):  # 0.5 is only a number; 0 is another computation
            group["momentum"] = momentum
            session.run(2)
        session.optimizer.zero_grad()
        session.model[0](random.randn(2, 5)).sum().backward()
        session.optimizer.step()  # the second layer is skipped: the counts differ from now on
        session.run(2)
        weights.append([p.detach().numpy().copy() for p in session.model.parameters()])
    assert isinstance(session.step, Compiled)
    assert sum(map(len, session.step._cache.values())) == 3
    assert all((a == b).all() for a, b in zip(*weights))


def test_a_compiled_update_alone_reads_new_gradients() -> None:
    w = Parameter(np.zeros(1))
    optimizer = optim.SGD([w], lr=1.0)
    step = fastnn.compile(lambda: optimizer.step())
    for value, want in ((1.0, -1.0), (2.0, -3.0), (3.0, -6.0)):
        w.grad = of_array(np.array([value]))
        step()
        assert w.item() == want


def test_a_group_added_later_is_trained() -> None:
    weights = []
    for compiled in (False, True):
        session = Session(compiled, "SGD", {"lr": 0.1})
        late = Parameter(np.ones(3, np.float32))
        head = session.model[2]
        assert isinstance(head, nn.Linear)
        session.loss = lambda z, y, w=late: nn.functional.cross_entropy(z * w, y)  # type: ignore[assignment]
        session.run(3)
        session.optimizer.add_param_group({"params": [late]})
        session.run(3)
        weights.append([p.detach().numpy().copy() for p in [*session.model.parameters(), late]])
    assert all((a == b).all() for a, b in zip(*weights))
    assert not (weights[0][-1] == 1).any()

"""Copies and pickles of optimizers, with their nets and schedules, go on as the original does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from cases.schedules import SCHEDULES
from catalogue import tried_optimizers

import fastnn
from fastnn import nn, optim

OPTIMIZERS = tried_optimizers()


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


WAYS: dict[str, Callable[[Any], Any]] = {"deepcopy": copy.deepcopy, "pickle": pickled}


def trained(net: nn.Module, optimizer: optim.Optimizer, steps: int) -> list[float]:
    x = fastnn.linspace(-1, 1, 12).reshape(4, 3)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (net(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name: str, way: str) -> None:
    kind, settings = OPTIMIZERS[name]
    fastnn.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = getattr(optim, kind)(net.parameters(), **settings)
    trained(net, optimizer, 3)
    other, its_optimizer = WAYS[way]((net, optimizer))
    want = trained(net, optimizer, 3)
    assert trained(other, its_optimizer, 3) == want
    assert want[0] != want[1] != want[2]
    assert [p.tolist() for p in other.parameters()] == [p.tolist() for p in net.parameters()]


@pytest.mark.parametrize("way", WAYS)
def test_an_optimizer_alone(way: str) -> None:
    """It has parameters of its own, as in torch; hooks stay behind."""
    w = nn.Parameter(fastnn.ones(3))
    optimizer = optim.Adam([w], lr=0.1)
    optimizer.register_step_pre_hook(lambda *_: pytest.fail("called"))
    other = WAYS[way](optimizer)
    (own,) = other.param_groups[0]["params"]
    own.sum().backward()
    other.step()
    assert w.tolist() == [1.0] * 3 and own.tolist() == pytest.approx([0.9] * 3)
    assert repr(other) == repr(optimizer)


@pytest.mark.parametrize("way", WAYS)
def test_groups_of_two_dtypes_and_skipped_parameters(way: str) -> None:
    a, b = nn.Parameter(fastnn.ones(2)), nn.Parameter(fastnn.ones(2, dtype=fastnn.float64))
    c = nn.Parameter(fastnn.ones(3))
    optimizer = optim.AdamW([{"params": [a, b]}, {"params": [c], "lr": 0.5}], lr=0.1)
    for p, times in ((a, 3), (b, 1)):
        for _ in range(times):
            p.grad = fastnn.ones_like(p) * 0.5
            optimizer.step()
            p.grad = None
    (a2, b2, c2), other = WAYS[way](((a, b, c), optimizer))
    for params, o in (((a, b, c), optimizer), ((a2, b2, c2), other)):
        for p in params:
            p.grad = fastnn.ones_like(p)
        o.step()
    for mine, its in ((a, a2), (b, b2), (c, c2)):
        assert mine.tolist() == its.tolist() and mine.dtype == its.dtype
    state = other.state_dict()["state"]
    assert [entry["step"] for entry in state.values()] == [4.0, 2.0, 1.0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name: str, way: str) -> None:
    case = SCHEDULES[name]
    if way == "pickle" and not case.pickles:
        pytest.skip("functions that have no name cannot be pickled")
    weights = [nn.Parameter(fastnn.ones(2)) for _ in range(2)]
    groups = [{"params": [w], "lr": lr} for w, lr in zip(weights, (0.1, 0.05))]
    optimizer = optim.SGD(groups, lr=0.1, momentum=0.9)
    pair = optimizer, case.make(optim.lr_scheduler, optimizer)
    runs = []
    for o, schedule in (pair, WAYS[way](pair)):
        rates = []
        for _ in range(12):
            o.zero_grad()
            for group in o.param_groups:
                group["params"][0].sum().backward()
            o.step()
            schedule.step(*[1.0] * case.by_figure)
            rates.append([group["lr"] for group in o.param_groups])
        runs.append(rates)
    assert runs[0] == runs[1]

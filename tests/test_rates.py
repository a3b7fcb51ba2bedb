"""Learning rates that go a little below 0, are Tensors, or belong to groups that come later; and
what a scheduler saves of a callable object."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.optim import lr_scheduler as schedules
from fastnn.tensor import Tensor

X = np.random.RandomState(0).standard_normal((8, 3)).astype(np.float32)
Y = np.zeros((8, 1), np.float32)


def sgd(lr: Any = 0.3) -> optim.SGD:
    return optim.SGD([nn.Parameter(np.ones(2, np.float32))], lr=lr)


def stepped(optimizer: optim.Optimizer, scheduler: Any, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        [p] = optimizer.param_groups[0]["params"]
        (p * p).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    return rates


@pytest.mark.parametrize("start", [1 / 3, 0.1, 0.7, 1.0])
@pytest.mark.parametrize("steps", [3, 5, 7, 10, 30])
@pytest.mark.parametrize("lr", [0.3, 1e-3])
def test_a_linear_schedule_that_ends_at_zero(start: float, steps: int, lr: float) -> None:
    optimizer = sgd(lr)
    rates = stepped(optimizer, schedules.LinearLR(optimizer, start, 0.0, steps), steps + 2)
    assert abs(rates[-1]) < 1e-15 * lr  # as in torch, by its rounding it may be below 0


SCHEDULES: dict[str, Callable[[optim.Optimizer], Any]] = {
    "linear, then exponential": lambda o: schedules.ChainedScheduler(
        [schedules.LinearLR(o, 1.0, 0.0, 5), schedules.ExponentialLR(o, 0.9)]
    ),
    "two linear": lambda o: schedules.ChainedScheduler(
        [schedules.LinearLR(o, 1.0, 0.0, 5), schedules.LinearLR(o, 1.0, 0.5, 7)]
    ),
    "cosine, then linear": lambda o: schedules.ChainedScheduler(
        [schedules.CosineAnnealingLR(o, 3, 0.05), schedules.LinearLR(o, 1.0, 0.0, 3)]
    ),
    "below zero by a function": lambda o: schedules.LambdaLR(o, lambda t: 1.0 - 0.3 * t),
    "below zero by a line": lambda o: schedules.LinearLR(o, 0.5, 0.0, 3),
    "polynomial": lambda o: schedules.PolynomialLR(o, 3, 0.5),
    "cosine to below zero": lambda o: schedules.CosineAnnealingLR(o, 3, -0.1),
    "sequential": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, 0.1, 1.0, 2), schedules.LinearLR(o, 1 / 3, 0.0, 5)], [2]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_training_goes_on_below_zero(name: str) -> None:
    optimizer = sgd()
    rates = stepped(optimizer, SCHEDULES[name](optimizer), 8)
    assert np.isfinite(rates).all()
    model = nn.Sequential(nn.Linear(3, 1))
    for schedule in ("step", "epoch"):
        other = optim.SGD(model.parameters(), lr=0.3)
        trainer = fastnn.Trainer(model, nn.MSELoss(), other)
        trainer.fit(
            X, Y, epochs=8, batch_size=8, scheduler=SCHEDULES[name](other), schedule=schedule,
            verbose=0,
        )  # fmt: skip
        assert other.param_groups[0]["lr"] == rates[-1]


def test_a_rate_of_the_user_is_still_checked() -> None:
    optimizer = sgd()
    optimizer.param_groups[0]["lr"] = -0.1
    optimizer.param_groups[0]["params"][0].grad = fastnn.ones(2)
    with pytest.raises(ValueError, match=r"lr: expected a finite number >= 0, got -0\.1"):
        optimizer.step()
    other = sgd()
    scheduler = schedules.LambdaLR(other, lambda t: float("nan") if t else 1.0)
    other.param_groups[0]["params"][0].grad = fastnn.ones(2)
    other.step()
    scheduler.step()
    with pytest.raises(ValueError, match="lr: expected a finite number, got nan"):
        other.step()


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_without_a_rise(strategy: str) -> None:
    optimizer = optim.SGD([nn.Parameter(np.ones(2, np.float32))], lr=0.3, momentum=0.9)
    schedules.OneCycleLR(optimizer, 1.0, total_steps=10, pct_start=0.1, anneal_strategy=strategy)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1.0)


# ---- groups that are added later ----


def test_plateau_after_a_group_is_added() -> None:
    optimizer = sgd(1.0)
    scheduler = schedules.ReduceLROnPlateau(optimizer, patience=0, min_lr=0.05)
    listed = schedules.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.05])
    optimizer.add_param_group({"params": [nn.Parameter(np.ones(1, np.float32))], "lr": 0.2})
    for loss in (1.0, 2.0):
        scheduler.step(loss)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.05]
    assert scheduler.min_lrs == [0.05, 0.05]
    listed.step(1.0)
    with pytest.raises(RuntimeError, match="min_lr: expected one for each of 2 parameter groups"):
        listed.step(2.0)


# ---- callable objects ----


class Decay:
    def __init__(self, by: float) -> None:
        self.by, self.calls = by, 0

    def __call__(self, t: float) -> float:
        self.calls += 1
        return float(self.by**t)


CALLABLES: dict[str, tuple[str, Callable[[optim.Optimizer, Any], Any]]] = {
    "lambda": ("lr_lambdas", lambda o, f: schedules.LambdaLR(o, f)),
    "multiplicative": ("lr_lambdas", lambda o, f: schedules.MultiplicativeLR(o, f)),
    "cyclic": (
        "_scale_fn",
        lambda o, f: schedules.CyclicLR(o, 0.1, 1.0, scale_fn=f, cycle_momentum=False),
    ),
}


@pytest.mark.parametrize("name", CALLABLES)
def test_the_state_of_a_callable_object_is_saved(name: str) -> None:
    key, make = CALLABLES[name]
    scheduler = make(sgd(), Decay(0.5))
    scheduler.optimizer.param_groups[0]["params"][0].grad = fastnn.ones(2)
    scheduler.optimizer.step()
    scheduler.step()
    state = pickle.loads(pickle.dumps(scheduler.state_dict()))
    [saved] = state[key]
    assert saved["by"] == 0.5 and saved["calls"] >= 1
    factor = Decay(0.9)
    other = make(sgd(), factor)
    other.load_state_dict(state)
    assert factor.by == 0.5 and factor.calls == saved["calls"]
    assert other.last_epoch == scheduler.last_epoch == 1
    plain = make(sgd(), lambda t: 0.5)
    assert plain.state_dict()[key] == [None]
    plain.load_state_dict(plain.state_dict())


# ---- Tensors as settings ----


def run(optimizer: optim.Optimizer, p: Tensor, lr: Any, compiled: bool) -> list[float]:
    def step() -> Tensor:
        optimizer.zero_grad()
        loss = ((p - 3.0) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    call = fastnn.compile(step) if compiled else step
    losses = []
    for i in range(8):
        losses.append(call().item())
        if i > 3 and isinstance(lr, Tensor):
            lr.mul_(0.5)
        elif i > 3:
            optimizer.param_groups[0]["lr"] *= 0.5
    return losses


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": lambda p, lr: optim.SGD(p, lr=lr, momentum=0.5),
    "Adam": lambda p, lr: optim.Adam(p, lr=lr),
    "AdamW": lambda p, lr: optim.AdamW(
        p, lr=lr, betas=(fastnn.tensor(0.5).double(), fastnn.tensor(0.9).double())
    ),
    "Adagrad": lambda p, lr: optim.Adagrad(p, lr=lr),
    "Adafactor": lambda p, lr: optim.Adafactor(p, lr=lr),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_tensor_as_lr_is_read_at_every_step(name: str, compiled: bool) -> None:
    found = []
    for lr in (0.25, fastnn.tensor(0.25)):
        p = nn.Parameter(np.ones(3, np.float32))
        optimizer = OPTIMIZERS[name]([p], lr)
        found.append(run(optimizer, p, lr, compiled))
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
def test_tensors_do_not_go_with_foreach(kind: type[optim.Adam]) -> None:
    """As torch's: it needs capturable too."""
    rate, beta = fastnn.tensor(0.5), fastnn.tensor(0.9)
    for settings, name in (({"lr": rate}, "lr"), ({"betas": (beta, beta)}, r"betas\[0\]")):
        p = fastnn.zeros(2, requires_grad=True)
        kind([p], foreach=True, capturable=True, **settings)
        kind([p], foreach=False, **settings)
        with pytest.raises(ValueError, match=f"^{name} as a Tensor is not supported"):
            kind([p], foreach=True, **settings)


def test_a_scheduler_fills_a_tensor() -> None:
    lr = fastnn.tensor(0.5)
    optimizer = sgd(lr)
    scheduler = schedules.ExponentialLR(optimizer, 0.5)
    optimizer.param_groups[0]["params"][0].grad = fastnn.ones(2)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr and lr.item() == 0.25
    assert scheduler.get_last_lr() == [0.25] and scheduler.base_lrs == [0.5]
    copied = copy.deepcopy(optimizer)
    assert copied.param_groups[0]["lr"].item() == 0.25 and copied.param_groups[0]["lr"] is not lr
    with pytest.raises(TypeError, match="lr: expected a number"):
        sgd(fastnn.ones(2))


def test_lbfgs_takes_a_tensor() -> None:
    found = []
    for lr in (0.5, fastnn.tensor(0.5)):
        p = nn.Parameter(np.ones(3, np.float32))
        optimizer = optim.LBFGS([p], lr=lr)

        def closure(p: Any = p, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss: Tensor = ((p - 3.0) ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        found.append(p.tolist())
    assert found[0] == found[1]

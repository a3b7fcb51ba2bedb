"""Schedules: torch's values over 200 steps, states, errors, and steps that were compiled."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from cases import stored
from cases.schedules import BY_STEP, KEPT, LR, SCHEDULES, STEPS, resumed, run
from catalogue import public_classes

import fastnn
from fastnn import nn, optim
from fastnn.optim import lr_scheduler
from fastnn.optim.lr_scheduler import settings_by_step

GOLDENS = stored.read("schedules")
GOLDEN = GOLDENS["schedules"]
EQUATIONS = {name: case.equation for name, case in SCHEDULES.items() if case.equation}


def two() -> list[Any]:
    found = [fastnn.zeros(n, requires_grad=True) for n in (2, 3)]
    for p in found:
        p.grad = fastnn.zeros(*p.shape)
    return found


def made(name: str, momentum: float = 0.9) -> tuple[Any, Any]:
    groups = [{"params": [p], "lr": lr} for p, lr in zip(two(), LR, strict=True)]
    optimizer = optim.SGD(groups, momentum=momentum)
    return optimizer, SCHEDULES[name].make(lr_scheduler, optimizer)


def test_every_schedule_is_known() -> None:
    made_by = {type(made(name)[1]).__name__ for name in SCHEDULES}
    missing = public_classes(lr_scheduler, lr_scheduler.LRScheduler) ^ made_by
    assert not missing, f"{missing}: add it to tests/cases/schedules.py"
    in_torch = {name for name, case in SCHEDULES.items() if case.in_torch}
    assert in_torch == GOLDEN.keys(), "run `make goldens`, or say in_torch=False"
    unknown = SCHEDULES.keys() - in_torch - EQUATIONS.keys()
    assert not unknown, f"{unknown}: add an equation to tests/cases/schedules.py"


@pytest.mark.parametrize("name", GOLDEN)
def test_torchs_values(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # optimizer.step() came first
        rows = run(optim, two(), name)
    golden, columns = GOLDEN[name], list(zip(*rows, strict=True))
    np.testing.assert_allclose([math.fsum(c) for c in columns], golden["sums"], rtol=1e-12)
    np.testing.assert_allclose([columns[0][i] for i in KEPT], golden["lr"], rtol=1e-11, atol=1e-17)
    np.testing.assert_allclose(rows[-1], golden["last"], rtol=1e-11, atol=1e-17)


@pytest.mark.parametrize("name", EQUATIONS)
def test_equations(name: str) -> None:
    rates = [row[:2] for row in run(optim, two(), name)]
    each = [[EQUATIONS[name](lr, t) for lr in LR] for t in range(len(rates))]
    np.testing.assert_allclose(rates, each, rtol=1e-11, atol=1e-17)


def test_made_at_a_checkpoint_they_leave_the_rate_as_it_is_and_go_on() -> None:
    for name, rates in resumed(optim, two()[:1]).items():
        np.testing.assert_allclose(rates, GOLDENS["resumed"][name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", BY_STEP)
def test_a_table_is_what_the_steps_do_and_state_dict_the_way_back(name: str) -> None:
    optimizer, scheduler = made(name)
    for _ in range(20):
        optimizer.step()
        scheduler.step()
    saved = json.loads(json.dumps(scheduler.state_dict()))
    groups = [dict(g) for g in optimizer.param_groups]
    ahead = settings_by_step(scheduler, optimizer, 30)
    assert [len(a) for a in ahead] == [30, 30]
    scheduler.load_state_dict(saved)
    for own, kept in zip(optimizer.param_groups, groups, strict=True):
        own.update(kept)
    again = settings_by_step(scheduler, optimizer, 30)
    assert all(np.array_equal(a, b) for a, b in zip(ahead, again, strict=True))
    # another process: the same scheduler of another optimizer
    other, fresh = made(name)
    fresh.load_state_dict(saved)
    for own, kept in zip(other.param_groups, groups, strict=True):
        own.update({k: v for k, v in kept.items() if k != "params"})
    assert all(
        np.array_equal(a, b) for a, b in zip(ahead, settings_by_step(fresh, other, 30), strict=True)
    )


def test_jumps_use_the_closed_form() -> None:
    for name in ("step", "multistep", "linear_down", "exponential", "polynomial", "cosine"):
        optimizer, scheduler = made(name)
        optimizer.step()
        with pytest.warns(UserWarning, match="deprecated"):
            scheduler.step(45)
        rows = run(optim, two(), name)
        np.testing.assert_allclose(scheduler.get_last_lr(), rows[45][:2], rtol=1e-9)
    _, restarts = made("restarts_longer")
    for epoch in (0.0, 6.5, 7.0, 20.99, 21.0, 60.0):
        restarts.step(epoch)
    assert (restarts.T_i, restarts.T_cur, restarts.last_epoch) == (56, 11.0, 60)


def test_a_compiled_step_takes_the_rates() -> None:
    """Eager and compiled, with momentum and rates that change at every step."""
    ends = []
    for compiled in (False, True):
        fastnn.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scheduler = lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=STEPS)
        x = fastnn.tensor(np.random.RandomState(0).rand(8, 3), dtype=fastnn.float32)

        def step(x: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        run_step = fastnn.compile(step) if compiled else step
        for _ in range(40):
            run_step(x)
            scheduler.step()
        ends.append(model.weight.tolist())
    assert ends[0] == ends[1]


def test_order_of_steps_is_warned_about() -> None:
    _, scheduler = made("exponential")
    with pytest.warns(UserWarning, match=r"before `optimizer\.step\(\)`"):
        scheduler.step()
    optimizer, scheduler = made("exponential")
    optimizer.zero_grad()
    optimizer.step()  # it was called, though no parameter has a gradient
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_bad_input() -> None:
    optimizer, scheduler = made("exponential")
    plain = optim.Adam(two())
    s = lr_scheduler
    refused: list[tuple[Any, type[Exception], str]] = [
        (lambda: s.StepLR(two()[0], 3), TypeError, "^optimizer: expected an Optimizer"),
        (lambda: s.StepLR(plain, 3, last_epoch=4), KeyError, "initial_lr"),
        (lambda: s.StepLR(optimizer, 0), ValueError, "^step_size: .*0"),
        (lambda: s.LambdaLR(optimizer, [abs]), ValueError, "2 parameter groups, got 1"),
        (lambda: s.LambdaLR(optimizer, 0.5), TypeError, "^lr_lambda: expected a function"),
        (lambda: s.ConstantLR(optimizer, 1.5), ValueError, "^factor"),
        (lambda: s.LinearLR(optimizer, 0.0), ValueError, "^start_factor: expected more than 0"),
        (lambda: s.OneCycleLR(optimizer, 0.1), ValueError, "total_steps OR"),
        (lambda: s.OneCycleLR(optimizer, 0.1, 5, anneal_strategy="x"), ValueError, "'cos'"),
        (lambda: s.CyclicLR(optimizer, 0.1, 1.0, mode="x"), ValueError, "'triangular2'"),
        (lambda: s.ReduceLROnPlateau(optimizer, factor=1.0), ValueError, "^factor"),
        (lambda: s.ReduceLROnPlateau(optimizer, mode="x"), ValueError, "^mode: .*'max'"),
        (lambda: s.SequentialLR(optimizer, [scheduler], [3]), ValueError, "^milestones"),
        (lambda: s.SequentialLR(plain, [scheduler], []), ValueError, "same optimizer"),
        (lambda: s.ChainedScheduler([]), ValueError, "at least one"),
        (lambda: s.ChainedScheduler([s.ReduceLROnPlateau(plain)]), ValueError, "no figure"),
        (lambda: scheduler.load_state_dict({"other": 1}), ValueError, "ExponentialLR"),
    ]
    for call, error, text in refused:
        with pytest.raises(error, match=text):
            call()
    cycle = s.OneCycleLR(plain, 0.1, total_steps=3)
    plain.step()
    with pytest.raises(ValueError, match="Tried to step 4 times"):
        for _ in range(4):
            cycle.step()

"""Every schedule within `Trainer.fit`, by epochs and by steps: the bits of the eager loop, and
steps that neither allocate nor call Python.

A scheduler that looks at figures is in test_fit.py.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from cases.schedules import BY_STEP, LR, SCHEDULES
from catalogue import costs, described_in, everything
from test_trainer import eager_fit

import fastnn
from fastnn import nn, optim

ROWS, BATCH, EPOCHS = 22, 8, 8
RNG = np.random.RandomState(0)
X, Y = RNG.randn(ROWS, 6).astype("f4"), RNG.randn(ROWS, 3).astype("f4")


def made(name: str) -> tuple[fastnn.Trainer, Any]:
    """A trainer of two groups with a momentum, and its scheduler."""
    fastnn.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    groups = [{"params": model[2 * i].parameters(), "lr": lr} for i, lr in enumerate(LR)]
    case = SCHEDULES[name]
    optimizer = optim.Adam(groups) if case.ends else optim.SGD(groups, momentum=0.9)
    trainer = fastnn.Trainer(model, nn.MSELoss(), optimizer)
    with described_in("schedules.py"):
        return trainer, case.make(optim.lr_scheduler, optimizer)


@pytest.mark.every(5)
@pytest.mark.parametrize("unit", ["epoch", "step"])
@pytest.mark.parametrize("name", BY_STEP)
def test_fit_is_the_eager_loop(name: str, unit: str) -> None:
    fitted, schedule = made(name)
    options = {"batch_size": BATCH, "scheduler": schedule, "schedule": unit, "verbose": 0}
    fitted.fit(X, Y, epochs=EPOCHS, **options)
    looped, other = made(name)
    if unit == "step":
        looped.optimizer.register_step_post_hook(lambda *_: other.step())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the hook comes before a step is counted
        after = (lambda epoch: other.step()) if unit == "epoch" else lambda epoch: None
        eager_fit(looped, X, Y, fitted.seed, EPOCHS, batch=BATCH, after=after)
    assert everything(fitted) == everything(looped)
    settings = [
        [{k: v for k, v in group.items() if k != "params"} for group in t.optimizer.param_groups]
        for t in (fitted, looped)
    ]
    assert settings[0] == settings[1]
    assert schedule.state_dict() == other.state_dict()


@pytest.mark.every(5)
@pytest.mark.parametrize("unit", ["epoch", "step"])
@pytest.mark.parametrize("name", BY_STEP)
def test_steps_cost_no_allocation_and_no_python(name: str, unit: str) -> None:
    with costs() as found:
        for batch in (2, 1):
            trainer, schedule = made(name)
            trainer.fit(X, Y, batch_size=batch, scheduler=schedule, schedule=unit, verbose=0)
    assert found.steps == [ROWS // 2, ROWS]
    assert found.allocations == [0, 0]
    more = found.events[1] - found.events[0]  # a run looks at the settings that it begins with
    assert more < ROWS - ROWS // 2

"""What can be known before the first step is refused there, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.io import open_table
from fastnn.optim import lr_scheduler as lr

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def state(trainer: fastnn.Trainer, scheduler: Any = None) -> list[Any]:
    model = trainer.model
    numbers = [t.detach().numpy().tobytes() for t in (*model.parameters(), *model.buffers())]
    gradients = [p.grad is None for p in model.parameters()]
    kept = [repr(trainer.optimizer.state_dict()), scheduler and repr(scheduler.state_dict())]
    own = [trainer.history, trainer.seed, fastnn.get_rng_state().tolist(), vars(model).get("calls")]
    return [numbers, gradients, kept, own]


def cycle(optimizer: Any, steps: int) -> Any:
    return lr.OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)


def stepped(optimizer: Any) -> Any:
    scheduler = cycle(optimizer, 6)
    for _ in range(3):
        scheduler._update()
    return scheduler


def in_order(first: int, second: int) -> Callable[[Any], Any]:
    return lambda o: lr.SequentialLR(o, [cycle(o, first), cycle(o, second)], [4])


# How the schedule is made, arguments of the fit, the steps that it needs and has; 40 rows.
SCHEDULES: dict[str, tuple[Callable[[Any], Any], dict[str, Any], int, int]] = {
    "by epoch": (lambda o: cycle(o, 3), {"epochs": 4}, 4, 3),
    "stepped": (stepped, {"epochs": 4}, 4, 3),
    "by step": (
        lambda o: cycle(o, 9), {"epochs": 2, "batch_size": 8, "schedule": "step"}, 10, 9,
    ),
    "accumulated": (
        lambda o: cycle(o, 5),
        {"epochs": 2, "batch_size": 8, "schedule": "step", "accumulate_steps": 2}, 6, 5,
    ),
    "of a split": (
        lambda o: cycle(o, 7),
        {"epochs": 2, "batch_size": 8, "schedule": "step", "validation_split": 0.2}, 8, 7,
    ),
    "chained": (
        lambda o: lr.ChainedScheduler([lr.ExponentialLR(o, 0.9), cycle(o, 3)]),
        {"epochs": 4}, 4, 3,
    ),
    "the first of two": (in_order(2, 9), {"epochs": 4}, 4, 2),
    "the last of two": (in_order(9, 2), {"epochs": 7}, 7, 6),
}  # fmt: skip


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("again", [False, True])
def test_a_schedule_that_ends_too_soon(kind: str, again: bool) -> None:
    make, given, needed, left = SCHEDULES[kind]
    table = open_table(X, Y) if kind == "by step" else None
    for x, y in [(X, Y)] + ([] if table is None else [(table, None)]):
        model = nn.Linear(3, 2)
        optimizer = optim.Adam(model.parameters())
        trainer = fastnn.Trainer(model, "cross_entropy", optimizer)
        if again:
            free = lr.ExponentialLR(optimizer, 0.9)
            trainer.fit(x, y, scheduler=free, verbose=0, **given)
        scheduler = make(optimizer)
        before = state(trainer, scheduler)
        said = f"scheduler: expected one that can be stepped {needed} more .* with {left} steps"
        with pytest.raises(ValueError, match=said):
            trainer.fit(x, y, scheduler=scheduler, verbose=0, **given)
        assert state(trainer, scheduler) == before


@pytest.mark.parametrize("kind", [kind for kind in SCHEDULES if kind != "of a split"])
def test_all_steps_of_a_schedule_can_be_taken(kind: str) -> None:
    """One epoch, or update, fewer than is refused is trained."""
    make, given, _, left = SCHEDULES[kind]
    if "schedule" in given:
        given = given | {"epochs": 1}
    else:
        given = given | {"epochs": left}
    model = nn.Linear(3, 2)
    optimizer = optim.Adam(model.parameters())
    trainer = fastnn.Trainer(model, "cross_entropy", optimizer)
    history = trainer.fit(X, Y, scheduler=make(optimizer), verbose=0, **given)
    assert len(history.epoch) == given["epochs"]


class Fixed(nn.Module):
    """Takes 16 rows only, in one mode or in both."""

    def __init__(self, both: bool) -> None:
        super().__init__()
        self.calls, self.both = 0, both
        self.linear, self.norm = nn.Linear(3, 2), nn.BatchNorm1d(2)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        z = self.norm(self.linear(x))
        if not self.training:
            self.calls += 1
            z = nn.functional.dropout(z, 0.1, True)
        return z if self.training and not self.both else z.reshape(16, 2)


BATCHES: dict[str, tuple[bool, dict[str, Any], str]] = {
    "validation": (False, {"validation_data": (X[:20], Y[:20])}, "validation x: the model does"),
    "a split": (False, {"validation_split": 0.2}, "validation x: the model does not take"),
    "the last batch": (True, {}, "reshape"),
}


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("of_table", [False, True])
def test_batches_that_the_model_does_not_take(kind: str, of_table: bool) -> None:
    both, given, said = BATCHES[kind]
    model = Fixed(both)
    trainer = fastnn.Trainer(model, "cross_entropy", optim.Adam(model.parameters()))
    before = state(trainer)
    with pytest.raises(ValueError, match=said):
        xy = (open_table(X, Y), None) if of_table else (X, Y)
        trainer.fit(*xy, epochs=2, batch_size=16, verbose=0, **given)
    assert state(trainer) == before


class Seen(fastnn.callbacks.Callback):
    """What the model counted, and the random state, when a training begins."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.first = self.trainer.model.calls, fastnn.get_rng_state().tolist()


def test_a_try_of_validation_leaves_no_trace() -> None:
    """Random numbers and counters of the model are those of a fit that did not try."""
    found = []
    for rows in (16, 0):
        fastnn.manual_seed(0)
        model = Fixed(False)
        trainer = fastnn.Trainer(model, "cross_entropy", optim.Adam(model.parameters()))
        held = (X[:rows], Y[:rows]) if rows else None
        seen = Seen()
        trainer.fit(
            X[:32], Y[:32], batch_size=16, validation_data=held, callbacks=[seen], verbose=0
        )
        found.append(seen.first)
    assert found[0] == found[1]

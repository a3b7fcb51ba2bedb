"""Invalid arguments and data of Trainer.fit: a clear error, and no side effects."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from test_trainer import BATCH, CLASSES, DEFAULTS, ROWS, VALUES, X, fields, make

import fastnn
from fastnn import nn, optim
from fastnn.callbacks import TimeBudget
from fastnn.optim import lr_scheduler


def drawn_so_far() -> Any:
    return fastnn.random.get_rng_state().numpy().tobytes()


def other_schedule(trainer: fastnn.Trainer) -> Any:
    return lr_scheduler.StepLR(make().optimizer, 2)


def plateau(trainer: fastnn.Trainer) -> Any:
    return lr_scheduler.ReduceLROnPlateau(trainer.optimizer)


# Arguments that nothing reads without another one, which is not given.
IDLE: dict[str, tuple[Any, str]] = {
    "schedule": ("step", "'epoch'"),
    "validation_freq": (2, "1"),
    "monitor": ("loss", "None"),
}
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "weight nan": ({"sample_weight": np.full(ROWS, np.nan)}, ValueError, "sample_weight: "),
    "weight < 0": ({"sample_weight": np.full(ROWS, -1)}, ValueError, "sample_weight: "),
    "weight zero": ({"sample_weight": np.zeros(ROWS)}, ValueError, "sample_weight: "),
    "weight length": ({"sample_weight": np.ones(ROWS - 1)}, ValueError, "sample_weight: "),
    "class_weight text": ({"class_weight": "even"}, ValueError, "class_weight: expected "),
    "class_weight list": ({"class_weight": [1, 2]}, TypeError, "class_weight: expected a dict"),
    "class_weight nan": ({"class_weight": {0: np.nan}}, ValueError, "class_weight[0]: "),
    "class_weight zero": ({"class_weight": {0: 0, 1: 0, 2: 0}}, ValueError, "class_weight: "),
    "class_weight name": ({"class_weight": {"a": 1.0}}, TypeError, "class_weight: a class"),
    "split 1": ({"validation_split": 1.0}, ValueError, "validation_split: "),
    "split text": ({"validation_split": "0.2"}, TypeError, "validation_split: "),
    "split and data": (
        {"validation_split": 0.1, "validation_data": (X, CLASSES)}, ValueError,
        "validation_split: expected 0 with validation_data",
    ),
    "freq 0": ({"validation_freq": 0}, ValueError, "validation_freq: "),
    "accumulate 0": ({"accumulate_steps": 0}, ValueError, "accumulate_steps: "),
    "clip_norm -1": ({"clip_norm": -1}, ValueError, "clip_norm: "),
    "clip_value nan": ({"clip_value": np.nan}, ValueError, "clip_value: "),
    "scheduler class": ({"scheduler": lr_scheduler.StepLR}, TypeError, "scheduler: expected one"),
    "scheduler of another": ({"scheduler": other_schedule}, ValueError, "trainer's optimizer"),
    "schedule": ({"schedule": "batch"}, ValueError, "schedule: expected one of 'epoch', 'step'"),
    "plateau by step": (
        {"scheduler": plateau, "schedule": "step"}, ValueError, "schedule: expected 'epoch'",
    ),
    "plateau's figure": (
        {"scheduler": plateau, "monitor": "val_loss"}, ValueError,
        "monitor: expected one of 'loss', 'lr', got 'val_loss'",
    ),
    **{
        f"{name} for nothing": ({name: value}, ValueError, f"{name}: expected {text} without ")
        for name, (value, text) in IDLE.items()
    },
    "figure for nobody": ({"monitor": "loss"}, ValueError, "monitor: expected None without a "),
    "class_weight beyond": ({"class_weight": {1: 1, 3: 2}}, ValueError, "class_weight: a class: "),
    "checkpoint number": ({"checkpoint": 3}, TypeError, "checkpoint: expected a path, got 3"),
    "checkpoint_every": (
        {"checkpoint": "/nowhere/at/all", "checkpoint_every": "step"}, ValueError,
        "checkpoint_every: ",
    ),
    "callbacks none": ({"callbacks": 3}, TypeError, "callbacks: expected a list"),
    "callback number": ({"callbacks": [3]}, TypeError, "callbacks: expected callbacks or "),
    "callback class": ({"callbacks": [TimeBudget]}, TypeError, "callbacks: expected callbacks or "),
    "label ignored twice": ({"y": np.where(CLASSES == 0, -99, CLASSES)}, ValueError, "got -99"),
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_change_nothing(case: str) -> None:
    arguments, error, message = BAD[case]
    trainer = make()
    trainer.fit(**DEFAULTS)
    if arguments.get("scheduler") in (other_schedule, plateau):
        arguments = {**arguments, "scheduler": arguments["scheduler"](trainer)}
    before, drawn = fields(trainer), drawn_so_far()
    with pytest.raises(error, match=re.escape(message)):
        trainer.fit(**{**DEFAULTS, **arguments})
    assert fields(trainer) == before
    assert drawn_so_far() == drawn


class Seen(nn.Module):
    """Counts the rows that it saw, in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", fastnn.zeros(1))

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        self.rows.add_(float(len(x)))
        return x


def refusing(z: fastnn.Tensor, y: fastnn.Tensor) -> fastnn.Tensor:
    raise ValueError("never")


def test_the_writes_of_the_first_run_are_undone() -> None:
    seen, linear = Seen(), nn.Linear(5, 3)
    model = nn.Sequential(seen, linear)
    loss, optimizer = nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1)
    trainer = fastnn.Trainer(model, loss, optimizer)
    for _ in range(2):
        trainer.fit(**DEFAULTS)
    assert seen.rows.item() == 2 * ROWS
    trainer.fit(**DEFAULTS)  # recorded before
    assert linear.training
    for function in (loss, refusing):
        with pytest.raises(ValueError, match=r"^y: (expected|the loss does not take it)"):
            fastnn.Trainer(model, function, optimizer).fit(X, CLASSES + 1, verbose=0)
    assert seen.rows.item() == 3 * ROWS


def test_a_loss_that_takes_no_weights() -> None:
    trainer = make("custom")
    with pytest.raises(ValueError, match="sample_weight: the loss takes no weights"):
        trainer.fit(X, VALUES, sample_weight=np.ones(ROWS), verbose=0)
    with pytest.raises(ValueError, match="class_weight: expected classes as y"):
        trainer.fit(X, VALUES, class_weight="balanced", verbose=0)


def test_an_optimizer_that_calls_a_function_for_residuals() -> None:
    trainer = make()
    trainer.optimizer = optim.LevenbergMarquardt(trainer.model.parameters())
    with pytest.raises(TypeError, match="optimizer: LevenbergMarquardt calls a function"):
        trainer.fit(**DEFAULTS)


def test_the_0_1_loss_is_refused_but_can_be_looked_at() -> None:
    trainer = make()
    trainer.loss = nn.ZeroOneLoss()
    before, drawn = fields(trainer), drawn_so_far()
    with pytest.raises(RuntimeError, match="train with CrossEntropyLoss"):
        trainer.fit(**DEFAULTS)
    assert fields(trainer) == before
    assert drawn_so_far() == drawn
    z = trainer.model.predict(X)
    assert trainer.evaluate(X, CLASSES)["loss"] == pytest.approx((z.argmax(1) != CLASSES).mean())


def test_the_layer_that_is_not_finite_is_named() -> None:
    trainer = make("mse")
    trainer.model[1] = nn.Identity()
    with fastnn.no_grad():
        trainer.model[0].weight.fill_(3e38)
    with pytest.raises(FloatingPointError, match="not finite is the output of 0: Linear;"):
        trainer.fit(X, VALUES, batch_size=BATCH, verbose=0)


def test_a_loss_that_overflows_by_itself_is_named() -> None:
    with pytest.raises(FloatingPointError, match="not finite is the loss itself;"):
        make("mse").fit(X, VALUES * 1e30, batch_size=BATCH, verbose=0)


def test_a_scheduler_s_step_is_refused_in_a_fit_like_one_with_it() -> None:
    trainer = make()
    scheduler = lr_scheduler.StepLR(trainer.optimizer, 2)
    for _ in range(3):
        trainer.fit(**DEFAULTS, scheduler=scheduler, schedule="step")
    with pytest.raises(ValueError, match="schedule: expected 'epoch' without a scheduler"):
        trainer.fit(**DEFAULTS, schedule="step")

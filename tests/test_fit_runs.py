"""How often Trainer.fit runs the model: once before its first step, and once for each further kind
of step, when that is reached."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_trainer import CLASSES, X, fields

import fastnn
from fastnn import nn, optim
from fastnn.callbacks import Callback
from fastnn.optim import lr_scheduler
from fastnn.tensor import Tensor

ROWS, BATCH = 48, 16
DATA = {"x": X[:ROWS], "y": CLASSES[:ROWS], "batch_size": BATCH, "verbose": 0}


class Counting(nn.Sequential):
    """Each run is noted by `watched`: a note that it makes itself would be a change of state, which
    takes the code out of the program."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


def watched(frame: Any, event: str, _: Any) -> None:
    """Note the mode of each run, how many updates were made before, and whether gradients have
    begun to add up for the next."""
    if event == "call" and frame.f_code is Counting.forward.__code__:
        model = frame.f_locals["self"]
        RUNS.append((model.training, seen_steps(model), adds_up(model)))


@pytest.fixture(autouse=True)
def _watching() -> Iterator[None]:
    sys.setprofile(watched)
    yield
    sys.setprofile(None)


RUNS: list[tuple[bool, int, bool]] = []
OPTIMIZERS: dict[int, Any] = {}


def seen_steps(model: nn.Module) -> int:
    """The updates that the optimizer has made."""
    state = OPTIMIZERS[id(model)].state_dict()["state"]
    return max((int(s["step"]) for s in state.values()), default=0)


def adds_up(model: nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad._array.any()) for p in model.parameters())


def mean_output(z: Tensor, y: Tensor) -> Tensor:
    return z.mean()


def make(*middle: nn.Module, loss: Any = None) -> fastnn.Trainer:
    fastnn.manual_seed(11)
    model = Counting(nn.Linear(5, 7), *middle, nn.Tanh(), nn.Linear(7, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    OPTIMIZERS[id(model)] = optimizer
    RUNS.clear()
    return fastnn.Trainer(model, loss or nn.CrossEntropyLoss(), optimizer)


def before_the_first_step() -> list[bool]:
    """The modes of the runs before it."""
    return [training for training, steps, adds in RUNS if steps == 0 and not adds]


Options = Callable[[fastnn.Trainer], dict[str, Any]]
CASES: dict[str, tuple[tuple[nn.Module, ...], Options]] = {
    "plain": ((), lambda t: {}),
    "epochs": ((), lambda t: {"epochs": 3}),
    "smaller last batch": ((), lambda t: {"batch_size": 10}),
    "one batch": ((), lambda t: {"batch_size": 100}),
    "validation data": ((), lambda t: {"validation_data": (X, CLASSES)}),
    "validation split": ((), lambda t: {"validation_split": 1 / 3}),
    "metrics": ((), lambda t: {"metrics": ["accuracy", mean_output]}),
    "sample weights": ((), lambda t: {"sample_weight": np.arange(ROWS) + 1.0}),
    "class weights": (
        (), lambda t: {"class_weight": "balanced", "validation_data": (X, CLASSES)}
    ),
    "accumulated": ((), lambda t: {"accumulate_steps": 2}),
    "accumulated, one batch": ((), lambda t: {"accumulate_steps": 2, "batch_size": 100}),
    "clipped": ((), lambda t: {"clip_norm": 1.0, "clip_value": 0.1}),
    "batch norm": ((nn.BatchNorm1d(7),), lambda t: {}),
    "batch norm, one row left": ((nn.BatchNorm1d(7),), lambda t: {"batch_size": 47}),
    "dropout": ((nn.Dropout(0.5),), lambda t: {}),
    "callbacks": ((), lambda t: {"callbacks": [Callback(), lambda epoch, logs: None], "epochs": 2}),
    "schedule": (
        (), lambda t: {"scheduler": lr_scheduler.StepLR(t.optimizer, 1), "schedule": "step"}
    ),
    "ignored labels": ((), lambda t: {"y": np.where(np.arange(ROWS) % 3, CLASSES[:ROWS], -100)}),
}  # fmt: skip


# Runs, by their mode, that show whether the model takes batches of other sizes.
EXTRA = {
    "smaller last batch": [True], "validation data": [False], "validation split": [False],
    "class weights": [False],
}  # fmt: skip


@pytest.mark.every(5)
@pytest.mark.parametrize("case", CASES)
def test_the_model_runs_once_before_the_first_step_and_not_again(case: str) -> None:
    layers, options = CASES[case]
    trainer = make(*layers)
    trainer.fit(**{**DATA, **options(trainer)})
    before = [True, *EXTRA.get(case, ())]
    assert before_the_first_step() == before
    RUNS.clear()
    trainer.fit(**{**DATA, **options(trainer)})  # all is recorded by now
    assert RUNS == []


def test_updates_that_follow_a_schedule_are_recorded_before_gradients_add_up() -> None:
    trainer = make()
    scheduler = lr_scheduler.StepLR(trainer.optimizer, 1)
    trainer.fit(**DATA, accumulate_steps=2, scheduler=scheduler, schedule="step")
    assert before_the_first_step() == [True, True]


def test_other_kinds_of_steps_are_tried_before_the_first() -> None:
    trainer = make()
    trainer.fit(**{**DATA, "batch_size": 10}, epochs=2, validation_data=(X, CLASSES))
    # The first step, a try of the evaluation, the smaller step; evaluation after the epoch.
    assert [run[:2] for run in RUNS] == [(True, 0), (False, 0), (True, 0), (False, 5)]


@pytest.mark.parametrize("case", ["x", "weights"])
def test_validation_data_of_other_kinds_are_tried(case: str) -> None:
    def loss(z: Tensor, y: Tensor, w: Tensor | None = None) -> Tensor:
        each = nn.functional.cross_entropy(z, y, reduction="none")
        return each.mean() if w is None else (each * w).sum()

    trainer = make(loss=loss)
    held = {"x": (X[:, :4], CLASSES), "weights": (X, CLASSES, np.ones(len(X)))}[case]
    if case == "x":
        with pytest.raises(ValueError, match="validation x: the model does not take shape"):
            trainer.fit(**DATA, validation_data=held)
    else:
        trainer.fit(**DATA, validation_data=held)
    # Weights are tried with the loss on two rows, then the model on a whole batch.
    assert before_the_first_step() == [True, False, False][: 2 + (case == "weights")]


def test_a_fit_that_goes_on_from_a_file(tmp_path: Path) -> None:
    def stop(epoch: int, logs: Any) -> None:
        raise KeyboardInterrupt

    options = {**DATA, "checkpoint": tmp_path / "fit", "epochs": 2}
    with pytest.raises(KeyboardInterrupt):
        make().fit(**options, callbacks=[stop])
    trainer = make()
    trainer.fit(**options, callbacks=[lambda epoch, logs: None])
    assert [training for training, *_ in RUNS] == [True]


def test_evaluation_is_found_to_fail_before_the_first_step() -> None:
    class Picky(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                raise ValueError("not now")
            return x

    trainer = make(Picky())
    with pytest.raises(ValueError, match="not now"):
        trainer.fit(**DATA, validation_data=(X, CLASSES))
    assert seen_steps(trainer.model) == 0 and not trainer.history.history


# ---- a run that raises ----


class Draws(nn.Module):
    """Dropout, and a count of the rows that it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", fastnn.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.rows.add_(float(len(x)))
        return nn.functional.dropout(x, 0.5, self.training)


def failing(*_: Any) -> Tensor:
    raise ValueError("never")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "label": ({"y": CLASSES[:ROWS] + 1}, "y: expected integer classes in 0..2"),
    "metric": ({"metrics": [failing]}, "never"),
    "metric's kind": ({"metrics": [lambda z, y: 1.0]}, "metrics: expected <lambda> to return"),
    "validation label": ({"validation_data": (X, CLASSES + 1)}, "validation y: expected integer"),
    "class weight": ({"class_weight": {7: 1.0}}, "class_weight: a class"),
    "x": ({"x": X[:ROWS, :4]}, "x: the model does not take shape"),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("case", BAD)
def test_a_first_run_that_raises_leaves_everything(case: str, every: int, fresh: bool) -> None:
    arguments, message = BAD[case]
    trainer = make(nn.BatchNorm1d(7), Draws())
    if not fresh:
        trainer.fit(**DATA)

    def everything() -> Any:
        buffers = [b.numpy().tobytes() for b in trainer.model.buffers()]
        return fields(trainer), buffers, fastnn.random.get_rng_state().tolist()

    before = everything()
    with pytest.raises((ValueError, TypeError), match=message.replace("[", r"\[")):
        trainer.fit(**{**DATA, "accumulate_steps": every, **arguments})
    assert everything() == before


def test_a_loss_that_depends_on_some_parameters_only() -> None:
    """With gradients that add up: the others are left alone, weight decay too."""

    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.spare = nn.Parameter(fastnn.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return x

    found = []
    for every, batch in ((1, ROWS), (2, ROWS), (3, BATCH)):
        trainer = make(Unused())
        trainer.optimizer = optim.SGD(trainer.model.parameters(), lr=0.1, weight_decay=0.5)
        OPTIMIZERS[id(trainer.model)] = trainer.optimizer
        options = {**DATA, "batch_size": batch, "accumulate_steps": every}
        trainer.fit(**options)
        trainer.fit(**options)
        spare = trainer.model[1].spare
        assert spare.grad is None and spare.detach().numpy().tolist() == [1.0] * 3
        found.append(trainer.model[0].weight.detach().numpy())
    np.testing.assert_allclose(found[2], found[0], rtol=1e-4, atol=1e-6)


def test_what_a_callback_changes_before_an_epoch_counts_in_all_of_it() -> None:
    """In the smaller last batch as in the others, though that is recorded later."""

    class Freezes(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model[0].weight.requires_grad_(False)

    trainer = make()
    before = trainer.model[0].weight.detach().numpy().copy()
    trainer.fit(**{**DATA, "batch_size": 10}, epochs=2, callbacks=[Freezes()])
    assert np.array_equal(trainer.model[0].weight.detach().numpy(), before)

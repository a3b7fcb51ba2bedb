"""Fits like the last one with validation, callbacks, schedules and weights, and their epochs: they
ask little of Python, and notice whatever has changed.

The yardstick is a trainer that makes its loops anew for each epoch and each fit.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_fit_again import CHANGES, CLASSES, LOSSES, X, functions_called, made, state

import fastnn
from fastnn import callbacks, optim
from fastnn.train import kept

RNG = np.random.default_rng(1)
HELD = RNG.normal(size=(10, 4)).astype(np.float32), RNG.integers(0, 3, 10)
WEIGHTS = RNG.random(24)
Options = Callable[[fastnn.Trainer], dict[str, Any]]


def step_lr(trainer: fastnn.Trainer) -> Any:
    return optim.lr_scheduler.StepLR(trainer.optimizer, 2, 0.5)


def one_cycle(trainer: fastnn.Trainer) -> Any:
    return optim.lr_scheduler.OneCycleLR(trainer.optimizer, 0.2, total_steps=200)


def plateau(trainer: fastnn.Trainer) -> Any:
    return optim.lr_scheduler.ReduceLROnPlateau(trainer.optimizer, patience=0)


def stops(*, restore: bool) -> callbacks.Callback:
    return callbacks.EarlyStopping(patience=1, restore_best_weights=restore)


class Watching(callbacks.Callback):
    """A look at the trainer within an epoch."""

    def on_progress(self, epoch: int, step: int) -> object:
        return None


KINDS: dict[str, Options] = {
    "plain": lambda t: {},
    "validation": lambda t: {"validation_data": HELD, "metrics": ["accuracy"]},
    "validation, weighted": lambda t: {"validation_data": [*HELD, np.arange(10.0)]},
    "validation, seldom": lambda t: {"validation_data": HELD, "validation_freq": 2},
    "validation, never": lambda t: {"validation_data": HELD, "validation_freq": 9},
    "split": lambda t: {"validation_split": 0.25},
    "whole set": lambda t: {"metrics": ["f1"]},
    "function": lambda t: {"callbacks": [lambda epoch, logs: None]},
    "on progress": lambda t: {"callbacks": [Watching()]},
    "stopping": lambda t: {"validation_data": HELD, "callbacks": [stops(restore=True)]},
    "stopping, last": lambda t: {"validation_data": HELD, "callbacks": [stops(restore=False)]},
    "rates": lambda t: {"callbacks": [callbacks.LearningRateScheduler(lambda e, lr: 0.9 * lr)]},
    "schedule": lambda t: {"scheduler": step_lr(t)},
    "schedule, steps": lambda t: {"scheduler": one_cycle(t), "schedule": "step"},
    "plateau": lambda t: {"scheduler": plateau(t), "validation_data": HELD},
    "weights": lambda t: {"sample_weight": WEIGHTS},
    "class weights": lambda t: {"class_weight": {0: 1.0, 2: 3.0}},
    "accumulating": lambda t: {"accumulate_steps": 2, "validation_data": HELD},
    "all": lambda t: {
        "validation_data": HELD, "sample_weight": WEIGHTS, "class_weight": "balanced",
        "scheduler": step_lr(t), "callbacks": [lambda epoch, logs: None], "metrics": ["accuracy"],
    },
}  # fmt: skip


def compared(
    monkeypatch: pytest.MonkeyPatch,
    options: Options,
    change: Callable[[fastnn.Trainer, int], dict[str, Any] | None] = lambda t, i: None,
    fits: int = 4,
    **more: Any,
) -> None:
    """Compare fits with those whose loops are made anew; `change` is called before each, with its
    number, and gives arguments that differ in it."""
    found: list[list[Any]] = []
    for keeps in (True, False):
        if not keeps:
            monkeypatch.setattr(kept.Kept, "holds", lambda self: False)
        trainer = made()
        states: list[Any] = []
        usual = {"x": X, "y": CLASSES, "epochs": 3, "batch_size": 8, "verbose": 0, **more}
        usual |= options(trainer)
        for i in range(fits):
            given = usual | (change(trainer, i) or {})
            try:
                trainer.fit(**given)
            except (ValueError, TypeError, RuntimeError, IndexError) as error:
                states.append([type(error), str(error)])
            held = trainer.validation_rows
            states.append([state(trainer), None if held is None else held.tolist()])
        found.append(states)
    assert found[0] == found[1]


@pytest.mark.every(8)
@pytest.mark.parametrize("batch", [24, 10])  # one step; a smaller last one
@pytest.mark.parametrize("kind", KINDS)
def test_fits_again_are_fits(kind: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(monkeypatch, KINDS[kind], lambda t, i: {"epochs": 1 + i % 3}, batch_size=batch)


MOST = {
    "plain": 78, "validation": 140, "split": 165, "whole set": 122, "function": 136,
    "schedule": 190, "schedule, steps": 470, "weights": 105, "class weights": 170,
}  # fmt: skip


@pytest.mark.parametrize("kind", MOST)
def test_a_fit_again_asks_little_of_python(kind: str) -> None:
    """Before, each called 900 to 1,400 Python functions."""
    trainer = made()
    given = {"batch_size": 8, "verbose": 0, **KINDS[kind](trainer)}
    for _ in range(3):
        trainer.fit(X, CLASSES, **given)
    with functions_called() as called:
        trainer.fit(X, CLASSES, **given)
    assert "Session.again" in called
    assert len(called) <= MOST[kind], (len(called), called)


def test_an_epoch_again_asks_little_of_python() -> None:
    counts = []
    for epochs in (2, 12):
        trainer = made()
        given: dict[str, Any] = {"validation_data": HELD, "callbacks": [lambda epoch, logs: None]}
        trainer.fit(X, CLASSES, batch_size=8, verbose=0, epochs=2, **given)
        with functions_called() as called:
            trainer.fit(X, CLASSES, batch_size=8, verbose=0, epochs=epochs, **given)
        counts.append(len(called))
    assert counts[1] - counts[0] <= 10 * 75, counts


@pytest.mark.every(8)
@pytest.mark.parametrize("kind", ["validation", "function", "schedule, steps", "all"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_between_fits_is_noticed(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(trainer: fastnn.Trainer, i: int) -> None:
        if i == 2:
            CHANGES[name](trainer)

    compared(monkeypatch, KINDS[kind], change)


@pytest.mark.every(8)
@pytest.mark.parametrize("kind", ["plain", "validation"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_a_callback_changes_is_noticed(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the second fit."""
    fits = []

    def options(trainer: fastnn.Trainer) -> dict[str, Any]:
        fits.clear()

        def act(epoch: int, logs: Any) -> None:
            fits.append(epoch)
            if len(fits) == 5:
                CHANGES[name](trainer)

        return KINDS[kind](trainer) | {"callbacks": [act]}

    compared(monkeypatch, options)


@pytest.mark.parametrize("order", ["C", "F"])  # of the second, a loop has a copy
@pytest.mark.parametrize("what", ["x", "y", "held x", "held y"])
def test_data_that_a_callback_changes(
    what: str, order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def options(trainer: fastnn.Trainer) -> dict[str, Any]:
        x, y, held = X.copy(order=order), CLASSES.copy(), (HELD[0].copy(order), HELD[1].copy())
        array = {"x": x, "y": y, "held x": held[0], "held y": held[1]}[what]

        def act(epoch: int, logs: Any) -> None:
            array[: len(array) // 2] = array[len(array) // 2 :][: len(array) // 2]

        return {"x": x, "y": y, "validation_data": held, "callbacks": [act]}

    compared(monkeypatch, options)


def test_rows_that_a_callback_takes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the label that the loss ignores, which is part of the step."""
    ignored = []

    def options(trainer: fastnn.Trainer) -> dict[str, Any]:
        y = CLASSES.copy()

        def act(epoch: int, logs: Any) -> None:
            y[2] = -100
            ignored.append(logs["loss"])

        return {"y": y, "callbacks": [act], "shuffle": False}

    compared(monkeypatch, options, fits=2)
    assert len(ignored) == 12


def _with(array: Any, place: Any, value: Any) -> Any:
    changed = array.copy()
    changed[place] = value
    return changed


GIVEN: dict[str, dict[str, Any]] = {
    "no validation": {"validation_data": None},
    "other rows": {"validation_data": (-HELD[0], 2 - HELD[1])},
    "fewer rows": {"validation_data": (HELD[0][:5], HELD[1][:5])},
    "fewer targets": {"validation_data": (HELD[0], HELD[1][:5])},
    "weighted rows": {"validation_data": (*HELD, np.arange(10.0))},
    "other features": {"validation_data": (HELD[0][:, :3], HELD[1])},
    "nan": {"validation_data": (_with(HELD[0], (3, 1), np.nan), HELD[1])},
    "a class too many": {"validation_data": (HELD[0], _with(HELD[1], 3, 7))},
    "an ignored row": {"validation_data": (HELD[0], _with(HELD[1], 3, -100))},
    "lists": {"validation_data": (HELD[0].tolist(), HELD[1].tolist())},
    "three more": {"validation_data": (1, 2, 3, 4)},
    "a number": {"validation_data": 3},
    "a split too": {"validation_split": 0.5},
    "seldom": {"validation_freq": 3},
    "weights": {"sample_weight": WEIGHTS},
    "a negative weight": {"sample_weight": _with(WEIGHTS, 2, -1.0)},
    "weights of none": {"sample_weight": WEIGHTS * 0},
    "too few weights": {"sample_weight": WEIGHTS[:7]},
    "class weights": {"class_weight": {0: 2.0}},
    "a class without a weight": {"class_weight": {7: 2.0}},
    "no callback": {"callbacks": [3]},
    "no list of callbacks": {"callbacks": 3},
    "an iterator of callbacks": {"callbacks": iter([])},
    "monitor of none": {"callbacks": [callbacks.EarlyStopping("val_f1")]},
    "a monitor": {"monitor": "loss"},
    "a scheduler of none": {"scheduler": 3},
    "by step, without a scheduler": {"schedule": "step"},
    "by day": {"schedule": "day"},
    "a metric": {"metrics": ["accuracy"]},
}


@pytest.mark.every(8)
@pytest.mark.parametrize("kind", ["validation", "all"])
@pytest.mark.parametrize("name", GIVEN)
def test_other_arguments_are_noticed(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(monkeypatch, KINDS[kind], lambda t, i: GIVEN[name] if i == 2 else None)


@pytest.mark.parametrize("values", [{0: 1.0, 2: 4.0}, {2: 3.0, 0: 1.0}, {0: 1.0}, None])
def test_class_weights_given_anew(values: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    change = lambda t, i: {"class_weight": values} if i == 2 else None  # noqa: E731
    compared(monkeypatch, KINDS["class weights"], change)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "bce"])
def test_validation_targets_are_checked_again(loss: str) -> None:
    y = LOSSES[loss][2][:10].copy()
    trainer = made(loss)
    given: dict[str, Any] = {"batch_size": 8, "verbose": 0, "validation_data": (HELD[0], y)}
    for _ in range(3):
        want = trainer.fit(X, LOSSES[loss][2], **given)
    assert "val_loss" in want.history
    y[3] = 7 if y.dtype.kind == "i" else np.nan
    with pytest.raises(ValueError, match=r"^validation y"):
        trainer.fit(X, LOSSES[loss][2], **given)


class Interrupting(callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            raise KeyboardInterrupt


def test_a_fit_again_that_is_interrupted() -> None:
    found = []
    for interrupted in (True, False):
        trainer, states = made(), []
        given: dict[str, Any] = {"verbose": 0, "validation_data": HELD}
        for i in range(5):
            if i == 3 and interrupted:
                with pytest.raises(KeyboardInterrupt):
                    trainer.fit(X, CLASSES, epochs=5, callbacks=[Interrupting()], **given)
            else:
                trainer.fit(X, CLASSES, epochs=2, callbacks=[Watching()], **given)
            states.append(state(trainer))
        found.append(states)
    assert found[0] == found[1]


def test_data_and_callbacks_are_not_kept() -> None:
    trainer, held, weight = made(), (HELD[0].copy(), HELD[1].copy()), WEIGHTS.copy()
    callback, scheduler = Watching(), step_lr(trainer)
    mine = [*held, weight, callback, scheduler]
    counts = []
    for _ in range(4):
        trainer.fit(
            X, CLASSES, verbose=0, validation_data=held, sample_weight=weight, scheduler=scheduler,
            callbacks=[callback],
        )  # fmt: skip
        gc.collect()
        counts.append([sys.getrefcount(each) for each in mine])
    assert counts[1:] == counts[:-1]


def test_epochs_of_a_loader_use_one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnn.utils.data import DataLoader, TensorDataset

    made_loops: list[int] = []
    loop = kept.Kept._takes
    monkeypatch.setattr(
        kept.Kept, "_takes", lambda self, *args: made_loops.append(1) or loop(self, *args)
    )
    found = []
    for keeps in (True, False):
        if not keeps:
            monkeypatch.setattr(kept.Kept, "holds", lambda self: False)
        trainer = made()
        rows = TensorDataset(fastnn.tensor(X), fastnn.tensor(CLASSES))
        trainer.fit(DataLoader(rows, batch_size=7, shuffle=True), epochs=4, verbose=0)
        found.append(state(trainer))
    assert found[0] == found[1] and made_loops

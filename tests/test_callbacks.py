"""fastnn.callbacks: what each does to a fit, and what Trainer.fit tells them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from test_trainer import BATCH, CLASSES, DEFAULTS, X, fields, make

import fastnn
from fastnn import callbacks, nn
from fastnn.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgressBar,
    ReduceLROnPlateau,
    TimeBudget,
)

FIT: dict[str, Any] = {**DEFAULTS, "epochs": 6}


class Figures:
    """A metric that an epoch's figures can be written into: each epoch has the next number."""

    def __init__(self, *figures: float) -> None:
        self.figures = iter(figures)

    def __call__(self, z: Any, y: Any) -> float:
        return next(self.figures)


def figures(*numbers: float, name: str = "figure") -> list[Any]:
    return [fastnn.metrics.WholeSet(Figures(*numbers), name)]


def weights(trainer: fastnn.Trainer) -> list[bytes]:
    found: list[bytes] = fields(trainer)["weights"]
    return found


class Weights(Callback):
    """Keeps the weights of every epoch."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.found: list[list[bytes]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.found.append(weights(self.trainer))


# ---- what they are told ----


def test_the_order_of_calls() -> None:
    told: list[str] = []

    class Teller(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            told.append(f"begin {self.params}")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            told.append(f"epoch {epoch}")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            told.append(f"end {epoch} {sorted(logs)} {self.model.training}")

        def on_train_end(self, logs: Any = None) -> None:
            told.append("over")

    trainer = make()
    trainer.fit(**{**FIT, "epochs": 2}, callbacks=[Teller()], metrics=["accuracy"])
    figures = "['accuracy', 'loss']"
    assert told == [
        "begin {'epochs': 2, 'steps': 4, 'metrics': ['loss', 'accuracy']}",
        "epoch 0", f"end 0 {figures} True", "epoch 1", f"end 1 {figures} True", "over",
    ]  # fmt: skip
    del told[:]
    with pytest.raises(FloatingPointError):
        trainer.loss = lambda z, y: nn.functional.cross_entropy(z, y) * np.nan
        trainer.fit(**FIT, callbacks=[Teller()])
    assert told[-1] == "over"


def test_callbacks_that_only_look_change_no_bits() -> None:
    plain, watched = make(), None
    plain.fit(**FIT)
    watched = make()
    watched.fit(**FIT, callbacks=[Callback(), lambda epoch, logs: None])
    assert fields(plain) == fields(watched)
    assert plain.history.history == watched.history.history


def test_functions_and_stopping() -> None:
    trainer = make()
    trainer.fit(**FIT, callbacks=[lambda epoch, logs: epoch == 2])
    assert trainer.history.epoch == [0, 1, 2]
    began: list[int] = []
    given = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: began.append(epoch),
        on_epoch_end=lambda epoch, logs: epoch == 1,
    )
    trainer.fit(**FIT, callbacks=[given])
    assert began == [0, 1]

    def stop(epoch: int, logs: Any) -> None:
        trainer.stop_training = True

    trainer.fit(**FIT, callbacks=[stop])
    assert trainer.history.epoch == [0]
    trainer.fit(**FIT)
    assert len(trainer.history.epoch) == 6


def test_batches_are_trained_without_python() -> None:
    class OfBatches(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None: ...

    with pytest.raises(TypeError, match="OfBatches has on_train_batch_end, but batches are"):
        make().fit(**FIT, callbacks=[OfBatches()])


# ---- EarlyStopping ----


@pytest.mark.parametrize(
    ("numbers", "options", "stopped", "best"),
    [
        ((3, 2, 2.5, 2.2, 1, 0), {"patience": 2}, 3, 1),
        ((3, 2, 2.5, 1, 1.5, 1.2), {"patience": 2}, 5, 3),
        ((3, 2.9, 2.8, 2.7, 2.6, 2.5), {"patience": 2, "min_delta": 0.5}, 2, 0),
        ((1, 2, 1.5, 3, 0, 0), {"patience": 2, "mode": "max"}, 5, 3),
        ((9, 3, 3, 3, 3, 3), {"patience": 2, "start_from_epoch": 2}, 4, 2),
        ((3, 2, 2.5, 1, 1, 1), {"patience": 2, "baseline": 0.5}, 2, 1),
        ((np.nan, np.nan, np.nan, 1, 1, 1), {"patience": 2}, 1, None),
    ],
)
def test_early_stopping(numbers: Any, options: Any, stopped: Any, best: Any) -> None:
    trainer, kept = make(), Weights()
    stopping = EarlyStopping("figure", **options)
    trainer.fit(**FIT, metrics=figures(*numbers), callbacks=[kept, stopping])
    assert (stopping.stopped_epoch, stopping.best_epoch) == (stopped, best)
    assert len(trainer.history.epoch) == (6 if stopped is None else stopped + 1)
    assert weights(trainer) == kept.found[-1 if best is None else best]


def test_early_stopping_may_leave_the_last_weights() -> None:
    trainer, kept = make(), Weights()
    stopping = EarlyStopping("figure", patience=1, restore_best_weights=False)
    trainer.fit(**FIT, metrics=figures(1, 2, 3, 4, 5, 6), callbacks=[kept, stopping])
    assert weights(trainer) == kept.found[-1] and len(kept.found) == 2


@pytest.mark.parametrize("end", ["ctrl-c", "nan", "stop"])
def test_however_it_ends_the_best_weights_are_back(end: str) -> None:
    trainer, kept = make(), Weights()

    def last(epoch: int, logs: Any) -> object:
        if epoch == 2 and end == "ctrl-c":
            signal.raise_signal(signal.SIGINT)
        if epoch == 2 and end == "nan":
            with fastnn.no_grad():
                trainer.model[0].weight.fill_(np.nan)
        return epoch == 2

    options: dict[str, Any] = {
        "metrics": figures(3, 1, 2, 4, 4, 4),
        "callbacks": [kept, EarlyStopping("figure", patience=5), last],
    }
    if end == "ctrl-c":
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(**FIT, **options)
    else:
        trainer.fit(**FIT, **options)
    assert weights(trainer) == kept.found[1]


# ---- learning rates ----


def test_learning_rate_scheduler() -> None:
    trainer = make()
    history = trainer.fit(**FIT, callbacks=[LearningRateScheduler(lambda e, lr: 0.01 / 2**e)])
    assert history.history["lr"] == [0.01 / 2**e for e in range(6)]
    halved = make()
    groups = halved.optimizer.param_groups
    halved.fit(**FIT, callbacks=[lambda e, logs: groups[0].update(lr=groups[0]["lr"] / 2)])
    assert weights(halved) == weights(trainer)
    with pytest.raises(ValueError, match="schedule: "):
        trainer.fit(**FIT, callbacks=[LearningRateScheduler(lambda e, lr: float("nan"))])


def test_reduce_lr_on_plateau(capsys: Any) -> None:
    """Keras's counting: patience epochs without improvement, then lower; cooldown uncounted."""
    trainer = make()
    numbers = 3, 3, 3, 3, 3, 3
    callback = ReduceLROnPlateau("figure", factor=0.5, patience=2, min_lr=0.003, verbose=1)
    history = trainer.fit(**FIT, metrics=figures(*numbers), callbacks=[callback]).history
    assert history["lr"] == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.005, 0.003])
    assert "epoch 3: lr 0.005" in capsys.readouterr().out


# ---- time and progress ----


@pytest.fixture
def clock(monkeypatch: Any) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr(fastnn.train.callbacks.time, "monotonic", lambda: now[0])
    yield now


def test_time_budget_between_epochs_and_within(clock: list[float]) -> None:
    def tick(epoch: int, logs: Any) -> None:
        clock[0] += 1

    trainer = make()
    trainer.fit(**FIT, callbacks=[tick, TimeBudget(3)])
    assert trainer.history.epoch == [0, 1, 2]

    class Soon(TimeBudget):
        def on_progress(self, epoch: int, step: int) -> object:
            clock[0] += 5  # each look is 5 s later
            return super().on_progress(epoch, step)

    x, y = np.tile(X, (4000, 1)), np.tile(CLASSES, 4000)
    trainer.fit(x, y, batch_size=1, verbose=0, epochs=10**6, callbacks=[Soon(8)])
    assert clock[0] == 3 + 10 and len(trainer.history.epoch) <= 1
    trainer.fit(**FIT)
    assert len(trainer.history.epoch) == 6


def test_progress_bar_as_a_callback(capsys: Any) -> None:
    make().fit(**{**DEFAULTS, "epochs": 2}, callbacks=[ProgressBar(2)])
    err = capsys.readouterr().err
    assert err.startswith("epoch 1/2  loss ") and err.count("\n") == 2
    make().fit(**{**DEFAULTS, "epochs": 2, "verbose": 2}, callbacks=[ProgressBar(2)])
    assert capsys.readouterr().err.count("\n") == 2  # one bar, not two


# ---- mistakes ----


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: EarlyStopping(patience=-1), "patience: "),
        (lambda: EarlyStopping(mode="least"), "mode: expected one of 'auto', 'min', 'max'"),
        (lambda: EarlyStopping(min_delta=-1), "min_delta: "),
        (lambda: ReduceLROnPlateau(factor=1.0), "factor: "),
        (lambda: TimeBudget(0), "seconds: "),
        (lambda: ModelCheckpoint("a", save_freq="batch"), "save_freq: "),
        (lambda: ProgressBar(3), "verbose: "),
    ],
)
def test_mistakes(make_it: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_it()
    with pytest.raises(TypeError, match="monitor: "):
        EarlyStopping(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="schedule: "):
        LearningRateScheduler(0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on_epoch_end: "):
        LambdaCallback(on_epoch_end=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("callback", [EarlyStopping(), ReduceLROnPlateau("f1")])
def test_a_figure_that_there_is_not(callback: Callback) -> None:
    trainer = make()
    before = fields(trainer)
    with pytest.raises(ValueError, match="monitor: expected one of 'loss'"):
        trainer.fit(X, CLASSES, batch_size=BATCH, verbose=0, callbacks=[callback])
    assert fields(trainer) == before


def test_which_direction_is_better() -> None:
    for name in ("val_accuracy", "f1_macro", "roc_auc", "r2", "balanced_accuracy", "top_5"):
        assert EarlyStopping(name).mode == "max", name
    for name in ("loss", "val_mae", "rmse", "log_loss", "max_error", "brier"):
        assert EarlyStopping(name).mode == "min", name


def test_all_are_exported() -> None:
    assert all(hasattr(callbacks, name) for name in callbacks.__all__)

"""Fits and predictions at their edges: odd batches, several outputs, what is told."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.io import FormatError
from fastnn.optim import lr_scheduler
from fastnn.train.batches import Batches, arranged, inputs_of
from fastnn.train.parts import Facade
from fastnn.train.resumed import check_like, check_place
from fastnn.train.validation import check_outputs

RNG = np.random.default_rng(4)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = RNG.normal(size=(24, 2)).astype(np.float32)


def trainer_of(model: nn.Module | None = None, loss: Any = "mse", lr: float = 0.05) -> Any:
    fastnn.manual_seed(1)
    model = nn.Linear(3, 2) if model is None else model
    return fastnn.Trainer(model, loss, optim.SGD(model.parameters(), lr=lr))


def bits(trainer: Any) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in trainer.model.parameters()]


class Two(nn.Module):
    """Two outputs; in evaluation as many as it is told."""

    def __init__(self, evaluated: int = 2) -> None:
        super().__init__()
        self.a, self.b, self.evaluated = nn.Linear(3, 2), nn.Linear(3, 2), evaluated

    def forward(self, x: Any) -> Any:
        both = self.a(x), self.b(x)
        return both if self.training or self.evaluated == 2 else both[0]


def of_two(z: Any, y: Any) -> Any:
    return nn.functional.mse_loss(z[0], y[0]) + nn.functional.mse_loss(z[1], y[1])


def of_first(z: Any, y: Any) -> Any:
    z, y = (a[0] if isinstance(a, tuple) else a for a in (z, y))
    return nn.functional.mse_loss(z, y)


class Made(nn.Module):
    """A model of one layer and a function of what it gives."""

    def __init__(self, function: Callable[[Any], Any], **parts: Any) -> None:
        super().__init__()
        self.inner, self.function = nn.Linear(3, 2), function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.function(self.inner(x))


def same(z: Any) -> Any:
    return z


LINEAR = nn.Linear(3, 2)


class Duck:
    """What has the methods of an optimizer alone."""

    def __init__(self) -> None:
        self.param_groups = [{"params": list(LINEAR.parameters()), "lr": 0.1}]

    def step(self) -> None: ...

    def zero_grad(self) -> None: ...


# ---- refused ----

STATE = {"seed": 1, "epoch": 1, "step": 2, "sums": None, "epochs": [0], "history": {}}
REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "two inputs": (lambda: arranged(("a", "b"), 2), TypeError, "with a tuple of 2 inputs as x"),
    "four parts": (lambda: arranged(tuple("abcd"), 1), TypeError, "got 4 parts"),
    "used up": (lambda: [made.epoch() for made in [Batches(iter([(X, Y)]))] * 2], ValueError,
                "an iterator gives its batches once"),
    "some weights": (lambda: Batches([(X, Y), (X, Y, Y[:, 0])]).epoch(), TypeError,
                     "expected sample_weight in all batches"),
    "no batches": (lambda: trainer_of().predict(iter(())), ValueError, "at least one batch, got n"),
    "out of several": (lambda: trainer_of(Two(), of_two).predict(X, out=np.empty(3)), TypeError,
                       "out: expected None for several inputs or outputs"),
    "an out that is none": (lambda: trainer_of().predict(X, out="a"), TypeError, "out"),
    "one number": (lambda: trainer_of(Made(lambda z: z.sum())).predict(X), TypeError,
                   "a tensor of as many rows as x"),
    "evaluated": (lambda: trainer_of(Two(1), of_first).fit(X, Y, verbose=0), TypeError,
                  "model: expected as many outputs in evaluation as in training"),
    "validation": (lambda: trainer_of(Two(), of_first).fit(
        X, (Y, Y), validation_data=(X, (Y, Y[:, :1])), verbose=0), ValueError,
        "validation x, validation y: expected the shapes and types of x and y"),
    "a metric": (lambda: trainer_of(Two(), of_two).fit(X, (Y, Y), metrics="mae", verbose=0),
                 TypeError, "metrics"),
    "a number of metrics": (lambda: trainer_of(Two(), of_two).fit(X, (Y, Y), metrics=3, verbose=0),
                            TypeError, "metrics"),
    "empty part": (lambda: trainer_of(Two(), of_two).fit((X, X[:, :0]), (Y, Y), verbose=0),
                   ValueError, r"x\[1\]: expected at least one row and column, got \(24, 0\)"),
    "rows of an output": (lambda: trainer_of(Made(lambda z: (z, z[:1])), of_two).fit(
        X, (Y, Y), verbose=0), TypeError, "tensor of as many rows as x, or a tuple of such"),
    "a dict": (lambda: trainer_of(Made(lambda z: {"z": z})).fit(X, Y, verbose=0), TypeError,
               "model"),
    "outputs": (lambda: check_outputs(3, 2), TypeError, "to give a tensor of as many rows"),
    "other parameters": (lambda: fastnn.Trainer(
        nn.Linear(3, 2), "mse", optim.SGD(nn.Linear(3, 2).parameters())).fit(X, Y, verbose=0),
        ValueError, "optimizer: expected one over parameters of the model"),
    "accumulate": (lambda: fastnn.Trainer(LINEAR, "mse", Duck()).fit(
        X, Y, accumulate_steps=2, verbose=0), TypeError,
        "accumulate_steps: expected an optimizer of fastnn.optim"),
    "a kept text": (lambda: check_like(None, "a", "p"), FormatError, "p: expected a number"),
    "a kept shape": (lambda: check_like(X, X[:2], "p"), FormatError, r"p: expected shape \(24"),
    "a kept dtype": (lambda: check_like(X, X.astype(np.float64), "p"), FormatError, "of float32"),
    "a kept list": (lambda: check_like(X, [1.0], "p"), FormatError, "p: expected shape"),
    "a kept nan": (lambda: check_like(1.0, float("nan"), "p"), FormatError, "p: expected a number"),
    "a kept step": (lambda: check_place(STATE, 5, 0), FormatError, "sums: expected those of the 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, error, text = REFUSED[name]
    with pytest.raises(error, match=text):
        function()


# ---- batches ----


def test_batches_of_inputs_alone() -> None:
    batches = [X[:10], X[10:]]
    assert inputs_of(batches).tolist() == X.tolist()
    trainer = trainer_of()
    assert trainer.predict(iter(batches)).tolist() == trainer.predict(X).tolist()


def test_epochs_of_other_numbers_of_batches() -> None:
    """A function that gives fewer ones in its second epoch: rows as they come."""
    counts = iter([24, 16, 16])

    def epochs() -> Any:
        n = next(counts)
        return [(X[i : i + 8], Y[i : i + 8]) for i in range(0, n, 8)]

    trainer, other = trainer_of(), trainer_of()
    trainer.fit(epochs, epochs=3, verbose=0)
    for n in (24, 16, 16):
        other.fit(X[:n], Y[:n], batch_size=8, shuffle=False, verbose=0)
    assert bits(trainer) == bits(other)


# ---- callbacks ----


def test_what_callbacks_print(capsys: pytest.CaptureFixture[str]) -> None:
    stop = callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=1e9, verbose=1)
    halve = callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2, verbose=1)
    trainer_of().fit(X, Y, epochs=9, callbacks=[halve, stop], verbose=0)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1: lr 0.025", "epoch 2: lr 0.0125", "epoch 2: early stopping"
    ]  # fmt: skip


def test_a_figure_that_is_not_there_every_epoch() -> None:
    """A plateau and a scheduler look at it when it is."""
    plateau = callbacks.ReduceLROnPlateau(patience=1, min_delta=1e9, factor=0.5)
    options = {"validation_data": (X, Y), "validation_freq": 2, "verbose": 0}
    trainer = trainer_of(lr=1e-3)
    trainer.fit(X, Y, epochs=6, callbacks=[plateau], **options)
    assert trainer.optimizer.param_groups[0]["lr"] == 1e-3 / 4  # at epochs 4 and 6
    trainer = trainer_of(lr=1e-3)
    scheduler = lr_scheduler.ReduceLROnPlateau(trainer.optimizer, factor=0.5, patience=0,
                                               threshold=1e9, threshold_mode="abs")  # fmt: skip
    trainer.fit(X, Y, epochs=6, scheduler=scheduler, **options)
    assert scheduler.num_bad_epochs == 0 and scheduler.last_epoch == 3


# ---- models ----


def test_scores_by_a_loss_of_the_users() -> None:
    """Whole numbers are classes, others are numbers."""
    trainer = trainer_of(loss=lambda z, y: z.square().mean())
    z = trainer.predict(X)
    labels = z.argmax(1)
    assert trainer.score(X, labels) == 1.0 and trainer.score(X, 1 - labels) == 0.0
    assert trainer.score(X, z) == 1.0


def test_a_facade_of_one_input_and_output() -> None:
    model = nn.Linear(3, 2)
    facade = Facade(model, None, None)
    assert facade.module is model and facade.of(of_two, None) is of_two
    assert facade.result(X) is X and facade.metrics(["mae"], None) == ["mae"]


def test_predictions_without_the_lock_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Python without a global lock, a program is run under that of its predictor."""
    model = nn.Linear(3, 2)
    want = model.predict(X).tolist()
    predicting = importlib.import_module("fastnn.train.predict")
    monkeypatch.setattr(predicting.replay, "FREE_THREADED", True)
    assert [model.predict(X).tolist() for _ in range(3)] == [want] * 3


def test_predictions_of_a_hooked_model_in_bfloat16() -> None:
    """Without a program, as the hook has to be called."""
    model = nn.Linear(3, 2)
    want = model.to(fastnn.bfloat16).predict(X)
    calls: list[int] = []
    model.register_forward_hook(lambda m, args, z: calls.append(1))
    got = model.predict(X)
    assert got.dtype == np.float32 and got.tolist() == want.tolist() and calls
    calls.clear()
    assert model.predict(X).tolist() == want.tolist() and calls


def test_a_set_that_a_model_reads() -> None:
    """C cannot compare it, so each prediction looks anew."""
    known = {1}
    model = Made(lambda z: z * float(len(known)))
    want = model.predict(X)
    known.add(2)
    assert [model.predict(X).tolist() for _ in range(2)] == [(want * 2).tolist()] * 2


def test_a_batch_norm_that_comes_in_between() -> None:
    """Even one that nothing calls: it takes no batch of one row, so batches are other ones."""

    class Adds(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 0:
                self.model.spare = nn.BatchNorm1d(2)

    found = []
    for at_once in (True, False):
        fastnn.manual_seed(0)
        trainer = trainer_of(Made(same))
        options = {"batch_size": 4, "shuffle": False, "verbose": 0}
        if at_once:
            trainer.fit(X[:9], Y[:9], epochs=2, callbacks=[Adds()], **options)
        else:
            trainer.fit(X[:9], Y[:9], epochs=1, **options)
            trainer.model.spare = nn.BatchNorm1d(2)
            trainer.fit(X[:9], Y[:9], epochs=1, **options)
        found.append([p.tolist() for p in trainer.model.inner.parameters()])
    assert found[0] == found[1]


def test_fits_again_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each shows its progress."""
    trainer, other = trainer_of(), trainer_of()
    for _ in range(2):
        other.fit(X, Y, epochs=1, verbose=0)
    trainer.fit(X, Y, epochs=1, verbose=0)
    monkeypatch.setattr("fastnn.train.progress._is_terminal", lambda: True)
    trainer.fit(X, Y, epochs=1, verbose=1)
    assert bits(trainer) == bits(other)


def test_a_model_that_changes_while_it_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By another thread: the program is of before, and not kept."""
    predicting = importlib.import_module("fastnn.train.predict")
    model, record = nn.Linear(3, 2), predicting.recorded
    want = model.predict(X[:1]).tolist()
    predictor = predicting._in_float32[model]

    def meanwhile(*given: Any) -> Any:
        found = record(*given)
        model.spare = nn.Identity()
        predictor.refresh(model)
        return found

    monkeypatch.setattr(predicting, "recorded", meanwhile)
    assert model.predict(X[:2])[:1].tolist() == want and not predictor._programs
    monkeypatch.undo()
    assert model.predict(X[:2])[:1].tolist() == want and len(predictor._programs) == 1


@pytest.mark.parametrize("dtype", ["int32", "float16", "float32"])
def test_fits_again_with_validation_rows_of_other_types(dtype: str) -> None:
    """What C cannot check is looked at in Python again, with the same bits."""
    held = np.round(X * 3).astype(dtype), Y
    found = []
    for rows in (held, (held[0].astype(np.float32), Y)):
        trainer = trainer_of()
        losses = []
        for _ in range(3):
            history = trainer.fit(X, Y, validation_data=rows, verbose=0).history
            losses.append(history["val_loss"])
        found.append((bits(trainer), losses))
    assert found[0] == found[1]


def test_a_loss_that_checks_weights() -> None:
    """Validation rows may have none, and then there is nothing to check."""

    def loss(z: Any, y: Any, w: Any = None) -> Any:
        if w is None:
            return nn.functional.mse_loss(z, y)
        return nn.functional.mse_loss(z, y) + nn.functional.binary_cross_entropy(
            z[:, 0].sigmoid(), w
        )

    weight = np.linspace(0.0, 1.0, len(X), dtype=np.float32)
    trainer = trainer_of(loss=loss)
    history = trainer.fit(X, Y, sample_weight=weight, validation_data=(X, Y), verbose=0).history
    want = np.square(trainer.predict(X) - Y).mean()
    assert history["val_loss"] == [pytest.approx(want, rel=1e-5)]
    with pytest.raises(ValueError, match="expected"):
        trainer_of(loss=loss).fit(X, Y, sample_weight=weight + 1, verbose=0)

"""Trainer.fit: the eager loop bit for bit, and what it refuses or stops at (R10, R19, R23)."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor, of_array
from fastnn.train import batch_order, session

ROWS, BATCH = 50, 16  # the last batch has 2 rows
RNG = np.random.default_rng(7)
X = RNG.normal(size=(ROWS, 5))
CLASSES = RNG.integers(0, 3, ROWS)
BINARY = RNG.integers(0, 2, ROWS).astype(np.float64)
VALUES = RNG.normal(size=(ROWS, 3))


def custom_loss(z: Tensor, y: Tensor) -> Tensor:
    return ((z - y).abs() * 0.5 + (z - y) ** 2).mean() + (z * z).sum() * 1e-3


LOSSES: dict[str, tuple[Any, Any, int]] = {  # loss, targets, outputs of the model
    "cross_entropy": (nn.CrossEntropyLoss(), CLASSES, 3),
    "probabilities": (nn.CrossEntropyLoss(), np.eye(3)[CLASSES], 3),
    "cross_entropy_sum": (nn.CrossEntropyLoss(reduction="sum"), CLASSES, 3),
    "bce (n,)": (nn.BCEWithLogitsLoss(), BINARY, 1),
    "bce (n, 1)": (nn.BCEWithLogitsLoss(), BINARY[:, None], 1),
    "mse": (nn.MSELoss(), VALUES, 3),
    "mse (n,)": (nn.MSELoss(), VALUES[:, 0], 1),
    "custom": (custom_loss, VALUES, 3),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3),
}


class Switch(nn.Module):
    """Something that does one thing in training and another in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 3.0 if self.training else x


def make(
    loss: Any = "cross_entropy", optimizer: str = "adam", dtype: str = "float32"
) -> fastnn.Trainer:
    function, _, outputs = LOSSES[loss]
    fastnn.manual_seed(11)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), Switch(), nn.Linear(7, outputs)).to(dtype)
    return fastnn.Trainer(model, function, OPTIMIZERS[optimizer](model.parameters()))


def targets(loss: str, dtype: Any) -> np.ndarray:
    """As the eager loop wants them: classes as int64, else of the model's dtype and shape."""
    _, y, outputs = LOSSES[loss]
    if y.dtype.kind == "i":
        return y
    return y.astype(dtype).reshape(len(y), -1) if outputs == 1 else y.astype(dtype)


def fields(trainer: fastnn.Trainer) -> dict[str, Any]:
    """All bits of weights, gradients and optimizer."""
    state, params = trainer.optimizer.state_dict(), list(trainer.model.parameters())
    return {
        "weights": [p.detach().numpy().tobytes() for p in params],
        "grads": [p.grad if p.grad is None else p.grad.numpy().tobytes() for p in params],
        "modes": [module.training for module in trainer.model.modules()],
        "groups": copy.deepcopy(state["param_groups"]),
        "state": {
            i: {k: v if k == "step" else v.numpy().tobytes() for k, v in entry.items()}
            for i, entry in state["state"].items()
        },
    }


def eager_fit(
    trainer: fastnn.Trainer,
    x: np.ndarray,
    y: np.ndarray,
    seed: int,
    epochs: int,
    shuffle: bool = True,
    batch: int = BATCH,
    after: Callable[[int], object] = lambda epoch: None,
) -> list[float]:
    """The loop that `fit` stands for; the mean loss of each epoch."""
    rows, losses = len(x), []
    for epoch in range(epochs):
        order = batch_order(rows, seed, epoch) if shuffle else np.arange(rows)
        total = 0.0
        for begin in range(0, rows, batch):
            chosen = order[begin : begin + batch]
            trainer.optimizer.zero_grad()
            loss = trainer.loss(trainer.model(of_array(x[chosen])), of_array(y[chosen]))
            if not np.isfinite(loss.item()):
                raise FloatingPointError(f"epoch {epoch}, step {begin // batch}")
            loss.backward()
            trainer.optimizer.step()
            total += loss.item() * len(chosen)
        losses.append(total / rows)
        after(epoch)
    return losses


# ---- fit ----


def test_the_interface_of_the_readme() -> None:
    x, y, xv, yv = X[:40], CLASSES[:40], X[40:], CLASSES[40:]
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    trainer = fastnn.Trainer(model, loss=nn.CrossEntropyLoss(), optimizer=optimizer)
    history = trainer.fit(x, y, epochs=3, batch_size=8, shuffle=True, validation_data=(xv, yv),
                          metrics=["accuracy"], verbose=1)  # fmt: skip
    assert set(trainer.evaluate(xv, yv)) == {"loss", "accuracy"}
    assert model.predict(xv).shape == (10, 3) and type(model.predict(xv)) is np.ndarray
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert [len(values) for values in history.history.values()] == [3] * 4
    assert history.epoch == [0, 1, 2] and history is trainer.history


@pytest.mark.every(5)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_fit_is_the_eager_loop(loss: str, optimizer: str, real: str) -> None:
    """Also the second fit, which goes on with the optimizer's state and another shuffle."""
    fitted, looped = (make(loss, optimizer, real) for _ in range(2))
    y = LOSSES[loss][1]
    seeds = []
    for shuffle in (True, False, True):
        history = fitted.fit(X, y, epochs=3, batch_size=BATCH, shuffle=shuffle, verbose=0)
        seeds.append(fitted.seed)
        losses = eager_fit(looped, X.astype(real), targets(loss, real), fitted.seed, 3, shuffle)
        assert fields(fitted) == fields(looped)
        assert history.history == {"loss": losses}
    assert seeds[0] != seeds[2]


@pytest.mark.parametrize("batch", [1, 7, 25, ROWS, 1000])
def test_fit_is_the_eager_loop_for_any_batch(batch: int) -> None:
    fitted, looped = make(), make()
    history = fitted.fit(X, CLASSES, epochs=2, batch_size=batch, verbose=0)
    x = X.astype(np.float32)
    assert history.history["loss"] == eager_fit(looped, x, CLASSES, fitted.seed, 2, batch=batch)
    assert fields(fitted) == fields(looped)


def test_a_callback_changes_the_learning_rate() -> None:
    fitted, looped = make(), make()

    def halve(trainer: fastnn.Trainer) -> None:
        trainer.optimizer.param_groups[0]["lr"] *= 0.5

    fitted.fit(X, CLASSES, epochs=3, batch_size=BATCH, verbose=0,
               callbacks=[lambda epoch, logs: halve(fitted)])  # fmt: skip
    x = X.astype(np.float32)
    eager_fit(looped, x, CLASSES, fitted.seed, 3, after=lambda epoch: halve(looped))
    assert fields(fitted) == fields(looped)
    assert fitted.optimizer.param_groups[0]["lr"] == 0.01 / 8


def test_the_seed_fixes_everything() -> None:
    runs = []
    for _ in range(2):
        trainer = make()
        trainer.fit(X, CLASSES, epochs=2, verbose=0)
        runs.append((fields(trainer), trainer.seed, trainer.history.history))
    assert runs[0] == runs[1]
    orders = [batch_order(ROWS, seed, epoch).tolist() for seed in (1, 2) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(ROWS)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_the_same_bits_for_any_number_of_threads() -> None:
    before, results = fastnn.num_threads(), []
    x, y = RNG.normal(size=(600, 64)), RNG.integers(0, 10, 600)
    try:
        for threads in (1, 2, 3, 4):
            fastnn.set_num_threads(threads)
            fastnn.manual_seed(3)
            layers = nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()
            model = nn.Sequential(*layers, nn.Linear(256, 10))
            trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
            trainer.fit(x, y, epochs=2, batch_size=256, verbose=0, metrics=["accuracy"])
            costs = [recording.program.cost for recording in trainer._recordings.values()]
            assert len(costs) == 2 and max(costs) > 4 * 60  # worth 4 threads, as threads.c counts
            results.append((fields(trainer), trainer.history.history, model.predict(x).tobytes()))
    finally:
        fastnn.set_num_threads(before)
    assert all(result == results[0] for result in results)


def test_many_epochs_are_run_in_parts(monkeypatch: Any) -> None:
    whole = make()
    whole.fit(X, CLASSES, epochs=7, batch_size=BATCH, verbose=0)
    parts = make()
    monkeypatch.setattr(session, "EPOCHS_AT_ONCE", 3)
    parts.fit(X, CLASSES, epochs=7, batch_size=BATCH, verbose=0)
    assert fields(whole) == fields(parts) and vars(whole.history) == vars(parts.history)


# ---- refusals ----

LATE = CLASSES.copy()
LATE[-1] = 3
NAN = X.copy()
NAN[-1, -1] = np.nan
DEFAULTS: dict[str, Any] = {"x": X, "y": CLASSES, "batch_size": BATCH, "verbose": 0}
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "x none": ({"x": None}, TypeError, "x: "),
    "x 1-d": ({"x": X[0]}, ValueError, "x: "),
    "x no rows": ({"x": X[:0]}, ValueError, "x: "),
    "x nan": ({"x": NAN}, ValueError, "x: expected finite numbers, got nan at row 49, column 4"),
    "x wide": ({"x": X[:, :4]}, ValueError, "expected 5 "),
    "y none": ({"y": None}, TypeError, "y: "),
    "y length": ({"y": CLASSES[:-1]}, ValueError, "y: expected 50 rows like x, got 49"),
    "y column": ({"y": CLASSES[:, None]}, ValueError, "expected shape"),
    "y half": ({"y": CLASSES + 0.5}, ValueError, "y: "),
    "y -1": ({"y": CLASSES - 3}, ValueError, "y: "),
    "y last row": ({"y": LATE}, ValueError, "y: expected integer classes in 0..2, got 3 at row 49"),
    "epochs 0": ({"epochs": 0}, ValueError, "epochs: "),
    "epochs float": ({"epochs": 1.5}, TypeError, "epochs: "),
    "batch_size 0": ({"batch_size": 0}, ValueError, "batch_size: "),
    "batch_size text": ({"batch_size": "8"}, TypeError, "batch_size: "),
    "metrics unknown": ({"metrics": ["acc"]}, ValueError, "metrics: expected one of 'accuracy', "),
    "metrics text": ({"metrics": "accuracy"}, TypeError, "metrics: "),
    "metrics twice": ({"metrics": ["mse", "mse"]}, ValueError, "metrics: "),
    "metrics number": ({"metrics": [lambda z, y: 1.0]}, TypeError, "metrics: "),
    "metrics rows": ({"metrics": [lambda z, y: z]}, TypeError, "metrics: "),
    "validation array": ({"validation_data": X}, TypeError, "validation_data: "),
    "validation x": ({"validation_data": (NAN, CLASSES)}, ValueError, "validation x: "),
    "validation y": ({"validation_data": (X, LATE)}, ValueError, "validation y: "),
    "verbose": ({"verbose": 3}, ValueError, "verbose: expected one of 0, 1, 2, got 3"),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("case", BAD)
def test_bad_input_changes_nothing(case: str) -> None:
    arguments, error, message = BAD[case]
    trainer = make()
    trainer.fit(X, CLASSES, batch_size=BATCH, verbose=0)  # there are moments and gradients
    before = fields(trainer)
    assert None not in before["grads"] and before["state"]
    with pytest.raises(error, match=re.escape(message)):
        trainer.fit(**{**DEFAULTS, **arguments})
    assert fields(trainer) == before


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [(nn.CrossEntropyLoss(reduction="none"), CLASSES, "reduction='mean'"),
     (nn.MSELoss(), CLASSES, "expected shape"), (lambda z, y: z, VALUES, "loss: ")],
)  # fmt: skip
def test_a_loss_that_does_not_fit(loss: Any, y: np.ndarray, message: str) -> None:
    trainer = make()
    trainer.loss = loss
    before = fields(trainer)
    with pytest.raises(ValueError, match=re.escape(message)):
        trainer.fit(X, y, verbose=0)
    assert fields(trainer) == before


@pytest.mark.parametrize("case", ["model", "loss", "optimizer"])
def test_bad_parts(case: str) -> None:
    trainer = make()
    parts = {"model": trainer.model, "loss": trainer.loss, "optimizer": trainer.optimizer}
    with pytest.raises(TypeError, match=f"^{case}: "):
        fastnn.Trainer(**{**parts, case: 3})


# ---- divergence ----


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("lr", [4.0, 1e30])
def test_a_loss_that_becomes_nan_stops_before_its_step(optimizer: str, lr: float) -> None:
    """Weights and moments are those of the eager loop up to the step of that loss."""
    fitted, looped = make("mse", optimizer), make("mse", optimizer)
    x, y = X.astype(np.float32), VALUES.astype(np.float32)
    for trainer in (fitted, looped):
        trainer.model[1] = nn.Identity()  # linear: a large lr does diverge
        # Adam's steps do not grow with the gradient.
        trainer.optimizer.param_groups[0]["lr"] = max(lr, 1e18) if optimizer == "adam" else lr
    with pytest.raises(FloatingPointError, match=r"^loss: .*epoch \d+, step \d+;") as caught:
        fitted.fit(x, y, epochs=60, batch_size=BATCH, verbose=0)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as expected:
        eager_fit(looped, x, y, fitted.seed, 60)
    assert f"in {expected.value};" in str(caught.value)
    got, want = fields(fitted), fields(looped)
    assert (got["weights"], got["state"]) == (want["weights"], want["state"])
    assert all(np.isfinite(p.detach().numpy()).all() for p in fitted.model.parameters())
    epoch = int(str(expected.value).split()[1].rstrip(","))
    assert fitted.history.epoch == list(range(epoch))  # the finished ones


def test_a_first_loss_that_is_nan_changes_nothing() -> None:
    trainer = make("mse")
    trainer.fit(X, VALUES, batch_size=BATCH, verbose=0)
    before = fields(trainer)
    with pytest.raises(FloatingPointError, match="epoch 0, step 0"):
        trainer.fit(X, np.full_like(VALUES, 1e30), batch_size=BATCH, verbose=0)
    after = fields(trainer)
    assert {k: after[k] for k in after if k != "grads"} == {
        k: before[k] for k in before if k != "grads"
    }
    again = make("mse")
    for each in (trainer, again):
        each.model.load_state_dict(make("mse").model.state_dict())
        each.optimizer.load_state_dict(make("mse").optimizer.state_dict())
        fastnn.manual_seed(1)
        each.fit(X, VALUES, batch_size=BATCH, verbose=0)
    assert fields(trainer) == fields(again)  # the next fit is as if nothing had happened

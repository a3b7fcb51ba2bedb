"""`Trainer` with L-BFGS: the eager loop with a closure, bit for bit, by programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_fit_again import functions_called

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor, of_array

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
NUMBERS = np.sin(X.sum(1, keepdims=True))
CLASSES = (X.sum(1) > 0).astype(np.int64)
LOSSES: dict[str, tuple[Any, int, Any]] = {
    "mse": (nn.MSELoss, 1, NUMBERS),
    "cross-entropy": (nn.CrossEntropyLoss, 2, CLASSES),
    "own": (lambda: lambda z, y: (z - y).abs().mean(), 1, NUMBERS),
}


def made(loss: str, **settings: Any) -> fastnn.Trainer:
    fastnn.manual_seed(0)
    function, outputs, _ = LOSSES[loss]
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, outputs))
    return fastnn.Trainer(model, function(), optim.LBFGS(model.parameters(), **settings))


def weights(trainer: fastnn.Trainer) -> list[Any]:
    return [t.tolist() for t in trainer.model.state_dict().values()]


def eager(loss: str, batch: int, epochs: int, **settings: Any) -> tuple[list[float], list[Any]]:
    trainer, y = made(loss, **settings), LOSSES[loss][2]
    optimizer, losses = trainer.optimizer, []
    for _ in range(epochs):
        total = 0.0
        for begin in range(0, len(X), batch):
            rows, targets = of_array(X[begin : begin + batch]), of_array(y[begin : begin + batch])

            def closure(rows: Tensor = rows, targets: Tensor = targets) -> Tensor:
                optimizer.zero_grad()
                value: Tensor = trainer.loss(trainer.model(rows), targets)
                value.backward()
                return value

            total += optimizer.step(closure).item() * len(rows)
        losses.append(total / len(X))
    return losses, weights(trainer)


@pytest.mark.every(5)
@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("batch", [40, 20, 16])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_fit_is_the_eager_loop(loss: str, batch: int, search: str | None) -> None:
    settings = {"line_search_fn": search, "max_iter": 5, "lr": 1.0 if search else 0.1}
    want, weights_then = eager(loss, batch, 3, **settings)
    trainer = made(loss, **settings)
    y = LOSSES[loss][2]
    found = trainer.fit(X, y, epochs=3, batch_size=batch, shuffle=False, verbose=0)
    assert found.history["loss"] == pytest.approx(want, rel=1e-12)
    assert weights(trainer) == weights_then


def test_the_model_runs_in_python_once() -> None:
    trainer = made("mse", line_search_fn="strong_wolfe")
    with functions_called() as called:
        trainer.fit(X, NUMBERS, epochs=6, batch_size=40, verbose=0)
    assert trainer.optimizer.state_dict()["state"][0]["func_evals"] > 50
    assert called.count("Linear.forward") == 2  # two layers, while it was recorded


def test_metrics_validation_weights_and_a_schedule() -> None:
    trainer = made("cross-entropy", line_search_fn="strong_wolfe")
    scheduler = optim.lr_scheduler.StepLR(trainer.optimizer, 1, 0.5)
    history = trainer.fit(
        X, CLASSES, epochs=4, batch_size=40, metrics=["accuracy"], validation_split=0.25,
        class_weight="balanced", scheduler=scheduler, verbose=0,
    ).history  # fmt: skip
    assert history["lr"] == [1.0, 0.5, 0.25, 0.125]
    assert history["accuracy"][-1] > 0.95
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_code_that_cannot_be_replayed_runs_in_python() -> None:
    trainer = made("mse", line_search_fn="strong_wolfe")
    calls: list[int] = []

    def loss(z: Tensor, y: Tensor) -> Tensor:
        calls.append(len(calls))
        return nn.functional.mse_loss(z, y)

    trainer.loss = loss
    with pytest.warns(UserWarning, match="runs in Python every time"):
        found = trainer.fit(X, NUMBERS, epochs=3, batch_size=40, shuffle=False, verbose=0)
    want, then = eager("mse", 40, 3, line_search_fn="strong_wolfe")
    assert found.history["loss"] == pytest.approx(want) and weights(trainer) == then
    assert len(calls) > 20


def test_it_goes_on_from_a_file(tmp_path: Path) -> None:
    whole = made("mse", line_search_fn="strong_wolfe")
    whole.fit(X, NUMBERS, epochs=6, batch_size=40, verbose=0)
    for stop in (3, 6):
        trainer = made("mse", line_search_fn="strong_wolfe")
        trainer.fit(
            X, NUMBERS, epochs=stop, batch_size=40, verbose=0, checkpoint=tmp_path / "state"
        )
    assert weights(trainer) == weights(whole)


@pytest.mark.parametrize("at", [0, 2])
def test_a_loss_that_is_not_finite_changes_nothing(at: int) -> None:
    """From the start, or where a step without a line search has gone too far."""
    trainer = made("mse", lr=1e30 if at else 1.0)
    y = NUMBERS if at else NUMBERS * np.float32(1e30)
    before = [p.tolist() for p in trainer.model.parameters()]
    with pytest.raises(FloatingPointError, match="the model is as before that step"):
        trainer.fit(X, y, batch_size=40, verbose=0)
    assert [p.tolist() for p in trainer.model.parameters()] == before


@pytest.mark.parametrize(
    "option", [{"clip_norm": 1.0}, {"clip_value": 1.0}, {"accumulate_steps": 2}]
)
def test_gradients_are_not_changed(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="optimizer: LBFGS takes no clip_norm"):
        made("mse").fit(X, NUMBERS, verbose=0, **option)

"""Reports of a fit: history, metrics, evaluate, callbacks, progress."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from test_trainer import BATCH, BINARY, CLASSES, ROWS, VALUES, X, fields, make

from fastnn import nn, optim
from fastnn.tensor import Tensor, of_array
from fastnn.train import batch_order
from fastnn.train.metrics import WholeSet
from fastnn.train.progress import ProgressBar


def metrics_by_hand(z: np.ndarray, y: np.ndarray) -> dict[str, float]:
    return {"accuracy": float((z.argmax(1) == y).mean())}


def test_history_and_evaluate() -> None:
    """Figures are means over rows, not over batches; val_* are those of evaluate, in eval mode."""
    x = np.concatenate([X] * 30).astype(np.float32)[:1300]  # evaluated as 1024 and 276 rows
    y = np.concatenate([CLASSES] * 30)[:1300]
    trainer = make()
    seen: list[Any] = []

    def figures(epoch: int, logs: dict[str, float]) -> None:
        trainer.model.eval()
        z = trainer.model(of_array(x)).detach()
        trainer.model.train()
        loss = nn.CrossEntropyLoss()(z, of_array(y)).item()
        seen.append((epoch, dict(logs), {"loss": loss, **metrics_by_hand(z.numpy(), y)}))

    history = trainer.fit(x[:50], y[:50], epochs=3, batch_size=BATCH, validation_data=(x, y),
                          metrics=["accuracy"], verbose=0, callbacks=[figures])  # fmt: skip
    assert [epoch for epoch, _, _ in seen] == [0, 1, 2]
    for epoch, logs, by_hand in seen:
        assert logs == {name: values[epoch] for name, values in history.history.items()}
        for name, value in by_hand.items():
            assert logs[f"val_{name}"] == pytest.approx(value, rel=1e-6)
    last = {name: history.history[f"val_{name}"][-1] for name in ("loss", "accuracy")}
    before = fields(trainer)
    assert trainer.evaluate(x, y) == last  # the metrics of the last fit
    assert trainer.evaluate(x, y, metrics=[]) == {"loss": last["loss"]}
    assert fields(trainer) == before
    assert trainer.model.training


def test_metrics_of_training_are_those_of_the_steps() -> None:
    """Before each update, averaged over rows; a function of one's own counts too."""
    fitted, looped = make("mse"), make("mse")

    def worst(z: Tensor, y: Tensor) -> Tensor:
        return (z - y).abs().amax()

    history = fitted.fit(X, VALUES, batch_size=BATCH, verbose=0, metrics=["mse", "mae", worst])
    x, y = X.astype(np.float32), VALUES.astype(np.float32)
    sums = np.zeros(3)
    order = batch_order(ROWS, fitted.seed, 0)
    for begin in range(0, ROWS, BATCH):
        rows = order[begin : begin + BATCH]
        looped.optimizer.zero_grad()
        z = looped.model(of_array(x[rows]))
        looped.loss(z, of_array(y[rows])).backward()
        looped.optimizer.step()
        d = np.abs(z.detach().numpy().astype(np.float64) - y[rows])
        sums += len(rows) * np.array([(d**2).mean(), d.mean(), d.max()])
    got = [history.history[name][0] for name in ("mse", "mae", "worst")]
    np.testing.assert_allclose(got, sums / ROWS, rtol=1e-6)
    assert fields(fitted) == fields(looped)  # metrics leave no trace in the weights


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_accuracy_of_a_binary_net(shape: tuple[int, ...]) -> None:
    trainer = make("bce (n,)")
    figures = trainer.evaluate(X, BINARY.reshape(shape), metrics=["accuracy"])
    z = trainer.model.predict(X).ravel()
    assert figures["accuracy"] == pytest.approx(((z > 0) == (BINARY > 0.5)).mean(), rel=1e-6)


def test_callbacks() -> None:
    calls: list[tuple[str, int, list[str]]] = []

    def stop(epoch: int, logs: dict[str, float]) -> bool:
        calls.append(("stop", epoch, sorted(logs)))
        return epoch == 2

    def spoil(epoch: int, logs: dict[str, float]) -> int:
        calls.append(("spoil", epoch, sorted(logs)))
        logs.clear()  # a copy: the history keeps its figures
        return 1  # only True stops

    trainer = make()
    history = trainer.fit(X, CLASSES, epochs=9, verbose=0, callbacks=[spoil, stop])
    assert calls == [(n, e, ["loss"]) for e in range(3) for n in ("spoil", "stop")]
    assert history.epoch == [0, 1, 2] and len(history.history["loss"]) == 3


@pytest.mark.every(5)
@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("bar", [False, True])
@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_progress(verbose: int, bar: bool, terminal: bool, capsys: Any, monkeypatch: Any) -> None:
    if bar:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setattr(ProgressBar, "_told_at", -1.0)
    history = make().fit(X, CLASSES, epochs=3, verbose=verbose, metrics=["accuracy"])
    out, err = capsys.readouterr()
    assert out == ""
    shown = f"loss {history.history['loss'][-1]:.4f}"
    if verbose == 0:
        assert err == ""
    elif (
        verbose == 1 and not terminal
    ):  # lines at most every second: tests/test_progress_streams.py
        assert err.count("\n") == 1 and err.startswith("epoch 3/3  ") and shown in err
    elif verbose == 1 and bar:
        assert "6/6" in err and shown.replace(" ", "=") in err
    else:
        lines = err.splitlines()
        assert len(lines) == 3 and lines[2].startswith("epoch 3/3  ") and shown in lines[2]


class CutOff:
    """Metrics over the whole data set, of which one stops the fit as Ctrl-C does."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, z: Any, y: Any) -> float:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return 1.0


CUT: dict[str, dict[str, Any]] = {
    "on training data": {},
    "on validation data": {"validation_data": (X, CLASSES)},
    "with means": {"metrics": ["accuracy", "f1"], "validation_split": 0.2},
    "with rates": {"scheduler": lambda o: optim.lr_scheduler.StepLR(o, 1)},
    "with all": {
        "metrics": ["accuracy"],
        "validation_data": (X, CLASSES),
        "scheduler": lambda o: optim.lr_scheduler.StepLR(o, 1),
    },
}


@pytest.mark.every(5)
@pytest.mark.parametrize("case", CUT)
@pytest.mark.parametrize("epoch", [0, 2])
def test_a_history_that_was_cut_off_is_a_table(case: str, epoch: int) -> None:
    trainer, options = make(), dict(CUT[case])
    if "scheduler" in options:
        options["scheduler"] = options["scheduler"](trainer.optimizer)
    own = WholeSet(CutOff(epoch), "own")
    options["metrics"] = [*options.get("metrics", []), own]
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, CLASSES, epochs=5, batch_size=BATCH, verbose=0, **options)
    history = trainer.history
    assert len(history.epoch) == epoch + 1
    assert {len(values) for values in history.history.values()} == {epoch + 1}
    assert np.isfinite(history.history["loss"]).all()
    name = "val_own" if "val_loss" in history.history else "own"
    assert np.isnan(history.history[name]).tolist() == [False] * epoch + [True]
    if "lr" in history.history:
        assert np.isfinite(history.history["lr"]).all()

"""`fit_many`: nets that fail, what it leaves behind, folds, bags and halving."""

from __future__ import annotations

import copy
import re
import runpy
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import SOON
from populations import CLASSES, NUMBERS, N, X, alone, mlp, normed, same

import fastnn
from fastnn import nn, optim
from fastnn.callbacks import EarlyStopping
from fastnn.population import bags, fit_many

ROOT = Path(__file__).resolve().parents[1]


def test_a_loss_that_becomes_nan_stops_its_net_alone() -> None:
    loss = nn.MSELoss()
    configs = [
        {"lr": 0.01, "seed": 0, "outputs": 2},
        {"lr": 1e20, "seed": 1, "outputs": 2},
        {"lr": 0.02, "seed": 2, "outputs": 2},
    ]
    options: dict[str, Any] = {"epochs": 4}
    population = fit_many(
        mlp, X, 10 * NUMBERS, configs=configs, loss=loss, optimizer=optim.SGD, verbose=0, **options
    )
    assert list(population.errors) == [1] and "not finite" in population.errors[1]
    for i in (0, 2):
        same(population, i, alone(mlp, configs[i], optim.SGD, loss, 10 * NUMBERS, **options))
    assert np.isnan(population.scores("loss")[1]) and population.ranking("loss")[-1] == 1


def test_training_goes_on_from_a_population() -> None:
    """Models and optimizers are as a fit left them: another fit continues."""
    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": i} for i in range(2)]
    population = fit_many(mlp, X, CLASSES, configs=configs, loss=loss, epochs=3, verbose=0)
    for i, config in enumerate(configs):
        trainer = alone(mlp, config, optim.Adam, loss, CLASSES, epochs=3)
        fastnn.manual_seed(99)
        trainer.fit(X, CLASSES, epochs=2, verbose=0)
        fastnn.manual_seed(99)
        again = fastnn.Trainer(population.models[i], loss, population.optimizers[i])
        again.fit(X, CLASSES, epochs=2, verbose=0)
        for p, q in zip(trainer.model.parameters(), population.models[i].parameters(), strict=True):
            np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_the_generator_stays_as_it_was() -> None:
    fastnn.manual_seed(5)
    want = fastnn.rand(3).numpy()
    fastnn.manual_seed(5)
    fit_many(mlp, X, CLASSES, configs=[{"p": 0.5}] * 2, loss=nn.CrossEntropyLoss(), verbose=0)
    np.testing.assert_array_equal(fastnn.rand(3).numpy(), want)


def test_default_seeds() -> None:
    population = fit_many(
        mlp, X, CLASSES, configs=[{}, {}], seed=40, loss=nn.CrossEntropyLoss(), epochs=2, verbose=0
    )
    for i in range(2):
        trainer = alone(mlp, {"seed": 40 + i}, optim.Adam, nn.CrossEntropyLoss(), CLASSES, epochs=2)
        same(population, i, trainer)


def test_a_step_allocates_nothing() -> None:
    """Twice the epochs, as many allocations."""
    counts = []
    for epochs in (2, 2, 40):
        before = fastnn._core.engine.allocations()
        fit_many(
            normed, X, CLASSES, configs=[{}] * 3, epochs=epochs, loss=nn.CrossEntropyLoss(),
            validation_rows=np.arange(20), n_threads=1, early_stopping=100, verbose=0,
        )  # fmt: skip
        counts.append(fastnn._core.engine.allocations() - before)
    assert counts[1] == counts[2]


def test_folds_and_bags_train_each_configuration_on_each() -> None:
    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": 3}, {"lr": 0.05, "seed": 4}]
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=loss, bags=3, seed=8, epochs=2, verbose=0
    )
    drawn = bags(N, 3, 8)
    for i in range(6):
        rows, held = drawn[i % 3]
        trainer = alone(
            mlp, configs[i // 3], optim.Adam, loss, CLASSES, rows, epochs=2,
            validation_data=(X[held], CLASSES[held]),
        )  # fmt: skip
        same(population, i, trainer)


@pytest.mark.long
def test_ctrl_c_ends_it_soon() -> None:
    big = np.tile(X, (40, 1))
    y = np.tile(CLASSES, 40)
    timer = threading.Timer(0.6, signal.raise_signal, [signal.SIGINT])
    timer.start()
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        fit_many(
            mlp, big, y, configs=[{}] * 6, loss=nn.CrossEntropyLoss(), epochs=10**5,
            validation_rows=[np.arange(4000)] * 6, early_stopping=10**6, verbose=0,
        )  # fmt: skip
    assert time.perf_counter() - began < SOON
    timer.join()


def test_one_progress_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr("fastnn.train.progress._is_terminal", lambda: True)
    fit_many(mlp, X, CLASSES, configs=[{}] * 3, loss=nn.CrossEntropyLoss(), epochs=4)
    shown = capsys.readouterr().err
    assert "60/60" in shown and "100%" in shown  # 3 nets, 4 epochs of 5 steps


def test_the_page_runs() -> None:
    """The examples of docs/many.md, one after the other."""
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs/many.md").read_text(), re.S):
        exec(compile(code, "docs/many.md", "exec"), names)
    assert names["best"].score > 0.8 and set(names["population"].epochs.tolist()) == {2, 6, 18}
    assert names["p"].shape == (300, 2) and (names["low"] <= names["high"]).all()


@pytest.mark.long
def test_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples/search.py"), run_name="__main__")
    shown = capsys.readouterr().out
    assert "epochs: [10, 30, 90]" in shown and "Ensemble(5 models" in shown
    found = re.search(r"accuracy out of fold: ([\d.]+)", shown)
    assert found is not None and float(found[1]) > 0.95


def steep() -> nn.Module:
    """Its outputs of huge rows are nan."""
    net = mlp()
    nn.init.normal_(net[0].weight, std=100.0)
    nn.init.normal_(net[2].weight, std=100.0)
    return net


def test_stopping_by_a_figure_that_is_nan() -> None:
    """It is never the best, at first neither."""
    held = np.full_like(X[:40], 3e38), CLASSES[:40]
    loss, stopping = nn.CrossEntropyLoss(), EarlyStopping("val_loss", patience=2)
    options: dict[str, Any] = {"epochs": 6, "validation_data": held}
    config = {"lr": 0.01, "seed": 1}
    population = fit_many(
        steep, X, CLASSES, configs=[config], loss=loss, early_stopping=stopping, verbose=0,
        **options,
    )  # fmt: skip
    own = copy.copy(stopping)
    trainer = alone(steep, config, optim.Adam, loss, CLASSES, callbacks=[own], **options)
    assert np.isnan(trainer.history.history["val_loss"]).all() and own.best_epoch is None
    assert population.best_epochs[0] == -1
    assert population.epochs[0] == len(trainer.history.epoch) == 2
    for name, want in trainer.model.state_dict().items():
        got = population.models[0].state_dict()[name]
        np.testing.assert_array_equal(got.numpy(), want.numpy(), name)

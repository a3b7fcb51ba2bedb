"""`fit_many`: the bits of every net are those of a `Trainer.fit` of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from populations import (
    CLASSES,
    HELD,
    LABELS,
    NUMBERS,
    ROWS,
    WEIGHTS,
    Build,
    Config,
    D,
    N,
    X,
    alone,
    mlp,
    normed,
    same,
)

import fastnn
from fastnn import nn, optim
from fastnn.callbacks import EarlyStopping
from fastnn.population import fit_many
from fastnn.population.group import Group

PLAIN = [{"lr": 1e-2 * (i + 1), "seed": 10 - i} for i in range(4)]
CASES: dict[str, tuple[Build, list[Config], Any, Any, Any]] = {
    "lr": (mlp, PLAIN, optim.Adam, nn.CrossEntropyLoss(), CLASSES),
    "decay": (
        mlp,
        [{**c, "weight_decay": 0.1 * i} for i, c in enumerate(PLAIN)],
        optim.AdamW, nn.CrossEntropyLoss(), CLASSES,
    ),
    "momentum": (
        mlp,
        [{**c, "momentum": m} for c, m in zip(PLAIN, (0.0, 0.9, 0.0, 0.5), strict=True)],
        optim.SGD, nn.CrossEntropyLoss(), CLASSES,
    ),
    "widths": (
        mlp,
        [{**c, "width": w} for c, w in zip(PLAIN, (4, 8, 4, 33), strict=True)],
        optim.RMSprop, nn.CrossEntropyLoss(label_smoothing=0.1), CLASSES,
    ),
    "dropout": (
        mlp,
        [{**c, "p": p} for c, p in zip(PLAIN, (0.0, 0.25, 0.25, 0.5), strict=True)],
        optim.Adam, nn.CrossEntropyLoss(), CLASSES,
    ),
    "norms": (normed, PLAIN, optim.NAdam, nn.CrossEntropyLoss(), CLASSES),
    "batches": (
        mlp,
        [{**c, "batch_size": b} for c, b in zip(PLAIN, (16, 200, 50, 149), strict=True)],
        optim.Adam, nn.CrossEntropyLoss(), CLASSES,
    ),
    "numbers": (
        mlp, [{**c, "outputs": 2, "l1": 1e-3 * i} for i, c in enumerate(PLAIN)],
        optim.Adam, nn.MSELoss(), NUMBERS,
    ),
    "labels": (
        mlp, [{**c, "outputs": 1} for c in PLAIN], optim.Adam, nn.BCEWithLogitsLoss(), LABELS
    ),
    "variants": (
        mlp, [{**c, "amsgrad": i % 2 == 0} for i, c in enumerate(PLAIN)],
        optim.Adam, nn.CrossEntropyLoss(), CLASSES,
    ),
    "of ops": (mlp, PLAIN, optim.Adafactor, nn.CrossEntropyLoss(), CLASSES),
}  # fmt: skip


@pytest.mark.every(8)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_bits_of_single_fits(name: str, threads: int) -> None:
    build, configs, optimizer, loss, y = CASES[name]
    options: dict[str, Any] = {"epochs": 3, "batch_size": 32}
    population = fit_many(
        build, X, y, configs=configs, loss=loss, optimizer=optimizer, n_threads=threads,
        verbose=0, **options,
    )  # fmt: skip
    for i, config in enumerate(configs):
        same(population, i, alone(build, config, optimizer, loss, y, **options))
    assert population.configs == configs and population.errors == {}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("build", [mlp, normed])
def test_own_rows_validation_and_stopping(build: Build, threads: int) -> None:
    """Every net has rows, shuffles and validation rows of its own, and stops for itself."""
    configs = [{"lr": 0.05, "seed": i} for i in range(5)]
    options: dict[str, Any] = {"epochs": 25, "metrics": ["accuracy"]}
    loss = nn.CrossEntropyLoss()
    stopping = EarlyStopping("val_accuracy", patience=2, min_delta=0.01, start_from_epoch=1)
    population = fit_many(
        build, X, CLASSES, configs=configs, loss=loss, rows=ROWS, validation_rows=HELD,
        early_stopping=stopping, n_threads=threads, verbose=0, **options,
    )  # fmt: skip
    assert population.epochs.min() < 25
    for i, config in enumerate(configs):
        own = copy.copy(stopping)
        trainer = alone(
            build, config, optim.Adam, loss, CLASSES, ROWS[i], callbacks=[own],
            validation_data=(X[HELD[i]], CLASSES[HELD[i]]), **options,
        )  # fmt: skip
        same(population, i, trainer)
        assert population.best_epochs[i] == own.best_epoch
        assert population.epochs[i] == len(trainer.history.epoch)
    assert stopping.best_epoch is None  # the given one is a template


def test_stopping_where_not_every_epoch_is_evaluated() -> None:
    """An epoch without a figure neither counts as a wait nor as the best."""
    configs = [{"lr": 0.05 * (1 + i), "seed": i} for i in range(3)]
    loss, held = nn.CrossEntropyLoss(), (X[:40], CLASSES[:40])
    options: dict[str, Any] = {"epochs": 30, "validation_data": held, "validation_freq": 3}
    stopping = EarlyStopping("val_loss", patience=1, min_delta=0.02)
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=loss, early_stopping=stopping, verbose=0, **options
    )
    assert population.epochs.min() < 30
    for i, config in enumerate(configs):
        own = copy.copy(stopping)
        trainer = alone(mlp, config, optim.Adam, loss, CLASSES, callbacks=[own], **options)
        same(population, i, trainer)
        assert population.best_epochs[i] == own.best_epoch and own.best_epoch % 3 == 2


def test_masks_and_samples_with_repeats() -> None:
    """A mask is the rows in order; row numbers may repeat, in any order."""
    mask = np.zeros(N, bool)
    mask[::2] = True
    sample = np.random.default_rng(0).integers(N, size=N)
    configs = [{"lr": 0.01, "seed": 1}, {"lr": 0.01, "seed": 2}, {"lr": 0.02, "seed": 3}]
    given = [mask, sample, None]
    loss = nn.CrossEntropyLoss()
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=loss, rows=given, epochs=3, verbose=0
    )
    rows = [np.flatnonzero(mask), sample, None]
    for i, config in enumerate(configs):
        same(population, i, alone(mlp, config, optim.Adam, loss, CLASSES, rows[i], epochs=3))


def test_validation_data_freq_weights_and_no_shuffle() -> None:
    configs = [{"lr": 0.01 * (1 + i), "seed": i} for i in range(3)]
    loss = nn.CrossEntropyLoss()
    options: dict[str, Any] = {
        "epochs": 7, "validation_data": (X[:40], CLASSES[:40]), "validation_freq": 3,
        "shuffle": False, "sample_weight": WEIGHTS, "metrics": ["accuracy"],
    }  # fmt: skip
    population = fit_many(mlp, X, CLASSES, configs=configs, loss=loss, verbose=0, **options)
    assert np.isnan(population.history["val_loss"][0]).tolist() == [
        True, True, False, True, True, False, True,
    ]  # fmt: skip
    for i, config in enumerate(configs):
        same(population, i, alone(mlp, config, optim.Adam, loss, CLASSES, **options))


def test_validation_split() -> None:
    configs = [{"lr": 0.01, "seed": i} for i in range(3)]
    loss = nn.CrossEntropyLoss()
    options: dict[str, Any] = {"epochs": 3, "validation_split": 0.2, "sample_weight": WEIGHTS}
    population = fit_many(mlp, X, CLASSES, configs=configs, loss=loss, verbose=0, **options)
    for i, config in enumerate(configs):
        trainer = alone(mlp, config, optim.Adam, loss, CLASSES, **options)
        same(population, i, trainer)
        held = population.validation_rows[i]
        assert held is not None and trainer.validation_rows is not None
        np.testing.assert_array_equal(held, trainer.validation_rows)


def test_more_validation_rows_than_a_batch() -> None:
    x = np.tile(X, (20, 1))
    y = np.tile(CLASSES, 20)
    held = np.arange(2500)
    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": 0}, {"lr": 0.02, "seed": 1}]
    population = fit_many(
        mlp, x, y, configs=configs, loss=loss, rows=np.arange(2500, 3000), epochs=2, verbose=0,
        validation_rows=held,
    )  # fmt: skip
    for i, config in enumerate(configs):
        trainer = alone(
            mlp, config, optim.Adam, loss, y, np.arange(2500, 3000), x, epochs=2,
            validation_data=(x[held], y[held]),
        )  # fmt: skip
        same(population, i, trainer)


def test_double_precision_and_other_types_of_x() -> None:
    def build() -> nn.Module:
        return mlp().double()

    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": i} for i in range(2)]
    for x in (X.astype(np.float64), (X * 20).astype(np.int8), np.asfortranarray(X)):
        population = fit_many(build, x, CLASSES, configs=configs, loss=loss, epochs=2, verbose=0)
        for i, config in enumerate(configs):
            same(population, i, alone(build, config, optim.Adam, loss, CLASSES, x=x, epochs=2))


class Tied(nn.Module):
    """One weight used twice, a frozen layer, a constant of its own."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.inner = nn.Linear(D, D)
        self.again = self.inner
        self.frozen = nn.Linear(D, D)
        self.frozen.requires_grad_(False)
        self.head = nn.Linear(D, 3)
        self.constant = fastnn.tensor(np.full(D, scale, np.float32))

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        h = self.again(fastnn.tanh(self.inner(x)))
        return self.head(self.frozen(h) * self.constant)


@pytest.mark.long
def test_models_that_share_no_program() -> None:
    """What a model has beyond numbers, and is not the same object, keeps it apart."""

    def build(scale: float = 1.0) -> nn.Module:
        return Tied(scale)

    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": i, "scale": 0.5 * (i + 1)} for i in range(3)]
    population = fit_many(build, X, CLASSES, configs=configs, loss=loss, epochs=3, verbose=0)
    for i, config in enumerate(configs):
        same(population, i, alone(build, config, optim.Adam, loss, CLASSES, epochs=3))


def test_parameter_groups() -> None:
    def grouped(params: Any, lr: float, slow: float) -> optim.Optimizer:
        first, *rest = params
        return optim.Adam([{"params": [first], "lr": slow}, {"params": rest}], lr=lr)

    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "slow": 0.001 * i, "seed": i} for i in range(3)]
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=loss, optimizer=grouped, epochs=3, verbose=0
    )
    for i, config in enumerate(configs):
        same(population, i, alone(mlp, config, grouped, loss, CLASSES, epochs=3))


OPTIMIZERS = ["Adagrad", "Adadelta", "Adamax", "RAdam", "Lion", "Rprop", "ASGD", "EMAMomentum"]


@pytest.mark.every(5)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_other_optimizers(name: str) -> None:
    """Their moments, and what they keep from step to step, are the net's own."""
    kind, loss = getattr(optim, name), nn.CrossEntropyLoss()
    configs = [{"lr": 1e-3, "seed": 0}, {"lr": 3e-3, "seed": 1}]
    population = fit_many(
        mlp, X, CLASSES, configs=configs, loss=loss, optimizer=kind, epochs=2, verbose=0
    )
    for i, config in enumerate(configs):
        same(population, i, alone(mlp, config, kind, loss, CLASSES, epochs=2))


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "parameters": lambda: nn.PReLU(8),
    "groups": lambda: nn.GroupNorm(2, 8),
    "mean of all": lambda: nn.BatchNorm1d(8, momentum=None),
    "frozen": lambda: nn.BatchNorm1d(8).eval(),
    "whole features": lambda: nn.FeatureAlphaDropout(0.2),
    "parametrized": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)),
    "power iteration": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(8, 8)),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("real", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_other_layers(name: str, real: str) -> None:
    def build() -> nn.Module:
        layers = nn.Linear(D, 8), LAYERS[name](), nn.ReLU(), nn.Linear(8, 3)
        return nn.Sequential(*layers).to(real)

    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 1e-3, "seed": 0}, {"lr": 3e-3, "seed": 1}]
    population = fit_many(build, X, CLASSES, configs=configs, loss=loss, epochs=2, verbose=0)
    for i, config in enumerate(configs):
        same(population, i, alone(build, config, optim.Adam, loss, CLASSES, epochs=2))


def dropping(p: float = 0.1, q: float = 0.2, r: float = 0.3) -> nn.Module:
    return nn.Sequential(
        nn.Linear(D, 16), nn.SELU(), nn.AlphaDropout(r), nn.Dropout(p), nn.Linear(16, 16),
        nn.Dropout(q), nn.Linear(16, 3), nn.Dropout(p),
    )  # fmt: skip


RATES = [
    (0.1, 0.2, 0.3), (0.5, 0.25, 0.3), (0.2, 0.1, 0.3),  # one program
    (0.4, 0.4, 0.3), (0.3, 0.1, 0.3), (0.1, 0.2, 0.4), (0.0, 0.2, 0.3),  # others
]  # fmt: skip


@pytest.mark.long
def test_dropout_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets that differ in rates share a program, if it can tell the layers apart by them."""
    groups: list[list[int]] = []
    init = Group.__init__

    def counted(self: Group, nets: Any, task: Any) -> None:
        groups.append([net.number for net in nets])
        init(self, nets, task)

    monkeypatch.setattr(Group, "__init__", counted)
    loss = nn.CrossEntropyLoss()
    configs = [dict(zip("pqr", rates, strict=True)) | {"seed": 2} for rates in RATES]
    for threads in (1, 2):
        population = fit_many(
            dropping, X, CLASSES, configs=configs, loss=loss, epochs=3, n_threads=threads,
            verbose=0,
        )  # fmt: skip
        for i, config in enumerate(configs):
            same(population, i, alone(dropping, config, optim.Adam, loss, CLASSES, epochs=3))
    assert groups[:5] == [[0, 1, 2], [3], [4], [5], [6]]


@pytest.mark.parametrize("name", ["lr", "decay", "norms", "batches", "numbers"])
def test_like_nets_are_recorded_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    init = Group.__init__

    def counted(self: Group, nets: Any, task: Any) -> None:
        made.append(len(nets))
        init(self, nets, task)

    monkeypatch.setattr(Group, "__init__", counted)
    build, configs, optimizer, loss, y = CASES[name]
    fit_many(build, X, y, configs=configs, loss=loss, optimizer=optimizer, verbose=0)
    parts = {"numbers": [1, 3]}  # without l1 there is no shrinking
    assert made == parts.get(name, [4])


def test_labels_that_the_loss_ignores() -> None:
    y = CLASSES.copy()
    y[::4] = -100
    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": i} for i in range(3)]
    options: dict[str, Any] = {"epochs": 3, "metrics": ["accuracy"]}
    for rows in (None, ROWS[:3]):
        population = fit_many(
            mlp, X, y, configs=configs, loss=loss, rows=rows, verbose=0, **options
        )
        for i, config in enumerate(configs):
            own = None if rows is None else rows[i]
            same(population, i, alone(mlp, config, optim.Adam, loss, y, own, **options))


def test_code_that_has_to_run_in_python() -> None:
    """Such nets are trained one by one, with the same bits."""

    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(D, 3)
            self.calls = 0

        def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
            self.calls += 1
            return self.layer(x) * (1.0 + self.calls % 2)

    def build(noisy: bool = True) -> nn.Module:
        return Noisy() if noisy else mlp()

    loss = nn.CrossEntropyLoss()
    configs = [{"lr": 0.01, "seed": i, "noisy": i != 1} for i in range(3)]
    options: dict[str, Any] = {"epochs": 4, "validation_data": (X[:30], CLASSES[:30])}
    with pytest.warns(UserWarning, match="runs in Python"):
        population = fit_many(
            build, X, CLASSES, configs=configs, loss=loss, early_stopping=1, verbose=0, **options
        )
    for i, config in enumerate(configs):
        with pytest.warns(UserWarning) if i != 1 else pytest.MonkeyPatch.context():
            trainer = alone(
                build, config, optim.Adam, loss, CLASSES,
                callbacks=[EarlyStopping(patience=1)], **options,
            )  # fmt: skip
        same(population, i, trainer)

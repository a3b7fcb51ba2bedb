"""Train a tabular model: split, encode and scale by the training rows, fit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn import nn, optim
from fastnn.tabular.design import Design
from fastnn.tabular.holdout import Split, fingerprint
from fastnn.tabular.member import Member, Target
from fastnn.tabular.model import TabularModel
from fastnn.tabular.presets import ACTIVATIONS, OPTIMIZERS, loss_of, rate_of, takes_all_rows
from fastnn.tabular.table import Table
from fastnn.tensor import of_array

__all__ = ["Result", "Settings", "defaults", "train"]

Floats = NDArray[np.float32]
OnEpoch = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Settings:
    """Training settings.

    Attributes:
        hidden: widths of the hidden layers.
        activation: "relu", "tanh" or "sigmoid", after each hidden layer.
        epochs: passes over the training rows.
        batch_size: rows per step; all rows if there are fewer.
        lr: learning rate; None takes the default in `presets.OPTIMIZERS`.
        optimizer: a name in `presets.OPTIMIZERS`.
        loss: a name in `presets.LOSSES`; None takes cross_entropy or mse.
        test_size: fraction of the rows to hold out.
        seed: seed of the split, the initial weights and the row order.
        precision: "float32" or "bf16", as of `Trainer`.
    """

    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    epochs: int = 40
    batch_size: int = 64
    lr: float | None = None
    optimizer: str = "adam"
    loss: str | None = None
    test_size: float = 0.25
    seed: int = 0
    precision: str = "float32"


DEFAULTS: dict[str, dict[str, Any]] = {
    "digits": {"batch_size": 32},
    "breast_cancer": {"hidden": (32,), "batch_size": 32},
    "wine": {"hidden": (32,), "epochs": 60, "batch_size": 16},
    "iris": {"hidden": (32,), "epochs": 100, "batch_size": 16},
    "diabetes": {"hidden": (64,), "epochs": 20, "batch_size": 32},
}


def defaults(name: str) -> dict[str, Any]:
    """Settings for a bundled data set; {} for any other name."""
    return dict(DEFAULTS.get(name, {}))


def build(n_in: int, n_out: int, hidden: tuple[int, ...], activation: str) -> nn.Sequential:
    """Build an MLP: hidden Linear layers, each with an activation, and a Linear output layer."""
    layers: list[nn.Module] = []
    for n_from, n_to in zip((n_in, *hidden), hidden):
        layers += [nn.Linear(n_from, n_to), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, nn.Linear((n_in, *hidden)[-1], n_out))


def make_trainer(
    net: nn.Sequential, settings: Settings, is_regression: bool, **more: Any
) -> fastnn.Trainer:
    """Make a trainer for `net` with the loss and optimizer of the settings.

    more: arguments of `Trainer`, beside precision.
    """
    loss = loss_of(settings.loss, "regression" if is_regression else "classification").kind()
    kind, options = OPTIMIZERS[settings.optimizer]
    lr = rate_of(settings.optimizer, settings.lr)
    chosen = options if lr is None else {**options, "lr": lr}
    optimizer = kind(net.parameters(), **chosen)
    return fastnn.Trainer(net, loss, optimizer, precision=settings.precision, **more)


@dataclass
class Result:
    """Result of `train`.

    Attributes:
        model: the model after the last finished step.
        history: metric lists by name, one value per finished epoch.
        train, test: training rows and held-out rows.
        seconds: time spent in fit, including validation after each epoch.
        steps: optimizer steps in the finished epochs.
        interrupted: whether Ctrl-C stopped the training.
        notes: columns that were left out, and why.
    """

    model: TabularModel
    train: Table
    test: Table
    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    steps: int = 0
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


def train(
    table: Table,
    settings: Settings,
    on_epoch: OnEpoch | None = None,
    on_start: Callable[[Result], None] | None = None,
    *,
    comm: Any = None,
    reproducible: bool | int = False,
) -> Result:
    """Split a table, standardize it by its training rows, and train a net.

    Args:
        table: a table with a target.
        settings: training settings.
        on_epoch: called after each epoch with its number and metrics.
        on_start: called before the first epoch with the result as far as it is known.
        comm, reproducible: as of `Trainer`; all ranks are given the same table.

    Returns:
        A `Result`; after Ctrl-C it holds the model after the last finished step.

    Raises:
        ValueError: the table has no target or too few rows, or a setting is out of range.

    Example:
        >>> from fastnn.tabular import Settings, load_table, train
        >>> result = train(load_table("iris"), Settings(hidden=(16,), epochs=40, seed=0))
        >>> len(result.history["val_loss"]), len(result.test)
        (40, 38)
    """
    if table.y is None:
        raise ValueError("table: expected one with a target, got features only")
    if len(table) < 2:
        raise ValueError(
            f"table: expected at least 2 rows, to learn from and to hold out, got {len(table)}"
        )
    fastnn.manual_seed(settings.seed)
    dealt = Split("", settings.test_size, settings.seed)
    fit_on, hold_out = dealt.parts(table)
    design, notes = Design.fit(fit_on.rows)
    dealt = replace(dealt, table=fingerprint(table, design.encoder.names))
    net = build(design.width, len(table.classes) or 1, settings.hidden, settings.activation)
    if comm is not None and takes_all_rows(settings.optimizer):
        raise ValueError(
            f"optimizer: {settings.optimizer} is not dealt to ranks; expected one of batches"
        )
    together = {"comm": comm, "reproducible": reproducible}
    trainer = make_trainer(net, settings, not table.classes, **together)
    log = loss_of(settings.loss, table.task).log
    target = None if table.classes else _target(fit_on, log)
    classes = np.array(table.classes, object) if table.classes else None
    columns = design.encoder.names
    member = Member(net, design, target)
    model = TabularModel(
        [member], columns, classes, target=table.target, split=dealt, form=table.rows.form
    )
    result = Result(model, fit_on, hold_out, notes=notes)
    if on_start is not None:
        on_start(result)
    batch_size = len(fit_on)
    if not takes_all_rows(settings.optimizer):
        batch_size = min(settings.batch_size, batch_size)
    steps_per_epoch = -(-len(fit_on) // batch_size)

    def note(epoch: int, logs: dict[str, float]) -> None:
        for key, value in logs.items():
            result.history.setdefault(key, []).append(float(value))
        result.steps += steps_per_epoch
        if on_epoch is not None:
            on_epoch(epoch, logs)

    fit = _fit_all_rows if takes_all_rows(settings.optimizer) else _fit_batches
    start = time.perf_counter()
    try:
        fit(
            trainer, model.encode(fit_on), model.encode(hold_out), settings.epochs, batch_size, note
        )
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.perf_counter() - start
    return result


def _target(table: Table, log: bool) -> Target:
    """Scale the target to mean 0 and deviation 1; if its logarithm is predicted, to mean 1.
    Predictions may lie beyond the rows' range."""
    assert table.y is not None
    if not log:
        fitted = Target.fit(table.y)
        return Target(fitted.mean, fitted.deviation)
    mean = float(table.y.mean(dtype=np.float64))
    if table.y.min() < 0 or mean <= 0:
        raise ValueError(
            f"loss: this one wants a target {table.target!r} of numbers from 0 up that are not all "
            f"0, got {table.y.min():g}; use mse or huber"
        )
    return Target(0.0, mean, log=True)


Rows = tuple[Floats, NDArray[Any]]


def _fit_batches(
    trainer: fastnn.Trainer, rows: Rows, held_out: Rows, epochs: int, batch: int, note: OnEpoch
) -> None:
    trainer.fit(
        *rows, epochs=epochs, batch_size=batch, validation_data=held_out,
        metrics=_metrics(rows), verbose=0, callbacks=[note],
    )  # fmt: skip


def _metrics(rows: Rows) -> list[str]:
    return ["accuracy"] if rows[1].dtype.kind == "i" else []


def _fit_all_rows(
    trainer: fastnn.Trainer, rows: Rows, held_out: Rows, epochs: int, batch: int, note: OnEpoch
) -> None:
    """`fit` for full-batch optimizers, which evaluate the loss several times per step."""
    optimizer, metrics = trainer.optimizer, _metrics(rows)
    net, loss_fn = trainer.model, trainer.loss
    x, y = (of_array(part) for part in rows)

    def loss() -> fastnn.Tensor:
        optimizer.zero_grad()
        value: fastnn.Tensor = loss_fn(net(x), y)
        value.backward()
        return value

    def residuals() -> fastnn.Tensor:
        z: fastnn.Tensor = net(x)
        return z - y

    closure: Callable[[], fastnn.Tensor] = fastnn.compile(loss)
    if isinstance(optimizer, optim.LevenbergMarquardt):
        if not isinstance(trainer.loss, nn.MSELoss | nn.HalfSquaredErrorLoss):
            raise ValueError("loss: levenberg_marquardt wants a regression with mse")
        closure = residuals
    for epoch in range(epochs):
        optimizer.step(closure)
        logs = trainer.evaluate(*rows, metrics=metrics)
        if not np.isfinite(logs["loss"]):
            raise FloatingPointError(f"loss: became nan or infinite in epoch {epoch}; scale x")
        found = trainer.evaluate(*held_out, metrics=metrics)
        note(epoch, logs | {f"val_{name}": value for name, value in found.items()})

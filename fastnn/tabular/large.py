"""Train a tabular model on a table that memory does not hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastnn
from fastnn.io import LargeTable, open_table
from fastnn.tabular.design import Design, Standardizer
from fastnn.tabular.encoding import Encoder, Feature
from fastnn.tabular.member import Member, Target
from fastnn.tabular.model import TabularModel
from fastnn.tabular.presets import loss_of, takes_all_rows
from fastnn.tabular.table import MAX_CLASSES_AUTO
from fastnn.tabular.training import OnEpoch, Settings, build, make_trainer

__all__ = ["LargeResult", "train_large"]


@dataclass
class LargeResult:
    """Result of `train_large`.

    Attributes:
        model: the model after the last finished step.
        rows: how many rows were trained on. held_out: the others.
        history: metric lists by name, one value per finished epoch.
        seconds: of the training, without the passes before it.
        interrupted: whether Ctrl-C stopped it.
    """

    model: TabularModel
    rows: int
    held_out: int
    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False


def train_large(
    data: Any,
    target: str,
    settings: Settings | None = None,
    *,
    memory: int | str = "64MB",
    task: str = "auto",
    features: Sequence[str] | None = None,
    drop: Collection[str] = (),
    on_epoch: OnEpoch | None = None,
    on_start: Callable[[LargeResult], object] | None = None,
) -> LargeResult:
    """Train a plain net on CSV or Parquet files of numbers, of which memory holds a part at a time.

    Columns are standardized by mean and deviation of the training rows, numbers as a target too.
    The model reads rows as any `TabularModel`.

    Args:
        data, features, drop, memory: as of `fastnn.io.open_table`.
        target: the column to predict: numbers; or texts, or the numbers 0..C-1, as classes.
        settings: as of `train`, with optimizers that take batches.
        task: "auto" (default), "classification" or "regression": whole numbers of few kinds are
            classes.
        on_epoch: called after each epoch with its number and metrics.
        on_start: called before the first epoch.

    Raises:
        ValueError: columns that are not there, no numbers, a setting that does not suit.
        ImportError: Parquet files without pyarrow.
    """
    settings = settings or Settings()
    if takes_all_rows(settings.optimizer):
        raise ValueError(
            f"optimizer: {settings.optimizer} takes its steps over all rows at once; take another "
            "one, such as adam"
        )
    with open_table(data, target=target, features=features, drop=drop, memory=memory) as table:
        classes = _classes_of(table, task)
        kind = "classification" if classes else "regression"
        if loss_of(settings.loss, kind).log:
            raise ValueError(f"loss: {settings.loss} is for tables in memory; use mse or huber")
        return _trained(table, target, classes, settings, on_epoch, on_start)


def _classes_of(table: LargeTable, task: str) -> tuple[str, ...]:
    """The names of the classes; none for a regression."""
    if table.classes:
        if task == "regression":
            raise ValueError(f"task: expected numbers, got texts such as {table.classes[0]!r}")
        return table.classes
    labels = table.look().labels
    few = labels is not None and len(labels) <= MAX_CLASSES_AUTO
    if task == "regression" or (task == "auto" and not few):
        return ()
    if labels is None or sorted(labels) != list(range(len(labels))) or len(labels) < 2:
        raise ValueError(
            "target: expected texts, or the numbers 0..C-1 of C classes, got "
            f"{'fractions' if labels is None else sorted(labels)[:5]}; or ask for a regression"
        )
    return tuple(map(str, range(len(labels))))


def _trained(
    table: LargeTable, target: str, classes: tuple[str, ...], settings: Settings,
    on_epoch: OnEpoch | None, on_start: Callable[[LargeResult], object] | None,
) -> LargeResult:  # fmt: skip
    fastnn.manual_seed(settings.seed)
    mean, std = table.split(settings.test_size, settings.seed)[0].moments()
    std = np.where(std > 0, std, 1.0)
    scaled, undo = table.standardized(mean, std), None
    if not classes:
        found = table.split(settings.test_size, settings.seed)[0].moments("y")
        undo = Target(float(found.mean), float(found.std) or 1.0)
        scaled = scaled.scaled_targets(undo.mean, undo.deviation)
    train, held = scaled.split(settings.test_size, settings.seed)
    names = table.columns or ()
    net = build(len(names), len(classes) or 1, settings.hidden, settings.activation)
    trainer = make_trainer(net, settings, not classes)
    read = [Feature(name, "number", (float(m),)) for name, m in zip(names, mean, strict=True)]
    design = Design(Encoder(tuple(read)), Standardizer(mean, std))
    texts = np.array(classes, object) if classes else None
    model = TabularModel([Member(net, design, undo)], names, texts, target=target)
    result = LargeResult(model, train.rows, held.rows)
    if on_start is not None:
        on_start(result)

    def note(epoch: int, logs: dict[str, float]) -> None:
        for key, value in logs.items():
            result.history.setdefault(key, []).append(float(value))
        if on_epoch is not None:
            on_epoch(epoch, logs)

    start = time.perf_counter()
    try:
        trainer.fit(
            train, epochs=settings.epochs, batch_size=settings.batch_size, validation_data=held,
            metrics=["accuracy"] if classes else [], callbacks=[note], verbose=0,
        )  # fmt: skip
    except KeyboardInterrupt:
        result.interrupted = True
    result.seconds = time.perf_counter() - start
    return result

"""A training run of the command, and the figures of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.tabular import TabularModel
from fastnn.tabular.holdout import fingerprint
from fastnn.tabular.table import Table

__all__ = ["Run", "aligned", "answers", "evaluate", "held_out", "split_order"]


@dataclass
class Run:
    """What was trained on what, and how it went.

    Attributes:
        name: of the data.
        table: all rows with a target; train and test: the rows trained on, and those held out.
        model: of the run.
        preset: "td" and so on; "plain" for a net of the command's own options.
        metric: what the best epoch was chosen by, lower is better.
        losses, scores: by epoch, of each net; best: the number of its best epoch, from 0.
        seconds: of the training.
        notes: columns that were left out, and why.
        words: settings, for people.
        history: of a plain net all metrics by epoch.
    """

    name: str
    table: Table
    train: Table
    test: Table
    model: TabularModel
    preset: str
    metric: str
    losses: list[list[float]]
    scores: list[list[float]]
    best: list[int]
    seconds: float
    notes: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)


def aligned(table: Table, names: tuple[str, ...]) -> Table:
    """The table with its classes in this order."""
    if not names or table.classes == names or table.y is None:
        return table
    index = np.array([names.index(name) for name in table.classes], np.int64)
    return Table(table.rows, index[table.y], names, table.target, table.notes)


def evaluate(model: TabularModel, table: Table) -> dict[str, float]:
    """Loss and accuracy of classes; rmse and mae in units of the target, and r2 of a regression.

    table: with its classes in the order of the model's.
    """
    assert table.y is not None
    truth = table.y.ravel()
    if model.class_names:
        p = np.asarray(model.predict_proba(table.rows), np.float64)
        likelihood = np.maximum(p[np.arange(len(p)), truth], 1e-45)
        return {
            "loss": float(-np.log(likelihood).mean()),
            "accuracy": float((p.argmax(axis=1) == truth).mean()),
        }
    wrong = np.asarray(model.predict(table.rows), np.float64) - truth
    mse, spread = float((wrong**2).mean()), float(truth.var(dtype=np.float64))
    return {
        "rmse": mse**0.5,
        "mae": float(abs(wrong).mean()),
        "r2": 1 - mse / spread if spread > 0 else 0.0,
    }


def held_out(model: TabularModel, table: Table) -> Table | None:
    """The held-out rows of the table it was trained on; None for any other table."""
    split = model.split
    as_dealt = aligned(table, split_order(table))
    if split is None or fingerprint(as_dealt, model.features) != split.table:
        return None
    return aligned(split.parts(as_dealt)[1], model.class_names)


def split_order(table: Table) -> tuple[str, ...]:
    """The order of classes in which tables are split, whatever the model's is."""
    try:
        return tuple(sorted(table.classes, key=lambda text: (float(text), text)))
    except ValueError:
        return tuple(sorted(table.classes))


def answers(model: TabularModel, rows: Any) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Class indices and probabilities, or values and None."""
    if model.class_names:
        p = np.asarray(model.predict_proba(rows), np.float64)
        return p.argmax(axis=1), p
    return np.asarray(model.predict(rows), np.float64), None

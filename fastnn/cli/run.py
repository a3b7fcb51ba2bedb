"""A training run of the command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.tabular.model import TabularModel
from fastnn.tabular.table import Table

__all__ = ["Run", "aligned", "answers"]


@dataclass
class Run:
    """What was trained on what, and how it went.

    Attributes:
        name: of the data.
        table: all rows with a target; train and test: the rows trained on, and those held out.
        model: the trained one; its classes are in the order of the tables'.
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


def answers(model: TabularModel, rows: Any) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Class indices and probabilities, or values and None."""
    if model.classes is not None:
        p = np.asarray(model.predict_proba(rows), np.float64)
        return p.argmax(axis=1), p
    return np.asarray(model.predict(rows), np.float64), None

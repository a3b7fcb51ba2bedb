"""Tables: rows with a target, bundled data sets, CSV files."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastnn._support.paths import a_path
from fastnn.tabular.cells import Mark, Wanted
from fastnn.tabular.frame import Column, Form, Frame, as_frame, listed
from fastnn.tabular.reading import read_table
from fastnn.tabular.targets import refuse_many
from fastnn.train.split import split

__all__ = ["DATASETS", "Table", "load_table", "read_csv", "split", "with_target"]

Task = Literal["auto", "classification", "regression"]

DATASETS = ("digits", "breast_cancer", "wine", "iris", "diabetes")
MAX_CLASSES_AUTO = 20


@dataclass(frozen=True)
class Table:
    """Rows with an optional target.

    Attributes:
        rows: the columns but the target.
        y: int64 class indices of shape (n,), or float64 values of shape (n, 1); None without a
            target.
        classes: class names in the order of the indices; empty for a regression.
        target: name of the target column.
        notes: what was noticed about the target.
    """

    rows: Frame
    y: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    target: str = "target"
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def task(self) -> Literal["classification", "regression"]:
        """ "classification" or "regression"."""
        return "classification" if self.classes else "regression"

    def take(self, rows: NDArray[Any]) -> Table:
        """The chosen rows."""
        y = None if self.y is None else self.y[rows]
        return Table(self.rows.take(rows), y, self.classes, self.target, self.notes)


def load_table(name: str) -> Table:
    """Load a data set bundled with scikit-learn; nothing is downloaded.

    Args:
        name: "digits" (1797 images of 8 x 8, 10 classes), "breast_cancer" (569 rows, 30 features,
            2 classes), "wine" (178, 13, 3 classes), "iris" (150, 4, 3 classes) or "diabetes"
            (442, 10, regression).

    Raises:
        ValueError: unknown name.
        ImportError: scikit-learn is not installed; the extra ``demo`` installs it.

    Example:
        >>> from fastnn.tabular import load_table
        >>> load_table("iris").classes
        ('setosa', 'versicolor', 'virginica')
    """
    if name not in DATASETS:
        raise ValueError(f"name: expected one of {', '.join(DATASETS)}, got {name!r}")
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError(
            f"data set {name!r} comes with scikit-learn, which is not installed; "
            "run: pip install 'fastnn-cpu[demo]'"
        ) from None
    bunch = getattr(datasets, f"load_{name}")()
    rows = as_frame({str(n): bunch.data[:, i] for i, n in enumerate(bunch.feature_names)})
    if name == "diabetes":
        return Table(rows, np.asarray(bunch.target, np.float64).reshape(-1, 1))
    classes = tuple(str(label) for label in bunch.target_names)
    return Table(rows, np.asarray(bunch.target, np.int64), classes)


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: Task = "auto",
    features: Sequence[str] | None = None,
    drop: Collection[str] = (),
    classes: Sequence[str] = (),
    kinds: dict[str, Wanted] | None = None,
    sep: str | None = None,
    decimal: Mark | None = None,
    na: Collection[str] = (),
    encoding: str | None = None,
    header: bool = True,
    form: Form | None = None,
) -> Table:
    """Read a file with a header row; columns may be numbers, texts or dates, and have gaps.

    With ``task="auto"`` the target is a class label if it is not a column of numbers, or if all
    its cells are whole numbers with at most 20 distinct values, each occurring at least twice on
    average; otherwise it is a regression. Classes are sorted, as numbers if all are numbers. Rows
    without a target are left out, and `Table.notes` says so.

    Args:
        path: see `fastnn.tabular.reading.read_table`, with `sep`, `decimal`, `na`, `encoding`,
            `header`, `kinds` and `form`.
        target: the column to predict; None reads features only.
        task: "auto", "classification" or "regression".
        features: the feature columns, in this order; None takes every column but the target.
        drop: columns to leave out.
        classes: class names in the order of their indices, such as those of a trained model;
            implies classification.

    Raises:
        ValueError: the file is no table, a column is missing, or the target does not suit the
            task. The message names column and line.
        OSError: the file cannot be read.

    Example:
        >>> import os, tempfile
        >>> from fastnn.tabular import read_csv
        >>> path = os.path.join(tempfile.mkdtemp(), "a.csv")
        >>> with open(path, "w") as file:
        ...     _ = file.write("width,kind\\n1.5,oak\\n2.5,elm\\n")
        >>> table = read_csv(path, "kind")
        >>> table.rows.names, table.y.tolist(), table.classes
        (('width',), [1, 0], ('elm', 'oak'))
    """
    name = a_path(path)
    known = dict(kinds or {})
    if target is not None and (classes or task == "classification"):
        known[target] = "category"
    frame = read_table(
        path, sep=sep, decimal=decimal, na=na, encoding=encoding, header=header, kinds=known,
        form=form,
    )  # fmt: skip
    try:
        return with_target(frame, target, task=task, features=features, drop=drop, classes=classes)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def with_target(
    frame: Frame,
    target: str | None,
    *,
    task: Task = "auto",
    features: Sequence[str] | None = None,
    drop: Collection[str] = (),
    classes: Sequence[str] = (),
) -> Table:
    """Take the target out of the columns; see `read_csv`."""
    if target is not None and target not in frame.columns:
        raise ValueError(f"no column {target!r} to use as target; it has {listed(frame.names)}")
    frame.only(drop)
    gone = {target, *drop}
    wanted = [c for c in frame.names if c not in gone] if features is None else list(features)
    if target in wanted and not classes:
        raise ValueError(f"features: {target!r} is the target; leave it out, or predict another")
    if not wanted:
        raise ValueError("no feature column; expected at least one beside the target")
    if target is None:
        return Table(frame.only(wanted))
    column = frame.columns[target]
    missing = column.missing()
    rows, notes = frame.only(wanted), []
    if missing.all():
        raise ValueError(f"column {target!r}: the target has no values at all")
    if missing.any():
        notes.append(f"{missing.sum()} of {len(frame)} rows have no {target!r}: left out")
        rows = rows.take(~missing)
        column = Column(column.kind, column.values[~missing])
    y, known = _target(column, task, tuple(classes), f"column {target!r}", rows)
    return Table(rows, y, known, target, notes)


def _target(
    column: Column, task: Task, classes: tuple[str, ...], who: str, rows: Frame
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Convert a target to class indices and class names, or to values and no names."""
    if not classes and (
        task == "regression" or (task == "auto" and column.kind == "number" and not _few(column))
    ):
        if column.kind != "number":
            bad = next(text for text in column.texts() if text is not None)
            raise ValueError(f"{who}: expected numbers for a regression, got {bad[:40]!r}")
        if np.isinf(column.values).any():
            where = rows.where(int(np.flatnonzero(np.isinf(column.values))[0]))
            raise ValueError(f"{where}, {who}: expected a finite number, got inf")
        return column.values[:, None], ()
    labels = _labels(column.texts().tolist())
    known = classes or _ordered(set(labels))
    if len(known) < 2:
        raise ValueError(f"{who}: expected at least two classes, got only {known[0]!r}")
    refuse_many(who, len(known))
    index = {label: number for number, label in enumerate(known)}
    for label in labels:
        if label not in index:
            raise ValueError(f"{who}: class {label[:40]!r} is not one of {listed(known)}")
    return np.array([index[label] for label in labels], np.int64), known


def _few(column: Column) -> bool:
    """Whether numbers are whole, and few."""
    values = column.values
    whole = bool((values == np.floor(values)).all())
    return whole and len(np.unique(values)) <= min(MAX_CLASSES_AUTO, len(values) / 2)


def _labels(texts: list[str]) -> list[str]:
    """Class names; 1 and 1.0 are one, 7 and 007 are not."""
    numbers = {text: _whole(text) for text in set(texts)}
    if any(number is None for number in numbers.values()):
        return texts
    return [str(numbers[text]) for text in texts]


def _whole(text: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    leading = text.lstrip("+-")[:1] == "0" and len(text.lstrip("+-").partition(".")[0]) > 1
    return int(value) if value == value // 1 and abs(value) < 1e15 and not leading else None


def _ordered(labels: set[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted(labels, key=lambda text: (float(text), text)))
    except ValueError:
        return tuple(sorted(labels))

"""Tables: bundled data sets, CSV files, stratified split, standardization."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.train.split import split

__all__ = ["DATASETS", "Standardizer", "Table", "load_table", "read_csv", "split"]

Floats = NDArray[np.float32]
Task = Literal["auto", "classification", "regression"]

DATASETS = ("digits", "breast_cancer", "wine", "iris", "diabetes")
MAX_CLASSES_AUTO = 20
FLOAT32_MAX = float(np.finfo(np.float32).max)
# Smaller CSV files are read in less time than importing pandas takes.
FAST_READER_BYTES = 2_000_000


@dataclass(frozen=True)
class Table:
    """A table of features with an optional target.

    Attributes:
        x: features, float32 of shape (n, d).
        y: int64 class indices of shape (n,), or float32 values of shape (n, 1); None without a
            target.
        features: names of the d columns.
        classes: class names in the order of the indices; empty for a regression.
        target: name of the target column.
    """

    x: Floats
    y: NDArray[Any] | None
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()
    target: str = "target"

    @property
    def task(self) -> Literal["classification", "regression"]:
        """ "classification" or "regression"."""
        return "classification" if self.classes else "regression"


def load_table(name: str) -> Table:
    """Load a data set bundled with scikit-learn; nothing is downloaded.

    Args:
        name: "digits" (1797 images of 8 x 8, 10 classes), "breast_cancer" (569 rows, 30 features,
            2 classes), "wine" (178, 13, 3 classes), "iris" (150, 4, 3 classes) or "diabetes"
            (442, 10, regression).

    Raises:
        ValueError: unknown name.
        ImportError: scikit-learn is not installed; ``pip install '.[demo]'`` installs it.

    Example:
        >>> load_table("iris").classes  # doctest: +SKIP
        ('setosa', 'versicolor', 'virginica')
    """
    if name not in DATASETS:
        raise ValueError(f"name: expected one of {', '.join(DATASETS)}, got {name!r}")
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError(
            f"data set {name!r} comes with scikit-learn, which is not installed; "
            "run: pip install '.[demo]'"
        ) from None
    bunch = getattr(datasets, f"load_{name}")()
    x = np.ascontiguousarray(bunch.data, np.float32)
    features = tuple(str(feature) for feature in bunch.feature_names)
    if name == "diabetes":
        return Table(x, _column(bunch.target), features)
    classes = tuple(str(label) for label in bunch.target_names)
    return Table(x, np.asarray(bunch.target, np.int64), features, classes)


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: Task = "auto",
    features: Sequence[str] | None = None,
    classes: Sequence[str] = (),
) -> Table:
    """Read a CSV file with a header row.

    With ``task="auto"`` the target is a class label if any cell is not a number, or if all cells
    are whole numbers with at most 20 distinct values, each occurring at least twice on average;
    otherwise it is a regression. Classes are sorted, as numbers if all are numbers.

    Args:
        path: a comma-separated file in UTF-8.
        target: the column to predict; None reads features only.
        task: "auto", "classification" or "regression".
        features: the feature columns, in this order; None takes every column but the target.
        classes: class names in the order of their indices, such as those of a trained model;
            implies classification.

    Raises:
        ValueError: a column is missing or duplicate, a feature cell is empty, nan or not a number,
            or the target does not suit the task. The message names column and line.
        OSError: the file cannot be read.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "a.csv")
        >>> with open(path, "w") as file:
        ...     _ = file.write("width,kind\\n1.5,oak\\n2.5,elm\\n")
        >>> table = read_csv(path, "kind")
        >>> table.x.tolist(), table.y.tolist(), table.classes
        ([[1.5], [2.5]], [1, 0], ('elm', 'oak'))
    """
    name = os.fsdecode(path)
    header = read_header(name)
    if target is not None and target not in header:
        _fail(name, f"no column {target!r} to use as target; it has {_names(header)}")
    wanted = tuple(features) if features is not None else tuple(c for c in header if c != target)
    missing = [column for column in wanted if column not in header]
    if missing:
        _fail(name, f"no column {_names(missing)}; it has {_names(header)}")
    if not wanted:
        _fail(name, "no feature column; expected at least one beside the target")
    x, labels = _read_fast(name, wanted, target) or _read_plain(name, header, wanted, target)
    if not len(x):
        _fail(name, "no rows below the header")
    if target is None:
        return Table(x, None, wanted)
    y, known = _target(labels, task, tuple(classes), f"{name}: column {target!r}")
    return Table(x, y, wanted, known, target)


def _fail(path: str, what: str) -> NoReturn:
    raise ValueError(f"{path}: {what}")


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _column(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float32).reshape(-1, 1)


def _records(path: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            _fail(path, f"line {reader.line_num}: {error}")
        except UnicodeDecodeError as error:
            _fail(path, f"not UTF-8 text after line {reader.line_num}: {error.reason}")


def read_header(path: str) -> list[str]:
    """Column names of a CSV file.

    Raises:
        ValueError: the first row cannot be a header.
    """
    _, header = next(_records(path), (0, []))
    if not header:
        _fail(path, "empty; expected a header row and rows of numbers")
    for index, column in enumerate(header):
        if not column:
            _fail(path, f"line 1: column {index + 1} has no name")
        if column in header[:index]:
            _fail(path, f"line 1: two columns are called {column!r}")
    if all(_number(cell) is not None for cell in header):
        _fail(path, "line 1 holds numbers only; expected a header row with the column names")
    return header


def _number(cell: str) -> float | None:
    """Parse a cell as a finite float32; None if it is none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= FLOAT32_MAX and "_" not in cell else None


def _read_plain(
    path: str, header: list[str], wanted: tuple[str, ...], target: str | None
) -> tuple[Floats, list[str]]:
    """Read cell by cell, so that an error names line and column."""
    columns = [header.index(column) for column in wanted]
    target_column = None if target is None else header.index(target)
    rows: list[Floats] = []
    labels: list[str] = []
    records = _records(path)
    next(records)
    for line, cells in records:
        if len(cells) != len(header):
            _fail(path, f"line {line}: expected {len(header)} cells, got {len(cells)}")
        values = [_number(cells[column]) for column in columns]
        if None in values:
            bad = values.index(None)
            cell = cells[columns[bad]]
            got = repr(cell[:40]) if cell else "an empty cell"
            _fail(path, f"line {line}, column {wanted[bad]!r}: expected a finite number, got {got}")
        rows.append(np.array(values, np.float32))
        if target_column is not None:
            if not cells[target_column]:
                _fail(path, f"line {line}, column {target!r}: the target is missing")
            labels.append(cells[target_column])
    return np.array(rows, np.float32).reshape(len(rows), len(wanted)), labels


def _read_fast(
    path: str, wanted: tuple[str, ...], target: str | None
) -> tuple[Floats, list[str]] | None:
    """Read a large valid file with pandas or polars; None falls back to `_read_plain`."""
    if os.path.getsize(path) < FAST_READER_BYTES:
        return None
    readers: list[Callable[[str, list[str], str | None], Any]] = [_pandas, _polars]
    for reader in readers:
        try:
            frame = reader(path, list(wanted), target)
            with np.errstate(over="ignore"):  # infinities are found below
                x = np.ascontiguousarray(frame[list(wanted)].to_numpy().astype(np.float32))
            labels = [] if target is None else [str(label).strip() for label in frame[target]]
        except ImportError:
            continue
        except Exception:
            # `_read_plain` reports the error with line and column.
            return None
        return (x, labels) if np.isfinite(x).all() and all(labels) else None
    return None


def _pandas(path: str, wanted: list[str], target: str | None) -> Any:
    import pandas

    kinds: dict[str, type] = dict.fromkeys(wanted, np.float64)
    if target is not None:
        kinds[target] = str
    with warnings.catch_warnings():
        # pandas only warns about a row with too many cells, and drops them.
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        return pandas.read_csv(
            path, dtype=kinds, index_col=False, na_filter=False, encoding="utf-8-sig",
            skipinitialspace=True,
        )  # fmt: skip


def _polars(path: str, wanted: list[str], target: str | None) -> Any:
    import polars

    kinds: dict[str, Any] = dict.fromkeys(wanted, polars.Float64)
    if target is not None:
        kinds[target] = polars.String
    return polars.read_csv(path, columns=list(kinds), schema_overrides=kinds)


def _target(
    labels: list[str], task: Task, classes: tuple[str, ...], who: str
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Convert labels to class indices and class names, or to values and no names."""
    numbers = [_number(label) for label in labels]
    whole = all(value is not None and value == int(value) for value in numbers)
    few = len(set(numbers)) <= min(MAX_CLASSES_AUTO, len(labels) / 2)
    if not classes and (
        task == "regression" or (task == "auto" and None not in numbers and not (whole and few))
    ):
        if None in numbers:
            bad = labels[numbers.index(None)]
            raise ValueError(f"{who}: expected numbers for a regression, got {bad[:40]!r}")
        return _column([value for value in numbers if value is not None]), ()
    if whole:
        labels = [str(int(value)) for value in numbers if value is not None]
    known = classes or tuple(sorted(set(labels), key=float if None not in numbers else None))
    if len(known) < 2:
        raise ValueError(f"{who}: expected at least two classes, got only {known[0]!r}")
    index = {label: number for number, label in enumerate(known)}
    for label in labels:
        if label not in index:
            raise ValueError(f"{who}: class {label[:40]!r} is not one of {_names(known)}")
    return np.array([index[label] for label in labels], np.int64), known


@dataclass(frozen=True)
class Standardizer:
    """Standardize columns: subtract the mean, divide by the standard deviation.

    Attributes:
        mean: float64 of shape (d,).
        std: float64 of shape (d,), 1 where a column was constant.

    Example:
        >>> import numpy as np
        >>> Standardizer.fit(np.array([[1.0, 5.0], [3.0, 5.0]])).apply([[5.0, 5.0]]).tolist()
        [[3.0, 0.0]]
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, x: ArrayLike) -> Standardizer:
        """Compute mean and deviation of each column of `x`, of shape (n, d) with n >= 1."""
        values = np.asarray(x, np.float64)
        varies = values.max(axis=0) > values.min(axis=0)
        return cls(values.mean(axis=0), np.where(varies, values.std(axis=0), 1.0))

    def apply(self, x: ArrayLike) -> Floats:
        """Standardize `x` of shape (n, d), as finite float32.

        Raises:
            ValueError: a result is not finite in float32.
        """
        scaled = (np.asarray(x, np.float64) - self.mean) / self.std
        if not (abs(scaled) <= FLOAT32_MAX).all():
            row, column = np.argwhere(~(abs(scaled) <= FLOAT32_MAX))[0]
            raise ValueError(f"x: row {row}, column {column} is too far from the mean for float32")
        return np.ascontiguousarray(scaled, np.float32)

    def undo(self, z: ArrayLike) -> Floats:
        """The inverse of `apply`."""
        return np.asarray(np.asarray(z, np.float64) * self.std + self.mean, np.float32)

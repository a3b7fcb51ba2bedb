"""Classification metrics over the whole data set, from the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn._support import maps
from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError
from fastnn.train.either_name import either_name

Counts = NDArray[np.float64]


@either_name(classes=True)
def confusion(output: ArrayLike, target: ArrayLike) -> Counts:
    """Confusion matrix: counts by true class (rows) and predicted class (columns).

    Args:
        output: (n, classes) logits or probabilities, whose largest is the prediction; or (n,) or
            (n, 1) logits, where z > 0 predicts class 1.
        target: (n,) classes; or one-hot or probabilities (n, classes); or (n, 1) numbers in 0..1.

    >>> import fastnn
    >>> fastnn.metrics.confusion([[1, 3], [2, 0], [0, 1]], [1, 1, 0])
    array([[0., 1.],
           [1., 1.]])
    """
    return _table(output, target)


def _table(output: ArrayLike, target: ArrayLike) -> Counts:
    outputs, targets = numbers("output", output), numbers("target", target)
    classes = outputs.shape[1] if outputs.ndim == 2 and outputs.shape[1] > 1 else 2
    predicted = outputs.argmax(1) if is_table(outputs) else (outputs.ravel() > 0).astype(np.int64)
    true = true_classes(outputs, targets)
    table = np.bincount(true * classes + predicted, minlength=classes * classes)
    return table.reshape(classes, classes).astype(np.float64)


def numbers(name: str, value: Any) -> NDArray[Any]:
    """An array of numbers with a row each.

    Raises:
        TypeError: another thing.
    """
    maps.refuse_closed(value, name)
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf" or not array.ndim:
        what = f"shape {array.shape}" if array.dtype != object else show(value)
        raise InvalidTypeError(f"{name}: expected an array with a row each, got {what}")
    return array


def is_table(z: NDArray[Any]) -> bool:
    """Whether outputs have one column per class, not a single logit."""
    return z.ndim == 2 and z.shape[1] > 1


def true_classes(z: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """The true class of each row."""
    if len(z) != len(y):
        raise ValueError(f"y: expected {len(z)} rows like z, got {len(y)}")
    if is_table(y):
        check_one_label(y)
        return np.asarray(y.argmax(1), dtype=np.int64)
    flat = y.ravel()
    true = flat.astype(np.int64) if is_table(z) else (flat > 0.5).astype(np.int64)
    classes = z.shape[1] if is_table(z) else 2
    if len(true) != len(z) or (true.size and not 0 <= true.min() <= true.max() < classes):
        raise ValueError(f"y: expected one class in 0..{classes - 1} for each row of z")
    return true


def check_one_label(y: NDArray[Any]) -> None:
    """Check that the rows of y (n, classes) are class probabilities; one-hot rows are."""
    wrong = np.abs(y.sum(1) - 1) > 1e-3
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"y: expected rows that sum to 1, one class for each row, got {y[row].tolist()} at row "
            f"{row}; for several labels a row use 'hamming', for numbers 'mse' or 'r2'"
        )


def _ratio(a: Any, b: Any) -> Any:
    """a / b, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(np.asarray(a, dtype=np.float64)), where=b != 0)


def _average(name: str, z: ArrayLike, y: ArrayLike, average: str | None) -> float:
    """precision, recall, f1 or jaccard, averaged over classes."""
    table = _table(z, y)
    right, true, said = table.diagonal(), table.sum(1), table.sum(0)
    if average is None:
        average = "macro" if is_table(np.asarray(z)) else "binary"
    if average not in ("binary", "macro", "micro", "weighted"):
        raise ValueError(
            f"average: expected 'binary', 'macro', 'micro' or 'weighted', got {average!r}"
        )
    if average == "micro":
        right, true, said = (np.atleast_1d(v.sum()) for v in (right, true, said))
    below = {"precision": said, "recall": true, "f1": (said + true) / 2,
             "jaccard": said + true - right}[name]  # fmt: skip
    scores = _ratio(right, below)
    if average == "binary":
        return float(scores[1])
    if average == "weighted":
        return float(scores @ true / true.sum())
    return float(scores[(true + said) > 0].mean())


@either_name(classes=True)
def precision(output: ArrayLike, target: ArrayLike, average: str | None = None) -> float:
    """Precision: the fraction of a class's predictions that are correct, 0 for no predictions.

    Args:
        output, target: as for `confusion`.
        average: over classes: "macro" (the mean over the classes present), "micro" (from the sums
            of counts), "weighted" (by rows of a class), "binary" (class 1 alone).
            Default: "binary" for one logit a row, else "macro".

    >>> import fastnn
    >>> fastnn.metrics.precision([[1, 3], [2, 0], [0, 1]], [1, 1, 0])
    0.25
    """
    return _average("precision", output, target, average)


@either_name(classes=True)
def recall(output: ArrayLike, target: ArrayLike, average: str | None = None) -> float:
    """Recall: the fraction of a class's rows that are predicted as it; arguments as `precision`."""
    return _average("recall", output, target, average)


@either_name(classes=True)
def f1(output: ArrayLike, target: ArrayLike, average: str | None = None) -> float:
    """F1 score: 2 correct / (predicted + true), the harmonic mean of precision and recall.

    Arguments as for `precision`.
    """
    return _average("f1", output, target, average)


@either_name(classes=True)
def jaccard(output: ArrayLike, target: ArrayLike, average: str | None = None) -> float:
    """Jaccard index: correct / (predicted + true - correct); arguments as for `precision`."""
    return _average("jaccard", output, target, average)


@either_name(classes=True)
def balanced_accuracy(output: ArrayLike, target: ArrayLike) -> float:
    """Balanced accuracy: the mean recall over the classes present in y."""
    table = _table(output, target)
    true = table.sum(1)
    return float(_ratio(table.diagonal(), true)[true > 0].mean())


@either_name(classes=True)
def matthews_corrcoef(output: ArrayLike, target: ArrayLike) -> float:
    """Matthews correlation coefficient of true and predicted classes; 0 if either is constant."""
    table = _table(output, target)
    true, said, n = table.sum(1), table.sum(0), table.sum()
    spread = (n * n - said @ said) * (n * n - true @ true)
    return float((table.trace() * n - true @ said) / np.sqrt(spread)) if spread > 0 else 0.0


@either_name(classes=True)
def cohen_kappa(output: ArrayLike, target: ArrayLike) -> float:
    """Cohen's kappa: (p - e) / (1 - e), p the accuracy, e that of chance; nan where e is 1."""
    table = _table(output, target)
    n = table.sum()
    right, chance = table.trace() / n, table.sum(1) @ table.sum(0) / n**2
    return float((right - chance) / (1 - chance)) if chance < 1 else float("nan")

"""One pass over a large table: are its numbers good, which labels has it, what are the moments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.arrays import are_finite, as_input
from fastnn._support.dtypes import is_float, readable
from fastnn._support.errors import InvalidValueError
from fastnn.io.rows.source import Source, with_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Moments", "Summary", "check_rows", "look", "moments_of", "pieces"]

PIECE = 1 << 21  # bytes read at a time
TOGETHER = 4096  # rows whose moments are taken at once, so that they depend on nothing else
MANY = 1 << 16  # labels; more are no classes


class Summary(NamedTuple):
    """What was found in a table.

    rows: how many. labels: how often each whole number is in y, or None if y is of other numbers,
    of several columns, or has too many. weighs: whether a weight is more than 0.
    """

    rows: int
    labels: dict[int, int] | None
    weighs: bool


class Moments(NamedTuple):
    """Mean and standard deviation (of the population) of each column, float64."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def pieces(source: Source, rows: int = 0) -> Iterator[tuple[int, list[NDArray[Any]]]]:
    """All rows in order, some at a time: the number of the first, and arrays that are written over
    by the next.

    rows: how many at a time; default: about PIECE bytes.
    """
    each = max(sum(part.nbytes for part in source.parts), 1)
    step = min(rows or max(PIECE // each, 1), max(source.rows, 1))
    arrays = [np.empty((step, *part.shape), part.dtype) for part in source.parts]
    cursor = source.cursor()
    for begin in range(0, source.rows, step):
        part = [array[: min(step, source.rows - begin)] for array in arrays]
        cursor.read(begin, begin + len(part[0]), part)
        yield begin, part


def check_rows(x: NDArray[Any], name: str, source: Source, begin: int) -> None:
    """Check that numbers are finite, and whole ones exact in double.

    begin: the number of the first of these rows.

    Raises:
        ValueError: some are not; says which row of the table.
    """
    kind = x.dtype
    if is_float(kind):
        if are_finite(x):
            return
    elif kind.itemsize < 8 or not x.size:
        return
    try:
        as_input(readable(x), name, np.float64, ndim=None)
    except ValueError as error:
        raise with_row(error, lambda row: begin + row, source.where) from None


def look(source: Source) -> Summary:
    """Read a table once and check it.

    Raises:
        ValueError: no rows, or numbers that are not finite. OSError: it cannot be read.
    """
    if source.rows < 1:
        raise InvalidValueError(f"x: expected at least one row, got none in {source.name}")
    labels: dict[int, int] | None = {}
    weighs = len(source.parts) < 3
    for begin, arrays in pieces(source):
        for name, array in zip(("x", "y", "sample_weight"), arrays, strict=False):
            check_rows(array, name, source, begin)
        if labels is not None:
            labels = _counted(labels, arrays[1]) if len(arrays) > 1 else None
        if len(arrays) > 2:
            _check_weights(arrays[2], source, begin)
            weighs = weighs or bool((arrays[2] > 0).any())
    return Summary(source.rows, labels, weighs)


def _check_weights(weights: NDArray[Any], source: Source, begin: int) -> None:
    wrong = weights < 0
    if wrong.any():
        row = int(np.argmax(wrong))
        said = f"expected numbers >= 0, got {weights.reshape(-1)[row]:g} at row {row}"
        error = InvalidValueError(f"sample_weight: {said}")
        raise with_row(error, lambda row: begin + row, source.where)


def _counted(labels: dict[int, int], y: NDArray[Any]) -> dict[int, int] | None:
    y = readable(y)
    if y.size != len(y) or (y.dtype.kind == "f" and not (y == np.floor(y)).all()):
        return None
    values, counts = np.unique(y.reshape(-1), return_counts=True)
    if len(values) > MANY or np.abs(values.astype(np.float64)).max() > 2**53:
        return None
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        labels[int(value)] = labels.get(int(value), 0) + count
    return labels if len(labels) <= MANY else None


def moments_of(source: Source, part: int = 0) -> Moments:
    """Mean and standard deviation of each column of x, or of another part, in one pass.

    For blocks of 4,096 rows mean and sum of squares in double, merged in order (Chan, Golub,
    LeVeque, 1979): with n_a, n_b rows, d = mean_b - mean_a: mean = mean_a + d n_b / (n_a + n_b),
    M2 = M2_a + M2_b + d^2 n_a n_b / (n_a + n_b); std = sqrt(M2 / n).
    """
    shape = source.parts[part].shape
    n, mean, squares = 0, np.zeros(shape), np.zeros(shape)
    for _, arrays in pieces(source, TOGETHER):
        x = readable(arrays[part]).astype(np.float64)
        more, own = len(x), x.mean(0)
        x -= own
        away = own - mean
        mean = mean + away * (more / (n + more))
        squares = squares + np.einsum("i...,i...->...", x, x) + away**2 * (n * more / (n + more))
        n += more
    return Moments(mean, np.sqrt(squares / max(n, 1)))

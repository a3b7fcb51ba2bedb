"""Large arrays of rows that are converted block by block, as they are used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn._core.tape import TensorBase
from fastnn._support import arrays, dtypes
from fastnn._support.arrays import Array

LARGE = 1 << 20  # bytes in the type that is computed in; below, a copy is nothing
BLOCK = 1 << 16  # elements checked at once
_X = frozenset((*dtypes.STORED, dtypes.int64, dtypes.bool_))
_Y = frozenset((*dtypes.HALVES, dtypes.uint8))  # not of integers, which would be classes


def as_rows(x: Any, name: str = "x", dtype: Any = np.float32) -> Array:
    """As `as_input`, but a large array of integers, bools, float16 or bfloat16 keeps its type.

    It is checked block by block, and whoever reads rows of it converts them. So a memory map of
    uint8, or a tensor of float16, is never copied as a whole.

    Raises: as `as_input`.

    >>> import numpy as np
    >>> from fastnn._support.rows import as_rows
    >>> as_rows(np.zeros((1 << 10, 1 << 10), np.uint8)).dtype
    dtype('uint8')
    """
    kept = _kept(x, _X, dtype)
    if kept is None or kept.ndim != 2:
        return arrays.as_input(x, name, dtype)
    if not all(_is_fine(block, name, dtype) for block in _blocks(kept)):
        return arrays.as_input(x, name, dtype)  # it raises for the row in question
    return kept


def as_targets(y: Any, n_rows: int, dtype: Any, name: str = "y") -> Array:
    """As `regression_targets`, but a large array of uint8, float16 or bfloat16 keeps its type."""
    kept = _kept(y, _Y, dtype)
    if kept is None or kept.ndim != 2 or len(kept) != n_rows:
        return arrays.regression_targets(y, n_rows, dtype, name)
    if not all(_is_fine(block, name, dtype) for block in _blocks(kept)):
        return arrays.regression_targets(y, n_rows, dtype, name)
    return kept


def _kept(x: Any, types: frozenset[np.dtype[Any]], dtype: Any) -> Array | None:
    source = x._array if isinstance(x, TensorBase) else x
    if not isinstance(source, np.ndarray) or isinstance(source, np.ma.MaskedArray):
        return None
    wide = dtypes.wide(arrays.real_dtype(dtype)).itemsize
    if source.dtype not in types or not source.dtype.isnative or source.size * wide < LARGE:
        return None
    arrays.refuse_kind(source, "x")
    return np.require(np.asarray(source), requirements=("C", "A"))


def _blocks(rows: Array) -> Iterator[Array]:
    step = max(BLOCK // rows.shape[1], 1)
    for begin in range(0, len(rows), step):
        yield rows[begin : begin + step]


def _is_fine(block: Array, name: str, dtype: Any) -> bool:
    try:
        arrays.as_input(dtypes.readable(block), name, dtype)
    except ValueError:
        return False
    return True

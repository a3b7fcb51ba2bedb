"""Long passes in NumPy piece by piece: Ctrl-C comes between two, and temporaries stay small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIECE", "by_row", "made", "mapped", "searched"]

PIECE = 1 << 20  # elements; the slowest of what is done with them takes some 50 ms

Array = NDArray[Any]


def made(n: int, dtype: Any, make: Callable[[int], Array]) -> Array:
    """n numbers; `make` gives so many of them, in order."""
    if n <= PIECE:
        return make(n)
    out = np.empty(n, dtype)
    for begin in range(0, n, PIECE):
        piece = out[begin : begin + PIECE]
        piece[...] = make(len(piece))
    return out


def mapped(function: Callable[[Array], Array], array: Array, dtype: Any = None) -> Array:
    """function(array), of a function that works element by element.

    dtype: of what it gives; default: that of the array.
    """
    if array.size <= PIECE:
        return function(array)
    flat, begin = np.ravel(array), 0

    def make(count: int) -> Array:
        nonlocal begin
        begin += count
        return function(flat[begin - count : begin])

    return made(flat.size, array.dtype if dtype is None else dtype, make).reshape(array.shape)


def by_row(function: Callable[[Array], Array], rows: Array, width: int = 0) -> Array:
    """function(rows), of a function that works row by row; a row is not cut.

    width: what a row counts as, if more than its elements.
    """
    step = max(PIECE // max(rows[:1].size, width, 1), 1)
    if len(rows) <= step:
        return function(rows)
    parts = (function(rows[i : i + step]) for i in range(0, len(rows), step))
    return np.concatenate(list(parts))


def searched(order: Array, values: Array, side: Literal["left", "right"] = "left") -> Array:
    """np.searchsorted(order, values, side), as int64."""

    def some(values: Array) -> Array:
        return np.asarray(np.searchsorted(order, values, side), np.int64)

    return mapped(some, values, np.int64)

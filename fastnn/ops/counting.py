"""Counting and searching. Output shapes may depend on the data, so these cannot be compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import dtypes
from fastnn.ops.axes import axis
from fastnn.ops.promote import cast
from fastnn.tape import listener
from fastnn.tensor import Tensor, int64
from fastnn.tensor.attach import methods

__all__ = ["bincount", "bucketize", "histc", "isin", "searchsorted", "unique"]


def values_of(x: Tensor, name: str) -> Any:
    listener.refuse(f"its values were counted or put in order ({name})")
    return dtypes.readable(x.detach()._array)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The unique values in sorted order; every nan counts as a separate value.

    Args:
        sorted: True; they always are.
        return_inverse: also for each element its place among them.
        return_counts: also how often each comes.
        dim: the different parts along this axis instead.
    """
    at = None if dim is None else axis("unique", dim, input.ndim)
    values, inverse, counts = np.unique(
        values_of(input, "unique"),
        return_inverse=True,
        return_counts=True,
        axis=at,
        equal_nan=False,
    )
    found = [cast(Tensor(values), input.dtype)]
    whole = input.shape if at is None else (input.shape[at],)
    found += [Tensor(inverse.reshape(whole).astype(int64))] if return_inverse else []
    found += [Tensor(counts.astype(int64))] if return_counts else []
    return found[0] if len(found) == 1 else tuple(found)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count the occurrences of 0, 1, .. in a vector of integers, or sum their weights.

    Raises:
        ValueError: something else than a vector of integers from 0 up.
    """
    array = values_of(input, "bincount")
    if array.dtype.kind not in "iu" or array.ndim != 1 or (array.size and array.min() < 0):
        raise ValueError("bincount: expected a vector of integers from 0 up")
    if weights is None:
        return Tensor(np.bincount(array, minlength=minlength).astype(int64))
    total = np.bincount(array, values_of(weights, "bincount"), minlength)
    return cast(Tensor(total), weights.dtype if weights.dtype.kind == "f" else np.float64)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Histogram: counts in `bins` equal bins over min..max (default: the range of the data)."""
    array = values_of(input, "histc")
    low, high = (min, max) if min != max or not array.size else (array.min(), array.max())
    if low == high:
        low, high = low - 1, high + 1
    return cast(Tensor(np.histogram(array, bins, (low, high))[0]), input.dtype)


def searchsorted(
    sorted_sequence: Tensor, values: Any, *, right: bool = False, side: str | None = None
) -> Tensor:
    """The int64 positions at which to insert values into sorted sequences.

    Args:
        sorted_sequence: a vector, or rows for those of values of the same shape but for the last
            axis.
        right: behind those that are equal; also `side="right"`.

    Raises:
        ValueError: shapes that do not fit; another side, or both words and they differ.
    """
    if side not in (None, "left", "right") or (right and side == "left"):
        raise ValueError(f"side: expected 'left' or 'right' as right says, got {side!r}")
    way: Any = "right" if right or side == "right" else "left"
    rows = values_of(sorted_sequence, "searchsorted")
    given = values_of(values, "searchsorted") if isinstance(values, Tensor) else np.asarray(values)
    if rows.ndim == 1:
        return Tensor(np.asarray(np.searchsorted(rows, given, way), int64))
    if rows.ndim == 0 or rows.shape[:-1] != given.shape[:-1]:
        raise ValueError(
            f"sorted_sequence: expected a vector, or rows as of the values of shape {given.shape}, "
            f"got shape {rows.shape}"
        )
    found = np.empty(given.shape, int64)
    for at in np.ndindex(rows.shape[:-1]):
        found[at] = np.searchsorted(rows[at], given[at], way)
    return Tensor(found)


def bucketize(input: Any, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """The int64 bucket of each value, given a sorted vector of boundaries."""
    if boundaries.ndim != 1:
        raise ValueError(f"boundaries: expected a vector, got shape {boundaries.shape}")
    return searchsorted(boundaries, input, right=right)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Elementwise membership test: whether each element is among the others.

    Args:
        assume_unique: no element comes twice; nothing depends on it here.
        invert: whether it is none of them.
    """
    left, right = (
        values_of(v, "isin") if isinstance(v, Tensor) else v for v in (elements, test_elements)
    )
    return Tensor(np.isin(left, right, invert=invert))


METHODS = methods(
    unique, bincount, histc,
)  # fmt: skip

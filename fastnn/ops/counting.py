"""Counting what there is. Output shapes depend on the data, so these cannot be compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import axis
from fastnn.ops.promote import cast
from fastnn.tape import listener
from fastnn.tensor import Tensor, int64, of_array
from fastnn.tensor.attach import methods

__all__ = ["bincount", "unique", "unique_consecutive"]


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
    found = [cast(of_array(values), input.dtype)]
    whole = input.shape if at is None else (input.shape[at],)
    found += [of_array(inverse.reshape(whole).astype(int64))] if return_inverse else []
    found += [of_array(counts.astype(int64))] if return_counts else []
    return found[0] if len(found) == 1 else tuple(found)


def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The values without those that equal the one before.

    Args:
        return_inverse: also for each element its place among them.
        return_counts: also how often each comes in a row.
        dim: the parts along this axis instead; default: the elements, flattened.

    Example:
        >>> import fastnn
        >>> fastnn.unique_consecutive(fastnn.tensor([1, 1, 2, 1]))
        tensor([1, 2, 1])
    """
    values = values_of(input, "unique_consecutive")
    at = None if dim is None else axis("unique_consecutive", dim, input.ndim or 1)
    parts = values.reshape(-1) if at is None or input.ndim == 0 else np.moveaxis(values, at, 0)
    n = parts.shape[0]
    differs = (parts[1:] != parts[:-1]).any(axis=tuple(range(1, parts.ndim)))
    new = np.concatenate([np.ones(min(n, 1), bool), differs])
    first = np.flatnonzero(new)
    kept = np.moveaxis(parts[first], 0, at) if at is not None and input.ndim else parts[first]
    found = [cast(of_array(np.ascontiguousarray(kept)), input.dtype)]
    whole = input.shape if at is None else (n,)
    found += [of_array((np.cumsum(new) - 1).reshape(whole).astype(int64))] if return_inverse else []
    found += [of_array(np.diff([*first, n]).astype(int64))] if return_counts else []
    return found[0] if len(found) == 1 else tuple(found)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count the occurrences of 0, 1, .. in a vector of integers, or sum their weights.

    Raises:
        ValueError: something else than a vector of integers from 0 up.
    """
    array = values_of(input, "bincount")
    if array.dtype.kind not in "iu" or array.ndim != 1 or (array.size and array.min() < 0):
        raise InvalidValueError("bincount: expected a vector of integers from 0 up")
    if weights is None:
        return of_array(np.bincount(array, minlength=minlength).astype(int64))
    total = np.bincount(array, values_of(weights, "bincount"), minlength)
    return cast(of_array(total), weights.dtype if weights.dtype.kind == "f" else np.float64)


METHODS = methods(
    unique, unique_consecutive, bincount,
)  # fmt: skip

"""Tables and columns of types that may hold missing values, such as Int64 of pandas, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._core.tape import TensorBase
from fastnn._support import maps

__all__ = ["array_of", "values_of"]


def array_of(value: Any) -> NDArray[Any]:
    """`np.asarray`, but of numbers where a table or column has them in such types."""
    array = np.asarray(value)
    known = _numbers(value) if array.dtype == object else None
    return array if known is None else known


def values_of(given: Any, name: str) -> Any:
    """A column of pandas or polars as an array: the step that is recorded looks at targets, and
    would run code of theirs then; a tuple's parts likewise. Anything else as it is.

    Raises:
        ValueError: of a memory map that is closed.
    """
    if isinstance(given, tuple):
        return tuple(values_of(part, name) for part in given)
    maps.refuse_closed(given, name)
    if isinstance(given, np.ndarray | TensorBase) or not hasattr(given, "__array__"):
        return given
    array = array_of(given)
    maps.refuse_closed(array, name)
    return array


def _numbers(value: Any) -> NDArray[Any] | None:
    """The numbers of a DataFrame or Series whose own array is of objects, as its columns are of
    types for missing values (Int64, Float32, boolean, int64[pyarrow]); missing ones are nan.

    None if it is something else.
    """
    if not hasattr(value, "iloc") or not hasattr(value, "to_numpy"):
        return None
    framed = getattr(value, "ndim", 1) == 2
    columns = [value.iloc[:, i] for i in range(value.shape[1])] if framed else [value]
    found = [numbers for column in columns if (numbers := _plain(column)) is not None]
    if len(found) < len(columns) or not columns:
        return None
    return np.column_stack(found) if framed else found[0]


def _plain(column: Any) -> NDArray[Any] | None:
    dtype = column.dtype
    own = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    if not isinstance(own, np.dtype) or own.kind not in "biuf":
        return None
    if own is dtype or not column.isna().any():
        return np.asarray(column.to_numpy(dtype=own))
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))

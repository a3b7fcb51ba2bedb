"""x[index] = value, and its form for programs, where the index may be computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import dtypes, maps
from fastnn.ops.axes import expand, outside, reshape
from fastnn.ops.elementwise import bitwise_or, copy, gt, larger, ne, sub, where
from fastnn.ops.index import gives_view, is_mask, read
from fastnn.ops.indexing import getitem
from fastnn.ops.promote import cast
from fastnn.ops.rows import along, scatter_add_rows, take_rows
from fastnn.ops.table import TABLE, taped
from fastnn.ops.write import copy_, value_of
from fastnn.tape import listener, versions
from fastnn.tape.inference import check_writable, only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, as_dtype, bool_, float64, int64, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Scalar


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, for a tensor off the tape; leading axes of size 1 of the value fall away.

    Raises:
        IndexError: as `getitem`. ValueError: a value that does not fit.
        RecordingError: a mask while recording, and more than one value.
    """
    value = as_value(value_of(value, x) if isinstance(value, list | tuple) else value)
    if gives_view(index):
        check_writable(x, "setitem_")
        copy_(of_array(view_array(x._array, index)), value)
    elif listener.active is not None:
        set_recorded(x, index, value)
    else:
        check_writable(x, "setitem_")
        place = seen_part(x._array, index)
        given = value if isinstance(value, Tensor) else value_of(value, x)
        try:
            place[0][place[1]] = dtypes.converted(given._array, x._array.dtype)
        except IndexError as error:
            raise outside(x.shape, error) from None
        versions.wrote(x._array, "setitem_")


def as_value(value: Any) -> Any:
    """What is to be assigned: arrays as tensors, and without leading axes of size 1."""
    if isinstance(value, np.ndarray):
        value = of_array(as_dtype(maps.array_of(value, "value")))
    if isinstance(value, Tensor) and value.ndim and value.shape[0] == 1:
        first = next((d for d, n in enumerate(value.shape) if n != 1), value.ndim)
        return reshape(value, value.shape[first:])
    return value


def seen_part(array: NDArray[Any], index: Any) -> tuple[NDArray[Any], tuple[Any, ...]]:
    """A view of the array, and NumPy's index of it for what torch's index means."""
    basic, named = read(index, array.shape)
    view = view_array(array, basic)
    parts: list[Any] = [slice(None)] * view.ndim
    for axis in sorted(named, reverse=True):
        part = named[axis]
        mask = is_mask(part)
        if mask and part.ndim == 0:
            parts[axis] = np.flatnonzero(part._array)
        else:
            given = part._array.astype(bool) if mask else part._array
            parts[axis : axis + (part.ndim if mask else 1)] = [given]
    return view, tuple(parts)


def set_recorded(x: Tensor, index: Any, value: Tensor | Scalar) -> None:
    """x[index] = value while recording, for a tensor off the tape."""
    copy_(x, put(x, index, value))


def put(x: Tensor, index: Any, value: Tensor | Scalar) -> Tensor:
    """x with `value` at the index, by ops that do not depend on values."""
    single = not isinstance(value, Tensor) or value.numel() == 1
    if isinstance(index, Tensor) and is_mask(index) and single:
        mask = reshape(cast(index, bool_), (*index.shape, *(1,) * (x.ndim - index.ndim)))
        value = reshape(value, ()) if isinstance(value, Tensor) else value
        return cast(where(mask, value, x), x.dtype)
    at = getitem(of_array(np.arange(x.numel()).reshape(x.shape)), index)
    given = value if isinstance(value, Tensor) else value_of(value, x)
    given = expand(cast(given, x.dtype), at.shape)
    y = put_rows(reshape(x, (-1, 1)), reshape(at, (-1,)), reshape(given, (-1, 1)))
    return reshape(y, x.shape)


def view_array(array: NDArray[Any], index: Any) -> NDArray[Any]:
    """array[index] as a view, for an index without tensors."""
    parts = index if isinstance(index, tuple) else (index,)
    whole = parts if any(p is Ellipsis for p in parts) else (*parts, Ellipsis)
    try:
        view: NDArray[Any] = array[whole]
    except IndexError as error:
        raise outside(array.shape, error) from None
    return view


def last_of_each(row_of: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """For each of n rows the place of the last of the sorted indices that name it, 0 without one;
    and whether there is one, (n, 1)."""
    k = row_of.shape[0]
    following = take_rows(row_of, of_array(np.minimum(np.arange(1, k + 1), k - 1)))
    last = bitwise_or(ne(following, row_of), of_array(np.arange(k) == k - 1))
    number = cast(where(last, of_array(np.arange(1, k + 1)), 0), float64)
    found = cast(scatter_add_rows(reshape(number, (k, 1)), row_of, n), int64)
    return reshape(larger(sub(found, 1), 0), (n,)), gt(found, 0)


def put_rows(x: Tensor, index: Tensor, source: Tensor) -> Tensor:
    """x with source[i] as its row index[i], for int64 in range; the last of several counts.

    Sorting brings the indices of a row together, in order: the last of them has its source.
    """
    n, k = x.shape[0], index.shape[0]
    if k == 0:
        nowhere = of_array(np.zeros((n, 1), bool_))
        return taped(_put_gradient, (x, source), copy(x.detach())._array, (nowhere, index))
    order = along(TABLE["argsort"], index, 0, (0,))
    last, there = last_of_each(take_rows(index, order), n)
    rows = take_rows(source.detach(), take_rows(order, last))
    y = where(there, rows, x.detach())
    return taped(_put_gradient, (x, source), y._array, (there, index))


def _put_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    there, index = node.attrs
    return (
        where(there, 0.0, dy) if node.needs(0) else None,
        take_rows(dy, index) if node.needs(1) else None,
    )


only_reads(_put_gradient)

"""Indexing as in torch: integers and slices give views, int64 tensors and masks give copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnn._support import dtypes
from fastnn._support.dtypes import int32, uint8
from fastnn.ops import elementwise
from fastnn.ops.axes import axis, expand, permute, reshape, view_of
from fastnn.ops.elementwise import add, eq, lt, mul
from fastnn.ops.promote import cast
from fastnn.ops.rows import take_rows
from fastnn.ops.table import TABLE, apply
from fastnn.ops.write import copy_, value_of
from fastnn.tape import listener, versions
from fastnn.tape.inference import check_writable
from fastnn.tensor import Tensor, as_dtype, bool_, int64
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Operand, Scalar

__all__ = ["gather", "index_select", "masked_select", "nonzero", "where"]


def positions(index: Tensor, size: int, name: str, negative: bool) -> Tensor:
    """Check that the index is in range, and make negative positions non-negative; int64.

    Raises:
        TypeError: neither int64 nor int32.
        IndexError: outside -size..size-1 (0..size-1).
    """
    if index.dtype == int32:
        index = cast(index, int64)
    if index.dtype != int64:
        raise TypeError(f"{name}: expected an int64 tensor, got {index.dtype}; convert by .long()")
    low = -size if negative else 0

    def check(index: Tensor) -> None:
        array = index._array
        if array.size and not (array.min() >= low and array.max() < size):
            at = int(np.argmax((array < low) | (array >= size)))
            wrong = array.reshape(-1)[at]
            raise IndexError(
                f"{name}: expected rows in {low}..{size - 1}, got {wrong} at position {at}"
            )

    listener.checked(index, check)
    if negative and (listener.active is not None or bool((index._array < 0).any())):
        return elementwise.where(lt(index, 0), add(index, size), index)
    return index


def _take(x: Tensor, flat: Tensor) -> Tensor:
    """Rows of x at positions that are already checked."""
    return apply(TABLE["take_rows"], (x, flat), (x.dtype.itemsize,))


def _flat(parts: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Flat row-major positions from positions along each axis of these sizes."""
    flat = parts[0]
    for part, size in zip(parts[1:], sizes[1:], strict=True):
        flat = add(mul(flat, size), part)
    return flat


# x[index]


def _as_part(part: Any) -> Any:
    """One part of an index: lists and arrays become tensors, uint8 a mask, int32 positions.

    Raises:
        IndexError: a tensor of int8, int16 or floats.
    """
    if isinstance(part, list | np.ndarray):
        array = np.asarray(part)
        if array.dtype == uint8 and array.size:
            return Tensor(array != 0)
        array = array.astype(int64) if array.dtype.kind in "iu" or array.size == 0 else array
        return Tensor(array)
    if isinstance(part, Tensor) and part.dtype not in (int64, bool_):
        if part.dtype not in (uint8, int32):
            raise IndexError(
                f"index: tensors used as indices must be long, int, byte or bool tensors, got "
                f"{part.dtype}"
            )
        part = cast(part, bool_ if part.dtype == uint8 else int64)
    if isinstance(part, Tensor) and part.ndim == 0 and part.dtype == int64:
        return part if listener.active is not None else part.item()
    return part


def parts_of(index: Any) -> list[Any]:
    """The parts of an index, lists as tensors."""
    return [_as_part(p) for p in (index if isinstance(index, tuple) else (index,))]


def _by_value(parts: list[Any]) -> list[Any]:
    """Replace bool masks by the positions where they are True."""
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Tensor) and part.dtype == bool_:
            found += nonzero_tuple(part)
        else:
            found.append(part)
    return found


def _spelled_out(x: Tensor, parts: list[Any]) -> list[Any]:
    """Expand the index to one part per axis: ... and missing axes become full slices."""
    used = len([p for p in parts if p is not None and p is not Ellipsis])
    if used > x.ndim:
        raise IndexError(f"index: expected at most {x.ndim} axes, got {used}")
    whole = [slice(None)] * (x.ndim - used)
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    return [*parts[:at], *whole, *parts[at + 1 :]]


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index]: a view for integers, slices, None and ...; a copy for int64 tensors and masks.

    Raises:
        IndexError: outside of x.
        TypeError: an index of another kind.
        RecordingError: a mask while recording: the shape would depend on values.
    """
    if index.__class__ is int or index.__class__ is slice:  # without further ado
        return view_of(x, index)
    if isinstance(index, Tensor) and index.ndim == 1 and index.dtype == int64:
        return take_rows(x, positions(index, x.shape[0] if x.ndim else 0, "index", True))
    if not _has_tensors(index):
        return view_of(x, index)
    parts = _spelled_out(x, _by_value(parts_of(index)))
    basic = tuple(slice(None) if isinstance(p, Tensor) else p for p in parts)
    seen = view_of(x, basic)  # torch, unlike NumPy, takes integers first
    left = [p for p in parts if not isinstance(p, int | np.integer)]
    axes = [i for i, p in enumerate(left) if isinstance(p, Tensor)]
    if not axes:
        return seen
    return _pick(seen, axes, [left[i] for i in axes])


def _has_tensors(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, Tensor | list | np.ndarray) for p in parts)


def _pick(x: Tensor, axes: list[int], index: list[Tensor]) -> Tensor:
    """Advanced indexing by int64 tensors along some axes. The new axes replace the first of these,
    or go to the front when they are not adjacent."""
    sizes = [x.shape[a] for a in axes]
    checked = [positions(i, n, "index", True) for i, n in zip(index, sizes, strict=True)]
    shape = np.broadcast_shapes(*(i.shape for i in checked))
    flat = _flat(checked, sizes)
    if flat.shape != shape:
        flat = expand(flat, shape)
    others = [a for a in range(x.ndim) if a not in axes]
    rest = tuple(x.shape[a] for a in others)
    front = x if axes == list(range(len(axes))) else permute(x, (*axes, *others))
    rows = reshape(front, (math.prod(sizes), *rest))
    y = reshape(_take(rows, reshape(flat, (math.prod(shape),))), (*shape, *rest))
    at = axes[0] if axes == list(range(axes[0], axes[-1] + 1)) else 0
    if at == 0:
        return y
    n = len(shape)
    order = (*range(n, n + at), *range(n), *range(n + at, y.ndim))
    return permute(y, order)


# x[index] = value


def setitem(x: Tensor, index: Any, value: Tensor | Scalar) -> None:
    """x[index] = value, for a tensor off the tape.

    Raises:
        RecordingError: tensors of positions while recording; a mask with one value is recorded.
    """
    if not _has_tensors(index):
        check_writable(x, "setitem_")
        copy_(Tensor(view_array(x._array, index)), _fitting(value))
        return
    if listener.active is not None:
        _set_recorded(x, index, value)
        return
    check_writable(x, "setitem_")
    place = tuple(p._array if isinstance(p, Tensor) else p for p in parts_of(index))
    if not isinstance(value, Tensor):
        value = value_of(value, x)
    x._array[place] = dtypes.converted(value._array, x._array.dtype)
    versions.wrote(x._array, "setitem_")


def as_mask(index: Any) -> Any:
    """The index; a tensor of uint8, which is a mask too, as one of bool."""
    is_bytes = isinstance(index, Tensor) and index.dtype == uint8
    return cast(index, bool_) if is_bytes else index


def _set_recorded(x: Tensor, index: Any, value: Tensor | Scalar) -> None:
    index = as_mask(index)
    single = isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)
    if not (isinstance(index, Tensor) and index.dtype == bool_ and single):
        assert listener.active is not None
        raise listener.RecordingError(
            f"{listener.active.location()}: cannot compile this: elements named by a tensor "
            "were assigned; use fastnn.where, or a mask and one value"
        )
    mask = reshape(index, (*index.shape, *(1,) * (x.ndim - index.ndim)))
    value = reshape(value, ()) if isinstance(value, Tensor) else value
    copy_(x, elementwise.where(mask, value, x))


def view_array(array: NDArray[Any], index: Any) -> NDArray[Any]:
    """array[index] as a view, for an index without tensors."""
    parts = index if isinstance(index, tuple) else (index,)
    view: NDArray[Any] = array[parts if any(p is Ellipsis for p in parts) else (*parts, Ellipsis)]
    return view


def _fitting(value: Any) -> Any:
    return Tensor(as_dtype(np.asarray(value))) if isinstance(value, list | np.ndarray) else value


# Functions


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i][j][k] = input[index[i][j][k]][j][k] along dim 0, and alike along others.

    Raises:
        ValueError: an index of another number of axes, or larger than input along another axis.
        IndexError: outside of input.
    """
    at = axis("gather", dim, input.ndim)
    fits = all(n <= m for i, (n, m) in enumerate(zip(index.shape, input.shape)) if i != at)
    if index.ndim != input.ndim or not fits:
        raise ValueError(f"index: expected at most shape {input.shape} but for axis {at}, "
                         f"got {index.shape}")  # fmt: skip
    flat = row_by_row(input.shape, at, index)
    return reshape(_take(reshape(input, (-1,)), flat), index.shape)


def row_by_row(sizes: tuple[int, ...], at: int, index: Tensor) -> Tensor:
    """Where the elements that an index along axis `at` means lie, of a shape laid out by rows.

    Raises:
        IndexError: outside of the shape.
    """
    position = positions(index, sizes[at], "index", False)
    base = np.zeros(index.shape, int64)
    for d, n in enumerate(index.shape):
        if d != at:
            shape = (*(1,) * d, n, *(1,) * (len(sizes) - d - 1))
            base += np.arange(n).reshape(shape) * math.prod(sizes[d + 1 :])
    flat = mul(position, math.prod(sizes[at + 1 :]))
    return reshape(add(flat, Tensor(base)) if len(sizes) > 1 else flat, (-1,))


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The parts of input along `dim` that a 1-D int64 tensor names."""
    at = axis("index_select", dim, input.ndim)
    if index.ndim > 1:
        raise ValueError(f"index: expected one axis, got shape {index.shape}")
    position = positions(reshape(index, (-1,)), input.shape[at], "index", False)
    if at == 0:
        return _take(input, position)
    return _pick(input, [at], [position])


def nonzero_tuple(x: Tensor) -> tuple[Tensor, ...]:
    """The positions along each axis where x is not 0; not while recording."""
    listener.refuse("a shape was to depend on its values (a mask as an index, nonzero)")
    return tuple(
        Tensor(a.astype(int64)) for a in np.nonzero(np.atleast_1d(dtypes.readable(x._array)))
    )


def nonzero(input: Tensor, as_tuple: bool = False) -> Any:
    """The positions where input is not 0, one row each (n, axes); not while recording."""
    found = nonzero_tuple(input)
    if as_tuple:
        return found
    return Tensor(np.stack([p._array for p in found], axis=1)[:, : input.ndim])


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, flat; not while recording."""
    if mask.dtype != bool_:
        raise TypeError(f"mask: expected a bool tensor, got {mask.dtype}; convert by .bool()")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    return getitem(expand(input, shape), expand(mask, shape))


def one_hot(x: Tensor, num_classes: int = -1) -> Tensor:
    """int64 (..., num_classes): 1 at the class; num_classes is found by value when negative."""
    if num_classes < 0:
        listener.refuse("the number of its classes was asked for (one_hot)")
        num_classes = int(x._array.astype(int64).max(initial=-1)) + 1
    position = positions(x, num_classes, "x", False)
    hits = eq(reshape(position, (*x.shape, 1)), Tensor(np.arange(num_classes)))
    return cast(hits, int64)


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Operand, other: Operand) -> Tensor: ...
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other; of a condition alone, the positions where it
    holds, as `nonzero(as_tuple=True)`."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return elementwise.where(condition, input, other)


def _where(self: Tensor, condition: Tensor, other: Operand) -> Tensor:
    """This where the condition holds, else `other`."""
    return elementwise.where(condition, self, other)


METHODS = methods(
    gather, index_select, masked_select, nonzero,
    where=_where,
)  # fmt: skip

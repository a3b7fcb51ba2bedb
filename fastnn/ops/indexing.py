"""Indexing as in torch: integers and slices give views, int64 tensors and masks give copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnn._support import dtypes
from fastnn._support.dtypes import int32
from fastnn._support.errors import (
    InvalidIndexError,
    InvalidTypeError,
    InvalidValueError,
    broadcast_shapes,
)
from fastnn.ops import elementwise
from fastnn.ops.axes import axis_or_none, expand, lifted, permute, reshape, view_of
from fastnn.ops.elementwise import add, eq, lt, mul
from fastnn.ops.index import gives_view, is_mask, read
from fastnn.ops.promote import cast
from fastnn.ops.rows import take_rows
from fastnn.ops.rules import written
from fastnn.ops.table import TABLE, apply
from fastnn.tape import listener
from fastnn.tensor import Tensor, bool_, int64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

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
        raise InvalidTypeError(
            f"{name}: expected an int64 tensor, got {index.dtype}; convert by .long()"
        )
    low = -size if negative else 0

    def check(index: Tensor) -> None:
        array = index._array
        if array.size and not (array.min() >= low and array.max() < size):
            at = int(np.argmax((array < low) | (array >= size)))
            wrong = array.reshape(-1)[at]
            raise InvalidIndexError(
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


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index]: a view for integers, slices, None and ...; a copy for int64 tensors and masks.

    Raises:
        IndexError: outside of x, or an index of another kind.
        RecordingError: a mask while recording: the shape would depend on values.
    """
    if gives_view(index):
        return view_of(x, index)
    if isinstance(index, Tensor) and index.ndim == 1 and index.dtype == int64:
        return take_rows(x, positions(index, x.shape[0] if x.ndim else 0, "index", True))
    basic, named = read(index, x.shape)
    seen = view_of(x, basic)  # torch, unlike NumPy, takes integers first
    for axis in sorted(named, reverse=True):  # those that a recorder keeps as tensors too
        if named[axis].ndim == 0 and not is_mask(named[axis]):
            seen = _pick(seen, [axis], [named.pop(axis)])
            named = {a - (a > axis): part for a, part in named.items()}
    if not named:
        return seen
    axes: list[int] = []
    found: list[Tensor] = []
    for axis, part in named.items():
        parts = nonzero_tuple(part) if is_mask(part) else (part,)
        axes += range(axis, axis + len(parts))
        found += parts
    return _pick(seen, axes, found)


def _pick(x: Tensor, axes: list[int], index: list[Tensor]) -> Tensor:
    """Advanced indexing by int64 tensors along some axes. The new axes replace the first of these,
    or go to the front when they are not adjacent."""
    sizes = [x.shape[a] for a in axes]
    checked = [positions(i, n, "index", True) for i, n in zip(index, sizes, strict=True)]
    shape = broadcast_shapes(*(i.shape for i in checked))
    flat = _flat(checked, sizes)
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


# Functions


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """y[i][j][k] = input[index[i][j][k]][j][k] along dim 0, and alike along others.

    sparse_grad: accepted without effect, gradients are dense.

    Raises:
        ValueError: an index of another number of axes, or larger than input along another axis.
        IndexError: outside of input.
    """
    at = axis_or_none("gather", dim, input.ndim)
    if input.ndim == 0 and index.ndim < 2:
        shape, input, index = index.shape, lifted(input), lifted(index)
        return reshape(gather(input, 0, index), shape)
    fits = all(n <= m for i, (n, m) in enumerate(zip(index.shape, input.shape)) if i != at)
    if index.ndim != input.ndim or not fits:
        raise InvalidValueError(f"index: expected at most shape {input.shape} but for axis {at}, "
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
    return reshape(add(flat, of_array(base)) if len(sizes) > 1 else flat, (-1,))


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The parts of input along `dim` that a 1-D int64 tensor names."""
    at = axis_or_none("index_select", dim, input.ndim)
    if index.ndim > 1:
        raise InvalidValueError(f"index: expected one axis, got shape {index.shape}")
    if input.ndim == 0:
        if index.numel() != 1:
            raise InvalidIndexError(
                f"index: expected one index for a 0-d tensor, got {index.shape}"
            )
        return reshape(index_select(reshape(input, (1,)), 0, index), ())
    position = positions(reshape(index, (-1,)), input.shape[at], "index", False)
    if at == 0:
        return _take(input, position)
    return _pick(input, [at], [position])


def nonzero_tuple(x: Tensor) -> tuple[Tensor, ...]:
    """The positions along each axis where x is not 0; not while recording."""
    listener.refuse("a shape was to depend on its values (a mask as an index, nonzero)")
    return tuple(
        of_array(a.astype(int64)) for a in np.nonzero(np.atleast_1d(dtypes.readable(x._array)))
    )


def nonzero(input: Tensor, as_tuple: bool = False) -> Any:
    """The positions where input is not 0, one row each (n, axes); not while recording."""
    found = nonzero_tuple(input)
    if as_tuple:
        return found
    return of_array(np.stack([p._array for p in found], axis=1)[:, : input.ndim])


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, flat; not while recording."""
    if mask.dtype != bool_:
        raise InvalidTypeError(
            f"mask: expected a bool tensor, got {mask.dtype}; convert by .bool()"
        )
    shape = broadcast_shapes(input.shape, mask.shape)
    return getitem(expand(input, shape), expand(mask, shape))


def one_hot(x: Tensor, num_classes: int = -1) -> Tensor:
    """int64 (..., num_classes): 1 at the class; num_classes is found by value when negative."""
    if num_classes < 0:
        listener.refuse("the number of its classes was asked for (one_hot)")
        num_classes = int(x._array.astype(int64).max(initial=-1)) + 1
    position = positions(x, num_classes, "x", False)
    hits = eq(reshape(position, (*x.shape, 1)), of_array(np.arange(num_classes)))
    return cast(hits, int64)


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(
    condition: Tensor, input: Operand, other: Operand, *, out: Tensor | None = None
) -> Tensor: ...
def where(
    condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None
) -> Any:
    """input where the condition holds, else other; of a condition alone, the positions where it
    holds, as `nonzero(as_tuple=True)`."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    y = elementwise.where(condition, input, other)
    return y if out is None else written("where", y, out)


def _where(self: Tensor, condition: Tensor, other: Operand) -> Tensor:
    """This where the condition holds, else `other`."""
    return elementwise.where(condition, self, other)


METHODS = methods(
    gather, index_select, masked_select, nonzero,
    where=_where,
)  # fmt: skip

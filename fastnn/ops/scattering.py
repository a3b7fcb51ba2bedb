"""Take, scatter and index_add: read, write or add at the positions in an index tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError, broadcast_shapes
from fastnn.ops.assignment import put_rows
from fastnn.ops.axes import axis, expand, lifted, permute, place, reshape, view_of
from fastnn.ops.elementwise import add, copy, gt, mul, where
from fastnn.ops.indexing import gather, index_select, positions, row_by_row
from fastnn.ops.promote import cast
from fastnn.ops.rows import scatter_add_rows
from fastnn.ops.table import new_array
from fastnn.ops.write import value_of
from fastnn.tensor import Tensor, float64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

__all__ = ["index_add", "index_fill", "scatter_add", "take", "take_along_dim"]


def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened input at these positions; negative ones count from the end."""
    flat = positions(reshape(index, (-1,)), input.numel(), "index", True)
    return reshape(index_select(reshape(input, (-1,)), 0, flat), index.shape)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """As `gather`; the other axes broadcast, and negative positions count from the end.

    Args:
        dim: default: both are flattened.
    """
    if dim is None:
        return take(input, reshape(indices, (-1,)))
    at = axis("take_along_dim", dim, input.ndim)
    if indices.ndim != input.ndim:
        raise InvalidValueError(
            f"indices: expected {input.ndim} axes as the tensor has, got {indices.ndim}"
        )
    indices = positions(indices, input.shape[at], "indices", True)
    sizes = [(*t.shape[:at], 1, *t.shape[at + 1 :]) for t in (input, indices)]
    shape = broadcast_shapes(*sizes)
    input, indices = (
        expand(t, (*shape[:at], t.shape[at], *shape[at + 1 :])) for t in (input, indices)
    )
    return gather(input, at, indices)


def same_dtype(name: str, x: Tensor, source: Tensor) -> None:
    if not isinstance(source, Tensor):
        raise InvalidTypeError(f"{name}: expected a tensor as source, got {source!r}")
    if x.dtype != source.dtype:
        raise InvalidTypeError(f"{name}: expected a source of {x.dtype}, got {source.dtype}")


def region_of(name: str, x: Tensor, at: int, index: Tensor) -> tuple[slice, ...]:
    """The part of x along the other axes that an index is for.

    Raises:
        ValueError: it reaches beyond x.
    """
    if index.ndim != x.ndim or not all(
        n <= m for d, (n, m) in enumerate(zip(index.shape, x.shape)) if d != at
    ):
        raise InvalidValueError(
            f"{name}: expected an index of at most shape {x.shape} but for axis {at}, got "
            f"{index.shape}"
        )
    return tuple(slice(None) if d == at else slice(n) for d, n in enumerate(index.shape))


def fitting(name: str, index: Tensor, src: Tensor) -> Tensor:
    """The part of src that the index has positions for.

    Raises:
        ValueError: it is smaller.
    """
    if src.ndim != index.ndim or not all(n <= m for n, m in zip(index.shape, src.shape)):
        raise InvalidValueError(
            f"{name}: expected a source of at least the index's shape {index.shape}, "
            f"got {src.shape}"
        )
    if src.shape == index.shape:
        return src
    return view_of(src, tuple(slice(n) for n in index.shape))


def replaced(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """`scatter` without its words: the last src_i of a position replaces what is there."""
    whole, index = lifted(input), lifted(index)
    at = axis("scatter", dim, whole.ndim)
    region = region_of("scatter", whole, at, index)
    index = positions(index, whole.shape[at], "index", False)
    if isinstance(src, Tensor):
        same_dtype("scatter", input, src)
        src = fitting("scatter", index, lifted(src))
    if index.numel() == 0:
        return copy(input)
    y = within(whole, region, lambda x: _scattered(x, at, index, src))
    return reshape(y, input.shape)


def within(whole: Tensor, region: tuple[slice, ...], compute: Callable[[Tensor], Tensor]) -> Tensor:
    """The tensor with its part in a region computed anew."""
    part = whole if region == (slice(None),) * len(region) else view_of(whole, region)
    part = reshape(compute(part), part.shape)
    if part.shape == whole.shape:
        return part
    inside = np.zeros(whole.shape, bool)
    inside[region] = True
    placed = place(of_array(new_array(whole.shape, whole.dtype)), part, region)
    return where(of_array(inside), placed, whole)


def _scattered(x: Tensor, at: int, index: Tensor, src: Operand) -> Tensor:
    """`replaced` for an index of x's shape but for axis `at`."""
    given = expand(src if isinstance(src, Tensor) else value_of(src, x), index.shape)
    elements = reshape(x, (x.numel(), 1)), reshape(given, (index.numel(), 1))
    flat = row_by_row(x.shape, at, index)
    return reshape(put_rows(elements[0], flat, elements[1]), x.shape)


def summed(rows: Tensor, index: Tensor, n: int) -> Tensor:
    """`scatter_add_rows`; int64 is summed in double."""
    total = scatter_add_rows(rows if rows.dtype.kind == "f" else cast(rows, float64), index, n)
    return cast(total, rows.dtype)


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """input with src_i added at position index_i along `dim`; index and src as for `scatter`.

    Whole numbers are exact up to 2**53.
    """
    whole, index = lifted(input), lifted(index)
    at = axis("scatter_add", dim, whole.ndim)
    region_of("scatter_add", whole, at, index)
    same_dtype("scatter_add", input, src)
    src = fitting("scatter_add", index, lifted(src))
    total = summed(reshape(src, (-1, 1)), row_by_row(whole.shape, at, index), input.numel())
    return add(input, reshape(total, input.shape))


def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1
) -> Tensor:
    """input with alpha source_i added at position index_i along `dim`.

    Whole numbers are exact up to 2**53.

    Raises:
        ValueError: a source of another shape. IndexError: outside of input. TypeError: another
            dtype.
    """
    whole, index, source = lifted(input), lifted(index), lifted(source)
    at = axis("index_add", dim, whole.ndim)
    same_dtype("index_add", input, source)
    wanted = (*whole.shape[:at], index.numel(), *whole.shape[at + 1 :])
    if index.ndim != 1 or source.shape != wanted:
        raise InvalidValueError(
            f"source: expected shape {wanted} by x and index, got {source.shape}"
        )
    first = (at, *(d for d in range(source.ndim) if d != at))
    rows = permute(source, first)
    index = positions(index, whole.shape[at], "index", False)
    width = math.prod(rows.shape[1:])
    total = summed(reshape(rows, (len(index), width)), index, whole.shape[at])
    back = tuple(int(d) for d in np.argsort(first))
    total = permute(reshape(total, (whole.shape[at], *rows.shape[1:])), back)
    return add(input, reshape(total if alpha == 1 else mul(total, alpha), input.shape))


def index_fill(input: Tensor, dim: int, index: Tensor, value: Operand) -> Tensor:
    """Fill positions along `dim` with `value`, a number or a 0-d tensor."""
    whole, index = lifted(input), lifted(index)
    at = axis("index_fill", dim, whole.ndim)
    if index.ndim != 1 or (isinstance(value, Tensor) and value.ndim):
        raise InvalidValueError(
            f"index_fill: expected a vector and one value, got {index.shape}, {value}"
        )
    value = value if isinstance(value, Tensor) else value_of(value, input)
    if len(index) == 0:
        return copy(input)
    index = positions(index, whole.shape[at], "index", True)
    ones = of_array(np.ones((len(index), 1)))
    meant = gt(scatter_add_rows(ones, index, whole.shape[at]), 0.0)
    meant = reshape(meant, (-1, *(1,) * (whole.ndim - 1 - at)))
    return reshape(cast(where(meant, value, whole), input.dtype), input.shape)


METHODS = methods(
    take, take_along_dim, scatter_add, index_add, index_fill,
)  # fmt: skip

"""Elements taken from, written to and added at positions that a tensor gives, along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.ops.elementwise import add, eq, ge, maximum, mul, where
from fastnn.ops.indexing import gather, index_select, positions, row_by_row
from fastnn.ops.join import axis
from fastnn.ops.promote import cast
from fastnn.ops.reduce import amax, any
from fastnn.ops.rows import scatter_add_rows
from fastnn.ops.shape import expand, getitem, permute, place, reshape
from fastnn.ops.table import new_array
from fastnn.tensor import Tensor, float64

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

    Operand = Tensor | Scalar


def take(x: Tensor, index: Tensor) -> Tensor:
    """The elements at these positions of x laid out row by row, from the end if negative."""
    flat = positions(reshape(index, (-1,)), x.numel(), "index", True)
    return reshape(index_select(reshape(x, (-1,)), 0, flat), index.shape)


def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """As `gather`; the other axes broadcast, and negative positions count from the end.

    Args:
        dim: by default of both laid out row by row.
    """
    if dim is None:
        return take(x, reshape(indices, (-1,)))
    at = axis("take_along_dim", dim, x.ndim)
    if indices.ndim != x.ndim:
        raise ValueError(f"indices: expected {x.ndim} axes as the tensor has, got {indices.ndim}")
    indices = positions(indices, x.shape[at], "indices", True)
    sizes = [(*t.shape[:at], 1, *t.shape[at + 1 :]) for t in (x, indices)]
    shape = np.broadcast_shapes(*sizes)
    x, indices = (expand(t, (*shape[:at], t.shape[at], *shape[at + 1 :])) for t in (x, indices))
    return gather(x, at, indices)


def _lifted(x: Tensor) -> Tensor:
    """With an axis at least."""
    return x if x.ndim else reshape(x, (1,))


def _same_dtype(name: str, x: Tensor, source: Tensor) -> None:
    if not isinstance(source, Tensor):
        raise TypeError(f"{name}: expected a tensor as source, got {source!r}")
    if x.dtype != source.dtype:
        raise TypeError(f"{name}: expected a source of {x.dtype}, got {source.dtype}")


def _region(name: str, x: Tensor, at: int, index: Tensor) -> tuple[slice, ...]:
    """The part of x along the other axes that an index is for.

    Raises:
        ValueError: it reaches beyond x.
    """
    if index.ndim != x.ndim or not all(
        n <= m for d, (n, m) in enumerate(zip(index.shape, x.shape)) if d != at
    ):
        raise ValueError(
            f"{name}: expected an index of at most shape {x.shape} but for axis {at}, got "
            f"{index.shape}"
        )
    return tuple(slice(None) if d == at else slice(n) for d, n in enumerate(index.shape))


def _fitting(name: str, index: Tensor, src: Tensor) -> Tensor:
    """The part of src that the index has positions for.

    Raises:
        ValueError: it is smaller.
    """
    if src.ndim != index.ndim or not all(n <= m for n, m in zip(index.shape, src.shape)):
        raise ValueError(
            f"{name}: expected a source of at least the index's shape {index.shape}, "
            f"got {src.shape}"
        )
    if src.shape == index.shape:
        return src
    return getitem(src, tuple(slice(n) for n in index.shape))


def scatter(x: Tensor, dim: int, index: Tensor, src: Operand) -> Tensor:
    """x with src_i at position index_i along `dim`: the last one where several are meant.

    Args:
        index: int64, of as many axes as x; it may be smaller.
        src: a number, or a tensor of x's dtype of at least index's shape.

    Raises:
        ValueError: shapes that do not fit. IndexError: outside of x. TypeError: another dtype.
    """
    lifted, index = _lifted(x), _lifted(index)
    at = axis("scatter", dim, lifted.ndim)
    region = _region("scatter", lifted, at, index)
    index = positions(index, lifted.shape[at], "index", False)
    if isinstance(src, Tensor):
        _same_dtype("scatter", x, src)
        src = _fitting("scatter", index, _lifted(src))
    if index.numel() == 0:
        return add(x, 0) if x.dtype.kind != "b" else cast(x, x.dtype)
    part = lifted if region == (slice(None),) * len(region) else getitem(lifted, region)
    part = reshape(_scattered(part, at, index, src), part.shape)
    if part.shape != lifted.shape:
        inside = np.zeros(lifted.shape, bool)
        inside[region] = True
        placed = place(Tensor(new_array(lifted.shape, x.dtype)), part, region)
        part = where(Tensor(inside), placed, lifted)
    return reshape(part, x.shape)


def _scattered(x: Tensor, at: int, index: Tensor, src: Operand) -> Tensor:
    """`scatter` for an index of x's shape but for axis `at`."""
    n, after = x.shape[at], (1,) * (x.ndim - 1 - at)
    place_of = reshape(index, (*index.shape[: at + 1], 1, *index.shape[at + 1 :]))
    hits = eq(place_of, Tensor(np.arange(n).reshape(n, *after)))
    if not isinstance(src, Tensor):
        return cast(where(any(hits, at), src, x), x.dtype)
    order = Tensor(np.arange(index.shape[at]).reshape(-1, 1, *after))
    last = amax(where(hits, order, -1), at)
    return where(ge(last, 0), gather(src, at, maximum(last, 0)), x)


def _summed(rows: Tensor, index: Tensor, n: int) -> Tensor:
    """`scatter_add_rows`, of whole numbers in double."""
    total = scatter_add_rows(rows if rows.dtype.kind == "f" else cast(rows, float64), index, n)
    return cast(total, rows.dtype)


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """x with src_i added at position index_i along `dim`; index and src as of `scatter`.

    Whole numbers are exact up to 2**53.
    """
    lifted, index = _lifted(x), _lifted(index)
    at = axis("scatter_add", dim, lifted.ndim)
    _region("scatter_add", lifted, at, index)
    _same_dtype("scatter_add", x, src)
    src = _fitting("scatter_add", index, _lifted(src))
    total = _summed(reshape(src, (-1, 1)), row_by_row(lifted.shape, at, index), x.numel())
    return add(x, reshape(total, x.shape))


def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """x with alpha source_i added at position index_i along `dim`.

    Whole numbers are exact up to 2**53.

    Raises:
        ValueError: a source of another shape. IndexError: outside of x. TypeError: another dtype.
    """
    lifted, index, source = _lifted(x), _lifted(index), _lifted(source)
    at = axis("index_add", dim, lifted.ndim)
    _same_dtype("index_add", x, source)
    wanted = (*lifted.shape[:at], index.numel(), *lifted.shape[at + 1 :])
    if index.ndim != 1 or source.shape != wanted:
        raise ValueError(f"source: expected shape {wanted} by x and index, got {source.shape}")
    first = (at, *(d for d in range(source.ndim) if d != at))
    rows = permute(source, first)
    index = positions(index, lifted.shape[at], "index", False)
    total = _summed(reshape(rows, (len(index), -1)), index, lifted.shape[at])
    back = tuple(int(d) for d in np.argsort(first))
    total = permute(reshape(total, (lifted.shape[at], *rows.shape[1:])), back)
    return add(x, reshape(total if alpha == 1 else mul(total, alpha), x.shape))


def index_fill(x: Tensor, dim: int, index: Tensor, value: Operand) -> Tensor:
    """x with `value`, a number or a tensor of no axes, at each of these positions along `dim`."""
    lifted, index = _lifted(x), _lifted(index)
    at = axis("index_fill", dim, lifted.ndim)
    if index.ndim != 1 or (isinstance(value, Tensor) and value.ndim):
        raise ValueError(f"index_fill: expected a vector and one value, got {index.shape}, {value}")
    if len(index) == 0:
        return x
    index = positions(index, lifted.shape[at], "index", True)
    meant = any(eq(Tensor(np.arange(lifted.shape[at]).reshape(-1, 1)), index), 1)
    meant = reshape(meant, (-1, *(1,) * (lifted.ndim - 1 - at)))
    return reshape(cast(where(meant, value, lifted), x.dtype), x.shape)

"""Tensors laid out anew: diagonals, grids, tiles, stacks of rows; sorted along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.ops.elementwise import where
from fastnn.ops.indexing import gather
from fastnn.ops.join import axis, cat, repeat
from fastnn.ops.promote import cast
from fastnn.ops.reduce import sum
from fastnn.ops.rows import along
from fastnn.ops.shape import expand, getitem, permute, reshape
from fastnn.ops.table import row
from fastnn.tensor import Tensor, bool_, int64
from fastnn.tensor.methods.names import both_names


def numel(x: Tensor) -> int:
    """The number of elements."""
    return x.numel()


def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The elements start .. start + length - 1 along `dim`, as a view.

    Raises:
        IndexError: outside of x.
    """
    at = axis("narrow", dim, x.ndim)
    n = x.shape[at]
    first = start + n if start < 0 else start
    if first < 0 or length < 0 or first + length > n:
        raise IndexError(f"narrow: expected a part of 0..{n - 1}, got {length} from {start} on")
    return getitem(x, (*(slice(None),) * at, slice(first, first + length)))


def tile(x: Tensor, dims: Sequence[int]) -> Tensor:
    """Copies of x side by side, dims[i] of them along axis i; of the first axes 1 if too few."""
    return repeat(x, (*(1,) * (x.ndim - len(dims)), *dims))


def _at_least(x: Tensor, ndim: int) -> Tensor:
    return reshape(x, (*(1,) * (ndim - x.ndim), *x.shape)) if x.ndim < ndim else x


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side: along axis 1, vectors along axis 0."""
    parts = [_at_least(t, 1) for t in tensors]
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors one below another, vectors as rows."""
    return cat([_at_least(t, 2) for t in tensors], 0)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Vectors as the coordinates of a grid, one tensor of its shape for each, as views.

    Args:
        indexing: "ij": tensor i varies along axis i; "xy": the first two axes exchanged.
    """
    if indexing not in ("ij", "xy"):
        raise ValueError(f"indexing: expected 'ij' or 'xy', got {indexing!r}")
    parts = tensors if isinstance(tensors[0], Tensor) else tuple(tensors[0])
    at = list(range(len(parts)))
    if indexing == "xy" and len(parts) > 1:
        at[:2] = 1, 0
    shape = tuple(parts[i].numel() for i in at)  # of two axes exchanged the inverse is the same
    sizes = [tuple(n if a == d else 1 for a, n in enumerate(shape)) for d in at]
    return tuple(expand(reshape(t, s), shape) for t, s in zip(parts, sizes, strict=True))


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, as a view; the matrix that has a vector on its diagonal.

    Raises:
        ValueError: neither a vector nor a matrix.
    """
    if x.ndim == 1:
        return _on_diagonal(x, diagonal)
    if x.ndim != 2:
        raise ValueError(f"diag: expected a vector or a matrix, got shape {x.shape}")
    return diagonal_of(x, diagonal, 0, 1)


def diagonal_of(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonals of the matrices along two axes, as the last axis; a view if they lie row by
    row.

    Raises:
        ValueError: twice the same axis.
    """
    at = [axis("diagonal", d, x.ndim) for d in (dim1, dim2)]
    if at[0] == at[1]:
        raise ValueError(f"diagonal: expected two different axes, got {dim1} and {dim2}")
    rest = [d for d in range(x.ndim) if d not in at]
    rows, columns = (x.shape[d] for d in at)
    down, right = max(-offset, 0), max(offset, 0)
    length = max(min(rows - down, columns - right), 0)
    start, step = (down * columns + right if length else 0), columns + 1
    ordered = x if [*rest, *at] == list(range(x.ndim)) else permute(x, (*rest, *at))
    flat = reshape(ordered, (*(x.shape[d] for d in rest), rows * columns))
    return getitem(flat, (..., slice(start, start + length * step, step)))


def _on_diagonal(x: Tensor, k: int) -> Tensor:
    n = x.shape[0] + abs(k)
    rest = Tensor(np.zeros(abs(k), x.dtype))
    column = reshape(cat([x, rest]) if k else x, (n, 1) if k >= 0 else (1, n))
    return where(Tensor(np.eye(n, k=k, dtype=bool)), column, Tensor(np.zeros((), x.dtype)))


def trace(x: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    if x.ndim != 2:
        raise ValueError(f"trace: expected a matrix, got shape {x.shape}")
    return sum(diag(x))


class Sorted(NamedTuple):
    """Elements in order, and where they were."""

    values: Tensor
    indices: Tensor


_argsort = row(
    "argsort", lambda arrays, attrs: ([(arrays[0].shape, int64)], arrays[0].shape), batch="fold"
)


@both_names
def argsort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The int64 positions of the elements in order along `dim`, equal ones as they were.

    nan counts as the largest; denormals are equal to 0.
    """
    if x.ndim == 0:
        return Tensor(np.zeros((), int64))
    x = cast(x.detach(), int64) if x.dtype == bool_ else x.detach()
    return along(_argsort, x, dim, (int(descending),))


@both_names
def sort(x: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Sorted:
    """(values, indices): the elements in order along `dim`; see `argsort`."""
    order = argsort(x, dim, descending)
    return Sorted(gather(x, dim, order) if x.ndim else x, order)


@both_names
def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """(values, indices) of the k largest (or smallest) elements along `dim`, in order.

    Raises:
        ValueError: a k outside of 0 to the size of the axis.
    """
    size = x.shape[axis("topk", dim, x.ndim)] if x.ndim else 1
    if not 0 <= k <= size:
        raise ValueError(f"k: expected 0..{size}, got {k}")
    order = argsort(x, dim, largest)
    if x.ndim == 0:
        return Sorted(x, order)
    order = narrow(order, dim, 0, k)
    return Sorted(gather(x, dim, order), order)

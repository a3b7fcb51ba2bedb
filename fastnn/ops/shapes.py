"""Shapes: axes that are split, added or turned, and the sizes of broadcasts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, reshape, sizes_of, sum
from fastnn.ops.elementwise import clone, floor_divide, remainder
from fastnn.ops.from_data import dtype_of
from fastnn.ops.indexing import index_select
from fastnn.ops.join import cat, meshgrid, stack, vstack
from fastnn.ops.names import both_names
from fastnn.ops.promote import cast
from fastnn.ops.views import flip, parts_by_name, split, tensor_split, transpose
from fastnn.tensor import Tensor, int64, of_array
from fastnn.tensor.attach import methods
from fastnn.tensor.size import Size

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_shapes", "cartesian_prod", "combinations",
    "dsplit", "dstack", "fliplr", "flipud", "hsplit", "is_same_size", "rot90", "row_stack",
    "split_with_sizes", "tril_indices", "triu_indices", "unflatten", "unravel_index", "vsplit",
]  # fmt: skip


@both_names
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split the axis `dim` into several of these sizes, as a view; one may be -1.

    Raises:
        ValueError: sizes whose product is not that of the axis.

    Example:
        >>> import fastnn
        >>> fastnn.unflatten(fastnn.zeros(2, 6), 1, (3, -1)).shape
        (2, 3, 2)
    """
    at = axis("unflatten", dim, input.ndim or 1)
    n = input.shape[at] if input.ndim else 1
    parts = list(sizes) if isinstance(sizes, Sequence) else [sizes]
    known = math.prod(p for p in parts if p != -1)
    if parts.count(-1) == 1 and known and n % known == 0:
        parts[parts.index(-1)] = n // known
    if not parts or -1 in parts or math.prod(parts) != n:
        raise InvalidValueError(
            f"sizes: expected sizes of product {n}, that of axis {dim}, got {sizes}"
        )
    return reshape(input, (*input.shape[:at], *parts, *input.shape[at + 1 :]))


def _at_least(name: str, ndim: int, doc: str) -> Callable[..., Any]:
    def function(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return _lifted(tensors[0], ndim)
        given = tensors[0] if len(tensors) == 1 else tensors
        if not given or not all(isinstance(t, Tensor) for t in given):
            raise InvalidTypeError(f"{name}: expected tensors, got {given!r}")
        return tuple(_lifted(t, ndim) for t in given)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _lifted(x: Tensor, ndim: int) -> Tensor:
    """The tensor with at least this many axes, new ones of size 1."""
    if x.ndim >= ndim:
        return x
    shape = (*(1,) * (min(ndim, 2) - x.ndim), *x.shape)
    return reshape(x, (*shape, 1) if ndim == 3 else shape)


atleast_1d: Callable[..., Any] = _at_least(
    "atleast_1d", 1, "The tensor, or each of several, with at least one axis: () becomes (1,)."
)
atleast_2d: Callable[..., Any] = _at_least(
    "atleast_2d", 2, "The tensor, or each of several, with at least two axes: (n,) becomes (1, n)."
)
atleast_3d: Callable[..., Any] = _at_least(
    "atleast_3d", 3,
    "The tensor, or each of several, with at least three axes: (n,) becomes (1, n, 1), "
    "(m, n) becomes (m, n, 1).",
)  # fmt: skip


def _triangle_indices(
    name: str, find: Any, row: int, col: int, offset: int, dtype: Any, requires_grad: bool
) -> Tensor:
    if row < 0 or col < 0:
        raise InvalidValueError(
            f"{name}: expected a row and a col of at least 0, got {row} and {col}"
        )
    found = np.stack(find(row, offset, col))
    return of_array(dtypes.converted(found, dtype_of(dtype, int64)), requires_grad)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The positions (2, n) on and below a diagonal of a (row, col) matrix, row by row; int64.

    Example:
        >>> import fastnn
        >>> fastnn.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    return _triangle_indices("tril_indices", np.tril_indices, row, col, offset, dtype,
                             requires_grad)  # fmt: skip


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The positions (2, n) on and above a diagonal of a (row, col) matrix, row by row; int64.

    Example:
        >>> import fastnn
        >>> fastnn.triu_indices(2, 2)
        tensor([[0, 0, 1],
                [0, 1, 1]])
    """
    return _triangle_indices("triu_indices", np.triu_indices, row, col, offset, dtype,
                             requires_grad)  # fmt: skip


# ---- turned ----


def _matrix(name: str, input: Tensor, ndim: int) -> None:
    if input.ndim < ndim:
        raise InvalidValueError(f"{name}: expected at least {ndim} axes, got shape {input.shape}")


def fliplr(input: Tensor) -> Tensor:
    """Reverse the order of the columns, axis 1."""
    _matrix("fliplr", input, 2)
    return flip(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """Reverse the order of the rows, axis 0."""
    _matrix("flipud", input, 1)
    return flip(input, (0,))


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn by k quarters in the plane of two axes, from the first towards the second.

    Raises:
        ValueError: not two different axes, or an input with fewer.

    Example:
        >>> import fastnn
        >>> fastnn.rot90(fastnn.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])
    """
    _matrix("rot90", input, 2)
    at = [axis("rot90", d, input.ndim) for d in dims]
    if len(at) != 2 or at[0] == at[1]:
        raise InvalidValueError(f"dims: expected two different axes, got {tuple(dims)}")
    quarters = k % 4
    if quarters == 0:
        return clone(input)
    if quarters == 2:
        return flip(input, at)
    return transpose(flip(input, (at[1] if quarters == 1 else at[0],)), at[0], at[1])


# ---- split and joined ----


def _split_along(name: str, input: Tensor, parts: Any, at: int) -> tuple[Tensor, ...]:
    if isinstance(parts, int) and (parts < 1 or input.shape[at] % parts):
        raise InvalidValueError(
            f"{name}: expected a number of parts that divides the {input.shape[at]} of axis {at}, "
            f"got {parts}"
        )
    return tensor_split(input, parts, at)


@parts_by_name
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Split along axis 1 (a vector: 0) into equal parts by number, or before given indices.

    Raises:
        ValueError: a number that does not divide the axis; a 0-d tensor.
    """
    _matrix("hsplit", input, 1)
    return _split_along("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1)


@parts_by_name
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Split along axis 0 into equal parts by number, or before given indices.

    Raises:
        ValueError: a number that does not divide the axis; fewer than two axes.
    """
    _matrix("vsplit", input, 2)
    return _split_along("vsplit", input, indices_or_sections, 0)


@parts_by_name
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Split along axis 2 into equal parts by number, or before given indices.

    Raises:
        ValueError: a number that does not divide the axis; fewer than three axes.
    """
    _matrix("dsplit", input, 3)
    return _split_along("dsplit", input, indices_or_sections, 2)


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Split along `dim` into views of these sizes; see `split`."""
    return split(input, tuple(split_sizes), dim)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack in depth: concatenate along axis 2, what has fewer axes as `atleast_3d` makes it."""
    return cat([_lifted(t, 3) for t in tensors], 2)


row_stack = vstack


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of an element of each vector, one a row, the last varying fastest.

    Example:
        >>> import fastnn
        >>> fastnn.cartesian_prod(fastnn.tensor([1, 2]), fastnn.tensor([5, 6]))
        tensor([[1, 5],
                [1, 6],
                [2, 5],
                [2, 6]])
    """
    for t in tensors:
        if t.ndim != 1:
            raise InvalidValueError(f"cartesian_prod: expected vectors, got shape {t.shape}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(t, (-1,)) for t in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, one a row, in the vector's order.

    Args:
        with_replacement: an element may come again.

    Example:
        >>> import fastnn
        >>> fastnn.combinations(fastnn.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    if input.ndim != 1 or r < 0:
        raise InvalidValueError(
            f"combinations: expected a vector and an r of at least 0, got shape "
            f"{input.shape} and {r}"
        )
    if r == 0:
        return of_array(np.empty(0, input.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(input.shape[0]), r)), int64).reshape(-1, r)
    return reshape(index_select(input, 0, of_array(rows.reshape(-1))), rows.shape)


# ---- sizes ----


def broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """The shape that tensors of these shapes broadcast to.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> import fastnn
        >>> fastnn.broadcast_shapes((2, 1), (3,))
        (2, 3)
    """
    sizes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    if any(n < 0 for s in sizes for n in s):
        raise InvalidValueError(f"broadcast_shapes: expected sizes of at least 0, got {shapes}")
    try:
        return Size(np.broadcast_shapes(*sizes))
    except ValueError:
        raise InvalidValueError(f"broadcast_shapes: shapes {shapes} do not broadcast") from None


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape."""
    return input.shape == other.shape


def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Positions along each axis from positions in a tensor of this shape laid out row by row.

    Example:
        >>> import fastnn
        >>> fastnn.unravel_index(fastnn.tensor([1, 5]), (2, 3))
        (tensor([0, 1]), tensor([1, 2]))
    """
    if indices.dtype.kind not in "iu":
        raise InvalidTypeError(f"indices: expected whole numbers, got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in sizes):
        raise InvalidValueError(f"shape: expected sizes of at least 0, got {sizes}")
    indices = cast(indices, int64)
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    return tuple(
        remainder(floor_divide(indices, step), n) for step, n in zip(steps, sizes, strict=True)
    )


def sum_to_size(self: Tensor, *sizes: Any, size: Sequence[int] | None = None) -> Tensor:
    """Sum over the axes along which this size would be broadcast to the tensor's shape.

    The tensor itself if there are none, unless the size is (): that is a new tensor, as in torch.

    Raises:
        ValueError: a size that does not broadcast to it.
    """
    wanted = tuple(sizes_of(sizes) if size is None else size)
    lead = self.ndim - len(wanted)
    fits = lead >= 0 and all(n in (1, m) for n, m in zip(wanted, self.shape[lead:]))
    if not fits:
        raise InvalidValueError(f"size: expected one that broadcasts to {self.shape}, got {wanted}")
    if not wanted:
        return sum(self)
    axes = [i for i in range(self.ndim) if i < lead or wanted[i - lead] == 1 != self.shape[i]]
    return reshape(sum(self, axes), wanted) if axes else self


METHODS = methods(
    unflatten, fliplr, flipud, rot90, hsplit, vsplit, dsplit, split_with_sizes, is_same_size,
    sum_to_size,
)  # fmt: skip

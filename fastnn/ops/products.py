"""Products of vectors, matrices and batches of matrices: one row `matmul` for each matrix."""

from __future__ import annotations

import numpy as np

from fastnn.ops.elementwise import mul
from fastnn.ops.join import stack
from fastnn.ops.matmul import matmul as of_matrices
from fastnn.ops.reduce import sum
from fastnn.ops.shape import expand, getitem, reshape
from fastnn.tensor import Tensor


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product over the last two axes, those before broadcast; a vector on either side is
    a row or a column, and is dropped again.

    Raises:
        TypeError: dtypes that differ, or whole numbers.
        ValueError: sizes that do not fit.
    """
    return of_matrices(a, b) if b.ndim <= 2 else _batched(a, b)


def _batched(a: Tensor, b: Tensor) -> Tensor:
    if a.ndim == 1:
        y = _batched(reshape(a, (1, -1)), b)
        return reshape(y, (*y.shape[:-2], y.shape[-1]))
    if a.ndim == 0 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: {a.shape} and {b.shape} do not fit")
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"matmul: {a.shape} and {b.shape} do not fit") from None
    left = reshape(expand(a, (*batch, *a.shape[-2:])), (-1, *a.shape[-2:]))
    right = reshape(expand(b, (*batch, *b.shape[-2:])), (-1, *b.shape[-2:]))
    shape = (*batch, a.shape[-2], b.shape[-1])
    if left.shape[0] == 0:
        return Tensor(np.empty(shape, a.dtype))
    products = [of_matrices(getitem(left, i), getitem(right, i)) for i in range(left.shape[0])]
    return reshape(stack(products), shape)


def _of_axes(name: str, a: Tensor, b: Tensor, first: int, second: int) -> None:
    if a.ndim != first or b.ndim != second:
        raise ValueError(f"{name}: expected {first} and {second} axes, got {a.shape} and {b.shape}")


def mm(a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices."""
    _of_axes("mm", a, b, 2, 2)
    return matmul(a, b)


def mv(a: Tensor, b: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    _of_axes("mv", a, b, 2, 1)
    return matmul(a, b)


def bmm(a: Tensor, b: Tensor) -> Tensor:
    """The products of the matrices of two batches (n, i, k) and (n, k, j)."""
    _of_axes("bmm", a, b, 3, 3)
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"bmm: {a.shape[0]} matrices against {b.shape[0]}")
    return matmul(a, b)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """sum_i a_i b_i of two vectors."""
    _of_axes("dot", a, b, 1, 1)
    return matmul(a, b) if a.dtype.kind == "f" else sum(mul(a, b))


def outer(a: Tensor, b: Tensor) -> Tensor:
    """a_i b_j of two vectors."""
    _of_axes("outer", a, b, 1, 1)
    return mul(reshape(a, (-1, 1)), b)

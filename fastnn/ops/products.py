"""Products of vectors, matrices and batches of matrices: one op `matmul` for each matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, expand, permute, reshape, sum, view_of
from fastnn.ops.elementwise import add, mul
from fastnn.ops.join import stack
from fastnn.ops.matmul import matmul as of_matrices
from fastnn.ops.promote import is_array, pair
from fastnn.ops.rules import written
from fastnn.tensor import Tensor, bool_, of_array
from fastnn.tensor.attach import methods

__all__ = [
    "addmm", "baddbmm", "bmm", "dot", "inner", "matmul", "mm", "mv", "outer",
    "tensordot", "vdot",
]  # fmt: skip


def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The matrix product over the last two axes, those before broadcast; a vector on either side is
    a row or a column, and is dropped again.

    Raises:
        TypeError: dtypes that differ, or bools.
        ValueError: sizes that do not fit.
    """
    if out is not None:
        return written("matmul", matmul(input, other), out)
    try:
        few = other._array.ndim <= 2
    except AttributeError:
        if not is_array(other):
            raise InvalidTypeError(
                f"other: expected a Tensor, got {type(other).__name__}"
            ) from None
        return matmul(*pair(input, of_array(other)))
    return of_matrices(input, other) if few else _batched(input, other)


def _batched(a: Tensor, b: Tensor) -> Tensor:
    if a.ndim == 1:
        y = _batched(reshape(a, (1, a.shape[0])), b)
        return reshape(y, (*y.shape[:-2], y.shape[-1]))
    if a.ndim == 0 or a.shape[-1] != b.shape[-2]:
        raise InvalidValueError(f"matmul: {a.shape} and {b.shape} do not fit")
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise InvalidValueError(f"matmul: {a.shape} and {b.shape} do not fit") from None
    many = math.prod(batch)
    left = reshape(expand(a, (*batch, *a.shape[-2:])), (many, *a.shape[-2:]))
    right = reshape(expand(b, (*batch, *b.shape[-2:])), (many, *b.shape[-2:]))
    shape = (*batch, a.shape[-2], b.shape[-1])
    if many == 0:  # of no elements, but with a gradient of zeros
        return add(sum(a, -1, True), sum(b, -2, True))
    products = [of_matrices(view_of(left, i), view_of(right, i)) for i in range(left.shape[0])]
    return reshape(stack(products), shape)


def _of_axes(name: str, a: Tensor, b: Tensor, first: int, second: int) -> None:
    if a._array.ndim != first or b._array.ndim != second:
        raise InvalidValueError(
            f"{name}: expected {first} and {second} axes, got {a.shape} and {b.shape}"
        )


def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product of two matrices."""
    if out is not None:
        return written("mm", mm(input, mat2), out)
    _of_axes("mm", input, mat2, 2, 2)
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix-vector product."""
    if out is not None:
        return written("mv", mv(input, vec), out)
    _of_axes("mv", input, vec, 2, 1)
    return matmul(input, vec)


def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Batched matrix product of (n, i, k) and (n, k, j)."""
    if out is not None:
        return written("bmm", bmm(input, mat2), out)
    _of_axes("bmm", input, mat2, 3, 3)
    if input.shape[0] != mat2.shape[0]:
        raise InvalidValueError(f"bmm: {input.shape[0]} matrices against {mat2.shape[0]}")
    return matmul(input, mat2)


def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Dot product sum_i a_i b_i of two vectors."""
    if out is not None:
        return written("dot", dot(input, tensor), out)
    _of_axes("dot", input, tensor, 1, 1)
    return matmul(input, tensor) if input.dtype.kind != "b" else sum(mul(input, tensor))


def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Dot product of two vectors of real numbers: `dot`."""
    return dot(input, other, out=out)


def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Outer product a_i b_j of two vectors."""
    if out is not None:
        return written("outer", outer(input, vec2), out)
    _of_axes("outer", input, vec2, 1, 1)
    return mul(reshape(input, (-1, 1)), vec2)


def plus(x: Tensor, y: Tensor, beta: float, alpha: float) -> Tensor:
    """beta x + alpha y, by whole numbers for whole numbers; if beta is 0, whatever x is."""
    if y.dtype == bool_:
        beta, alpha = bool(beta), bool(alpha)
    elif y.dtype.kind != "f":
        beta, alpha = int(beta), int(alpha)
    y = y if alpha == 1 else mul(y, alpha)
    if beta == 0:
        return y
    return add(expand(x if beta == 1 else mul(x, beta), y.shape), y)


def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: float = 1.0,
    alpha: float = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """beta input + alpha mat1 @ mat2 of two matrices."""
    if out is not None:
        return written("addmm", addmm(input, mat1, mat2, beta=beta, alpha=alpha), out)
    return plus(input, mm(mat1, mat2), beta, alpha)


def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: float = 1.0,
    alpha: float = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """beta input + alpha batch1 @ batch2 of two batches of matrices."""
    if out is not None:
        return written("baddbmm", baddbmm(input, batch1, batch2, beta=beta, alpha=alpha), out)
    return plus(input, bmm(batch1, batch2), beta, alpha)


def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner product over the last axes: input other^T."""
    if out is not None:
        return written("inner", inner(input, other), out)
    if input.ndim == 0 or other.ndim == 0:
        return mul(input, other)
    return tensordot(input, other, ([input.ndim - 1], [other.ndim - 1]))


def tensordot(a: Tensor, b: Tensor, dims: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """Tensor contraction: sums of products over axes of a and of b.

    Args:
        dims: how many, the last of a and the first of b; or those of a, and those of b.

    Raises:
        ValueError: axes of different sizes.
    """
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise InvalidValueError(f"dims: expected 0..{min(a.ndim, b.ndim)}, got {dims}")
        mine, its = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        mine = [axis("tensordot", d, a.ndim) for d in dims[0]]
        its = [axis("tensordot", d, b.ndim) for d in dims[1]]
    for i, j in zip(mine, its):  # an axis of size 1 broadcasts
        if a.shape[i] == 1 != b.shape[j]:
            b = sum(b, j, True)
        elif b.shape[j] == 1 != a.shape[i]:
            a = sum(a, i, True)
    if [a.shape[d] for d in mine] != [b.shape[d] for d in its]:
        raise InvalidValueError(
            f"tensordot: shapes {a.shape} and {b.shape} differ in the axes {dims}"
        )
    left = [d for d in range(a.ndim) if d not in mine]
    right = [d for d in range(b.ndim) if d not in its]
    size = int(np.prod([a.shape[d] for d in mine]))
    rows = reshape(permute(a, (*left, *mine)), (int(np.prod([a.shape[d] for d in left])), size))
    columns = reshape(permute(b, (*its, *right)), (size, int(np.prod([b.shape[d] for d in right]))))
    return reshape(
        matmul(rows, columns), tuple([a.shape[d] for d in left] + [b.shape[d] for d in right])
    )


METHODS = methods(
    matmul, mm, mv, bmm, dot, outer, addmm, baddbmm, inner,
)  # fmt: skip

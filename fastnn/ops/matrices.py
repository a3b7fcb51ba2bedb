"""Matrices made of vectors and of other matrices, and sums with products."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, expand, floating, place, reshape, sum
from fastnn.ops.creation import zeros
from fastnn.ops.cumulative import cumprod
from fastnn.ops.elementwise import copy, mul, sub
from fastnn.ops.indexing import index_select
from fastnn.ops.join import cat
from fastnn.ops.products import bmm, matmul, mv, outer, plus
from fastnn.ops.promote import cast, result_dtype
from fastnn.ops.rules import written
from fastnn.ops.table import TABLE, execute
from fastnn.ops.views import flip, movedim
from fastnn.tensor import Tensor, bool_, of_array
from fastnn.tensor.attach import methods

__all__ = [
    "addbmm", "addmv", "addr", "block_diag", "chain_matmul", "cross", "diag_embed", "diagflat",
    "ger", "kron", "vander", "vecdot",
]  # fmt: skip


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices along two new axes with the last axis of input on a diagonal, else 0.

    Args:
        offset: which diagonal: above the main one if positive.
        dim1, dim2: where the new axes are in the result.

    Raises:
        ValueError: twice the same axis, or a 0-d tensor.

    Example:
        >>> import fastnn
        >>> fastnn.diag_embed(fastnn.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    if input.ndim == 0:
        raise InvalidValueError("diag_embed: expected at least one axis, got a 0-d tensor")
    at = [
        axis("diag_embed", dim1, input.ndim + 1, "dim1"),
        axis("diag_embed", dim2, input.ndim + 1, "dim2"),
    ]
    if at[0] == at[1]:
        raise InvalidValueError(f"diag_embed: expected two different axes, got {dim1} and {dim2}")
    n, lead = input.shape[-1], input.shape[:-1]
    side = n + abs(offset)
    start = offset if offset >= 0 else -offset * side
    flat = of_array(np.empty((*lead, side * side), input.dtype))
    zero = np.zeros((), input.dtype)
    execute(TABLE["copy"], (flat._array,), (zero,), (), ())  # by an op: a program writes it anew
    step = slice(start, start + (n - 1) * (side + 1) + 1 if n else start, side + 1)
    made = place(flat, input, (..., step)) if n else flat
    made = reshape(made, (*lead, side, side))
    return movedim(made, (-2, -1), at)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with the elements of input, flattened, on a diagonal."""
    return diag_embed(reshape(input, (-1,)), offset)


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal of one, else 0; a number is (1, 1), a vector a row.

    Example:
        >>> import fastnn
        >>> fastnn.block_diag(fastnn.ones(1, 2), fastnn.tensor([[3.0]]))
        tensor([[1., 1., 0.],
                [0., 0., 3.]])
    """
    if not tensors:
        return zeros(1, 0)
    for t in tensors:
        if t.ndim > 2:
            raise InvalidValueError(f"block_diag: expected at most two axes, got shape {t.shape}")
    parts = [reshape(t, (1, -1)) if t.ndim < 2 else t for t in tensors]
    dtype = parts[0].dtype
    for t in parts[1:]:
        dtype = result_dtype(zeros(1, dtype=dtype), zeros(1, dtype=t.dtype))
    parts = [cast(t, dtype) for t in parts]
    width, before = int(np.sum([t.shape[1] for t in parts])), 0
    rows: list[Tensor] = []
    for t in parts:
        after = width - before - t.shape[1]
        sides = [zeros(t.shape[0], n, dtype=dtype) for n in (before, after)]
        rows.append(cat([sides[0], t, sides[1]], 1))
        before += t.shape[1]
    return cat(rows, 0)


def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Kronecker product: every element of input times the whole of other.

    Example:
        >>> import fastnn
        >>> fastnn.kron(fastnn.eye(2), fastnn.tensor([[1.0, 2.0]]))
        tensor([[1., 2., 0., 0.],
                [0., 0., 1., 2.]])
    """
    if out is not None:
        return written("kron", kron(input, other), out)
    check.a_tensor("input", input)
    check.a_tensor("other", other)
    n = max(input.ndim, other.ndim)
    a, b = ((*(1,) * (n - t.ndim), *t.shape) for t in (input, other))
    left = reshape(input, tuple(v for size in a for v in (size, 1)))
    right = reshape(other, tuple(v for size in b for v in (1, size)))
    return reshape(mul(left, right), tuple(i * j for i, j in zip(a, b)))


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product of vectors of three along `dim`, which broadcast along other axes.

    Args:
        dim: default: the first axis of size 3.

    Raises:
        ValueError: other sizes than 3, or another number of axes.

    Example:
        >>> import fastnn
        >>> fastnn.cross(fastnn.tensor([1, 0, 0]), fastnn.tensor([0, 1, 0]))
        tensor([0, 0, 1])
    """
    if input.ndim != other.ndim:
        raise InvalidValueError(
            f"cross: expected as many axes, got shapes {input.shape} and {other.shape}"
        )
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise InvalidValueError(f"cross: expected an axis of size 3, got shape {input.shape}")
    at = axis("cross", dim, input.ndim)
    if input.shape[at] != 3 or other.shape[at] != 3:
        raise InvalidValueError(
            f"cross: expected 3 along axis {dim}, got shapes {input.shape} and {other.shape}"
        )
    turned = [of_array(np.array(order)) for order in ([1, 2, 0], [2, 0, 1])]
    a, b = ([index_select(t, at, order) for order in turned] for t in (input, other))
    return sub(mul(a[0], b[1]), mul(a[1], b[0]))


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix of a vector: row i has the powers x_i^(N-1) .. x_i^0.

    Args:
        N: the number of columns; default: as many as rows.
        increasing: the powers in rising order.

    Raises:
        ValueError: no vector, or an N below 0.
    """
    if x.ndim != 1:
        raise InvalidValueError(f"vander: expected a vector, got shape {x.shape}")
    columns = x.shape[0] if N is None else N
    if columns < 0:
        raise InvalidValueError(f"N: expected at least 0, got {N}")
    powers = powers_of(x, columns)
    return powers if increasing or columns < 2 else flip(powers, (-1,))


def powers_of(x: Tensor, n: int) -> Tensor:
    """The powers 0 .. n - 1 of each element, along a new last axis."""
    x = cast(x, np.int64) if x.dtype == bool_ else x
    if n == 0:
        return zeros((*x.shape, 0), dtype=x.dtype)
    one = of_array(dtypes.filled((*x.shape, 1), 1, x.dtype))
    if n == 1:
        return one
    again = expand(reshape(x, (*x.shape, 1)), (*x.shape, n - 1))
    return cat([one, cumprod(copy(again), -1)], -1)


# ---- sums with products ----


def addmv(
    input: Tensor,
    mat: Tensor,
    vec: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """beta input + alpha mat @ vec."""
    if out is not None:
        return written("addmv", addmv(input, mat, vec, beta=beta, alpha=alpha), out)
    return plus(input, mv(mat, vec), beta, alpha)


def addr(
    input: Tensor,
    vec1: Tensor,
    vec2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """beta input + alpha vec1 vec2^T, the outer product of two vectors."""
    if out is not None:
        return written("addr", addr(input, vec1, vec2, beta=beta, alpha=alpha), out)
    return plus(input, outer(vec1, vec2), beta, alpha)


def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """beta input + alpha sum_i batch1_i @ batch2_i, over two batches of matrices."""
    if out is not None:
        return written("addbmm", addbmm(input, batch1, batch2, beta=beta, alpha=alpha), out)
    products = bmm(batch1, batch2)
    return plus(input, cast(sum(products, 0), products.dtype), beta, alpha)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The dot products of vectors along `dim`: sum x y, with broadcasting.

    Raises:
        ValueError: a 0-d tensor. TypeError: not floating point, or dtypes that differ.
    """
    if x.ndim == 0 or y.ndim == 0:
        raise InvalidValueError("vecdot: expected at least one axis, got a 0-d tensor")
    floating("vecdot", x)
    if x.dtype != y.dtype:
        raise InvalidTypeError(f"y: expected {x.dtype} as x, got {y.dtype}")
    if x.shape[dim] != y.shape[dim]:
        raise InvalidValueError(f"vecdot: shapes {x.shape} and {y.shape} differ along axis {dim}")
    return sum(mul(x, y), dim)


def chain_matmul(*matrices: Any) -> Tensor:
    """The product of matrices, multiplied in the order that takes the fewest multiplications."""
    given = list(matrices[0] if len(matrices) == 1 and not isinstance(matrices[0], Tensor)
                 else matrices)  # fmt: skip
    if not given or any(m.ndim != 2 for m in given):
        shapes = [m.shape for m in given]
        raise InvalidValueError(f"chain_matmul: expected one matrix or more, got shapes {shapes}")
    return chained(given) if len(given) > 1 else copy(given[0])


def chained(matrices: list[Tensor]) -> Tensor:
    """The product of at least one matrix, in the cheapest order."""
    for a, b in pairwise(matrices):
        if a.shape[1] != b.shape[0]:
            raise InvalidValueError(f"matmul: {a.shape} and {b.shape} do not fit")
    n = len(matrices)
    sizes = [matrices[0].shape[0], *(m.shape[1] for m in matrices)]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return matrices[i]
        k = best[i, j][1]
        return matmul(product(i, k), product(k + 1, j))

    return product(0, n - 1)


ger = outer

METHODS = methods(
    diag_embed, diagflat, kron, cross, addmv, addr, addbmm,
    ger=outer,
)  # fmt: skip

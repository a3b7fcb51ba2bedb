"""Diagonals and triangular parts of matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import axis, blank, permute, place, reshape, sum, writable
from fastnn.ops.elementwise import copy, where
from fastnn.ops.join import cat
from fastnn.ops.table import taped, view
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

__all__ = ["diag", "diagonal", "trace", "tril", "triu"]


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A copy of the diagonal of a matrix; for a vector, the matrix with it on the diagonal.

    Raises:
        ValueError: neither a vector nor a matrix.
    """
    if input.ndim == 1:
        return _on_diagonal(input, diagonal)
    if input.ndim != 2:
        raise InvalidValueError(f"diag: expected a vector or a matrix, got shape {input.shape}")
    return copy(_of_matrix(input, diagonal))


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonals of the matrices along two axes, as the last axis: a view.

    Raises:
        ValueError: twice the same axis.
    """
    at = [axis("diagonal", dim1, input.ndim, "dim1"), axis("diagonal", dim2, input.ndim, "dim2")]
    if at[0] == at[1]:
        raise InvalidValueError(f"diagonal: expected two different axes, got {dim1} and {dim2}")
    array = input._array
    seen = writable(array.diagonal(offset, *at), array)
    return view(input, seen, _diagonal_gradient, (offset, *at))


def _diagonal_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """dy on the diagonals of zeros: placed in matrices that are written row after row."""
    offset, *at = node.attrs
    x = node.input(0)
    rest = [d for d in range(x.ndim) if d not in at]
    sizes = [x.shape[d] for d in rest]
    rows, columns = (x.shape[d] for d in at)
    start = max(-offset, 0) * columns + max(offset, 0) if dy.shape[-1] else 0
    steps = slice(start, start + dy.shape[-1] * (columns + 1), columns + 1)
    flat = place(blank((*sizes, rows * columns), x.dtype), dy, (..., steps))
    dx = reshape(flat, (*sizes, rows, columns))
    return (permute(dx, tuple(int(i) for i in np.argsort([*rest, *at]))),)


only_reads(_diagonal_gradient)


def _of_matrix(x: Tensor, offset: int) -> Tensor:
    return diagonal(x, offset)


def _on_diagonal(x: Tensor, k: int) -> Tensor:
    n = x.shape[0] + abs(k)
    check.elements("diag", (n, n))
    rest = of_array(np.zeros(abs(k), x.dtype))
    column = reshape(cat([x, rest]) if k else x, (n, 1) if k >= 0 else (1, n))
    return where(of_array(np.eye(n, k=k, dtype=bool)), column, of_array(np.zeros((), x.dtype)))


def trace(input: Tensor) -> Tensor:
    """The trace of a matrix: the sum of its diagonal."""
    if input.ndim != 2:
        raise InvalidValueError(f"trace: expected a matrix, got shape {input.shape}")
    return sum(diag(input))


def _triangle(x: Tensor, lower: bool, diagonal: int) -> Tensor:
    if x.ndim < 2:
        raise InvalidValueError(f"expected a matrix or matrices, got shape {x.shape}")
    diagonal = check.integer("diagonal", diagonal, -(2**62), 2**62)
    ones = np.ones(x.shape[-2:], bool)
    kept = np.tril(ones, diagonal) if lower else np.triu(ones, diagonal)
    y = where(of_array(kept), x.detach(), of_array(np.zeros((), x.dtype)))
    return taped(_triangle_gradient, (x,), y._array, (lower, diagonal))


def _triangle_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (_triangle(dy, *node.attrs),)


only_reads(_triangle_gradient)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Lower triangle: input on and below the diagonal, else 0."""
    return _triangle(input, True, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Upper triangle: input on and above the diagonal, else 0."""
    return _triangle(input, False, diagonal)


METHODS = methods(
    diag, diagonal, trace, tril, triu,
)  # fmt: skip

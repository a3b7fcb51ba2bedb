"""Linear algebra under the names that torch has at its top level and as methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnn.ops import decompositions, matrix_functions, solving, statistics
from fastnn.ops.creation import zeros
from fastnn.ops.decompositions import QR
from fastnn.ops.least_squares import pinv
from fastnn.ops.matrix_functions import in_dtype, matrix_exp, matrix_norm
from fastnn.ops.names import also, both_names
from fastnn.ops.solving import (
    inv,
    logdet,
    slogdet,
    solve_triangular,
    turned,
)
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = [
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "matrix_exp",
    "matrix_power", "norm", "pinverse", "qr", "slogdet", "svd", "triangular_solve",
]  # fmt: skip


# linalg names matrices A, B and L; the top level has input.
cholesky_inverse: Callable[..., Tensor] = also(input="L")(solving.cholesky_inverse)
cholesky_solve: Callable[..., Tensor] = also(input="B", input2="L")(solving.cholesky_solve)
det: Callable[..., Tensor] = also(input="A")(solving.det)
matrix_power: Callable[..., Tensor] = also(input="A")(matrix_functions.matrix_power)


@both_names
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The p-norm over `dim` (default: all axes): sum(|input|**p)**(1/p).

    Args:
        p: default 2 ("fro"); inf and -inf are the largest and the smallest |input|, 0 counts those
            that are not 0. "nuc": the sum of the singular values, over two axes. Where the norm is
            0 the gradient is 0.
        out: None. dtype: cast to it first.

    Raises:
        TypeError: whole numbers or bool, or an out. ValueError: another text.
    """
    if out is not None:
        raise TypeError(f"norm: expected out=None, got {out!r}")
    x = in_dtype("norm", input, dtype)
    if p != "nuc":
        return statistics.norm(x, p, dim, keepdim)
    axes = tuple(range(x.ndim)) if dim is None else dim
    if isinstance(axes, int) or len(axes) != 2:
        raise ValueError(f"dim: expected two axes for p='nuc', got {axes}")
    return matrix_norm(x, "nuc", axes, keepdim)


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The Cholesky factor; see `linalg.cholesky`."""
    return solving.cholesky(input, upper=upper)


def inverse(input: Tensor) -> Tensor:
    """The inverse of square matrices; see `linalg.inv`."""
    return inv(input)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The Moore-Penrose inverse; see `linalg.pinv`."""
    return pinv(input, rcond)


def qr(input: Tensor, some: bool = True) -> QR:
    """(Q, R), of reduced size if `some`; see `linalg.qr`."""
    return decompositions.qr(input, "reduced" if some else "complete")


class SVD(NamedTuple):
    """Singular vectors and values: A = U diag(S) V^T."""

    U: Tensor
    S: Tensor
    V: Tensor


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> SVD:
    """(U, S, V), of reduced size if `some`; V, unlike in `linalg.svd`, with vectors as columns.

    Args:
        compute_uv: without it U and V are zeros.
    """
    found = decompositions.svd(input, not some)
    if compute_uv:
        return SVD(found.U, found.S, turned(found.Vh))
    m, n = input.shape[-2:]
    u, v = (zeros((*input.shape[:-2], k, k), dtype=input.dtype) for k in (m, n))
    return SVD(u, found.S, v)


class Solved(NamedTuple):
    """A solution, and the matrix."""

    solution: Tensor
    cloned_coefficient: Tensor


def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False,
    unitriangular: bool = False,
) -> Solved:  # fmt: skip
    """(X, A) with A X = input, A triangular; see `linalg.solve_triangular`."""
    left = turned(A) if transpose else A
    found = solve_triangular(left, input, upper=upper != transpose, unitriangular=unitriangular)
    return Solved(found, A)


METHODS = methods(
    cholesky, cholesky_inverse, cholesky_solve, det, inverse, logdet, matrix_exp, matrix_power,
    norm, pinverse, qr, slogdet, svd, triangular_solve,
)  # fmt: skip

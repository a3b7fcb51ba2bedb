"""Linear algebra under torch.linalg's names, on NumPy's LAPACK, with gradients.

Matrices stand in the last two axes; what is before are batches. What LAPACK computes runs outside
of programs: within a compiled function it raises.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np

from fastnn._support.blame import name_arguments
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops import diagonals, matrices
from fastnn.ops.axes import reshape
from fastnn.ops.decompositions import (
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from fastnn.ops.lapack import LinAlgError
from fastnn.ops.least_squares import lstsq, matrix_rank, pinv
from fastnn.ops.matrices import vecdot
from fastnn.ops.matrix_functions import (
    cond,
    matrix_exp,
    matrix_norm,
    matrix_power,
    multi_dot,
    norm,
    tensorinv,
    tensorsolve,
    vector_norm,
)
from fastnn.ops.products import matmul
from fastnn.ops.reflections import householder_product
from fastnn.ops.solving import cholesky, det, inv, slogdet, solve, solve_triangular
from fastnn.ops.triangular import (
    lu_factor,
    lu_factor_ex,
    lu_parts as lu,
    solve_by_factors as lu_solve,
)
from fastnn.tensor import Tensor, bool_, of_array

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh",
    "eigvals", "eigvalsh", "householder_product", "inv", "inv_ex", "lstsq", "lu", "lu_factor",
    "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander",
    "vecdot", "vector_norm",
]  # fmt: skip


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of vectors of three along `dim`, default the last.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.cross(fastnn.tensor([1, 0, 0]), fastnn.tensor([0, 1, 0]))
        tensor([0, 0, 1])
    """
    return matrices.cross(input, other, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as the last axis."""
    return diagonals.diagonal(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Vandermonde matrices: along a new last axis the powers 0 .. N - 1 of each element.

    Args:
        N: default: as many as there are elements along the last axis.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.vander(fastnn.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [1, 2, 4],
                [1, 3, 9]])
    """
    if x.dtype == bool_:
        raise InvalidTypeError("vander: expected numbers, got bool; use .long()")
    x = x if x.ndim else reshape(x, (1,))
    n = N if N is not None else x.shape[-1]
    if n <= 1:
        raise InvalidValueError(f"N: expected more than 1, got {n}")
    return matrices.powers_of(x, n)


class Checked(NamedTuple):
    """A result, and 0 for success."""

    result: Tensor
    info: Tensor


class CheckedFactor(NamedTuple):
    """A factor, and 0 for success."""

    L: Tensor
    info: Tensor


class CheckedInverse(NamedTuple):
    """An inverse, and 0 for success."""

    inverse: Tensor
    info: Tensor


def _fine(A: Tensor) -> Tensor:
    return of_array(np.zeros(A.shape[:-2], np.int32))


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> CheckedFactor:
    """(cholesky(A), info), info 0: a matrix that is not positive definite raises."""
    return CheckedFactor(cholesky(A, upper=upper), _fine(A))


def inv_ex(A: Tensor, *, check_errors: bool = False) -> CheckedInverse:
    """(inv(A), info), info 0: a singular matrix raises."""
    return CheckedInverse(inv(A), _fine(A))


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Checked:
    """(solve(A, B), info), info 0: a singular matrix raises."""
    return Checked(solve(A, B, left=left), _fine(A))


name_arguments(sys.modules[__name__])

"""The factorization A = P L U, by elimination with row exchanges, and systems solved by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops import lapack
from fastnn.ops.axes import view_of
from fastnn.ops.diagonals import tril, triu
from fastnn.ops.elementwise import add, sub
from fastnn.ops.join import cat
from fastnn.ops.products import matmul
from fastnn.ops.solving import solve_triangular, turned
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["lu", "lu_solve", "lu_unpack"]


class Factors(NamedTuple):
    """L below the diagonal and U from it on in one matrix, and the rows exchanged."""

    LU: Tensor
    pivots: Tensor


class CheckedFactors(NamedTuple):
    """Factors, and 0 or the first zero on the diagonal of U, counted from 1."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


class Parts(NamedTuple):
    """A permutation, a lower and an upper triangular matrix."""

    P: Tensor
    L: Tensor
    U: Tensor


# ---- the factorization ----


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> CheckedFactors:
    """(LU, pivots, info) as `lu_factor` gives it; info is 0, or where U has its first 0 on the
    diagonal, counted from 1.

    Args:
        check_errors: raise LinAlgError unless info is 0. Default False.
    """
    lapack.real_matrices("lu_factor", A)
    if pivot is not True:
        raise InvalidValueError(
            f"pivot: expected True, LU needs row exchanges on a CPU, got {pivot!r}"
        )
    found = CheckedFactors(*lapack.run("lu_factor", _eliminated, (A,), _lu_gradient))
    if check_errors:
        _check(found.info)
    return found


def lu_factor(A: Tensor, *, pivot: bool = True) -> Factors:
    """A = P L U with L unit lower and U upper triangular, for a matrix or a batch of them.

    In step i the row with the largest element in column i is exchanged with row i.

    Args:
        A: (..., m, n). pivot: True.

    Returns:
        (LU, pivots): L below the diagonal and U from it on, (..., m, n); the number of the row
        exchanged in each step, counted from 1, int32 (..., min(m, n)).

    Raises:
        LinAlgError: U has a 0 on its diagonal. TypeError, ValueError: no matrix, or of whole
        numbers.

    Source: torch.linalg.lu_factor; Golub and Van Loan, section 3.4; gradient: de Hoog, Anderssen
    and Lukas, "Differentiation of matrix functionals using triangular factorization", 2011.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.lu_factor(fastnn.tensor([[1.0, 2.0], [4.0, 4.0]])).LU
        tensor([[4.0000, 4.0000],
                [0.2500, 1.0000]])
    """
    found = lu_factor_ex(A, pivot=pivot)
    _check(found.info)
    return Factors(found.LU, found.pivots)


def _check(info: Tensor) -> None:
    first = np.asarray(info._array)
    if first.any():
        at = int(first[first > 0].flat[0]) - 1
        raise lapack.LinAlgError(
            f"lu_factor: U[{at}, {at}] is 0, and a system with it has no single solution; use "
            "linalg.lu or lu_factor_ex for the factors alone"
        )


def _eliminated(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    made = np.array(a, copy=True)
    m, n = a.shape[-2:]
    steps = min(m, n)
    pivots = np.empty((*a.shape[:-2], steps), np.int32)
    for j in range(steps):
        at = np.abs(made[..., j:, j]).argmax(-1)[..., None, None] + j
        pivots[..., j] = at[..., 0, 0] + 1
        row = np.take_along_axis(made, np.broadcast_to(at, (*a.shape[:-2], 1, n)), -2)
        np.put_along_axis(made, at, made[..., j : j + 1, :], -2)
        made[..., j : j + 1, :] = row
        top = made[..., j, j, None]
        below = made[..., j + 1 :, j] / np.where(top == 0, 1, top)
        made[..., j + 1 :, j] = below
        made[..., j + 1 :, j + 1 :] -= below[..., None] * row[..., j + 1 :]
    zero = np.diagonal(made, axis1=-2, axis2=-1) == 0
    info = np.where(zero.any(-1), zero.argmax(-1) + 1, 0) if steps else np.zeros(a.shape[:-2])
    return made, pivots, np.asarray(info, np.int32)


def _lu_gradient(
    node: Node, d: Tensor, dpivots: Tensor | None, dinfo: Tensor | None
) -> Sequence[Tensor | None]:
    """For the first min(m, n) rows and columns P L^-T M U^-T, M the strictly lower part of L^T dL
    and the upper part of dU U^T."""
    both, pivots = node.output(0), node.output(1)
    m, n = both.shape[-2:]
    k = min(m, n)
    L, U = _lower(both), triu(_first_rows(both, k))
    dL, dU = tril(view_of(d, (..., slice(k))), -1), triu(_first_rows(d, k))
    rest: Tensor | None = None  # of the rows below, or of the columns to the right
    if m > n:
        below = slice(k, None)
        rest = solve_triangular(turned(U), _rows(dL, below), upper=False, left=False)
        dU = triu(sub(dU, matmul(turned(_rows(L, below)), rest)))
        L, dL = _first_rows(L, k), _first_rows(dL, k)
    elif n > m:
        right = (..., slice(k, None))
        rest = solve_triangular(turned(L), view_of(dU, right), upper=True, unitriangular=True)
        dL = tril(sub(dL, matmul(rest, turned(view_of(U, right)))), -1)
        U, dU = view_of(U, (..., slice(k))), view_of(dU, (..., slice(k)))
    middle = add(tril(matmul(turned(L), dL), -1), triu(matmul(dU, turned(U))))
    middle = solve_triangular(turned(U), middle, upper=False, left=False)
    dA = solve_triangular(turned(L), middle, upper=True, unitriangular=True)
    if rest is not None:
        dA = cat([dA, rest], -2 if m > n else -1)
    return (matmul(_permutation(pivots, m, dA), dA),)


def _rows(x: Tensor, which: slice) -> Tensor:
    return view_of(x, (..., which, slice(None)))


def _first_rows(x: Tensor, k: int) -> Tensor:
    return _rows(x, slice(k))


def _lower(both: Tensor) -> Tensor:
    m, n = both.shape[-2:]
    k = min(m, n)
    unit = of_array(np.eye(m, k, dtype=both.dtype))
    return add(tril(view_of(both, (..., slice(k))), -1), unit)


def _permutation(pivots: Tensor, m: int, like: Tensor) -> Tensor:
    """P of A = P L U."""

    def function(exchanged: NDArray[Any]) -> NDArray[Any]:
        lead = exchanged.shape[:-1]
        order = np.broadcast_to(np.arange(m), (*lead, m)).copy()
        for j in range(exchanged.shape[-1]):
            at = exchanged[..., j, None].astype(np.int64) - 1
            there = np.take_along_axis(order, at, -1)
            np.put_along_axis(order, at, order[..., j, None], -1)
            order[..., j, None] = there
        made: NDArray[Any] = np.swapaxes(np.eye(m, dtype=like.dtype)[order], -1, -2)
        return made

    return lapack.run("lu", function, (pivots,))[0]


# ---- what is made of the factors ----


def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Parts:
    """(P, L, U) of the factors that `linalg.lu_factor` gives: A = P L U.

    Args:
        LU_data, LU_pivots: the factors.
        unpack_data: give L and U, else empty tensors. unpack_pivots: give P, else an empty one.

    Raises:
        TypeError: pivots that are not int32.

    Source: torch.lu_unpack.

    Example:
        >>> import fastnn
        >>> from fastnn import lu_unpack
        >>> P, L, U = lu_unpack(*fastnn.linalg.lu_factor(fastnn.tensor([[1.0, 2.0], [4.0, 4.0]])))
        >>> P @ L @ U
        tensor([[1., 2.],
                [4., 4.]])
    """
    if LU_pivots.dtype != np.int32:
        raise InvalidTypeError(
            f"LU_pivots: expected int32, as lu_factor gives it, got {LU_pivots.dtype}"
        )
    none = of_array(np.empty(0, LU_data.dtype))
    P = _permutation(LU_pivots, LU_data.shape[-2], LU_data) if unpack_pivots else none
    if not unpack_data:
        return Parts(P, none, none)
    lapack.real_matrices("lu_unpack", LU_data)
    k = min(LU_data.shape[-2:])
    return Parts(P, _lower(LU_data), triu(_first_rows(LU_data, k)))


def lu_parts(A: Tensor, *, pivot: bool = True) -> Parts:
    """(P, L, U) with A = P L U, for a matrix or a batch of them; see `lu_factor`.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.lu(fastnn.tensor([[1.0, 2.0], [4.0, 4.0]])).L
        tensor([[1.0000, 0.0000],
                [0.2500, 1.0000]])
    """
    found = lu_factor_ex(A, pivot=pivot)
    return lu_unpack(found.LU, found.pivots)


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """(LU, pivots) of A = P L U, with get_infos (LU, pivots, info): the form of torch.lu.

    A zero on the diagonal of U is no error; see `linalg.lu_factor_ex`.

    Example:
        >>> import fastnn
        >>> fastnn.lu(fastnn.eye(2))[1]
        tensor([1, 2], dtype=fastnn.int32)
    """
    found = lu_factor_ex(A, pivot=pivot)
    return found if get_infos else (found.LU, found.pivots)


def solve_by_factors(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """The X of A X = B, given the factors of A that `lu_factor` gives.

    Args:
        B: matrices. left: with False, X A = B. adjoint: A^T in place of A.

    Raises:
        ValueError: shapes that do not fit. TypeError: pivots that are not int32.

    Source: torch.linalg.lu_solve.

    Example:
        >>> import fastnn
        >>> LU, pivots = fastnn.linalg.lu_factor(fastnn.tensor([[0.0, 2.0], [4.0, 0.0]]))
        >>> fastnn.linalg.lu_solve(LU, pivots, fastnn.ones(2, 1)).flatten()
        tensor([0.2500, 0.5000])
    """
    lapack.real_matrices("lu_solve", LU, square=True)
    lapack.real_matrices("lu_solve", LU, B)
    if not left:
        return turned(solve_by_factors(LU, pivots, turned(B), adjoint=not adjoint))
    if LU.shape[-1] != B.shape[-2]:
        raise InvalidValueError(f"B: expected {LU.shape[-1]} rows in lu_solve, got shape {B.shape}")
    P, _, _ = lu_unpack(LU, pivots, unpack_data=False)
    if adjoint:
        y = solve_triangular(turned(LU), B, upper=False)
        y = solve_triangular(turned(LU), y, upper=True, unitriangular=True)
        return matmul(P, y)
    y = solve_triangular(LU, matmul(turned(P), B), upper=False, unitriangular=True)
    return solve_triangular(LU, y, upper=True)


def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """The x of A x = b, given the factors of A; see `linalg.lu_solve`, which has b last.

    Example:
        >>> import fastnn
        >>> from fastnn import lu_solve
        >>> lu_solve(fastnn.tensor([[6.0]]), *fastnn.linalg.lu_factor(fastnn.tensor([[2.0]])))
        tensor([[3.]])
    """
    return solve_by_factors(LU_data, LU_pivots, b)


METHODS = methods(lu, lu_solve)

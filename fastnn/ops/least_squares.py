"""Pseudo-inverses, ranks and least squares, by singular values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn.ops import lapack
from fastnn.ops.axes import sum, view_of
from fastnn.ops.constant import constant
from fastnn.ops.decompositions import svdvals
from fastnn.ops.elementwise import add, gt, maximum, mul, square, sub, where
from fastnn.ops.extremes import amax
from fastnn.ops.products import matmul
from fastnn.ops.promote import cast
from fastnn.ops.solving import batches, turned
from fastnn.tape.modes import is_grad_enabled
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, int64, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Scalar

__all__ = ["lstsq", "matrix_rank", "pinv"]


def _cutoff(s: Tensor, A: Tensor, atol: Any, rtol: Any) -> Tensor:
    """max(atol, rtol s_max) for each matrix; rtol is max(m, n) eps unless atol is positive."""
    eps = max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    low = of_array(np.asarray(0.0 if atol is None else atol, A.dtype)) \
        if not isinstance(atol, Tensor) else cast(atol, A.dtype)  # fmt: skip
    if rtol is None:
        share = where(gt(low, 0.0), 0.0, of_array(np.array(eps, A.dtype)))
    else:
        share = cast(rtol, A.dtype) if isinstance(rtol, Tensor) else \
            of_array(np.asarray(rtol, A.dtype))  # fmt: skip
    top = amax(s, -1) if s.shape[-1] else of_array(np.zeros(s.shape[:-1], A.dtype))
    return maximum(low, mul(share, top))


def _mirrored(a: NDArray[Any]) -> NDArray[Any]:
    """The symmetric matrices whose lower triangles these have."""
    found: NDArray[Any] = np.tril(a) + np.swapaxes(np.tril(a, -1), -1, -2)
    return found


def matrix_rank(
    A: Tensor,
    tol: Scalar | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: Scalar | Tensor | None = None,
    rtol: Scalar | Tensor | None = None,
) -> Tensor:
    """The rank of a matrix, or of each of a batch: singular values above max(atol, rtol s_max).

    Args:
        tol: another name of atol, with rtol 0.
        hermitian: A is symmetric.
        atol: default 0. rtol: default max(m, n) eps, 0 if atol is given.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.matrix_rank(fastnn.ones(3, 3))
        tensor(1)
    """
    lapack.real_matrices("matrix_rank", A, square=hermitian)
    A = A.detach()
    if tol is not None:
        atol, rtol = tol, 0.0

    def function(a: NDArray[Any]) -> NDArray[Any]:
        return np.linalg.svd(_mirrored(a) if hermitian else a, compute_uv=False)

    s = lapack.run("matrix_rank", function, (A,))[0]
    bound = _cutoff(s, A, atol, rtol)
    return sum(cast(gt(s, view_of(bound, (..., None))), int64), -1)


def pinv(
    A: Tensor,
    rcond: Scalar | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: Scalar | Tensor | None = None,
    rtol: Scalar | Tensor | None = None,
) -> Tensor:
    """The Moore-Penrose inverse of a matrix, or of each of a batch, by its singular values.

    Args:
        rcond: another name of rtol. hermitian: A is symmetric.
        atol, rtol: singular values up to max(atol, rtol s_max) count as 0; see `matrix_rank`.

    Raises:
        RuntimeError: atol or rtol requires grad: there is no gradient by them.

    Source: torch.linalg.pinv; gradient: Golub and Pereyra, 1973.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.pinv(fastnn.tensor([[2.0], [0.0]]))
        tensor([[0.5000, 0.0000]])
    """
    lapack.real_matrices("pinv", A, square=hermitian)
    rtol = rcond if rtol is None else rtol
    for name, tolerance in (("atol", atol), ("rtol", rtol)):
        if isinstance(tolerance, Tensor) and tolerance.requires_grad and is_grad_enabled():
            raise RuntimeError(f"pinv: there is no gradient by {name}; pass {name}.detach()")

    def function(a: NDArray[Any]) -> NDArray[Any]:
        u, s, vh = np.linalg.svd(_mirrored(a) if hermitian else a, full_matrices=False)
        bound = _cutoff(of_array(s), of_array(a), atol, rtol)._array
        kept = s > bound[..., None]
        factor = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(a.dtype)
        left = np.swapaxes(vh, -1, -2) * factor[..., None, :]
        found: NDArray[Any] = left @ np.swapaxes(u, -1, -2)
        return found

    return lapack.run("pinv", function, (A,), _pinv_gradient)[0]


def _pinv_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (pinv_pulled(node.input(0), node.output(), dy),)


def pinv_pulled(A: Tensor, P: Tensor, dP: Tensor) -> Tensor:
    """The gradient by A, given the one by its pseudo-inverse P."""
    Pt, G = turned(P), turned(dP)
    first = matmul(matmul(Pt, dP), Pt)
    PPt = matmul(P, Pt)
    left = matmul(G, PPt)
    left = sub(left, matmul(A, matmul(P, left)))
    right = matmul(matmul(Pt, P), G)
    right = sub(right, matmul(matmul(right, P), A))
    return add(sub(left, first), right)


class Least(NamedTuple):
    """A least-squares solution, and what is known of the matrix."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Least:
    """The X with the least ||A X - B||, of several the least ||X||, for a matrix or a batch.

    Args:
        B: matrices, or vectors, with one axis less.
        rcond: singular values up to rcond s_max count as 0; default max(m, n) eps.
        driver: "gels", "gelsy" (default), "gelsd" or "gelss", torch's names; all are one here.

    Returns:
        (solution, residuals, rank, singular_values). The residuals are the sums of squares; empty
        with "gelsy", and unless A has more rows than columns and full rank.

    Source: torch.linalg.lstsq. The gradient is that of pinv(A) B.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.lstsq(fastnn.ones(3, 1), fastnn.tensor([[1.0], [2.0], [3.0]])).solution
        tensor([[2.0000]])
    """
    drivers = (None, "gels", "gelsy", "gelsd", "gelss")
    if driver not in drivers:
        raise InvalidValueError(f"driver: expected one of {drivers[1:]}, got {driver!r}")
    if B.ndim == A.ndim - 1 or B.ndim == 1:
        lapack.real_matrices("lstsq", A)
        found = lstsq(A, view_of(B, (..., None)), rcond, driver=driver)
        solution = view_of(found.solution, (..., 0))
        return Least(solution, *found[1:])
    lapack.real_matrices("lstsq", A, B)
    if A.shape[-2] != B.shape[-2]:
        raise InvalidValueError(f"B: expected {A.shape[-2]} rows as A, got shape {B.shape}")
    A, B = batches("lstsq", A, B)
    solution = matmul(pinv(A, rcond), B)
    (m, n), none = A.shape[-2:], of_array(np.empty(0, A.dtype))
    rank = none if driver == "gels" else matrix_rank(A, rtol=rcond)
    residuals = constant(solution, none._array)  # it requires grad even where it is empty
    full = driver == "gels" or bool((rank._array == n).all())
    if m > n and full and driver not in (None, "gelsy"):
        residuals = sum(square(sub(matmul(A, solution), B)), -2)
    values = svdvals(A.detach()) if driver in ("gelsd", "gelss") else none
    return Least(solution, residuals, cast(rank, int64), values)

"""Inverses, determinants and systems of equations, by NumPy's LAPACK."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn.ops import lapack
from fastnn.ops.axes import expand, reshape, unbroadcast, view_of
from fastnn.ops.diagonals import tril, triu
from fastnn.ops.elementwise import add, lt, mul, neg, where
from fastnn.ops.products import matmul
from fastnn.ops.table import taped
from fastnn.ops.views import transpose
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cholesky", "cholesky_inverse", "cholesky_solve", "det", "inv", "logdet", "slogdet",
           "solve", "solve_triangular"]  # fmt: skip


def turned(x: Tensor) -> Tensor:
    """The matrices transposed."""
    return transpose(x, -2, -1)


def scaled(x: Tensor, factor: Tensor) -> Tensor:
    """Each matrix times its number."""
    return mul(x, reshape(factor, (*factor.shape, 1, 1)))


# ---- inverses ----


def inv(A: Tensor) -> Tensor:
    """The inverse of a square matrix, or of each of a batch.

    Raises:
        LinAlgError: a singular matrix. TypeError, ValueError: not square, or of whole numbers.

    Source: torch.linalg.inv. The gradient is -Y^T dY Y^T.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.inv(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    lapack.real_matrices("inv", A, square=True)
    return lapack.run("inv", np.linalg.inv, (A,), _inv_gradient)[0]


def _inv_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    y = turned(node.output())
    return (neg(matmul(matmul(y, dy), y)),)


# ---- determinants ----


def det(A: Tensor) -> Tensor:
    """The determinant of a square matrix, or of each of a batch.

    Source: torch.linalg.det. The gradient is the matrix of cofactors.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.det(fastnn.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor(-2.)
    """
    lapack.real_matrices("det", A, square=True)
    return lapack.run("det", np.linalg.det, (A,), _det_gradient)[0]


def _det_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    A, y = node.input(0), node.output()
    try:
        return (scaled(turned(inv(A)), mul(dy, y)),)
    except lapack.LinAlgError:  # a singular matrix has cofactors, not an inverse
        return (scaled(lapack.run("det", _cofactors, (A,))[0], dy),)


def _cofactors(a: NDArray[Any]) -> NDArray[Any]:
    """U diag(prod of the other singular values) V^T, times the sign of det U V^T."""
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1.0, s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    found: NDArray[Any] = (u * others[..., None, :]) @ vh * sign[..., None, None]
    return found.astype(a.dtype)


class SignLog(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(A: Tensor) -> SignLog:
    """(sign, log |det A|) of a square matrix, or of each of a batch; -inf if it is singular.

    Source: torch.linalg.slogdet. The gradient by A is A^-T.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.slogdet(fastnn.eye(3) * 2.0).logabsdet
        tensor(2.0794)
    """
    lapack.real_matrices("slogdet", A, square=True)
    sign, size = lapack.run("slogdet", _sign_and_log, (A,), _slogdet_gradient)
    return SignLog(sign, size)


def _sign_and_log(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    sign, size = np.linalg.slogdet(a)
    return np.asarray(sign, a.dtype), np.asarray(size, a.dtype)


def _slogdet_gradient(
    node: Node, dsign: Tensor | None, dy: Tensor | None
) -> Sequence[Tensor | None]:
    if dy is None:  # the sign is constant between singular matrices
        return (mul(node.input(0), 0.0),)
    return (scaled(turned(inv(node.input(0))), dy),)


def logdet(input: Tensor) -> Tensor:
    """log det of a square matrix, or of each of a batch; nan where it is negative.

    Example:
        >>> import fastnn
        >>> fastnn.logdet(fastnn.eye(3))
        tensor(0.)
    """
    sign, size = slogdet(input)
    return where(lt(sign.detach(), 0.0), math.nan, size)


# ---- systems ----


def _is_vector(A: Tensor, B: Tensor) -> bool:
    """Whether B is a vector, or a batch of them, as torch reads it."""
    return B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])


def batches(name: str, *tensors: Tensor) -> list[Tensor]:
    """The matrices with their batch axes broadcast to a common shape.

    Raises:
        ValueError: they do not broadcast.
    """
    leads = [t.shape[:-2] for t in tensors]
    if len(set(leads)) == 1:
        return list(tensors)
    try:
        lead = np.broadcast_shapes(*leads)
    except ValueError:
        shapes = " and ".join(repr(t.shape) for t in tensors)
        raise InvalidValueError(f"{name}: batches of shapes {shapes} do not broadcast") from None
    return [expand(t, (*lead, *t.shape[-2:])) for t in tensors]


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The X of A X = B, or of X A = B with left=False, for square A or a batch of them.

    Args:
        B: matrices, or vectors, with one axis less.

    Raises:
        LinAlgError: a singular matrix. ValueError: shapes that do not fit.

    Source: torch.linalg.solve. The gradients are dB = A^-T dX, dA = -dB X^T.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.solve(fastnn.tensor([[2.0, 0.0], [0.0, 4.0]]), fastnn.tensor([2.0, 2.0]))
        tensor([1.0000, 0.5000])
    """
    lapack.real_matrices("solve", A, square=True)
    if _is_vector(A, B):
        if not left:
            raise InvalidValueError("left: expected True for a vector B")
        found = solve(A, view_of(B, (..., None)))
        return view_of(found, (..., 0))
    if not left:
        return turned(solve(turned(A), turned(B)))
    lapack.real_matrices("solve", A, B)
    _fit("solve", A, B)
    return lapack.run("solve", np.linalg.solve, tuple(batches("solve", A, B)), _solve_gradient)[0]


def _fit(name: str, A: Tensor, B: Tensor) -> None:
    if A.shape[-1] != B.shape[-2]:
        raise InvalidValueError(
            f"B: expected {A.shape[-1]} rows in {name} as A has columns, got shape {B.shape}"
        )


def _solve_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    db = solve(turned(node.input(0)), dy)
    da = neg(matmul(db, turned(node.output()))) if node.needs(0) else None
    return da, db


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """The X of A X = B (X A = B with left=False) for triangular A, or a batch of them.

    Args:
        upper: A is upper triangular; what is below its diagonal is not looked at.
        unitriangular: take the diagonal to be 1.

    Raises:
        ValueError: shapes that do not fit.

    Source: torch.linalg.solve_triangular.

    Example:
        >>> import fastnn
        >>> a = fastnn.tensor([[2.0, 9.0], [1.0, 1.0]])
        >>> fastnn.linalg.solve_triangular(a, fastnn.ones(2, 1), upper=False).flatten()
        tensor([0.5000, 0.5000])
    """
    lapack.real_matrices("solve_triangular", A, square=True)
    lapack.real_matrices("solve_triangular", A, B)
    if not left:
        found = solve_triangular(turned(A), turned(B), upper=not upper, unitriangular=unitriangular)
        return turned(found)
    _fit("solve_triangular", A, B)
    note = (upper, unitriangular)

    def function(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        part = np.triu(a) if upper else np.tril(a)
        if unitriangular:
            eye = np.eye(a.shape[-1], dtype=a.dtype)
            part = part * (1 - eye) + eye
        return _substituted(part, b, upper)

    both = tuple(batches("solve_triangular", A, B))
    return lapack.run("solve_triangular", function, both, _triangular_gradient, note)[0]


def _substituted(a: NDArray[Any], b: NDArray[Any], upper: bool) -> NDArray[Any]:
    """Solve row by row, from the end for an upper triangular matrix; inf and nan if singular."""
    n = a.shape[-1]
    x = np.array(b, copy=True)
    for i in range(n - 1, -1, -1) if upper else range(n):
        known = slice(i + 1, n) if upper else slice(0, i)
        row = a[..., i : i + 1, known] @ x[..., known, :]
        x[..., i, :] = (b[..., i, :] - row[..., 0, :]) / a[..., i, i, None]
    return x


def _triangular_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    upper, unit = node.attrs
    db = solve_triangular(turned(node.input(0)), dy, upper=not upper, unitriangular=unit)
    if not node.needs(0):
        return None, db
    da = neg(matmul(db, turned(node.output())))
    return (triu if upper else tril)(da, (1 if upper else -1) if unit else 0), db


# ---- positive definite matrices ----


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L of A = L L^T for symmetric positive definite A, or a batch of them.

    Args:
        upper: give L^T.

    Raises:
        LinAlgError: A is not positive definite.

    Source: torch.linalg.cholesky; gradient: Murray, "Differentiation of the Cholesky
    decomposition", 2016.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.cholesky(fastnn.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    lapack.real_matrices("cholesky", A, square=True)
    L = lapack.run("cholesky", np.linalg.cholesky, (A,), _cholesky_gradient)[0]
    return turned(L) if upper else L


def _cholesky_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    L = node.output()
    n = L.shape[-1]
    half = of_array(np.tril(np.ones((n, n), L.dtype)) - 0.5 * np.eye(n, dtype=L.dtype))
    phi = mul(matmul(turned(L), tril(dy)), half)
    middle = solve_triangular(turned(L), phi, upper=True)  # L^-T phi
    s = solve_triangular(L, middle, upper=False, left=False)  # L^-T phi L^-1
    return (mul(add(s, turned(s)), 0.5),)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The X of A X = B, given the Cholesky factor of A.

    Args:
        L: lower triangular, A = L L^T; with upper=True upper triangular, A = L^T L. The other
            triangle is not read, but the gradient is that of L L^T, as in torch: it counts it.

    Example:
        >>> import fastnn
        >>> fastnn.cholesky_solve(fastnn.tensor([[8.0]]), fastnn.tensor([[2.0]]))
        tensor([[2.]])
    """
    for name, given in (("B", B), ("L", L)):
        if given.ndim < 2:
            raise InvalidValueError(
                f"{name}: expected a matrix or matrices in cholesky_solve, got shape {given.shape}"
            )
    known, factor = B.detach(), L.detach()
    low, high = (turned(factor), factor) if upper else (factor, turned(factor))
    y = solve_triangular(low, known, upper=False)
    found = solve_triangular(high, y, upper=True)
    return taped(_cholesky_solve_gradient, (B, L), found._array, (upper,))


def _cholesky_solve_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """dB = A^-1 dX; with S = dB X^T + X dB^T: dL = -S L, of an upper factor -L S."""
    factor, x, upper = node.input(1), node.output(), node.attrs[0]
    of_known = cholesky_solve(dy, factor, upper)
    both = matmul(of_known, turned(x))
    both = neg(add(both, turned(both)))
    of_factor = matmul(factor, both) if upper else matmul(both, factor)
    return (
        unbroadcast(of_known, node.input(0).shape),
        unbroadcast(of_factor, factor.shape),
    )


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given the Cholesky factor of A; see `cholesky_solve`."""
    lapack.real_matrices("cholesky_inverse", L, square=True)
    eye = of_array(np.eye(L.shape[-1], dtype=L.dtype))
    return cholesky_solve(eye, L, upper)

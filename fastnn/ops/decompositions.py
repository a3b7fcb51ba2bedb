"""QR, eigenvalues and singular values, by NumPy's LAPACK, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn.ops import lapack
from fastnn.ops.axes import view_of
from fastnn.ops.diagonals import tril
from fastnn.ops.elementwise import add, div, mul, neg, square, sub, where
from fastnn.ops.join import cat
from fastnn.ops.matrices import diag_embed
from fastnn.ops.products import matmul
from fastnn.ops.solving import solve_triangular, turned
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["eig", "eigh", "eigvals", "eigvalsh", "qr", "svd", "svdvals"]  # fmt: skip


def _columns(x: Tensor, factor: Tensor) -> Tensor:
    """Each column times its number."""
    return mul(x, view_of(factor, (..., None, slice(None))))


def _rows(x: Tensor, factor: Tensor) -> Tensor:
    """Each row times its number."""
    return mul(x, view_of(factor, (..., None)))


def _differences(s: Tensor) -> Tensor:
    """s_j - s_i off the diagonal, 1 on it."""
    d = sub(view_of(s, (..., None, slice(None))), view_of(s, (..., slice(None), None)))
    return where(of_array(np.eye(s.shape[-1], dtype=bool)), 1.0, d)


# ---- QR ----


class QR(NamedTuple):
    """An orthogonal and an upper triangular factor."""

    Q: Tensor
    R: Tensor


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """A = Q R with orthogonal Q and upper triangular R, for a matrix or a batch of them.

    Args:
        mode: "reduced" (default): Q is (m, min(m, n)); "complete": Q is (m, m), differentiable for
            m <= n; "r": R alone, Q is empty, without a gradient.

    Raises:
        ValueError: another mode. RuntimeError: a gradient that there is not.

    Source: torch.linalg.qr; gradient: Walter and Lehmann, "Algorithmic differentiation of linear
    algebra functions", 2013.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.qr(fastnn.eye(2)).R.abs()
        tensor([[1., 0.],
                [0., 1.]])
    """
    lapack.real_matrices("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise InvalidValueError(f"mode: expected 'reduced', 'complete' or 'r', got {mode!r}")

    def function(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        if mode == "r":
            return np.empty(0, a.dtype), np.asarray(np.linalg.qr(a, "r"))
        found: Any = np.linalg.qr(a, "complete" if mode == "complete" else "reduced")
        return found[0], found[1]

    return QR(*lapack.run("qr", function, (A,), _qr_gradient, (mode,)))


def _qr_gradient(node: Node, dq: Tensor | None, dr: Tensor | None) -> Sequence[Tensor | None]:
    (mode,) = node.attrs
    m, n = node.input(0).shape[-2:]
    if mode == "r" or (mode == "complete" and m > n):
        raise RuntimeError(
            f"qr: no gradient for mode={mode!r}" + ("" if mode == "r" else " of more rows than "
            "columns") + "; use mode='reduced'"
        )  # fmt: skip
    q, r = node.output(0), node.output(1)
    if m >= n:
        return (_square_qr(q, r, dq, dr),)
    # A = [X | Y], R = [U | V]: X = Q U, and V = Q^T Y
    y, u = view_of(node.input(0), (..., slice(m, None))), view_of(r, (..., slice(m)))
    du = None if dr is None else view_of(dr, (..., slice(m)))
    if dr is None:
        return (cat([_square_qr(q, u, dq, du), mul(y, 0.0)], -1),)
    dv = view_of(dr, (..., slice(m, None)))
    through = matmul(y, turned(dv))
    dx = _square_qr(q, u, through if dq is None else add(dq, through), du)
    return (cat([dx, matmul(q, dv)], -1),)


def _square_qr(q: Tensor, r: Tensor, dq: Tensor | None, dr: Tensor | None) -> Tensor:
    """The gradient for at least as many rows as columns: (dQ + Q sym(M)) R^-T."""
    middle = None if dr is None else matmul(r, turned(dr))
    if dq is not None:
        inner = neg(matmul(turned(dq), q))
        middle = inner if middle is None else add(middle, inner)
    assert middle is not None
    mirrored = add(tril(middle), turned(tril(middle, -1)))
    whole = matmul(q, mirrored)
    whole = whole if dq is None else add(whole, dq)
    return solve_triangular(turned(r), whole, upper=False, left=False)


# ---- eigenvalues ----


class Eigen(NamedTuple):
    """Eigenvalues and, as columns, eigenvectors."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _symmetric(name: str, A: Tensor, UPLO: str) -> str:
    lapack.real_matrices(name, A, square=True)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise InvalidValueError(f"UPLO: expected 'L' or 'U', got {UPLO!r}")
    return UPLO.upper()


def eigh(A: Tensor, UPLO: str = "L") -> Eigen:
    """(eigenvalues, eigenvectors) of a symmetric matrix, or a batch of them: A = V diag(w) V^T.

    The eigenvalues rise. The gradient by the vectors is not finite where two values are equal.

    Args:
        UPLO: which triangle is read, "L" (default) or "U".

    Raises:
        LinAlgError: no convergence. ValueError: not square, or another UPLO.

    Source: torch.linalg.eigh.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.eigh(fastnn.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
        tensor([1., 3.])
    """
    which: Any = _symmetric("eigh", A, UPLO)

    def function(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        found = np.linalg.eigh(a, which)
        return found.eigenvalues, found.eigenvectors

    return Eigen(*lapack.run("eigh", function, (A,), _eigh_gradient))


def _eigh_gradient(node: Node, dw: Tensor | None, dv: Tensor | None) -> Sequence[Tensor | None]:
    w, v = node.output(0), node.output(1)
    if dv is None:
        assert dw is not None
        return (matmul(_columns(v, dw), turned(v)),)
    inner = div(matmul(turned(v), dv), _differences(w))
    on = of_array(np.eye(w.shape[-1], dtype=bool))
    inner = where(on, 0.0 if dw is None else diag_embed(dw), inner)
    return (matmul(matmul(v, inner), turned(v)),)


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of a symmetric matrix, or of a batch, in rising order; see `eigh`."""
    if not A.requires_grad:
        which: Any = _symmetric("eigvalsh", A, UPLO)
        return lapack.run("eigvalsh", lambda a: np.linalg.eigvalsh(a, which), (A,))[0]
    return eigh(A, UPLO).eigenvalues


def _only_real(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if np.iscomplexobj(values) and (values.imag != 0).any():
        raise lapack.LinAlgError(
            f"{name}: the matrix has complex eigenvalues, and tensors are real; for a symmetric "
            "matrix use eigh"
        )
    return values.real


def eig(A: Tensor) -> Eigen:
    """(eigenvalues, eigenvectors) of a square matrix, where all are real; without a gradient.

    Raises:
        LinAlgError: complex eigenvalues.
    """
    lapack.real_matrices("eig", A, square=True)

    def function(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        found = np.linalg.eig(a)
        return _only_real("eig", found.eigenvalues), _only_real("eig", found.eigenvectors)

    return Eigen(*lapack.run("eig", function, (A.detach(),)))


def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of a square matrix, where all are real; without a gradient.

    Raises:
        LinAlgError: complex eigenvalues.
    """
    lapack.real_matrices("eigvals", A, square=True)
    found = lapack.run(
        "eigvals", lambda a: _only_real("eigvals", np.linalg.eigvals(a)), (A.detach(),)
    )
    return found[0]


# ---- singular values ----


class SVD(NamedTuple):
    """Left singular vectors as columns, singular values, right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> SVD:
    """A = U diag(S) Vh with orthogonal U and Vh, for a matrix or a batch; S falls.

    The gradient by the vectors is not finite where two values are equal, or one is 0.

    Args:
        full_matrices: U is (m, m) and Vh (n, n); else (m, k) and (k, n), k = min(m, n).
        driver: None; torch's choice of a GPU library.

    Raises:
        LinAlgError: no convergence. ValueError: a driver.

    Source: torch.linalg.svd; gradient: Townsend, "Differentiating the singular value
    decomposition", 2016.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.svd(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]])).S
        tensor([4., 3.])
    """
    lapack.real_matrices("svd", A)
    if driver is not None:
        raise InvalidValueError(f"driver: expected None on a CPU, got {driver!r}")

    def function(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return tuple(np.linalg.svd(a, full_matrices))

    return SVD(*lapack.run("svd", function, (A,), _svd_gradient))


def _svd_gradient(
    node: Node, du: Tensor | None, ds: Tensor | None, dvh: Tensor | None
) -> Sequence[Tensor | None]:
    s = node.output(1)
    k = s.shape[-1]
    m, n = node.input(0).shape[-2:]
    u, vh = view_of(node.output(0), (..., slice(k))), _first(node.output(2), k)
    if du is None and dvh is None:
        assert ds is not None
        return (matmul(_columns(u, ds), vh),)
    du = None if du is None else view_of(du, (..., slice(k)))
    dvh = None if dvh is None else _first(dvh, k)
    v, apart = turned(vh), _differences(square(s))
    middle: Tensor | None = None
    if du is not None:
        skew = matmul(turned(u), du)
        middle = _columns(div(sub(skew, turned(skew)), apart), s)
    if dvh is not None:
        skew = matmul(vh, turned(dvh))
        part = _rows(div(sub(skew, turned(skew)), apart), s)
        middle = part if middle is None else add(middle, part)
    assert middle is not None
    middle = middle if ds is None else add(middle, diag_embed(ds))
    found = matmul(matmul(u, middle), vh)
    if du is not None and m > k:  # what leaves the space of U
        over = _columns(du, div(1.0, s))
        found = add(found, matmul(sub(over, matmul(u, matmul(turned(u), over))), vh))
    if dvh is not None and n > k:
        over = _rows(dvh, div(1.0, s))
        found = add(found, matmul(u, sub(over, matmul(matmul(over, v), vh))))
    return (found,)


def _first(x: Tensor, k: int) -> Tensor:
    return view_of(x, (..., slice(k), slice(None)))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values of a matrix, or of each of a batch, in falling order; see `svd`."""
    if not A.requires_grad:
        lapack.real_matrices("svdvals", A)
        return lapack.run("svdvals", lambda a: np.linalg.svd(a, compute_uv=False), (A,))[0]
    return svd(A, False, driver=driver).S

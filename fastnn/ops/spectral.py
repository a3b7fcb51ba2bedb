"""Linear algebra under the names that torch has at its top level and as methods.

The files of linear algebra are loaded when one of these is first called: few scripts do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn._support.late import late, provide
from fastnn.ops import statistics
from fastnn.ops.creation import zeros
from fastnn.ops.names import also, both_names
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn.ops.decompositions import QR
    from fastnn.ops.solving import SignLog

__all__ = [
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "matrix_exp",
    "matrix_power", "norm", "pinverse", "qr", "slogdet", "svd", "triangular_solve",
]  # fmt: skip

provide(__name__, "fastnn.ops.decompositions", "qr svd")
provide(__name__, "fastnn.ops.least_squares", "pinv")
provide(__name__, "fastnn.ops.matrix_functions", "in_dtype matrix_exp matrix_norm matrix_power")
provide(
    __name__,
    "fastnn.ops.solving",
    "cholesky cholesky_inverse cholesky_solve det inv logdet slogdet solve_triangular turned",
)


def _found(name: str, *args: Any, **options: Any) -> Tensor:
    """What a function of linear algebra gives."""
    y: Tensor = late(__name__, name)(*args, **options)
    return y


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
        raise InvalidTypeError(f"norm: expected out=None, got {out!r}")
    x = input if dtype is None else _found("in_dtype", "norm", input, dtype)
    if p != "nuc":
        return statistics.norm(x, p, dim, keepdim)
    axes = tuple(range(x.ndim)) if dim is None else dim
    if isinstance(axes, int) or len(axes) != 2:
        raise InvalidValueError(f"dim: expected two axes for p='nuc', got {axes}")
    return _found("matrix_norm", x, "nuc", axes, keepdim)


@also(input="A")  # linalg names matrices A, B and L; the top level has input
def matrix_power(A: Tensor, n: int) -> Tensor:
    """A^n of square matrices; see `linalg.matrix_power`."""
    return _found("matrix_power", A, n)


def matrix_exp(input: Tensor) -> Tensor:
    """The exponential of square matrices; see `linalg.matrix_exp`."""
    return _found("matrix_exp", input)


@also(input="A")
def det(A: Tensor) -> Tensor:
    """The determinant of square matrices; see `linalg.det`."""
    return _found("det", A)


def slogdet(A: Tensor) -> SignLog:
    """(sign, log |det A|) of square matrices; see `linalg.slogdet`."""
    found: SignLog = late(__name__, "slogdet")(A)
    return found


def logdet(input: Tensor) -> Tensor:
    """log det of square matrices; nan where the determinant is negative.

    Example:
        >>> import fastnn
        >>> fastnn.logdet(fastnn.eye(3))
        tensor(0.)
    """
    return _found("logdet", input)


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The Cholesky factor; see `linalg.cholesky`."""
    return _found("cholesky", input, upper=upper)


@also(input="B", input2="L")
def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The X of A X = B, given the Cholesky factor of A.

    Args:
        L: lower triangular, A = L L^T; with upper=True upper triangular, A = L^T L.

    Example:
        >>> import fastnn
        >>> fastnn.cholesky_solve(fastnn.tensor([[8.0]]), fastnn.tensor([[2.0]]))
        tensor([[2.]])
    """
    return _found("cholesky_solve", B, L, upper)


@also(input="L")
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given the Cholesky factor of A; see `cholesky_solve`."""
    return _found("cholesky_inverse", L, upper)


def inverse(input: Tensor) -> Tensor:
    """The inverse of square matrices; see `linalg.inv`."""
    return _found("inv", input)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The Moore-Penrose inverse; see `linalg.pinv`."""
    return _found("pinv", input, rcond)


def qr(input: Tensor, some: bool = True) -> QR:
    """(Q, R), of reduced size if `some`; see `linalg.qr`."""
    found: QR = late(__name__, "qr")(input, "reduced" if some else "complete")
    return found


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
    found = late(__name__, "svd")(input, not some)
    if compute_uv:
        return SVD(found.U, found.S, _found("turned", found.Vh))
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
    left = _found("turned", A) if transpose else A
    options = {"upper": upper != transpose, "unitriangular": unitriangular}
    found = _found("solve_triangular", left, input, **options)
    return Solved(found, A)


METHODS = methods(
    cholesky, cholesky_inverse, cholesky_solve, det, inverse, logdet, matrix_exp, matrix_power,
    norm, pinverse, qr, slogdet, svd, triangular_solve,
)  # fmt: skip

"""Norms, powers and exponentials of matrices."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops import lapack
from fastnn.ops.axes import axis, floating, permute, reshape, sum, view_of
from fastnn.ops.constant import constant
from fastnn.ops.decompositions import svdvals
from fastnn.ops.elementwise import abs, copy, div, eq, mul, where
from fastnn.ops.extremes import amax, amin
from fastnn.ops.join import cat
from fastnn.ops.matrices import chained
from fastnn.ops.products import matmul
from fastnn.ops.promote import cast, promote_types
from fastnn.ops.solving import det, inv, solve, turned
from fastnn.ops.statistics import norm as norm_of
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["cond", "matrix_exp", "matrix_norm", "matrix_power", "multi_dot", "norm", "tensorinv",
           "tensorsolve", "vector_norm"]  # fmt: skip

# ---- norms ----


def in_dtype(name: str, x: Tensor, dtype: DTypeLike | None) -> Tensor:
    """A tensor of floating point in a dtype that holds its numbers.

    Raises:
        TypeError: whole numbers, or a dtype that does not.
    """
    floating(name, x)
    if dtype is None:
        return x
    want = dtypes.dtype_of(dtype)
    if not dtypes.is_float(want):
        raise InvalidTypeError(f"dtype: expected floating point, got {dtype}")
    if promote_types(x.dtype, dtypes.public(want)) != dtypes.public(want):
        raise InvalidTypeError(
            f"dtype: expected one that holds the numbers of {x.dtype}, got {dtype}"
        )
    return cast(x, want)


def vector_norm(
    x: Tensor,
    ord: float | str = 2,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The norm of vectors along `dim` (default: of all elements): (sum |x|^ord)^(1/ord).

    Args:
        ord: default 2; inf and -inf: the largest and smallest |x|; 0: how many are not 0.
        dtype: cast to it first.

    Raises:
        TypeError: whole numbers.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.vector_norm(fastnn.tensor([3.0, 4.0]))
        tensor(5.)
    """
    if isinstance(ord, str):
        raise InvalidTypeError(f"ord: expected a number, got {ord!r}")
    x = in_dtype("vector_norm", x, dtype)
    if dim is not None and not isinstance(dim, int) and len(dim) == 0:
        dim = None
    return norm_of(x, float(ord), dim, keepdim)


def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The norm of the matrices along two axes.

    Args:
        ord: "fro" (default): of all elements; "nuc": the sum of the singular values; 2 and -2: the
            largest and the smallest; 1 and -1: the largest and smallest sum of |x| over a column;
            inf and -inf: over a row.
        dim: the axes of the rows and of the columns.
        dtype: cast to it first.

    Raises:
        ValueError: another ord, or not two different axes. TypeError: whole numbers.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.matrix_norm(fastnn.tensor([[3.0, 0.0], [0.0, 4.0]]), "nuc")
        tensor(7.)
    """
    A = in_dtype("matrix_norm", A, dtype)
    if A.ndim < 2:
        raise InvalidValueError(f"matrix_norm: expected at least two axes, got shape {A.shape}")
    if isinstance(dim, int) or len(dim) != 2:
        raise InvalidValueError(f"dim: expected two axes, got {dim}")
    at = [axis("matrix_norm", d, A.ndim) for d in dim]
    if at[0] == at[1]:
        raise InvalidValueError(f"dim: expected two different axes, got {tuple(dim)}")
    if ord == "fro":
        return norm_of(A, 2.0, at, keepdim)
    rest = [d for d in range(A.ndim) if d not in at]
    found = _of_last_axes(permute(A, (*rest, *at)), ord)
    shape = tuple(1 if d in at else n for d, n in enumerate(A.shape))
    return reshape(found, shape) if keepdim else found


def _of_last_axes(x: Tensor, ord: float | str) -> Tensor:
    if ord == "nuc":
        return sum(svdvals(x), -1)
    if isinstance(ord, str) or builtins.abs(ord) not in (1, 2, math.inf):
        raise InvalidValueError(
            f"ord: expected 'fro', 'nuc', 1, 2, inf or their negatives, got {ord!r}"
        )
    best = amax if ord > 0 else amin
    if builtins.abs(ord) == 2:
        return best(svdvals(x), -1)
    return best(sum(abs(x), -2 if builtins.abs(ord) == 1 else -1), -1)


def norm(
    A: Tensor,
    ord: float | str | None = None,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The norm of a vector or a matrix: `vector_norm`, or `matrix_norm` where `dim` has two axes.

    Args:
        ord: default: the root of the sum of all squares, over `dim` or all axes.
        dim: one axis or two; default: all of a tensor with one or two axes, and of any without ord.

    Raises:
        ValueError: an ord that does not go with the number of axes.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.norm(fastnn.tensor([3.0, 4.0]))
        tensor(5.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise InvalidValueError(
            f"norm: expected one or two axes with ord={ord!r}, got shape {A.shape}"
        )
    axes = tuple(range(A.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if len(axes) == 1 and not isinstance(ord, str):
        return vector_norm(A, ord, axes, keepdim, dtype=dtype)
    if len(axes) == 2:
        return matrix_norm(A, ord, axes, keepdim, dtype=dtype)
    raise InvalidValueError(f"norm: ord={ord!r} is not for the axes {axes}")


def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """The condition number of a matrix, or of each of a batch: ||A|| ||A^-1||, inf if singular.

    Args:
        p: an ord of `matrix_norm`; default 2: the largest singular value over the smallest.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.cond(fastnn.tensor([[1.0, 0.0], [0.0, 4.0]]))
        tensor(4.)
    """
    lapack.real_matrices("cond", A)
    if p is None or p in (2, -2):
        s = svdvals(A)
        first, last = view_of(s, (..., 0)), view_of(s, (..., -1))
        ratio = div(last, first) if p == -2 else div(first, last)
        return where(eq(ratio, ratio), ratio, math.inf)
    lapack.real_matrices("cond", A, square=True)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise InvalidValueError(
            f"p: expected 'fro', 'nuc', 1, 2, inf or their negatives, got {p!r}"
        )
    try:
        return mul(matrix_norm(A, p), matrix_norm(inv(A), p))
    except lapack.LinAlgError:  # a singular one among them
        singular = eq(det(A.detach()), 0.0)
        eye = of_array(np.eye(A.shape[-1], dtype=A.dtype))
        regular = where(view_of(singular, (..., None, None)), eye, A)
        return where(singular, math.inf, mul(matrix_norm(A, p), matrix_norm(inv(regular), p)))


# ---- powers and exponentials ----


def matrix_power(A: Tensor, n: int) -> Tensor:
    """A^n of a square matrix, or of each of a batch, by squaring; A^-1 is `inv`.

    Raises:
        LinAlgError: a negative power of a singular matrix.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.matrix_power(fastnn.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
        tensor([[1., 3.],
                [0., 1.]])
    """
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise InvalidValueError(f"matrix_power: expected square matrices, got shape {A.shape}")
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        eye = np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape)
        return constant(A, eye.copy())
    if n == 1:
        return copy(A)
    found, square = None, A
    while True:
        if n % 2:
            found = square if found is None else matmul(found, square)
        n //= 2
        if n == 0:
            assert found is not None
            return found
        square = matmul(square, square)


_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
    129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0,
    960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip


def _exponential(a: NDArray[Any]) -> NDArray[Any]:
    """exp by the Pade approximant of order 13, of a / 2^s, squared s times (Higham, 2005)."""
    x = a.astype(np.float64)
    n = x.shape[-1]
    if x.size == 0:
        return a.copy()
    size = np.abs(x).sum(-2).max(-1)
    finite = np.where(np.isfinite(size), size, 0.0)
    times = np.maximum(np.ceil(np.log2(np.maximum(finite, 1e-300) / 5.371920351148152)), 0)
    x = x / 2.0 ** times[..., None, None]
    eye = np.eye(n)
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    b = _PADE
    u = x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * eye
    u = x @ u
    v = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * eye
    y = np.linalg.solve(v - u, v + u)
    for i in range(int(times.max())):
        y = np.where((times > i)[..., None, None], y @ y, y)
    found: NDArray[Any] = y.astype(a.dtype)
    return found


def matrix_exp(input: Tensor) -> Tensor:
    """The exponential sum_k A^k / k! of a square matrix, or of each of a batch.

    Source: Higham, "The scaling and squaring method for the matrix exponential revisited", 2005;
    the gradient is a block of the exponential of [[A^T, dY], [0, A^T]].

    Example:
        >>> import fastnn
        >>> fastnn.linalg.matrix_exp(fastnn.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    lapack.real_matrices("matrix_exp", input, square=True)
    return lapack.run("matrix_exp", _exponential, (input,), _exp_gradient)[0]


def _exp_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    a = turned(node.input(0))
    n = a.shape[-1]
    zero = of_array(np.zeros(a.shape, a.dtype))
    both = cat([cat([a, dy], -1), cat([zero, a], -1)], -2)
    return (view_of(matrix_exp(both), (..., slice(n), slice(n, None))),)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of matrices, multiplied in the order that takes the fewest multiplications.

    Args:
        tensors: two or more; the first and the last may be vectors.

    Raises:
        ValueError: fewer, or shapes that do not fit.

    Example:
        >>> import fastnn
        >>> fastnn.linalg.multi_dot([fastnn.ones(2, 3), fastnn.ones(3, 4), fastnn.ones(4)])
        tensor([12., 12.])
    """
    given = list(tensors)
    if len(given) < 2:
        raise InvalidValueError(f"tensors: expected at least two, got {len(given)}")
    first, last = given[0].ndim == 1, given[-1].ndim == 1
    if first:
        given[0] = reshape(given[0], (1, given[0].shape[0]))
    if last:
        given[-1] = reshape(given[-1], (given[-1].shape[0], 1))
    if any(t.ndim != 2 for t in given):
        shapes = [t.shape for t in tensors]
        raise InvalidValueError(
            f"tensors: expected matrices, the first and last may be vectors, got shapes {shapes}"
        )
    y = chained(given)
    return reshape(y, (*y.shape[first:1], *y.shape[1 : 2 - last]))


# ---- tensors as matrices ----


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a map of its last axes to its first `ind`.

    Raises:
        ValueError: the products of the two groups of sizes differ. LinAlgError: singular.
    """
    if ind < 1:
        raise InvalidValueError(f"ind: expected at least 1, got {ind}")
    rows, columns = A.shape[:ind], A.shape[ind:]
    if rows.numel() != columns.numel():
        raise InvalidValueError(
            f"tensorinv: expected sizes of one product, got {rows} and {columns}"
        )
    n = rows.numel()
    return reshape(inv(reshape(A, (n, n))), (*columns, *rows))


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """The X with tensordot(A, X, X.ndim) = B.

    Args:
        dims: axes of A that are moved to its end first.

    Raises:
        ValueError: sizes that do not fit. LinAlgError: singular.
    """
    if dims is not None:
        at = [axis("tensorsolve", d, A.ndim) for d in dims]
        A = permute(A, (*(d for d in range(A.ndim) if d not in at), *at))
    rest = A.shape[B.ndim :]
    n = B.numel()
    if rest.numel() != n or A.numel() != n * n:
        raise InvalidValueError(f"tensorsolve: shapes {A.shape} and {B.shape} do not fit")
    return reshape(solve(reshape(A, (n, n)), reshape(B, (n,))), rest)

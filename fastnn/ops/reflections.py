"""Products of reflections, as the QR factorization of LAPACK keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops import lapack
from fastnn.ops.axes import expand, reshape, view_of
from fastnn.ops.diagonals import tril
from fastnn.ops.elementwise import add, clone, mul, sub
from fastnn.ops.names import also
from fastnn.ops.products import matmul
from fastnn.ops.solving import turned
from fastnn.ops.table import taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["geqrf", "orgqr", "ormqr"]


class Reflected(NamedTuple):
    """R from the diagonal on, the vectors of the reflections below it; their factors."""

    a: Tensor
    tau: Tensor


def geqrf(input: Tensor) -> Reflected:
    """The QR factorization in LAPACK's form, for a matrix or a batch of them; without a gradient.

    Returns:
        (a, tau): R from the diagonal on and the vectors v_i of the reflections below it, (..., m,
        n), and their factors (..., min(m, n)): Q = H_1 H_2 .. with H_i = 1 - tau_i v_i v_i^T.

    Source: torch.geqrf. `linalg.qr` gives Q and R themselves, with gradients.

    Example:
        >>> import fastnn
        >>> a, tau = fastnn.geqrf(fastnn.tensor([[3.0], [4.0]]))
        >>> a.flatten(), tau
        (tensor([-5.0000,  0.5000]), tensor([1.6000]))
    """
    lapack.real_matrices("geqrf", input)

    def function(a: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        columns, factors = np.linalg.qr(a, "raw")
        return np.ascontiguousarray(np.swapaxes(columns, -1, -2)), factors

    return Reflected(*lapack.run("geqrf", function, (input.detach(),)))


def _vectors(name: str, input: Tensor, tau: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(v_i, tau_i v_i^T) of each reflection: 0 above the diagonal, 1 on it, input below."""
    lapack.real_matrices(name, input)
    if tau.dtype != input.dtype:
        raise InvalidTypeError(f"tau: expected {input.dtype}, that of input, got {tau.dtype}")
    m, n = input.shape[-2:]
    most = min(m, n)
    if tau.shape[:-1] != input.shape[:-2] or tau.ndim == 0 or tau.shape[-1] > most:
        raise InvalidValueError(f"tau: expected the batches of input and at most {most} factors in "
                         f"{name}, got shapes {tau.shape} and {input.shape}")  # fmt: skip
    whole = add(tril(input, -1), of_array(np.eye(m, n, dtype=input.dtype)))
    found = []
    for i in range(tau.shape[-1]):
        v = view_of(whole, (..., slice(i, i + 1)))
        factor = reshape(view_of(tau, (..., slice(i, i + 1))), (*tau.shape[:-1], 1, 1))
        found.append((v, mul(turned(v), factor)))
    return found


def _no_gradients(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Of a result that hangs on none of its inputs' elements."""
    return [None] * len(node.inputs or ())


def _of_nothing(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Of Q times a matrix without elements: as in torch, a gradient by that matrix alone."""
    return (None, None, dy)


only_reads(_no_gradients)
only_reads(_of_nothing)


def _applied(vectors: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    """The reflections, one after the other, of x."""
    for v, row in vectors:
        x = sub(x, matmul(v, matmul(row, x)))
    return x


@also(input2="tau", A="input")
def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first n columns of Q = H_1 H_2 .. H_k, H_i = 1 - tau_i v_i v_i^T, in a batch of each.

    Args:
        input: (..., m, n), m >= n: v_i is column i below the diagonal, 1 on it and 0 above.
        tau: (..., k), k <= n.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit.

    Source: torch.linalg.householder_product.

    Example:
        >>> import fastnn
        >>> a = fastnn.tensor([[3.0], [4.0]])
        >>> fastnn.linalg.householder_product(*fastnn.geqrf(a)).flatten()
        tensor([-0.6000, -0.8000])
    """
    lapack.real_matrices("householder_product", input)
    if input.shape[-2] < input.shape[-1]:
        raise InvalidValueError(
            f"householder_product: expected at least as many rows as columns, got {input.shape}"
        )
    vectors = _vectors("householder_product", input, tau)
    unit = of_array(np.eye(*input.shape[-2:], dtype=input.dtype))
    if not vectors:  # constant, and on the tape without gradients, as in torch
        return taped(_no_gradients, (input, tau), np.broadcast_to(unit._array, input.shape).copy())
    return _applied(vectors[::-1], clone(expand(unit, input.shape)))


@also(input2="tau", input3="other")
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """Q other, with the whole m x m matrix Q of the reflections that `geqrf` gives.

    Args:
        input, tau: the reflections. other: (..., m, n), or (..., n, m) with left=False.
        left: with False, other Q. transpose: Q^T in place of Q.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit.

    Source: torch.ormqr.

    Example:
        >>> import fastnn
        >>> a = fastnn.tensor([[3.0], [4.0]])
        >>> fastnn.ormqr(*fastnn.geqrf(a), a, transpose=True).flatten().round(decimals=4)
        tensor([-5.,  0.])
    """
    lapack.real_matrices("ormqr", input, other)
    axis = -2 if left else -1
    if other.shape[axis] != input.shape[-2]:
        raise InvalidValueError(
            f"other: expected {input.shape[-2]} along axis {axis} with left={left}, got shape "
            f"{other.shape}"
        )
    vectors = _vectors("ormqr", input, tau)
    if other.numel() == 0:
        return taped(_of_nothing, (input, tau, other), other._array.copy())
    if not left:
        return turned(_applied(vectors if not transpose else vectors[::-1], turned(other)))
    return _applied(vectors if transpose else vectors[::-1], other)


orgqr = householder_product

METHODS = methods(geqrf, ormqr, orgqr=orgqr)

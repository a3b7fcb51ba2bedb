"""Triangular systems and Cholesky factors composed of ops, which programs can hold.

linalg's own are computed by LAPACK, outside of programs; these take a step for each row, and suit
matrices of up to some hundred rows.
"""

from __future__ import annotations

import numpy as np

from fastnn import ops
from fastnn.ops import creation
from fastnn.tensor import Tensor, of_array

__all__ = ["cholesky", "log_diagonal", "lower_solve", "precision_factor"]


def lower_solve(L: Tensor, B: Tensor) -> Tensor:
    """The X of L X = B for lower triangular L, (.., n, n) and (.., n, k); both broadcast."""
    found, rest = [], B
    for i in range(L.shape[-1]):
        x = rest[..., :1, :] / L[..., i : i + 1, i : i + 1]
        found.append(x)
        rest = rest[..., 1:, :] - L[..., i + 1 :, i : i + 1] * x
    return ops.cat(found, -2)


def cholesky(A: Tensor) -> Tensor:
    """The lower triangular L of A = L L^T; nan where A is not positive definite."""
    rest, columns = (A + A.mT) * 0.5, []
    lead, n = A.shape[:-2], A.shape[-1]
    for i in range(n):
        top = rest[..., :1, :1].sqrt()
        below = rest[..., 1:, :1] / top
        above = creation.zeros(*lead, i, 1, dtype=A.dtype)
        columns.append(ops.cat([above, top, below], -2))
        rest = rest[..., 1:, 1:] - below * below.mT
    return ops.cat(columns, -1)


def precision_factor(P: Tensor) -> Tensor:
    """The lower triangular L with L L^T the inverse of P."""
    turned = cholesky(P.flip((-2, -1))).flip((-2, -1)).mT  # lower, P = turned^T turned
    return lower_solve(turned, of_array(np.eye(P.shape[-1], dtype=P.dtype)))


def log_diagonal(L: Tensor) -> Tensor:
    """The sum of the logarithms on the diagonal."""
    return L.diagonal(dim1=-2, dim2=-1).log().sum(-1)

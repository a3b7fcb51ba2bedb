"""The first singular values and principal components of matrices, by random projections."""

from __future__ import annotations

import sys
from typing import NamedTuple

from fastnn._support import check
from fastnn._support.blame import name_arguments
from fastnn.ops import decompositions, lapack
from fastnn.ops.axes import mean
from fastnn.ops.elementwise import sub
from fastnn.ops.products import matmul
from fastnn.ops.solving import turned
from fastnn.random.sampling import randn
from fastnn.tensor import Tensor

__all__ = ["pca_lowrank", "svd_lowrank"]


class LowRank(NamedTuple):
    """Left singular vectors, singular values, right singular vectors; vectors as columns."""

    U: Tensor
    S: Tensor
    V: Tensor


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> LowRank:
    """(U, S, V) with A about U diag(S) V^T, the first q singular values, for a matrix or a batch.

    The basis of A's columns is that of A (A^T A)^niter R with random R, numbers equal to torch's.

    Args:
        q: how many; the more beyond the rank, the better the first. Default 6.
        niter: default 2. M: what is subtracted from A first, default None.

    Raises:
        ValueError: q or niter below 0. TypeError: whole numbers.

    Source: torch.svd_lowrank; Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1.

    Example:
        >>> import fastnn
        >>> fastnn.svd_lowrank(fastnn.diag(fastnn.tensor([3.0, 4.0])), 2).S.round(decimals=3)
        tensor([4., 3.])
    """
    lapack.real_matrices("svd_lowrank", A)
    count, rounds = 6 if q is None else q, 2 if niter is None else niter
    check.integer("q", count, 0)
    check.integer("niter", rounds, 0)
    m, n = A.shape[-2:]
    A = A if M is None else sub(A, M)
    tall = turned(A) if m < n else A
    basis = matmul(tall, randn(min(m, n), count, dtype=A.dtype))
    Q = decompositions.qr(basis).Q
    for _ in range(rounds):
        Q = decompositions.qr(matmul(turned(tall), Q)).Q
        Q = decompositions.qr(matmul(tall, Q)).Q
    U, S, Vh = decompositions.svd(matmul(turned(Q), tall), False)
    U, V = matmul(Q, U), turned(Vh)
    return LowRank(V, S, U) if m < n else LowRank(U, S, V)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> LowRank:
    """Principal components of the rows of A: `svd_lowrank` of A minus the mean of its columns.

    The columns of V are the directions, S^2 / (m - 1) the variances along them, A V the new
    coordinates.

    Args:
        A: (..., m, n): m samples. q: how many, default min(6, m, n).
        center: subtract the means, default True. niter: default 2.

    Raises:
        ValueError: q above the number of rows or columns; niter < 0.

    Source: torch.pca_lowrank.

    Example:
        >>> import fastnn
        >>> fastnn.pca_lowrank(fastnn.tensor([[1.0, 5.0], [3.0, 5.0]]), 1).V.abs().flatten().round()
        tensor([1., 0.])
    """
    lapack.real_matrices("pca_lowrank", A)
    most = min(A.shape[-2:])
    count = min(6, most) if q is None else check.integer("q", q, 0, most)
    return svd_lowrank(A, count, niter, mean(A, -2, True) if center else None)


name_arguments(sys.modules[__name__])

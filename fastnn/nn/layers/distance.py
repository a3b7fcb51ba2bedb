"""Similarities and distances of vectors."""

from __future__ import annotations

import math

from fastnn import ops
from fastnn._support import check
from fastnn.nn.module import Module
from fastnn.tensor import Tensor

__all__ = ["CosineSimilarity", "PairwiseDistance", "cosine_similarity", "pairwise_distance"]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle of vectors: x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`.

    Args:
        x1, x2: of shapes that broadcast.
        dim: default 1. eps: default 1e-8.

    Raises:
        TypeError: whole numbers. ValueError: shapes that do not broadcast.

    >>> import fastnn
    >>> fastnn.cosine_similarity(fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[4.0, 3.0]]))
    tensor([0.9600])
    """
    check.a_tensor("x1", x1)
    check.a_tensor("x2", x2)
    low = check.real("eps", eps, 0.0)
    first, second = ops.broadcast_tensors(x1, x2)
    units = [
        ops.div(x, ops.clamp(ops.norm(x, 2.0, dim, keepdim=True), low)) for x in (first, second)
    ]
    return ops.sum(ops.mul(*units), dim)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis.

    Args:
        x1, x2: of shapes that broadcast.
        p: default 2. eps: default 1e-6. keepdim: keep the last axis, of size 1.

    Raises:
        TypeError: whole numbers. ValueError: shapes that do not broadcast.

    >>> import fastnn
    >>> fastnn.pairwise_distance(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    check.a_tensor("x1", x1)
    check.a_tensor("x2", x2)
    return ops.norm(ops.add(ops.sub(x1, x2), eps), p, -1, keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle of vectors: x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`.

    Args:
        dim: default 1. eps: default 1e-8.

    Called with x1 and x2 of shapes that broadcast.

    Raises:
        TypeError: whole numbers. ValueError: shapes that do not broadcast.

    Source: torch's `nn.CosineSimilarity`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.CosineSimilarity()(fastnn.tensor([[3.0, 4.0]]), fastnn.tensor([[4.0, 3.0]]))
    tensor([0.9600])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim: int = check.integer("dim", dim, -64, 63)
        self.eps: float = check.real("eps", eps, 0.0)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The similarities."""
        return cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last axis.

    Args:
        p: default 2. eps: default 1e-6. keepdim: keep the last axis, of size 1.

    Called with x1 and x2 of shapes that broadcast.

    Raises:
        TypeError: whole numbers. ValueError: shapes that do not broadcast.

    Source: torch's `nn.PairwiseDistance`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.PairwiseDistance()(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """

    eps: float
    keepdim: bool

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm: float = p if p in (math.inf, -math.inf) else check.real("p", p)
        self.eps, self.keepdim = check.real("eps", eps), check.flag("keepdim", keepdim)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The distances."""
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)

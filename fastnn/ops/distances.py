"""Distances of rows, and rows of bounded length."""

from __future__ import annotations

import numpy as np

from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import axis, floating, view_of
from fastnn.ops.constant import constant
from fastnn.ops.elementwise import add, div, gt, mul, sub, where
from fastnn.ops.indexing import index_select
from fastnn.ops.rules import tensors
from fastnn.ops.statistics import norm
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

__all__ = ["cdist", "dist", "pdist", "renorm"]

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
          "donot_use_mm_for_euclid_dist")  # fmt: skip


def dist(input: Tensor, other: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm of input - other."""
    tensors(input, other)
    return norm(sub(input, other), p)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = _MODES[0]) -> Tensor:
    """Pairwise p-norm distances of the rows of x1 (.., n, d) and of x2 (.., m, d).

    Args:
        compute_mode: a torch mode; all are computed from the differences here.

    Raises:
        ValueError: a p below 0, no rows, or rows of different lengths.
    """
    if not p >= 0:
        raise InvalidValueError(f"p: expected a number of at least 0, got {p}")
    if compute_mode is not None and compute_mode not in _MODES:
        raise InvalidValueError(
            f"compute_mode: expected one of {list(_MODES)}, got {compute_mode!r}"
        )
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise InvalidValueError(
            f"cdist: expected rows of one length, got shapes {x1.shape} and {x2.shape}"
        )
    rows = view_of(x1, (..., slice(None), None, slice(None)))
    return _length(sub(rows, view_of(x2, (..., None, slice(None), slice(None)))), p)


def _length(x: Tensor, p: float) -> Tensor:
    """The p-norms of the rows; that of order 0 has the gradient 0, where `norm` has none."""
    if p == 0:
        return constant(x, norm(x.detach(), 0, -1)._array)
    return norm(x, p, -1)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows i < j of a matrix, in their order.

    Raises:
        ValueError: not a matrix, or a p below 0. TypeError: whole numbers.

    Example:
        >>> import fastnn
        >>> fastnn.pdist(fastnn.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
        tensor([5.0000, 1.0000, 4.2426])
    """
    floating("pdist", input)
    if input.ndim != 2:
        raise InvalidValueError(f"pdist: expected a matrix, got shape {input.shape}")
    if not p >= 0:
        raise InvalidValueError(f"p: expected a number of at least 0, got {p}")
    first, second = (of_array(i) for i in np.triu_indices(input.shape[0], 1))
    return _length(sub(index_select(input, 0, first), index_select(input, 0, second)), p)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """The parts along `dim` scaled so that none has a p-norm above maxnorm.

    Raises:
        ValueError: p not above 0, maxnorm below 0, or fewer than two axes.

    Example:
        >>> import fastnn
        >>> fastnn.renorm(fastnn.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    floating("renorm", input)
    if not p > 0:
        raise InvalidValueError(f"p: expected a number above 0, got {p}")
    if maxnorm < 0:
        raise InvalidValueError(f"maxnorm: expected at least 0, got {maxnorm}")
    if input.ndim < 2:
        raise InvalidValueError(f"renorm: expected at least two axes, got shape {input.shape}")
    at = axis("renorm", dim, input.ndim)
    size = norm(input, p, [d for d in range(input.ndim) if d != at], True)
    factor = div(maxnorm, add(size, 1e-7))
    return mul(input, where(gt(size.detach(), maxnorm), factor, 1.0))


METHODS = methods(dist, renorm)

"""Sums, means, extremes and orders along axes, with MindSpore's arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn
from fastnn import ops as base
from fastnn._support import check
from fastnn.mindspore.tensor import Tensor

Axes = int | Sequence[int] | None
DType = npt.DTypeLike | None


def axes_of(axis: Axes) -> Any:
    """Axes for fastnn's functions: an empty tuple means all, as None."""
    if isinstance(axis, tuple | list):
        return tuple(axis) if axis else None
    return axis


def _whole(x: Any) -> bool:
    return bool(x.dtype.kind in "biu")


def sum(input: Any, dim: Axes = None, keepdim: bool = False, *, dtype: DType = None) -> Any:
    """Sum over axes, default all."""
    x = input if dtype is None else input.to(dtype)
    found = base.sum(x, axes_of(dim), keepdim)
    return found


def mean(x: Any, axis: Axes = None, keep_dims: bool = False) -> Any:
    """Mean over axes, default all; of whole numbers a whole number, rounded towards 0."""
    if _whole(x):
        return base.mean(x.to(np.float64), axes_of(axis), keep_dims).to(x.dtype)
    return base.mean(x, axes_of(axis), keep_dims)


def prod(input: Any, axis: Any = None, keep_dims: bool = False, dtype: DType = None) -> Any:
    """Product over axes, default all."""
    x = input if dtype is None else input.to(dtype)
    axis = axes_of(axis)
    if isinstance(axis, tuple):
        for one in sorted((a % x.ndim for a in axis), reverse=True):
            x = base.prod(x, one, keep_dims)
        return x
    if axis is None:
        found = base.prod(x)
        return base.reshape(found, (1,) * x.ndim) if keep_dims else found
    return base.prod(x, axis, keep_dims)


def all(input: Any, axis: Axes = None, keep_dims: bool = False) -> Any:
    """Whether all elements are true, over axes, default all."""
    return _logical(base.all, input, axis, keep_dims)


def any(input: Any, axis: Axes = None, keep_dims: bool = False) -> Any:
    """Whether an element is true, over axes, default all."""
    return _logical(base.any, input, axis, keep_dims)


def _logical(function: Any, x: Any, axis: Axes, keep: bool) -> Any:
    chosen = axes_of(axis)
    chosen = tuple(range(x.ndim)) if chosen is None else chosen
    for one in sorted((a % x.ndim for a in np.atleast_1d(chosen).tolist()), reverse=True):
        x = function(x, one, keep)
    return x if x.dtype == np.bool_ else x.to(np.bool_)


def _where(x: Any, initial: Any, where: Any, least: bool) -> Any:
    if where is None:
        return x
    if initial is None:
        raise ValueError("initial: expected a number with where=, got None")
    return base.where(where, x, initial)


def amax(
    input: Any, axis: Axes = None, keepdims: bool = False, *, initial: Any = None, where: Any = None
) -> Any:
    """Maximum over axes, default all; initial: at least this; where: of these elements."""
    found = base.amax(_where(input, initial, where, True), axes_of(axis), keepdims)
    return found if initial is None else base.larger(found, initial)


def amin(
    input: Any, axis: Axes = None, keepdims: bool = False, *, initial: Any = None, where: Any = None
) -> Any:
    """Minimum over axes, default all; initial: at most this; where: of these elements."""
    found = base.amin(_where(input, initial, where, False), axes_of(axis), keepdims)
    return found if initial is None else base.smaller(found, initial)


def max(
    input: Any,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    initial: Any = None,
    where: Any = None,
) -> tuple[Any, Any]:
    """(maximum, its index) along an axis; without one (maximum of all, 0).

    >>> import fastnn.mindspore as mindspore
    >>> values, index = mindspore.ops.max(mindspore.Tensor([[1.0, 5.0], [4.0, 3.0]]), 1)
    >>> print(values, index)
    [5. 4.] [1 0]
    """
    x = _where(input, initial, where, True)
    if axis is None:
        return base.amax(x), fastnn.tensor(0)
    value, index = base.max(x, axis, keepdims)
    return (value if initial is None else base.larger(value, initial)), index


def min(
    input: Any,
    axis: int | None = None,
    keepdims: bool = False,
    *,
    initial: Any = None,
    where: Any = None,
) -> tuple[Any, Any]:
    """(minimum, its index) along an axis; without one (minimum of all, 0)."""
    x = _where(input, initial, where, False)
    if axis is None:
        return base.amin(x), fastnn.tensor(0)
    value, index = base.min(x, axis, keepdims)
    return (value if initial is None else base.smaller(value, initial)), index


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Index of the maximum along an axis, default of all elements."""
    return base.argmax(input, dim, keepdim)


def argmin(input: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the minimum along an axis, default of all elements."""
    return base.argmin(input, axis, keepdims)


def _spread(function: Any, x: Any, axis: Axes, ddof: Any, keepdims: bool) -> Any:
    count = check.integer("ddof", int(ddof), 0)
    return function(x, axes_of(axis), correction=count, keepdim=keepdims)


def var(input: Any, axis: Axes = None, ddof: int | bool = 0, keepdims: bool = False) -> Any:
    """sum((x - mean)^2) / (n - ddof); ddof 0, where torch divides by n - 1.

    >>> import fastnn.mindspore as mindspore
    >>> print(mindspore.ops.var(mindspore.Tensor([1.0, 3.0])))
    1.0
    """
    return _spread(base.var, input, axis, ddof, keepdims)


def std(input: Any, axis: Axes = None, ddof: int | bool = 0, keepdims: bool = False) -> Any:
    """The root of `var`."""
    return _spread(base.std, input, axis, ddof, keepdims)


def var_mean(input: Any, axis: Axes = None, ddof: int | bool = 0, keepdims: bool = False) -> Any:
    """(var, mean)."""
    return var(input, axis, ddof, keepdims), mean(input, axis, keepdims)


def std_mean(input: Any, axis: Axes = None, ddof: int | bool = 0, keepdims: bool = False) -> Any:
    """(std, mean)."""
    return std(input, axis, ddof, keepdims), mean(input, axis, keepdims)


def logsumexp(input: Any, dim: Axes, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) over axes."""
    chosen = axes_of(dim)
    return base.logsumexp(input, tuple(range(input.ndim)) if chosen is None else chosen, keepdim)


def cumsum(x: Any, axis: int, dtype: DType = None) -> Any:
    """Sums of the elements so far along an axis."""
    return base.cumsum(x if dtype is None else x.to(dtype), axis)


def norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: DType = None
) -> Any:
    """The norm of order `ord`, default 2, over axes, default all."""
    x = A if dtype is None else A.to(dtype)
    return base.norm(x, 2 if ord is None else ord, dim, keepdim)


def median(input: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """(the lower median, its index) along an axis, the last by default."""
    found = base.median(input, axis, keepdims)
    return found[0], found[1]


def topk(
    input: Any, k: int, dim: int | None = None, largest: bool = True, sorted: bool = True
) -> Any:
    """(the k largest elements, their indices) along an axis, the last by default."""
    found = base.topk(input, k, -1 if dim is None else dim, largest, sorted)
    return found[0], found[1]


def sort(input_x: Any, axis: int = -1, descending: bool = False) -> Any:
    """(sorted elements, their indices) along an axis."""
    found = base.sort(input_x, axis, descending)
    return found[0], found[1]


def argsort(input: Any, axis: int = -1, descending: bool = False) -> Any:
    """The indices that sort along an axis."""
    return base.argsort(input, axis, descending)


def unique(input: Any) -> tuple[Any, Any]:
    """(elements without repetition, in the order of their first place; the place of each there)."""
    values, first, inverse = np.unique(
        Tensor.asnumpy(input), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return Tensor(values[order]), Tensor(place[inverse].reshape(input.shape))


def count_nonzero(
    x: Any, axis: Axes = (), keep_dims: bool = False, dtype: npt.DTypeLike = np.int32
) -> Any:
    """How many elements are not 0, over axes, default all."""
    return base.sum(base.ne(x, 0).to(np.int64), axes_of(axis), keep_dims).to(dtype)


def reduce_sum(x: Any, axis: Axes = (), keep_dims: bool = False) -> Any:
    """Sum over `axis` (default: all)."""
    return sum(x, axis, keep_dims)


def reduce_mean(x: Any, axis: Axes = (), keep_dims: bool = False) -> Any:
    """Mean over `axis` (default: all)."""
    return mean(x, axis, keep_dims)


def reduce_max(x: Any, axis: Axes = (), keep_dims: bool = False) -> Any:
    """Maximum over `axis` (default: all)."""
    return amax(x, axis, keep_dims)


def reduce_min(x: Any, axis: Axes = (), keep_dims: bool = False) -> Any:
    """Minimum over `axis` (default: all)."""
    return amin(x, axis, keep_dims)


def reduce_prod(x: Any, axis: Axes = (), keep_dims: bool = False) -> Any:
    """Product over `axis` (default: all)."""
    return prod(x, axis, keep_dims)


__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "count_nonzero", "cumsum",
    "logsumexp", "max", "mean", "median", "min", "norm", "prod", "reduce_max", "reduce_mean",
    "reduce_min", "reduce_prod", "reduce_sum", "sort", "std", "std_mean", "sum", "topk", "unique",
    "var", "var_mean",
]  # fmt: skip

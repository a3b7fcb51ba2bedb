"""Sorting along an axis, top-k, medians and quantiles."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import dtypes
from fastnn.ops.axes import axis, permute, reshape, view_of
from fastnn.ops.counting import values_of
from fastnn.ops.elementwise import lerp, where
from fastnn.ops.indexing import gather, index_select
from fastnn.ops.names import both_names
from fastnn.ops.pointwise import isnan
from fastnn.ops.promote import cast
from fastnn.ops.rows import along
from fastnn.ops.table import row
from fastnn.ops.views import narrow
from fastnn.tensor import Tensor, bool_, float64, int64
from fastnn.tensor.attach import methods

__all__ = ["argsort", "kthvalue", "median", "quantile", "sort", "topk"]


class Sorted(NamedTuple):
    """Sorted values and their indices."""

    values: Tensor
    indices: Tensor


_argsort = row(
    "argsort", lambda arrays, attrs: ([(arrays[0].shape, int64)], arrays[0].shape), batch="fold"
)


@both_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """int64 indices that sort the input along `dim`; the sort is stable.

    nan counts as the largest; denormals are equal to 0.
    """
    if input.ndim == 0:
        return Tensor(np.zeros((), int64))
    input = cast(input.detach(), int64) if input.dtype == bool_ else input.detach()
    return along(_argsort, input, dim, (int(descending),))


@both_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Sorted:
    """Sort along `dim`: (values, indices); see `argsort`."""
    order = argsort(input, dim, descending)
    return Sorted(gather(input, dim, order) if input.ndim else input, order)


@both_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """(values, indices) of the k largest (or smallest) elements along `dim`, sorted.

    Raises:
        ValueError: a k outside of 0 to the size of the axis.
    """
    size = input.shape[axis("topk", dim, input.ndim)] if input.ndim else 1
    if not 0 <= k <= size:
        raise ValueError(f"k: expected 0..{size}, got {k}")
    order = argsort(input, dim, largest)
    if input.ndim == 0:
        return Sorted(input, order)
    order = narrow(order, dim, 0, k)
    return Sorted(gather(input, dim, order), order)


@both_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Sorted:
    """(values, indices) of the k-th smallest along `dim`, k from 1 up.

    Raises:
        ValueError: a k outside of 1 to the size of the axis.
    """
    if input.ndim == 0:
        found = kthvalue(reshape(input, (1,)), k, dim)
        return Sorted(reshape(found.values, ()), found.indices)
    at = axis("kthvalue", dim, input.ndim)
    if not 1 <= k <= input.shape[at]:
        raise ValueError(f"k: expected 1..{input.shape[at]}, got {k}")
    order = narrow(argsort(input, at), at, k - 1, 1)
    values = gather(input, at, order)
    if keepdim:
        return Sorted(values, order)
    rest = (*input.shape[:at], *input.shape[at + 1 :])
    return Sorted(reshape(values, rest), reshape(order, rest))


@both_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Median, the lower of two middle elements; along `dim`, (values, indices). nan if any is."""
    if dim is None:
        if input.numel() == 0:
            return Tensor(dtypes.number(math.nan, input.dtype))
        return median(reshape(input, (-1,)), 0).values
    n = input.shape[axis("median", dim, input.ndim)] if input.ndim else 1
    found = kthvalue(input, (n + 1) // 2, dim, keepdim)
    if input.dtype.kind != "f":
        return found
    last = kthvalue(input, n, dim, keepdim)  # nan is put last
    broken = isnan(last.values)
    return Sorted(
        where(broken, last.values, found.values), where(broken, last.indices, found.indices)
    )


@both_names
def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The q-th quantiles along `dim` (default: of all), interpolated between neighbours.

    Args:
        q: in 0..1; a vector of them comes as a first axis.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        TypeError: whole numbers. ValueError: a q outside of 0..1, another interpolation, no
            elements.
    """
    if interpolation not in _WAYS:
        raise ValueError(f"interpolation: expected one of {list(_WAYS)}, got {interpolation!r}")
    if input.dtype.kind != "f":
        raise TypeError(f"quantile: expected float32 or float64, got {input.dtype}; use .float()")
    shares = np.asarray(values_of(q, "quantile") if isinstance(q, Tensor) else q, float64)
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"q: expected a number in 0..1, or a vector of them, got {q}")
    at = axis("quantile", 0 if dim is None else dim, input.ndim or 1)
    ordered = sort(reshape(input, (-1,)) if dim is None or input.ndim == 0 else input, at).values
    if ordered.shape[at] == 0:
        raise ValueError(f"quantile: expected at least one element, got shape {input.shape}")
    last = permute(ordered, (*(d for d in range(ordered.ndim) if d != at), at))
    between = _at_ranks(last, np.atleast_1d(shares), interpolation)
    found = permute(between, (between.ndim - 1, *range(between.ndim - 1)))
    found = where(isnan(view_of(last, (..., -1))), math.nan, found)
    if keepdim:
        shape = (1,) * input.ndim if dim is None else (*input.shape[:at], 1, *input.shape[at + 1 :])
        found = reshape(found, (shares.size, *shape))
    return found if shares.ndim else view_of(found, 0)


def _at_ranks(ordered: Tensor, shares: Any, interpolation: str) -> Tensor:
    """The values at these fractions of the sorted last axis."""
    n = ordered.shape[-1]
    rank = (shares.astype(ordered.dtype) * (n - 1)).astype(ordered.dtype)
    rank = _WAYS[interpolation](rank)
    low = np.floor(rank)
    weight = rank - low if interpolation != "midpoint" else 0.5 * (np.ceil(rank) > low)
    low, high = low.astype(int64), np.ceil(rank).astype(int64)
    left, right = (index_select(ordered, -1, Tensor(i)) for i in (low, high))
    return lerp(left, right, Tensor(weight.astype(ordered.dtype)))


_WAYS: dict[str, Any] = {"linear": np.positive, "lower": np.floor, "higher": np.ceil,
                         "midpoint": np.positive, "nearest": np.round}  # fmt: skip

METHODS = methods(
    argsort, sort, topk, kthvalue, median, quantile,
)  # fmt: skip

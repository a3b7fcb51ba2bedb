"""Functions that depend on the order or the number of values: outside of compiled programs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastnn.ops.elementwise import lerp, where
from fastnn.ops.functions import isnan
from fastnn.ops.indexing import gather, index_select
from fastnn.ops.join import axis
from fastnn.ops.layout import Sorted, argsort, narrow, sort
from fastnn.ops.shape import getitem, permute, reshape
from fastnn.tape import listener
from fastnn.tensor import Tensor, float64, int64
from fastnn.tensor.methods.names import both_names


def _values(x: Tensor, name: str) -> Any:
    listener.refuse(f"its values were counted or put in order ({name})")
    return x.detach()._array


def unique(
    x: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values, in order; each nan by itself.

    Args:
        sorted: True; they always are.
        return_inverse: also for each element its place among them.
        return_counts: also how often each comes.
        dim: the different parts along this axis instead.
    """
    at = None if dim is None else axis("unique", dim, x.ndim)
    values, inverse, counts = np.unique(
        _values(x, "unique"), return_inverse=True, return_counts=True, axis=at, equal_nan=False
    )
    found = [Tensor(values)]
    whole = x.shape if at is None else (x.shape[at],)
    found += [Tensor(inverse.reshape(whole).astype(int64))] if return_inverse else []
    found += [Tensor(counts.astype(int64))] if return_counts else []
    return found[0] if len(found) == 1 else tuple(found)


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, .. comes in an int64 vector; or the sum of the weights there.

    Raises:
        ValueError: something else than a vector of integers from 0 up.
    """
    array = _values(x, "bincount")
    if array.dtype != int64 or array.ndim != 1 or (array.size and array.min() < 0):
        raise ValueError("bincount: expected a vector of int64 from 0 up")
    if weights is None:
        return Tensor(np.bincount(array, minlength=minlength).astype(int64))
    total = np.bincount(array, _values(weights, "bincount"), minlength)
    kind = weights.dtype if weights.dtype.kind == "f" else np.float64
    return Tensor(total.astype(kind))


def histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements are in each of `bins` equal parts of min..max (default: of all)."""
    array = _values(x, "histc")
    low, high = (min, max) if min != max or not array.size else (array.min(), array.max())
    if low == high:
        low, high = low - 1, high + 1
    return Tensor(np.histogram(array, bins, (low, high))[0].astype(x.dtype))


def searchsorted(
    sorted_sequence: Tensor, values: Any, *, right: bool = False, side: str | None = None
) -> Tensor:
    """The positions at which the values would keep sequences in order, int64.

    Args:
        sorted_sequence: a vector, or rows for those of values of the same shape but for the last
            axis.
        right: behind those that are equal; also `side="right"`.

    Raises:
        ValueError: shapes that do not fit; another side, or both words and they differ.
    """
    if side not in (None, "left", "right") or (right and side == "left"):
        raise ValueError(f"side: expected 'left' or 'right' as right says, got {side!r}")
    way: Any = "right" if right or side == "right" else "left"
    rows = _values(sorted_sequence, "searchsorted")
    given = _values(values, "searchsorted") if isinstance(values, Tensor) else np.asarray(values)
    if rows.ndim == 1:
        return Tensor(np.asarray(np.searchsorted(rows, given, way), int64))
    if rows.ndim == 0 or rows.shape[:-1] != given.shape[:-1]:
        raise ValueError(
            f"sorted_sequence: expected a vector, or rows as of the values of shape {given.shape}, "
            f"got shape {rows.shape}"
        )
    found = np.empty(given.shape, int64)
    for at in np.ndindex(rows.shape[:-1]):
        found[at] = np.searchsorted(rows[at], given[at], way)
    return Tensor(found)


def bucketize(x: Any, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """The bucket of each value among a vector of boundaries in order, int64."""
    if boundaries.ndim != 1:
        raise ValueError(f"boundaries: expected a vector, got shape {boundaries.shape}")
    return searchsorted(boundaries, x, right=right)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each element is one of the others.

    Args:
        assume_unique: no element comes twice; nothing depends on it here.
        invert: whether it is none of them.
    """
    left, right = (
        _values(v, "isin") if isinstance(v, Tensor) else v for v in (elements, test_elements)
    )
    return Tensor(np.isin(left, right, invert=invert))


@both_names
def kthvalue(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Sorted:
    """(values, indices) of the k-th smallest along `dim`, k from 1 up.

    Raises:
        ValueError: a k outside of 1 to the size of the axis.
    """
    if x.ndim == 0:
        found = kthvalue(reshape(x, (1,)), k, dim)
        return Sorted(reshape(found.values, ()), found.indices)
    at = axis("kthvalue", dim, x.ndim)
    if not 1 <= k <= x.shape[at]:
        raise ValueError(f"k: expected 1..{x.shape[at]}, got {k}")
    order = narrow(argsort(x, at), at, k - 1, 1)
    values = gather(x, at, order)
    if keepdim:
        return Sorted(values, order)
    rest = (*x.shape[:at], *x.shape[at + 1 :])
    return Sorted(reshape(values, rest), reshape(order, rest))


@both_names
def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two; along `dim`, (values, indices). nan where one is."""
    if dim is None:
        if x.numel() == 0:
            return Tensor(np.array(np.nan, x.dtype))
        return median(reshape(x, (-1,)), 0).values
    n = x.shape[axis("median", dim, x.ndim)] if x.ndim else 1
    found = kthvalue(x, (n + 1) // 2, dim, keepdim)
    if x.dtype.kind != "f":
        return found
    last = kthvalue(x, n, dim, keepdim)  # nan is put last
    broken = isnan(last.values)
    return Sorted(
        where(broken, last.values, found.values), where(broken, last.indices, found.indices)
    )


@both_names
def quantile(
    x: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The q-th quantiles along `dim` (default: of all): between the neighbours in order.

    Args:
        q: in 0..1; a vector of them comes as a first axis.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        TypeError: whole numbers. ValueError: a q outside of 0..1, another interpolation, no
            elements.
    """
    if interpolation not in _WAYS:
        raise ValueError(f"interpolation: expected one of {list(_WAYS)}, got {interpolation!r}")
    if x.dtype.kind != "f":
        raise TypeError(f"quantile: expected float32 or float64, got {x.dtype}; use .float()")
    shares = np.asarray(_values(q, "quantile") if isinstance(q, Tensor) else q, float64)
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"q: expected a number in 0..1, or a vector of them, got {q}")
    at = axis("quantile", 0 if dim is None else dim, x.ndim or 1)
    ordered = sort(reshape(x, (-1,)) if dim is None or x.ndim == 0 else x, at).values
    if ordered.shape[at] == 0:
        raise ValueError(f"quantile: expected at least one element, got shape {x.shape}")
    last = permute(ordered, (*(d for d in range(ordered.ndim) if d != at), at))
    between = _at_ranks(last, np.atleast_1d(shares), interpolation)
    found = permute(between, (between.ndim - 1, *range(between.ndim - 1)))
    found = where(isnan(getitem(last, (..., -1))), math.nan, found)
    if keepdim:
        shape = (1,) * x.ndim if dim is None else (*x.shape[:at], 1, *x.shape[at + 1 :])
        found = reshape(found, (shares.size, *shape))
    return found if shares.ndim else getitem(found, 0)


def _at_ranks(ordered: Tensor, shares: Any, interpolation: str) -> Tensor:
    """What stands at these shares of the way along the last axis."""
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

"""Functions that depend on the order or the number of values: outside of compiled programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import _recording
from fastnn.methods.names import both_names
from fastnn.ops.arrange import Sorted, argsort, narrow, sort
from fastnn.ops.elementwise import lerp
from fastnn.ops.functions import isnan
from fastnn.ops.index import gather
from fastnn.ops.join import axis
from fastnn.ops.shape import permute, reshape
from fastnn.tensor import Tensor, int64


def _values(x: Tensor, name: str) -> Any:
    _recording.refuse(f"its values were counted or put in order ({name})")
    return x.detach()._array


def unique(
    x: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> Any:
    """The different values, in order.

    Args:
        sorted: True; they always are.
        return_inverse: also for each element its place among them.
        return_counts: also how often each comes.
    """
    values, inverse, counts = np.unique(
        _values(x, "unique"), return_inverse=True, return_counts=True
    )
    found = [Tensor(values)]
    found += [Tensor(inverse.reshape(x.shape).astype(int64))] if return_inverse else []
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
    low, high = (min, max) if min != max else (array.min(), array.max())
    if low == high:
        low, high = low - 1, high + 1
    return Tensor(np.histogram(array, bins, (low, high))[0].astype(x.dtype))


def searchsorted(
    sorted_sequence: Tensor, values: Any, *, right: bool = False, side: str | None = None
) -> Tensor:
    """The positions at which the values would keep a sorted vector in order, int64."""
    right = right or side == "right"
    if sorted_sequence.ndim != 1:
        raise ValueError(f"sorted_sequence: expected a vector, got {sorted_sequence.shape}")
    array = _values(sorted_sequence, "searchsorted")
    given = _values(values, "searchsorted") if isinstance(values, Tensor) else values
    return Tensor(np.asarray(np.searchsorted(array, given, "right" if right else "left"), int64))


def bucketize(x: Any, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """The bucket of each value among boundaries in order, int64."""
    return searchsorted(boundaries, x, right=right)


def isin(elements: Any, test_elements: Any, *, invert: bool = False) -> Tensor:
    """Whether each element is one of the others."""
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
        flat = reshape(x, (-1,))
        if flat.numel() == 0 or (flat.dtype.kind == "f" and bool(isnan(flat).any().item())):
            return Tensor(np.array(np.nan, x.dtype))
        return kthvalue(flat, (flat.numel() + 1) // 2).values
    at = axis("median", dim, x.ndim)
    found = kthvalue(x, (x.shape[at] + 1) // 2, at, keepdim)
    last = kthvalue(x, x.shape[at], at, keepdim)  # nan is put last
    if x.dtype.kind != "f" or not bool(isnan(last.values).any().item()):
        return found
    broken = isnan(last.values)
    return Sorted(
        last.values.where(broken, found.values), last.indices.where(broken, found.indices)
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
        ValueError: a q outside of 0..1, another interpolation.
    """
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise ValueError(f"interpolation: expected one of torch's five, got {interpolation!r}")
    shares = np.atleast_1d(_values(q, "quantile") if isinstance(q, Tensor) else np.float64(q))
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"q: expected numbers in 0..1, got {q}")
    at = 0 if dim is None else axis("quantile", dim, x.ndim)
    ordered = sort(reshape(x, (-1,)) if dim is None else x, at).values
    n = ordered.shape[at]
    rank = (shares.astype(x.dtype) * (n - 1)).astype(x.dtype)
    low, high = np.floor(rank).astype(int64), np.ceil(rank).astype(int64)
    weight = {"lower": rank * 0, "higher": rank * 0 + 1, "midpoint": rank * 0 + 0.5}.get(
        interpolation, rank - low
    )
    weight = np.round(weight) if interpolation == "nearest" else weight
    last = permute(ordered, (*(d for d in range(ordered.ndim) if d != at), at))
    between = lerp(last[..., Tensor(low)], last[..., Tensor(high)], Tensor(weight.astype(x.dtype)))
    found = permute(between, (between.ndim - 1, *range(between.ndim - 1)))
    found = found.where(last[..., -1].isnan().logical_not(), float("nan"))
    if keepdim:
        shape = (1,) * x.ndim if dim is None else (*x.shape[:at], 1, *x.shape[at + 1 :])
        found = reshape(found, (len(shares), *shape))
    return found if isinstance(q, Tensor) and q.ndim else found[0]

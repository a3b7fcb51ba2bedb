"""Sorting along an axis, top-k, medians and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, axis_or_none, reshape, sum
from fastnn.ops.elementwise import copy, div, eq, mul, where
from fastnn.ops.indexing import gather
from fastnn.ops.names import both_names
from fastnn.ops.pointwise import isnan, logical_and, logical_or
from fastnn.ops.promote import cast
from fastnn.ops.rows import along
from fastnn.ops.table import row, taped
from fastnn.ops.views import narrow
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, int64, of_array
from fastnn.tensor.attach import methods

__all__ = ["argsort", "kthvalue", "median", "sort", "topk"]


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
        axis_or_none("argsort", dim, 0)
        return of_array(np.zeros((), int64))
    input = cast(input.detach(), int64) if input.dtype == bool_ else input.detach()
    return along(_argsort, input, dim, (int(descending),))


@both_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Sorted:
    """Sort along `dim`: (values, indices); see `argsort`."""
    order = argsort(input, dim, descending)
    return Sorted(gather(input, dim, order) if input.ndim else copy(input), order)


@both_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """(values, indices) of the k largest (or smallest) elements along `dim`, sorted.

    Raises:
        ValueError: a k outside of 0 to the size of the axis. TypeError: bool.
    """
    if input.dtype == bool_:
        raise InvalidTypeError("topk: expected numbers, got bool; use .long()")
    size = input.shape[axis("topk", dim, input.ndim)] if input.ndim else 1
    if not 0 <= k <= size:
        raise InvalidValueError(f"k: expected 0..{size}, got {k}")
    order = argsort(input, dim, largest)
    if input.ndim == 0:
        return Sorted(copy(input), order)
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
    if not input.shape[at]:
        raise InvalidValueError(
            f"kthvalue: expected at least one element along dim, got {input.shape}"
        )
    if not 1 <= k <= input.shape[at]:
        raise InvalidValueError(f"k: expected 1..{input.shape[at]}, got {k}")
    order = narrow(argsort(input, at), at, k - 1, 1)
    values = gather(input, at, order)
    if keepdim:
        return Sorted(values, order)
    rest = (*input.shape[:at], *input.shape[at + 1 :])
    return Sorted(reshape(values, rest), reshape(order, rest))


def middle_of_all(input: Tensor, value: Tensor) -> Tensor:
    """The median of all elements; its gradient is spread over those equal to it, as in torch."""
    return taped(_middle_gradient, (input,), value._array)


def _middle_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    x, y = node.input(0).detach(), node.output().detach()
    equal = logical_or(eq(x, y), logical_and(isnan(x), isnan(y)))
    share = div(cast(equal, x.dtype), sum(cast(equal, x.dtype)))
    return (mul(dy, share),)


@both_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Median, the lower of two middle elements; along `dim`, (values, indices). nan if any is."""
    if dim is None:
        if input.numel() == 0:
            return of_array(dtypes.number(np.nan, input.dtype))
        return middle_of_all(input, median(reshape(input.detach(), (-1,)), 0).values)
    n = input.shape[axis("median", dim, input.ndim)] if input.ndim else 1
    if not n:
        raise InvalidValueError(
            f"median: expected at least one element along dim, got {input.shape}"
        )
    found = kthvalue(input, (n + 1) // 2, dim, keepdim)
    if input.dtype.kind != "f":
        return found
    last = kthvalue(input, n, dim, keepdim)  # nan is put last
    broken = isnan(last.values)
    return Sorted(
        where(broken, last.values, found.values), where(broken, last.indices, found.indices)
    )


METHODS = methods(
    argsort, sort, topk, kthvalue, median,
)  # fmt: skip

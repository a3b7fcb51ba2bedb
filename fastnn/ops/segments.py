"""Rows that are reduced into the rows an index names, in time n + k log k for k of them into n."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import dtypes
from fastnn.ops.assignment import last_of_each
from fastnn.ops.axes import reshape
from fastnn.ops.cumulative import scan
from fastnn.ops.elementwise import (
    add,
    bitwise_and,
    bitwise_or,
    div,
    eq,
    floor_divide,
    larger,
    maximum,
    minimum,
    mul,
    ne,
    where,
)
from fastnn.ops.promote import cast
from fastnn.ops.rows import along, take_rows
from fastnn.ops.table import TABLE, taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, float32, int64, of_array

_OF_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": add, "mean": add, "prod": mul, "amax": maximum, "amin": minimum,
}  # fmt: skip


def reduce_rows(x: Tensor, index: Tensor, source: Tensor, reduce: str, with_own: bool) -> Tensor:
    """x (n, w) with all rows of source (k, w) that go to its row index_i reduced into it.

    Args:
        index: int64 in range.
        reduce: "sum", "mean", "prod", "amax" or "amin".
        with_own: whether a row of x is reduced with them; a row that no index names stays as it is.
    """
    kind = x.dtype
    if kind.kind != "f":
        wide = np.dtype(int64)
    else:
        wide = np.dtype(float32) if kind in dtypes.HALVES else kind
    if kind != wide:
        return cast(reduce_rows(cast(x, wide), index, cast(source, wide), reduce, with_own), kind)
    if reduce in ("amax", "amin"):
        return _extreme(x, index, source, reduce, with_own)
    to = _places(index, x.shape[0])
    total = _folded(x, to, source, reduce, with_own)
    if reduce == "mean":
        once, each = (of_array(np.ones((n, 1), np.int64)) for n in (x.shape[0], index.shape[0]))
        count = _folded(once, to, each, "sum", with_own)
        count = cast(count, wide)
        total = (div if wide.kind == "f" else floor_divide)(total, count)
    return where(to.there, total, x)


class _Places(NamedTuple):
    """Where rows go: their order by name, the names in it, and for each row of x the place of the
    last that names it, and whether one does."""

    order: Tensor
    named: Tensor
    last: Tensor
    there: Tensor


def _places(index: Tensor, n: int) -> _Places:
    order = along(TABLE["argsort"], index, 0, (0,))
    named = take_rows(index, order)
    return _Places(order, named, *last_of_each(named, n))


def _folded(x: Tensor, to: _Places, source: Tensor, reduce: str, with_own: bool) -> Tensor:
    """What goes to each row of x, folded, with that row itself if asked for; of no meaning where
    nothing goes."""
    total = take_rows(_running(take_rows(source, to.order), to.named, reduce), to.last)
    return _OF_TWO[reduce](x, total) if with_own else total


def _running(rows: Tensor, named: Tensor, reduce: str) -> Tensor:
    """Each row reduced with those before it of the same name; names stand in order."""
    nothing = of_array(dtypes.number(neutral(reduce, rows.dtype), rows.dtype))

    def combine(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
        earlier = where(eq(a[0], b[0]), a[1], nothing)
        return [b[0], _OF_TWO[reduce](b[1], earlier)]

    return scan([reshape(named, (-1, 1)), rows], 0, combine)[1]


def neutral(reduce: str, dtype: np.dtype[Any]) -> Any:
    """The number of a dtype that changes nothing in a reduction."""
    if reduce in ("amax", "amin"):
        least = reduce == "amax"
        if dtype.kind == "f":
            return -math.inf if least else math.inf
        return np.iinfo(dtype).min if least else np.iinfo(dtype).max
    return 1 if reduce == "prod" else 0


def _extreme(x: Tensor, index: Tensor, source: Tensor, reduce: str, with_own: bool) -> Tensor:
    """`reduce_rows` for amax and amin, whose gradient those share that attain the extreme."""
    own, given = x.detach(), source.detach()
    to = _places(index, x.shape[0])
    y = where(to.there, _folded(own, to, given, reduce, with_own), own)
    if x.dtype.kind != "f":
        return y
    attains = cast(_equal(given, take_rows(y, index)), x.dtype)
    attained = cast(_equal(own, y), x.dtype)
    if not with_own:
        attained = where(to.there, 0.0, attained)
    count = larger(reduce_rows(attained, index, attains, "sum", True), 1.0)
    shares = (div(attained, count), div(attains, take_rows(count, index)))
    return taped(_extreme_gradient, (x, source), y._array, (*shares, index))


def _equal(a: Tensor, b: Tensor) -> Tensor:
    """Where two tensors have the same number, or both nan."""
    return bitwise_or(eq(a, b), bitwise_and(ne(a, a), ne(b, b)))


def _extreme_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    own, given, index = node.attrs
    return (
        mul(dy, own) if node.needs(0) else None,
        mul(take_rows(dy, index), given) if node.needs(1) else None,
    )


only_reads(_extreme_gradient)

"""Maximum and minimum over axes, their indices, `any` and `all`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn._support import check, dtypes
from fastnn._support.dtypes import uint8
from fastnn._support.errors import InvalidIndexError, InvalidTypeError
from fastnn.ops.axes import (
    Axes,
    axes_of,
    axis_or_none,
    reduce_axes,
    reduced,
    reduced_shape,
    spread,
)
from fastnn.ops.elementwise import (
    bitwise_or,
    copy,
    div,
    eq,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    where,
)
from fastnn.ops.indexing import gather
from fastnn.ops.names import also, both_names
from fastnn.ops.pointwise import bitwise_not, truth
from fastnn.ops.promote import cast
from fastnn.ops.table import TABLE, Op, apply, row
from fastnn.ops.views import squeeze
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, int64, of_array
from fastnn.tensor.attach import methods

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "max", "min"]


def _extreme_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Gradient of max and min: shared equally among the elements that attain the extreme; with the
    note, elements that are nan attain nan."""
    x, y = node.input(0), node.output().detach()
    there = eq(x.detach(), spread(node, y))
    there = bitwise_or(there, ne(x.detach(), x.detach())) if node.attrs else there
    hits = where(there, of_array(dtypes.number(1, x.dtype)), 0.0)
    count = apply(TABLE["sum"], (hits,))
    return (mul(hits, spread(node, div(dy, count))),)


_max = row("max", reduced_shape(), _extreme_gradient, batch="fold")
_min = row("min", reduced_shape(), _extreme_gradient, batch="fold")
_argmax = row("argmax", reduced_shape(int64), batch="fold")


def _whole(op: Op, x: Tensor) -> Tensor:
    """The extreme of all elements, whose gradient goes to the elements that are nan if one is."""
    _check_size(op, x, None)
    return reduce_axes(op.name, lambda parts: apply(op, (parts,), (), (True,)), x, None, False)


def _check_size(op: Op, x: Tensor, dim: Axes) -> None:
    if math.prod(x.shape[d] for d in axes_of(op.name, x, dim)) == 0:
        raise InvalidIndexError(f"{op.name}: expected at least one element, got shape {x.shape}")


def _extreme(op: Op, x: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    _check_size(op, x, dim)
    return reduced(op, x, dim, keepdim)


@both_names
def amax(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Maximum over `dim` (default: all axes); nan if any element is nan."""
    return _extreme(_max, input, dim, keepdim)


@both_names
def amin(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Minimum over `dim` (default: all axes); nan if any element is nan."""
    return _extreme(_min, input, dim, keepdim)


@both_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """int64 index of the first maximum along `dim` (default: of the flattened input).

    Raises:
        TypeError: bool, as in torch.
    """
    return _extreme(_argmax, _numbers("argmax", input), dim, keepdim)


@both_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """int64 index of the first minimum along `dim` (default: of the flattened input).

    Raises:
        TypeError: bool, as in torch.
    """
    x = _numbers("argmin", input)
    turned = neg(x) if x.dtype.kind == "f" else bitwise_not(x)  # unlike -x it never overflows
    return _extreme(_argmax, turned, dim, keepdim)


def _numbers(name: str, input: Tensor) -> Tensor:
    if input.dtype == bool_:
        raise InvalidTypeError(f"{name}: expected numbers, got bool; use .long()")
    return input.detach()


class Extreme(NamedTuple):
    """The largest or smallest elements along an axis, and where they are."""

    values: Tensor
    indices: Tensor


def _along(x: Tensor, dim: int, keepdim: bool, least: bool) -> Extreme:
    if x.ndim == 0:
        axis_or_none("min" if least else "max", dim, 0)
        return Extreme(copy(x), of_array(np.zeros((), int64)))
    numbers = cast(x, int64) if x.dtype == bool_ else x
    index = (argmin if least else argmax)(numbers, dim, True)
    values = gather(x, dim, index)
    return Extreme(values, index) if keepdim else Extreme(squeeze(values, dim), squeeze(index, dim))


@also(other="dim")
@both_names
def max(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The largest element; along `dim`, (values, indices) of the first ones; of two tensors, the
    larger by element."""
    if isinstance(dim, Tensor):
        return maximum(input, dim)
    check.a_tensor("input", input)
    return _whole(_max, input) if dim is None else _along(input, dim, keepdim, False)


@also(other="dim")
@both_names
def min(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The smallest element; along `dim`, (values, indices) of the first ones; of two tensors, the
    smaller by element."""
    if isinstance(dim, Tensor):
        return minimum(input, dim)
    check.a_tensor("input", input)
    return _whole(_min, input) if dim is None else _along(input, dim, keepdim, True)


@both_names
def any(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Logical or over `dim` (default: all axes): whether any element is not 0."""
    return _of_bytes(input, reduced(_max, truth(input), dim, keepdim))


@both_names
def all(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """Logical and over `dim` (default: all axes): whether no element is 0."""
    return _of_bytes(input, reduced(_min, truth(input), dim, keepdim))


def _of_bytes(x: Tensor, found: Tensor) -> Tensor:
    """bool; of uint8 torch gives uint8."""
    return cast(found, x.dtype) if x.dtype == uint8 else found


METHODS = methods(
    amax, amin, argmax, argmin, max, min, any, all,
)  # fmt: skip

"""Reductions that are made of rows: extremes with their places, products, moments, norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.ops.elementwise import (
    abs,
    add,
    div,
    eq,
    exp,
    log,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    pow,
    sqrt,
    square,
    sub,
    where,
)
from fastnn.ops.functions import isfinite
from fastnn.ops.indexing import gather
from fastnn.ops.join import axis, cat, squeeze
from fastnn.ops.promote import cast
from fastnn.ops.reduce import amax, amin, argmax, mean, reduce_axes, sum
from fastnn.ops.shape import getitem, reshape
from fastnn.ops.table import real
from fastnn.tensor import Tensor, bool_, int64
from fastnn.tensor.methods.names import both_names

Axes = int | Sequence[int] | None


class Extreme(NamedTuple):
    """The largest or smallest elements along an axis, and where they are."""

    values: Tensor
    indices: Tensor


@both_names
def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The int64 index of the first smallest element along `dim` (default: of all, flattened)."""
    return argmax(neg(cast(x, int64) if x.dtype == bool_ else x.detach()), dim, keepdim)


def _along(x: Tensor, dim: int, keepdim: bool, least: bool) -> Extreme:
    if x.ndim == 0:
        return Extreme(x, Tensor(np.zeros((), int64)))
    index = (argmin if least else argmax)(x, dim, True)
    values = gather(x, dim, index)
    return Extreme(values, index) if keepdim else Extreme(squeeze(values, dim), squeeze(index, dim))


@both_names
def max(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The largest element; along `dim`, (values, indices) of the first ones; of two tensors, the
    larger by element."""
    if isinstance(dim, Tensor):
        return maximum(x, dim)
    return amax(x) if dim is None else _along(x, dim, keepdim, False)


@both_names
def min(x: Tensor, dim: int | Tensor | None = None, keepdim: bool = False) -> Any:
    """The smallest element; along `dim`, (values, indices) of the first ones; of two tensors, the
    smaller by element."""
    if isinstance(dim, Tensor):
        return minimum(x, dim)
    return amin(x) if dim is None else _along(x, dim, keepdim, True)


def _product(x: Tensor) -> Tensor:
    """Over the middle axis by halves, so that no gradient divides by an element."""
    if x.shape[1] == 0:
        return Tensor(np.ones((x.shape[0], x.shape[2]), x.dtype))
    while (n := x.shape[1]) > 1:
        half = n // 2
        rows = slice(None)
        y = mul(getitem(x, (rows, slice(half))), getitem(x, (rows, slice(half, 2 * half))))
        x = y if n % 2 == 0 else cat([y, getitem(x, (rows, slice(2 * half, n)))], 1)
    return reshape(x, (x.shape[0], x.shape[2]))


@both_names
def prod(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """The product over `dim` (default: all axes); of int64 and bool, int64."""
    x = cast(x, int64) if x.dtype == bool_ else x
    return reduce_axes("prod", _product, x, dim, keepdim)


@both_names
def cumsum(x: Tensor, dim: int) -> Tensor:
    """y_i = x_0 + .. + x_i along `dim`, by doubling: log2(n) additions each."""
    at = axis("cumsum", dim, x.ndim)
    y = cast(x, int64) if x.dtype == bool_ else x
    before, step = (slice(None),) * at, 1
    while step < y.shape[at]:
        head = getitem(y, (*before, slice(step)))
        tail = getitem(y, (*before, slice(step, None)))
        shifted = getitem(y, (*before, slice(y.shape[at] - step)))
        y = cat([head, add(tail, shifted)], at)
        step *= 2
    return y


def _count(x: Tensor, dim: Axes) -> int:
    wanted = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return math.prod(x.shape[d] for d in wanted)


@both_names
def var(
    x: Tensor,
    dim: Axes = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float = 1,
) -> Tensor:
    """sum((x - mean)**2) / (n - correction) over `dim` (default: all axes).

    Args:
        unbiased: torch's older word: True is correction 1, False is 0.
        correction: default 1, Bessel's.
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = int(unbiased)
    x = real(x)
    total = sum(square(sub(x, mean(x, dim, True))), dim, keepdim)
    n = _count(x, dim) - correction
    return div(total, float(n) if n > 0 else 0.0)


@both_names
def std(
    x: Tensor,
    dim: Axes = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float = 1,
) -> Tensor:
    """The root of `var`; its gradient is 0 where it is 0."""
    return _root(var(x, dim, unbiased, keepdim, correction=correction))


def _root(x: Tensor) -> Tensor:
    """sqrt with a gradient of 0 at 0."""
    if not x.requires_grad:
        return sqrt(x)
    zero = eq(x.detach(), 0.0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, x)))


@both_names
def logsumexp(x: Tensor, dim: Axes, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, shifted by the largest element."""
    x = real(x)
    top = amax(x.detach(), dim, True)
    top = where(isfinite(top), top, 0.0)
    y = add(log(sum(exp(sub(x, top)), dim, True)), top)
    return y if keepdim else reshape(y, amax(x.detach(), dim).shape)


@both_names
def norm(
    x: Tensor, p: float | str | None = "fro", dim: Axes = None, keepdim: bool = False
) -> Tensor:
    """sum(|x|**p)**(1/p) over `dim` (default: all axes).

    Args:
        p: default 2 ("fro"); inf and -inf are the largest and the smallest |x|, 0 counts those
            that are not 0. Where the norm is 0 the gradient is 0.

    Raises:
        ValueError: another text.
    """
    x = real(x)
    if isinstance(p, str) and p != "fro":
        raise ValueError(f"p: expected a number or 'fro', got {p!r}")
    if p is None or p in ("fro", 2):
        return _root(sum(square(x), dim, keepdim))
    assert not isinstance(p, str)
    if p == 1:
        return sum(abs(x), dim, keepdim)
    if math.isinf(p):
        return (amax if p > 0 else amin)(abs(x), dim, keepdim)
    if p == 0:
        return cast(sum(ne(x.detach(), 0.0), dim, keepdim), x.dtype)
    total = sum(pow(abs(x), float(p)), dim, keepdim)
    zero = eq(total.detach(), 0.0)
    return where(zero, 0.0, pow(where(zero, 1.0, total), 1.0 / p))

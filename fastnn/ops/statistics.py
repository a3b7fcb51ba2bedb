"""Reductions composed of ops: products, cumulative sums, moments and norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from numpy.typing import DTypeLike

from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import (
    Axes,
    axis_or_none,
    floating,
    mean,
    reduce_axes,
    reshape,
    sum,
    view_of,
)
from fastnn.ops.elementwise import (
    abs,
    add,
    copy,
    div,
    eq,
    exp,
    log,
    mul,
    ne,
    pow,
    sqrt,
    square,
    sub,
    where,
)
from fastnn.ops.extremes import amax, amin
from fastnn.ops.full_precision import rounds_once
from fastnn.ops.join import cat
from fastnn.ops.names import both_names
from fastnn.ops.pointwise import isfinite, isnan, logical_not
from fastnn.ops.promote import cast, real
from fastnn.ops.table import taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, int64, of_array
from fastnn.tensor.attach import methods

__all__ = [
    "count_nonzero", "cumsum", "logsumexp", "nanmean", "nansum", "prod", "std", "std_mean",
    "var", "var_mean",
]  # fmt: skip


def _product(x: Tensor) -> Tensor:
    """Product over the middle axis, by halving it, so that no gradient divides by an element."""
    if x.shape[1] == 0:
        return _ones_of(x)
    if x.shape[1] == 1:
        x = copy(x)
    while (n := x.shape[1]) > 1:
        half = n // 2
        rows = slice(None)
        y = mul(view_of(x, (rows, slice(half))), view_of(x, (rows, slice(half, 2 * half))))
        x = y if n % 2 == 0 else cat([y, view_of(x, (rows, slice(2 * half, n)))], 1)
    return reshape(x, (x.shape[0], x.shape[2]))


def _ones_of(x: Tensor) -> Tensor:
    """Ones, the products of no elements; the gradient has no elements either."""
    ones = dtypes.filled((x.shape[0], x.shape[2]), 1, x.dtype)
    return taped(_no_elements, (x,), ones) if x.dtype.kind == "f" else of_array(ones)


def _no_elements(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    x = node.input(0)
    return (of_array(dtypes.filled(x.shape, 0, x.dtype)),)


only_reads(_no_elements)


@both_names
@rounds_once
def prod(
    input: Tensor, dim: Axes = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Product over `dim` (default: all axes); int64 for integers and bool.

    dtype: convert the input to it before.
    """
    input = input if dtype is None else cast(input, dtype)
    input = input if input.dtype.kind == "f" else cast(input, int64)
    y = reduce_axes("prod", _product, input, dim, keepdim)
    return y if dtype is None else cast(y, dtype)


@both_names
@rounds_once
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative sum y_i = x_0 + .. + x_i along `dim`, by doubling: log2(n) additions each.

    dtype: convert the input to it before.
    """
    at = axis_or_none("cumsum", dim, input.ndim)
    input = input if dtype is None else cast(input, dtype)
    y = input if input.dtype.kind == "f" else cast(input, int64)
    if input.ndim == 0 or y.shape[at] < 2:
        y = copy(y) if y is input else y
        return y if dtype is None else cast(y, dtype)
    before, step = (slice(None),) * at, 1
    while step < y.shape[at]:
        head = view_of(y, (*before, slice(step)))
        tail = view_of(y, (*before, slice(step, None)))
        shifted = view_of(y, (*before, slice(y.shape[at] - step)))
        y = cat([head, add(tail, shifted)], at)
        step *= 2
    return y if dtype is None else cast(y, dtype)


@both_names
def nansum(
    input: Tensor, dim: Axes = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Sum of the elements that are not nan; dtype: convert the input to it before."""
    input = input if dtype is None else cast(input, dtype)
    return sum(where(isnan(input), 0.0, input) if input.dtype.kind == "f" else input, dim, keepdim)


@both_names
@rounds_once
def nanmean(
    input: Tensor, dim: Axes = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Mean of the elements that are not nan; dtype: convert the input to it before."""
    input = input if dtype is None else cast(input, dtype)
    floating("nanmean", input)
    count = sum(cast(logical_not(isnan(input)), input.dtype), dim, keepdim)
    return div(nansum(input, dim, keepdim), count)


@both_names
def count_nonzero(input: Tensor, dim: Axes = None) -> Tensor:
    """Number of elements that are not 0, int64."""
    check.a_tensor("input", input)
    return sum(cast(ne(input, 0), int64), dim)


def _count(x: Tensor, dim: Axes) -> int:
    wanted = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return math.prod(x.shape[d] for d in wanted)


@both_names
@rounds_once
def var(
    input: Tensor,
    dim: Axes = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = 1,
) -> Tensor:
    """Variance over `dim` (default: all axes): sum((input - mean)**2) / (n - correction).

    Args:
        unbiased: torch's older word: True is correction 1, False is 0.
        correction: default 1, Bessel's, as for None.

    Raises:
        TypeError: whole numbers or bool.
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = int(unbiased)
    correction = 1 if correction is None else correction
    input = floating("var", input)
    total = sum(square(sub(input, mean(input, dim, True))), dim, keepdim)
    n = _count(input, dim) - correction
    return div(total, float(n) if n > 0 else 0.0)


@both_names
@rounds_once
def std(
    input: Tensor,
    dim: Axes = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = 1,
) -> Tensor:
    """Standard deviation: the square root of `var`; its gradient is 0 where it is 0."""
    return _root(var(input, dim, unbiased, keepdim, correction=correction))


def _root(x: Tensor) -> Tensor:
    """sqrt with a gradient of 0 at 0."""
    if not x.requires_grad:
        return sqrt(x)
    zero = eq(x.detach(), 0.0)
    return where(zero, 0.0, sqrt(where(zero, 1.0, x)))


@both_names
@rounds_once
def var_mean(
    input: Tensor, dim: Axes = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float | None = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(variance, mean) over `dim` (default: all axes); see `var`."""
    axes = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


@both_names
@rounds_once
def std_mean(
    input: Tensor, dim: Axes = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float | None = 1,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """(standard deviation, mean) over `dim` (default: all axes); see `std`."""
    axes = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, axes, keepdim)


@both_names
@rounds_once
def logsumexp(input: Tensor, dim: Axes, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over `dim`, shifted by the largest element."""
    input = real(input)
    if input.numel() == 0:  # of nothing: log 0
        return log(sum(exp(input), dim, keepdim))
    top = amax(input.detach(), dim, True)
    top = where(isfinite(top), top, 0.0)
    y = add(log(sum(exp(sub(input, top)), dim, True)), top)
    return y if keepdim else reshape(y, amax(input.detach(), dim).shape)


@both_names
@rounds_once
def norm(
    input: Tensor, p: float | str | None = "fro", dim: Axes = None, keepdim: bool = False
) -> Tensor:
    """The p-norm over `dim` (default: all axes): sum(|input|**p)**(1/p).

    Args:
        p: default 2 ("fro"); inf and -inf are the largest and the smallest |input|, 0 counts those
            that are not 0. Where the norm is 0 the gradient is 0.

    Raises:
        TypeError: whole numbers or bool. ValueError: another text.
    """
    input = floating("norm", input)
    if isinstance(p, str) and p != "fro":
        raise InvalidValueError(f"p: expected a number or 'fro', got {p!r}")
    if p is None or p in ("fro", 2):
        return _root(sum(square(input), dim, keepdim))
    assert not isinstance(p, str)
    if p == 1:
        return sum(abs(input), dim, keepdim)
    if math.isinf(p):
        return (amax if p > 0 else amin)(abs(input), dim, keepdim)
    if p == 0:
        count = cast(sum(ne(input.detach(), 0.0), dim, keepdim), input.dtype)
        return taped(_no_gradient, (input,), count._array)
    size = abs(input)
    if p < 1:  # the slope at 0 is infinite; it counts as 0
        none = eq(input.detach(), 0.0)
        powers = where(none, 0.0 if p > 0 else math.inf, pow(where(none, 1.0, size), float(p)))
    else:
        powers = pow(size, float(p))
    total = sum(powers, dim, keepdim)
    zero = eq(total.detach(), 0.0)
    return where(zero, 0.0, pow(where(zero, 1.0, total), 1.0 / p))


def _no_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Of the norm 0, a number of elements: on the tape, as in torch, and without a gradient."""
    return (None,)


only_reads(_no_gradient)

METHODS = methods(
    prod, cumsum, nansum, nanmean, count_nonzero, var, std, logsumexp,
)  # fmt: skip

"""What describes many values: mode, medians without nan, extremes, covariances."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, mean, reshape, sum, view_of
from fastnn.ops.cumulative import cummax
from fastnn.ops.diagonals import diagonal
from fastnn.ops.elementwise import div, larger, mul, ne, sqrt, sub, where
from fastnn.ops.extremes import amax, amin, argmax
from fastnn.ops.indexing import gather, nonzero
from fastnn.ops.join import cat
from fastnn.ops.matmul import matmul
from fastnn.ops.names import both_names
from fastnn.ops.pointwise import clamp, isnan, logical_not
from fastnn.ops.promote import cast, real
from fastnn.ops.sorting import Sorted, argsort, median, middle_of_all, sort
from fastnn.ops.views import slice_of, squeeze, transpose
from fastnn.tape import listener
from fastnn.tensor import Tensor, bool_, int64, of_array
from fastnn.tensor.attach import methods

__all__ = ["aminmax", "argwhere", "corrcoef", "cov", "mode", "msort", "nanmedian"]


class MinMax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor


@both_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """(min, max) along `dim` (default: of all); nan if any element is nan.

    Raises:
        ValueError: no elements.
    """
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


def argwhere(input: Tensor) -> Tensor:
    """The positions where input is not 0, one row each (n, axes); not while recording."""
    found: Tensor = nonzero(input)
    return found


def msort(input: Tensor) -> Tensor:
    """The values sorted along the first axis."""
    return sort(input, 0).values if input.ndim else sort(input).values


@both_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Sorted:
    """The most frequent value along `dim`, the smallest of several: (values, indices).

    Raises:
        ValueError: no elements along `dim`.

    Example:
        >>> import fastnn
        >>> fastnn.mode(fastnn.tensor([3, 1, 3, 2])).values
        tensor(3)
    """
    at = axis("mode", dim, input.ndim or 1)
    x = reshape(input, (1,)) if input.ndim == 0 else input
    n = x.shape[at]
    if n == 0:
        raise InvalidValueError(
            f"mode: expected at least one element along dim, got shape {input.shape}"
        )
    order = argsort(x, at)
    ordered = gather(x.detach(), at, order)
    place = of_array(np.arange(n).reshape(n, *(1,) * (x.ndim - 1 - at)))
    later, earlier = (view_of(ordered, slice_of(at, *p)) for p in ((1, None), (None, -1)))
    same = of_array(np.zeros((*x.shape[:at], 1, *x.shape[at + 1 :]), bool))
    starts = where(cat([same, ne(later, earlier)], at), place, 0)
    length = sub(place, cummax(starts, at).values)  # of the run of equal values up to here, less 1
    index = gather(order, at, argmax(length, at, True))
    return _picked(input, x, at, index, keepdim)


def _picked(input: Tensor, x: Tensor, at: int, index: Tensor, keepdim: bool) -> Sorted:
    values = gather(x, at, index)
    if input.ndim == 0:
        return Sorted(reshape(values, ()), reshape(index, ()))
    return Sorted(values, index) if keepdim else Sorted(squeeze(values, at), squeeze(index, at))


@both_names
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Median of what is not nan, the lower of two middle elements; along `dim`, (values, indices).

    Example:
        >>> import fastnn
        >>> fastnn.nanmedian(fastnn.tensor([1.0, float("nan"), 3.0]))
        tensor(1.)
    """
    if input.dtype.kind != "f":
        return median(input, dim, keepdim)
    if dim is None:
        if input.numel() == 0:
            return of_array(dtypes.number(np.nan, input.dtype))
        return middle_of_all(input, nanmedian(reshape(input.detach(), (-1,)), 0).values)
    at = axis("nanmedian", dim, input.ndim or 1)
    x = reshape(input, (1,)) if input.ndim == 0 else input
    if x.shape[at] == 0:
        raise InvalidValueError(
            f"nanmedian: expected at least one element along dim, got {input.shape}"
        )
    count = sum(cast(logical_not(isnan(x)), int64), at, True)  # nan is put last
    middle = cast(larger(sub(count, 1), 0), input.dtype)
    middle = cast(mul(middle, 0.5), int64)
    return _picked(input, x, at, gather(argsort(x, at), at, middle), keepdim)


# ---- covariances ----


def _weights(name: str, weights: Tensor, n: int, whole: bool) -> Tensor:
    if weights.ndim > 1 or weights.numel() != n:
        raise InvalidValueError(
            f"{name}: expected one for each of {n} columns, got {weights.shape}"
        )
    if (weights.dtype.kind == "f") == whole or weights.dtype == bool_:
        kind = "whole numbers" if whole else "floating point"
        raise InvalidTypeError(f"{name}: expected {kind}, got {weights.dtype}")

    def check(weights: Tensor) -> None:
        if (weights._array < 0).any():
            raise InvalidValueError(
                f"{name}: expected no negative number, got {weights._array.min()}"
            )

    listener.checked(weights, check)
    return reshape(weights, (-1,))


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariances of variables, one a row: C = X W X^T / (n - correction), X centred.

    Args:
        input: (variables, observations), or one variable.
        correction: 1 (default, Bessel's), or 0 for the plain average.
        fweights: how often each observation counts, whole numbers.
        aweights: how much each observation counts.

    Raises:
        ValueError: more than two axes, weights that do not fit or are negative.
        TypeError: weights of another kind, or bool.

    Example:
        >>> import fastnn
        >>> fastnn.cov(fastnn.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    if input.ndim > 2:
        raise InvalidValueError(f"cov: expected at most two axes, got shape {input.shape}")
    if input.dtype == bool_:
        raise InvalidTypeError("cov: expected numbers, got bool; use .float()")
    x = reshape(input, (1, -1)) if input.ndim < 2 else input
    n = x.shape[1]
    w: Tensor | None = None
    if fweights is not None:
        w = _weights("fweights", fweights, n, True)
    a = None if aweights is None else _weights("aweights", aweights, n, False)
    if a is not None:
        w = a if w is None else mul(w, a)
    x = real(x)
    if w is None:
        centred = sub(x, mean(x, 1, True))
        freedom: Any = max(n - correction, 0)
        weighted = centred
    else:
        total = sum(w)  # in the dtype of the weights, as in torch
        centred = sub(x, div(sum(mul(x, w), 1, True), total))
        weighted = mul(centred, w)
        freedom = _freedom(total, w, a, correction)
    product = matmul(weighted, transpose(centred, 0, 1))
    if isinstance(freedom, Tensor):
        found = div(product, freedom)
    else:
        found = div(product, of_array(dtypes.number(freedom, x.dtype)))
    return squeeze(found) if input.ndim < 2 or x.shape[0] == 1 else found


def _freedom(total: Tensor, w: Tensor, a: Tensor | None, correction: int) -> Tensor:
    if correction == 0:
        return total
    if a is None:
        return clamp(sub(total, correction), 0.0)
    share = div(sum(mul(w, cast(a, w.dtype))), total)
    return clamp(sub(total, mul(share, correction)), 0.0)


def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlations of variables, one a row: C_ij / sqrt(C_ii C_jj), within -1..1.

    Raises:
        ValueError: more than two axes.

    Example:
        >>> import fastnn
        >>> fastnn.corrcoef(fastnn.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    if input.ndim > 2:
        raise InvalidValueError(f"corrcoef: expected at most two axes, got shape {input.shape}")
    c = cov(input)
    if c.ndim == 0:
        return div(c, c)
    deviation = sqrt(diagonal(c))
    found = div(div(c, reshape(deviation, (-1, 1))), deviation)
    return clamp(found, -1.0, 1.0)


METHODS = methods(aminmax, argwhere, msort, mode, nanmedian, cov, corrcoef)

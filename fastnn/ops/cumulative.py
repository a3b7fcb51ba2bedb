"""Cumulative products, extremes and log-sums, and the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.dtypes import HALVES
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, expand, reshape, sum, view_of
from fastnn.ops.elementwise import add, bitwise_or, copy, div, ge, le, mul, sub, where
from fastnn.ops.full_precision import rounds_once
from fastnn.ops.indexing import gather
from fastnn.ops.join import cat
from fastnn.ops.names import both_names
from fastnn.ops.pointwise import isnan
from fastnn.ops.promote import cast
from fastnn.ops.statistics import cumsum
from fastnn.ops.transcendental import logaddexp
from fastnn.ops.views import slice_of
from fastnn.tensor import Tensor, bool_, float32, int64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn.ops.table import Scalar

__all__ = [
    "cummax", "cummin", "cumprod", "cumulative_trapezoid", "logcumsumexp", "trapezoid", "trapz",
]  # fmt: skip


class Cumulative(NamedTuple):
    """The extremes so far along an axis, and where they are."""

    values: Tensor
    indices: Tensor


def scan(tensors: list[Tensor], at: int, combine: Callable[..., list[Tensor]]) -> list[Tensor]:
    """y_i = x_0 o .. o x_i along an axis by doubling, log2(n) steps of whole-array operations.

    combine: (earlier, later) parts -> their combination; associative.
    """
    step, n = 1, tensors[0].shape[at]
    while step < n:
        head, tail, shifted = (
            [view_of(t, slice_of(at, *part)) for t in tensors]
            for part in ((None, step), (step, None), (None, n - step))
        )
        joined = combine(shifted, tail)
        tensors = [cat([h, j], at) for h, j in zip(head, joined, strict=True)]
        step *= 2
    return tensors


@both_names
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative product y_i = x_0 .. x_i along `dim`; no gradient divides by an element.

    Args:
        dtype: cast to it first; default int64 for whole numbers and bool.
    """
    at = axis("cumprod", dim, input.ndim or 1)
    kept = input if input.dtype.kind == "f" else cast(input, int64)
    x = kept if dtype is None else cast(input, dtype)
    if x.ndim == 0 or x.shape[at] < 2:
        return copy(x)
    wide = cast(x, float32) if x._array.dtype in HALVES else x  # rounded once
    return cast(scan([wide], at, lambda a, b: [mul(a[0], b[0])])[0], x.dtype)


def _extremes(name: str, input: Tensor, dim: int, least: bool) -> Cumulative:
    at = axis(name, dim, input.ndim or 1)
    if input.ndim == 0:
        return Cumulative(copy(input), of_array(np.zeros((), int64)))
    n = input.shape[at]
    if n < 2:
        return Cumulative(copy(input), of_array(np.zeros(input.shape, int64)))
    x = input.detach()
    x = cast(x, int64) if x.dtype == bool_ else x
    index = of_array(np.arange(n).reshape(n, *(1,) * (input.ndim - 1 - at)))

    def combine(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
        wins = (le if least else ge)(b[0], a[0])  # the later one of equals, as in torch
        if x.dtype.kind == "f":
            wins = bitwise_or(wins, isnan(b[0]))
        return [where(wins, b[0], a[0]), where(wins, b[1], a[1])]

    indices = scan([x, copy(expand(index, input.shape))], at, combine)[1]
    return Cumulative(gather(input, at, indices), indices)


@both_names
def cummax(input: Tensor, dim: int) -> Cumulative:
    """The largest element so far along `dim`: (values, indices), the last index of equals; nan from
    the first nan on.

    Example:
        >>> import fastnn
        >>> fastnn.cummax(fastnn.tensor([1.0, 3.0, 2.0]), 0).values
        tensor([1., 3., 3.])
    """
    return _extremes("cummax", input, dim, False)


@both_names
def cummin(input: Tensor, dim: int) -> Cumulative:
    """The smallest element so far along `dim`: (values, indices), the last index of equals; nan
    from the first nan on."""
    return _extremes("cummin", input, dim, True)


@both_names
@rounds_once
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log(exp(x_0) + .. + exp(x_i)) along `dim`, without overflow."""
    at = axis("logcumsumexp", dim, input.ndim or 1)
    if input.dtype.kind != "f":
        raise InvalidTypeError(
            f"logcumsumexp: expected floating point, got {input.dtype}; use .float()"
        )
    if input.ndim == 0 or input.shape[at] < 2:
        return copy(input)
    return scan([input], at, lambda a, b: [logaddexp(a[0], b[0])])[0]


# ---- the trapezoidal rule ----


def _areas(name: str, y: Tensor, x: Tensor | None, dx: Any, at: int) -> Tensor:
    """(y_i + y_(i+1)) / 2 times the width of each interval along an axis."""
    if bool_ in (y.dtype, y.dtype if x is None else x.dtype):
        raise InvalidTypeError(f"{name}: expected numbers, got a bool tensor; use .float()")
    if x is not None and dx is not None:
        raise InvalidTypeError(f"{name}: expected x or dx, got both")
    pairs = add(view_of(y, slice_of(at, 1, None)), view_of(y, slice_of(at, None, -1)))
    if x is None:
        return mul(pairs, 0.5 * (1 if dx is None else dx))
    return div(mul(pairs, _widths(name, y, x, at)), 2.0)


def _widths(name: str, y: Tensor, x: Tensor, at: int) -> Tensor:
    """x_(i+1) - x_i along the axis that y has at `at`."""
    if x.ndim == 0 or (x.ndim == 1 and x.shape[0] != y.shape[at]):
        raise InvalidValueError(
            f"x: expected one value for each of the {y.shape[at]} along the axis in "
            f"{name}, got shape {x.shape}"
        )
    if x.ndim == 1:
        x = reshape(x, (-1, *(1,) * (y.ndim - 1 - at)))
    behind = y.ndim - at  # the axis counted from the end, as the shapes align
    if x.ndim < behind:
        raise InvalidValueError(
            f"x: expected a vector, or the axes of y in {name}, got shape {x.shape}"
        )
    own = x.ndim - behind
    return sub(view_of(x, slice_of(own, 1, None)), view_of(x, slice_of(own, None, -1)))


@both_names
def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Scalar | None = None, dim: int = -1
) -> Tensor:
    """The integral along `dim` by the trapezoidal rule: sum (x_(i+1) - x_i) (y_i + y_(i+1)) / 2.

    Args:
        x: the places, a vector or of the shape of y; or dx: their distance, default 1.

    Raises:
        TypeError: both. ValueError: an x of another length.

    Example:
        >>> import fastnn
        >>> fastnn.trapezoid(fastnn.tensor([1.0, 2.0, 4.0]))
        tensor(4.5000)
    """
    at = axis("trapezoid", dim, y.ndim)
    if y.shape[at] == 0:
        return sum(y, at)
    return sum(_areas("trapezoid", y, x, dx, at), at if x is None else at - y.ndim)


@both_names
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Scalar | None = None, dim: int = -1
) -> Tensor:
    """The integrals up to each place along `dim` by the trapezoidal rule, one fewer than y has
    places; see `trapezoid`."""
    at = axis("cumulative_trapezoid", dim, y.ndim)
    return cumsum(_areas("cumulative_trapezoid", y, x, dx, at), at if x is None else at - y.ndim)


trapz = trapezoid

METHODS = methods(cumprod, cummax, cummin, logcumsumexp)

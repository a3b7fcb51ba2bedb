"""Quantiles, with gradients by the values and by the fractions asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._support import dtypes
from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, expand, permute, reshape, sum, view_of
from fastnn.ops.elementwise import floor, larger, mul, neg, round, sub, where
from fastnn.ops.indexing import gather
from fastnn.ops.interpolation import lerp
from fastnn.ops.names import both_names
from fastnn.ops.pointwise import isnan, logical_not
from fastnn.ops.promote import cast
from fastnn.ops.sorting import sort
from fastnn.tape import listener
from fastnn.tensor import Tensor, int64, of_array
from fastnn.tensor.attach import methods

__all__ = ["nanquantile", "quantile"]


def _ceil(x: Tensor) -> Tensor:
    return neg(floor(neg(x)))


_WAYS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda rank: rank,
    "lower": floor,
    "higher": _ceil,
    "midpoint": lambda rank: rank,
    "nearest": round,
}


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

    nan where any element is nan.

    Args:
        q: in 0..1; a vector of them comes as a first axis.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest".

    Raises:
        TypeError: whole numbers, or a tensor q of another dtype. ValueError: a q outside of 0..1,
            another interpolation, no elements.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@both_names
def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The q-th quantiles of what is not nan; see `quantile`.

    Example:
        >>> import fastnn
        >>> fastnn.nanquantile(fastnn.tensor([1.0, float("nan"), 3.0]), 0.5)
        tensor(2.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str
) -> Tensor:
    if interpolation not in _WAYS:
        raise InvalidValueError(
            f"interpolation: expected one of {list(_WAYS)}, got {interpolation!r}"
        )
    if input.dtype.kind != "f":
        raise InvalidTypeError(
            f"{name}: expected float32 or float64, got {input.dtype}; use .float()"
        )
    shares = _shares(q, input.dtype)
    at = axis(name, 0 if dim is None else dim, input.ndim or 1)
    ordered = sort(reshape(input, (-1,)) if dim is None or input.ndim == 0 else input, at).values
    if ordered.shape[at] == 0:
        raise InvalidValueError(f"{name}: expected at least one element, got shape {input.shape}")
    last = permute(ordered, (*(d for d in range(ordered.ndim) if d != at), at))
    broken = isnan(last)
    top = of_array(dtypes.number(last.shape[-1] - 1, input.dtype))
    if name == "nanquantile":  # nan is put last
        count = cast(sum(cast(logical_not(broken), int64), -1, True), input.dtype)
        top = larger(sub(count, 1.0), 0.0)
    rank = mul(reshape(shares, (-1,)), top)
    if name == "quantile":
        rank = where(view_of(broken, (..., slice(-1, None))), top, rank)
    between = _at_ranks(last, expand(rank, (*last.shape[:-1], shares.numel())), interpolation)
    found = permute(between, (between.ndim - 1, *range(between.ndim - 1)))
    if keepdim and input.ndim:
        shape = (1,) * input.ndim if dim is None else (*input.shape[:at], 1, *input.shape[at + 1 :])
        found = reshape(found, (shares.numel(), *shape))
    return found if shares.ndim else view_of(found, 0)


def _shares(q: float | Tensor, dtype: np.dtype[Any]) -> Tensor:
    """The fractions as a number or a vector, checked now and in every replay."""
    if not isinstance(q, Tensor):
        try:
            q = of_array(np.asarray(q, dtype))
        except OverflowError:
            raise InvalidValueError(f"q: expected numbers in 0..1, got {show(q)}") from None
    if q.dtype != dtype:
        raise InvalidTypeError(f"q: expected {dtype} as input, got {q.dtype}")
    if q.ndim > 1:
        raise InvalidValueError(f"q: expected a number or a vector, got shape {q.shape}")
    listener.checked(q, _in_range)
    return q


def _in_range(q: Tensor) -> None:
    if not ((q._array >= 0) & (q._array <= 1)).all():
        raise InvalidValueError(
            f"q: expected a number in 0..1, or a vector of them, got {q.tolist()}"
        )


def _at_ranks(ordered: Tensor, rank: Tensor, interpolation: str) -> Tensor:
    """The values at these ranks, which may lie between two, of the sorted last axis."""
    rank = _WAYS[interpolation](rank)
    low = floor(rank.detach())
    below = gather(ordered, -1, cast(low, int64))
    if interpolation not in ("linear", "midpoint"):
        return below
    above = gather(ordered, -1, cast(_ceil(rank.detach()), int64))
    half = of_array(dtypes.number(0.5, ordered.dtype))
    return lerp(below, above, half if interpolation == "midpoint" else sub(rank, low))


METHODS = methods(quantile, nanquantile)

"""Places among sorted values, membership, and histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastnn._support import dtypes, pieces
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import reshape, sum, view_of
from fastnn.ops.elementwise import (
    add,
    copy,
    div,
    eq,
    floor,
    ge,
    gt,
    le,
    mul,
    ne,
    smaller,
    sub,
    where,
)
from fastnn.ops.extremes import amax, amin
from fastnn.ops.from_data import dtype_of
from fastnn.ops.indexing import gather
from fastnn.ops.join import cat
from fastnn.ops.pointwise import logical_and, logical_not, logical_or
from fastnn.ops.promote import cast, result_type
from fastnn.ops.rows import scatter_add_rows, take_rows
from fastnn.ops.sorting import sort
from fastnn.tape import batch, listener
from fastnn.tensor import Tensor, bool_, float64, int64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

__all__ = ["bucketize", "histc", "histogram", "isin", "searchsorted"]


def _by_ops(*tensors: Tensor) -> bool:
    """Whether to search by ops: for programs and batches; else NumPy searches."""
    if listener.active is not None:
        return True
    return batch.batched(*tensors)


def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Scalar,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: Literal["left", "right"] | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """The positions at which to insert values into sorted sequences, int64.

    Args:
        sorted_sequence: a vector, or rows for those of input of the same shape but for the last
            axis.
        input: a tensor of the dtype of the sequence, or a number.
        out_int32: positions of dtype int32.
        right: behind those that are equal; also `side="right"`.
        sorter: the order in which sorted_sequence is sorted, as `argsort` gives it.

    Raises:
        ValueError: shapes that do not fit; another side, or both words and they differ.
        TypeError: dtypes that differ.

    Example:
        >>> import fastnn
        >>> fastnn.searchsorted(fastnn.tensor([1, 3, 5]), fastnn.tensor([3, 6]))
        tensor([1, 3])
    """
    if side not in (None, "left", "right") or (right and side == "left"):
        raise InvalidValueError(f"side: expected 'left' or 'right' as right says, got {side!r}")
    values = (
        input
        if isinstance(input, Tensor)
        else of_array(dtypes.number(input, sorted_sequence.dtype))
    )
    values, sequence = values.detach(), sorted_sequence.detach()
    if sequence.dtype != values.dtype:
        raise InvalidTypeError(
            f"input: expected {sequence.dtype} as the sequence, got {values.dtype}"
        )
    if sequence.ndim == 0 or (sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]):
        raise InvalidValueError(
            f"sorted_sequence: expected a vector, or rows as of the values of shape "
            f"{values.shape}, got shape {sequence.shape}"
        )
    if sorter is not None:
        sequence = _in_order(sequence, sorter)
    found = _positions(sequence, values, right or side == "right")
    return cast(found, dtype_of("int32")) if out_int32 else found


def _in_order(sequence: Tensor, sorter: Tensor) -> Tensor:
    if sorter.shape != sequence.shape or sorter.dtype != int64:
        raise InvalidValueError(
            f"sorter: expected int64 of the sequence's shape {sequence.shape}, got {sorter.dtype} "
            f"of shape {sorter.shape}"
        )
    return gather(sequence, -1, sorter)


def _taken(vector: Tensor, at: Tensor) -> Tensor:
    return reshape(take_rows(vector, reshape(at, (-1,))), at.shape)


def _found_by_ops(sequence: Tensor, values: Tensor, right: bool) -> Tensor:
    """`_positions` by halving, in log2(n) steps of whole arrays; nan comes behind all numbers."""
    n = sequence.shape[-1]
    found = of_array(np.zeros(values.shape, int64))
    if n == 0:
        return found
    step = 1 << n.bit_length() - 1
    while step:
        tried = add(found, step)
        at = smaller(sub(tried, 1), n - 1)
        there = _taken(sequence, at) if sequence.ndim == 1 else gather(sequence, -1, at)
        is_nan = ne(there, there)
        if right:
            beyond = logical_or(gt(there, values), logical_and(is_nan, eq(values, values)))
        else:
            beyond = logical_or(ge(there, values), is_nan)
        stays = logical_or(beyond, gt(tried, n))
        found, step = where(stays, found, tried), step // 2
    return found


def _positions(sequence: Tensor, values: Tensor, right: bool) -> Tensor:
    """How many of the sequence are below each value, or at it too if `right`."""
    if _by_ops(sequence, values):
        return _found_by_ops(sequence, values, right)
    array, given = (dtypes.readable(t._array) for t in (sequence, values))
    way: Literal["left", "right"] = "right" if right else "left"
    if array.ndim == 1:
        return of_array(pieces.searched(array, given, way))
    found = np.empty(given.shape, int64)
    for at in np.ndindex(array.shape[:-1]):
        found[at] = pieces.searched(array[at], given[at], way)
    return of_array(found)


def bucketize(
    input: Tensor | Scalar, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    """The bucket of each value, int64: how many of the sorted boundaries are below it.

    Args:
        boundaries: a sorted vector.
        out_int32: buckets of dtype int32.
        right: a value that equals a boundary belongs to the bucket above.

    Raises:
        ValueError: boundaries that are no vector. TypeError: dtypes that differ.
    """
    if boundaries.ndim != 1:
        raise InvalidValueError(f"boundaries: expected a vector, got shape {boundaries.shape}")
    given = input if isinstance(input, Tensor) else of_array(dtypes.number(input, boundaries.dtype))
    if given.dtype != boundaries.dtype:
        raise InvalidTypeError(
            f"input: expected {boundaries.dtype} as boundaries, got {given.dtype}"
        )
    return searchsorted(boundaries, given, out_int32=out_int32, right=right)


def _is_in_by_ops(left: Tensor, right: Tensor) -> Tensor:
    if right.numel() == 0:
        return of_array(np.zeros(left.shape, bool_))
    kind = result_type(left, right)
    values, known = cast(left, kind), sort(cast(reshape(right, (-1,)), kind)).values
    place = smaller(_found_by_ops(known, values, False), known.shape[0] - 1)
    return eq(_taken(known, place), values)


def isin(
    elements: Tensor | Scalar,
    test_elements: Tensor | Scalar,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:
    """Elementwise membership test: whether each element is among the others.

    Args:
        assume_unique: no element comes twice; nothing depends on it here.
        invert: whether it is none of them.

    Raises:
        TypeError: bool tensors, or two numbers.
    """
    given = [
        v if isinstance(v, Tensor) else of_array(np.asarray(v)) for v in (elements, test_elements)
    ]
    if not (isinstance(elements, Tensor) or isinstance(test_elements, Tensor)):
        raise InvalidTypeError(
            "isin: expected a tensor among elements and test_elements, got numbers"
        )
    if bool_ in (given[0].dtype, given[1].dtype):
        raise InvalidTypeError("isin: expected numbers, got a bool tensor; use .long()")
    left, right = (t.detach() for t in given)
    if _by_ops(left, right):
        found = _is_in_by_ops(left, right)
        return logical_not(found) if invert else found
    values, known = (dtypes.readable(t._array) for t in (left, right))
    return of_array(np.asarray(np.isin(values, known, invert=invert)))


# ---- histograms ----


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Histogram: counts in `bins` equal bins over min..max (default: the range of the data).

    Raises:
        ValueError: no bins, min above max, or bounds that are not finite.
        TypeError: a bool tensor.
    """
    if bins < 1:
        raise InvalidValueError(f"bins: expected at least 1, got {bins}")
    if not min <= max:
        raise InvalidValueError(f"max: expected at least min = {min}, got {max}")
    if input.dtype == bool_:
        raise InvalidTypeError("histc: expected numbers, got bool; use .float()")
    x = reshape(input.detach(), (-1,))
    low, high = _bounds("histc", x, (min, max) if min != max else None, 1.0)
    scaled = div(mul(sub(x, low), float(bins)), sub(high, low))
    place = cast(smaller(floor(scaled), bins - 1.0), int64)
    kind = input.dtype
    return _counted(x, None, place, low, high, bins, kind)


def _bounds(
    name: str, x: Tensor, given: tuple[float, float] | None, margin: float
) -> tuple[Tensor, Tensor]:
    """The ends of a histogram as 0-d tensors: those given or of the data; if they are equal, each
    is moved by `margin`.

    Raises:
        ValueError: they are not finite.
    """
    if given is None and x.numel():
        low, high = amin(x), amax(x)
        listener.checked(low, lambda low: _finite(name, low))
        listener.checked(high, lambda high: _finite(name, high))
    else:
        ends = (0.5 - margin, 0.5 + margin) if given is None else given
        low, high = (of_array(dtypes.number(v, x.dtype)) for v in ends)
        _finite(name, low)
        _finite(name, high)
    kind = x.dtype if x.dtype.kind == "f" else float64
    low, high = cast(low, kind), cast(high, kind)
    same = eq(low, high)
    return where(same, sub(low, margin), low), where(same, add(high, margin), high)


def _finite(name: str, x: Tensor) -> None:
    if not np.isfinite(dtypes.readable(x._array)).all():
        raise InvalidValueError(
            f"{name}: expected a finite range, got {dtypes.readable(x._array).min()}"
        )


def _counted(
    x: Tensor, weight: Tensor | None, place: Tensor, low: Tensor, high: Tensor, bins: int, kind: Any
) -> Tensor:
    """The sum of the weights (default 1) in each bin, of the elements within the range."""
    inside = logical_and(ge(x, low), le(x, high))
    real = kind if kind.kind == "f" else float64
    one = of_array(dtypes.number(1, real)) if weight is None else reshape(weight.detach(), (-1,))
    counts = reshape(where(inside, one, 0.0), (-1, 1))
    total = scatter_add_rows(cast(counts, real), where(inside, place, 0), bins)
    return cast(reshape(total, (bins,)), kind)


class Histogram(NamedTuple):
    """What is in each bin, and the bounds of the bins."""

    hist: Tensor
    bin_edges: Tensor


def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """Histogram: (hist, bin_edges), what is in each bin, and the bounds of the bins.

    Args:
        bins: how many of equal width, or the bounds of all bins as a sorted vector.
        range: (min, max) of equal bins; default: of the data.
        weight: what each element counts; default 1.
        density: so that the integral over the range is 1.

    Raises:
        TypeError: not floating point, or dtypes that differ.
        ValueError: no bins, a weight of another shape, a range that is not finite.

    Example:
        >>> import fastnn
        >>> fastnn.histogram(fastnn.tensor([1.0, 2.0, 1.0]), bins=2, range=(0.0, 4.0)).hist
        tensor([2., 1.])
    """
    _check_histogram(input, bins, range, weight)
    x = reshape(input.detach(), (-1,))
    if isinstance(bins, Tensor):
        edges = copy(bins.detach())
    else:
        low, high = _bounds("histogram", x, None if range is None else (range[0], range[1]), 0.5)
        steps = of_array(dtypes.converted(np.arange(bins + 1) / bins, x.dtype))
        inner = add(low, mul(sub(high, low), steps))
        edges = cat([view_of(inner, slice(bins)), reshape(high, (1,))])
    n = edges.shape[0] - 1
    low, high = view_of(edges, 0), view_of(edges, n)
    place = smaller(sub(searchsorted(edges, x, right=True), 1), n - 1)
    total = _counted(x, weight, place, low, high, n, x.dtype)
    if density:
        widths = sub(view_of(edges, slice(1, None)), view_of(edges, slice(None, -1)))
        total = div(div(total, sum(total)), widths)
    return Histogram(total, edges)


def _check_histogram(
    x: Tensor, bins: int | Tensor, range: Sequence[float] | None, weight: Tensor | None
) -> None:
    if x.dtype.kind != "f":
        raise InvalidTypeError(f"histogram: expected floating point, got {x.dtype}; use .float()")
    if isinstance(bins, Tensor):
        if bins.ndim != 1 or bins.shape[0] < 2:
            raise InvalidValueError(f"bins: expected a vector of bounds, got shape {bins.shape}")
        if bins.dtype != x.dtype:
            raise InvalidTypeError(f"bins: expected {x.dtype} as input, got {bins.dtype}")
        if range is not None:
            raise InvalidTypeError("range: expected None beside the bounds of all bins")
    elif bins < 1:
        raise InvalidValueError(f"bins: expected at least 1, got {bins}")
    if range is not None and (len(range) != 2 or not range[0] <= range[1]):
        raise InvalidValueError(f"range: expected (min, max), got {tuple(range)}")
    if weight is not None:
        if weight.shape != x.shape:
            raise InvalidValueError(
                f"weight: expected shape {x.shape} as input, got {weight.shape}"
            )
        if weight.dtype != x.dtype:
            raise InvalidTypeError(f"weight: expected {x.dtype} as input, got {weight.dtype}")


METHODS = methods(histc, histogram)

"""Writing at named positions: index_put, index_copy, masked_scatter, scatter_reduce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn._support.errors import InvalidTypeError, InvalidValueError, broadcast_shapes
from fastnn.ops.assignment import put_rows
from fastnn.ops.axes import axis_or_none, expand, lifted, permute, reshape
from fastnn.ops.elementwise import add, copy, eq, larger, sub, where
from fastnn.ops.indexing import getitem, positions, row_by_row
from fastnn.ops.promote import cast
from fastnn.ops.rows import take_rows
from fastnn.ops.scattering import fitting, region_of, replaced, same_dtype, summed, within
from fastnn.ops.segments import reduce_rows
from fastnn.ops.statistics import cumsum
from fastnn.ops.write import value_of
from fastnn.tape import listener
from fastnn.tensor import Tensor, bool_, int64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand, Scalar

__all__ = ["index_copy", "index_put", "masked_scatter", "scatter", "scatter_reduce"]


def index_put(
    input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """A copy of input with `values` at input[indices], as the assignment would put them there.

    y = input; y[indices] = values, or with accumulate: y[indices] += values for each position,
    also where one is meant several times. Without it the last of those is kept.

    Args:
        input: a tensor.
        indices: a tuple of int64 tensors or masks, one for each axis from the first; None is a
            whole axis.
        values: of input's dtype; it is broadcast to the shape of input[indices].
        accumulate: add instead, default False. Whole numbers are then exact up to 2**53.

    Raises:
        TypeError: another dtype. IndexError: outside of input. ValueError: values that do not fit.

    Source: torch.index_put.

    >>> import fastnn
    >>> fastnn.index_put(fastnn.zeros(3), (fastnn.tensor([0, 2]),), fastnn.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    same_dtype("index_put", input, values)
    index = tuple(slice(None) if part is None else part for part in indices)
    meant = getitem(of_array(np.arange(input.numel()).reshape(input.shape)), index)
    given = reshape(expand(values, meant.shape), (-1, 1))
    flat, rows = reshape(meant, (meant.numel(),)), reshape(input, (input.numel(), 1))
    if not accumulate:
        return reshape(put_rows(rows, flat, given), input.shape)
    if input.dtype == bool_:
        total = cast(summed(cast(given, int64), flat, input.numel()), bool_)
    else:
        total = summed(given, flat, input.numel())
    return reshape(add(rows, total), input.shape)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of input with the slices of `source` as its slices index_i along `dim`.

    Args:
        input: a tensor.
        dim: the axis.
        index: int64, a vector.
        source: of input's dtype and shape, but for len(index) along `dim`.

    Raises:
        TypeError: another dtype. IndexError: outside of input. ValueError: another shape.

    Source: torch.index_copy.

    >>> import fastnn
    >>> fastnn.index_copy(fastnn.zeros(3), 0, fastnn.tensor([2]), fastnn.ones(1))
    tensor([0., 0., 1.])
    """
    whole, index, source = lifted(input), lifted(index), lifted(source)
    at = axis_or_none("index_copy", dim, input.ndim)
    same_dtype("index_copy", input, source)
    wanted = (*whole.shape[:at], index.numel(), *whole.shape[at + 1 :])
    if index.ndim != 1 or source.shape != wanted:
        raise InvalidValueError(
            f"source: expected shape {wanted} by input and index, got {source.shape}"
        )
    index = positions(index, whole.shape[at], "index", False)
    first = (at, *(d for d in range(whole.ndim) if d != at))
    x, rows = permute(whole, first), permute(source, first)
    width = whole.numel() // max(whole.shape[at], 1)
    flat = put_rows(reshape(x, (x.shape[0], width)), index, reshape(rows, (len(index), width)))
    back = tuple(int(d) for d in np.argsort(first))
    return reshape(permute(reshape(flat, x.shape), back), input.shape)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of input with the elements of `source`, in order, where the mask is True.

    Args:
        input: a tensor; input and mask are broadcast to one shape.
        mask: bool.
        source: of input's dtype, with at least as many elements as the mask has True.

    Raises:
        TypeError: another dtype. ValueError: too few elements.

    Source: torch.masked_scatter.

    >>> import fastnn
    >>> mask = fastnn.tensor([True, False, True])
    >>> fastnn.masked_scatter(fastnn.zeros(3), mask, fastnn.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 2.])
    """
    if mask.dtype != bool_:
        raise InvalidTypeError(f"mask: expected a bool tensor, got {mask.dtype}")
    same_dtype("masked_scatter", input, source)
    shape, most = broadcast_shapes(input.shape, mask.shape), source.numel()
    x, meant = expand(input, shape), expand(mask, shape)

    def check(mask: Tensor) -> None:
        found = int(np.broadcast_to(mask._array, shape).sum())
        if found > most:
            raise InvalidValueError(
                f"source: expected at least {found} elements, one for each True of "
                f"the mask, got {most}"
            )

    listener.checked(mask, check)
    if most == 0 or x.numel() == 0:
        return copy(x)
    number = sub(cumsum(cast(reshape(meant, (-1,)), int64), 0), 1)
    taken = take_rows(reshape(source, (-1,)), _between(number, most - 1))
    return where(meant, reshape(taken, shape), x)


def _between(index: Tensor, last: int) -> Tensor:
    """Positions moved into 0..last; those outside are of elements that are not used."""
    index = larger(index, 0)
    return where(eq(larger(index, last), last), index, last)


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """input with all src_i that go to position index_i along `dim` reduced into it.

    Args:
        input: a tensor.
        dim: the axis.
        index: int64, of as many axes as input; it may be smaller.
        src: of input's dtype, of at least index's shape.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether input's own element is reduced with them, default True; else only
            positions that no index names keep it.

    Raises:
        ValueError: another word, or shapes that do not fit. TypeError: another dtype.
        IndexError: outside of input.

    Source: torch.scatter_reduce.

    >>> import fastnn
    >>> index = fastnn.tensor([0, 0, 1])
    >>> src = fastnn.tensor([1.0, 3.0, 2.0])
    >>> fastnn.scatter_reduce(fastnn.tensor([2.0, 0.0]), 0, index, src, "amax")
    tensor([3., 2.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise InvalidValueError(
            f"reduce: expected 'sum', 'prod', 'mean', 'amax' or 'amin', got {reduce!r}"
        )
    whole, index = lifted(input), lifted(index)
    at = axis_or_none("scatter_reduce", dim, input.ndim)
    region = region_of("scatter_reduce", whole, at, index)
    index = positions(index, whole.shape[at], "index", False)
    same_dtype("scatter_reduce", input, src)
    src = fitting("scatter_reduce", index, lifted(src))
    if index.numel() == 0:
        return copy(input)
    y = within(whole, region, lambda x: _reduced(x, at, index, src, reduce, include_self))
    return reshape(y, input.shape)


def _reduced(
    x: Tensor, at: int, index: Tensor, src: Tensor, reduce: str, include_self: bool
) -> Tensor:
    """`scatter_reduce` for an index of x's shape but for axis `at`."""
    elements = reshape(x, (x.numel(), 1)), reshape(src, (src.numel(), 1))
    flat = row_by_row(x.shape, at, index)
    return reshape(reduce_rows(elements[0], flat, elements[1], reduce, include_self), x.shape)


_WORDS = {"add": "sum", "multiply": "prod"}


def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Operand | None = None,
    *,
    value: Scalar | Tensor | None = None,
    reduce: str | None = None,
) -> Tensor:
    """input with src_i at position index_i along `dim`: the last one where several are meant.

    Args:
        index: int64, of as many axes as input; it may be smaller.
        src: a number, or a tensor of input's dtype of at least index's shape.
        value: torch's other name of a number.
        reduce: "add" or "multiply": all src_i that go to a position are reduced into it, as by
            `scatter_reduce`. Default None.

    Raises:
        ValueError: shapes that do not fit, or another word. IndexError: outside of input.
        TypeError: another dtype.

    Source: torch.scatter.

    >>> import fastnn
    >>> index = fastnn.tensor([0, 0, 1])
    >>> fastnn.scatter(fastnn.ones(3), 0, index, 2.0, reduce="multiply")
    tensor([4., 2., 1.])
    """
    src = value if src is None else src
    if reduce is None:
        return replaced(input, dim, index, src)
    if reduce not in _WORDS:
        raise InvalidValueError(
            f"reduce: expected 'add' or 'multiply', got {reduce!r}; see scatter_reduce"
        )
    if not isinstance(src, Tensor):
        src = expand(value_of(src, input), index.shape)
    return scatter_reduce(input, dim, index, src, _WORDS[reduce])


METHODS = methods(
    index_put, index_copy, masked_scatter, scatter, scatter_reduce,
)  # fmt: skip

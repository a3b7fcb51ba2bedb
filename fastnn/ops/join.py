"""Concatenation, stacking, repetition and rolling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, expand, reshape, sizes_of, view_of
from fastnn.ops.elementwise import copy, ne, sub
from fastnn.ops.indexing import index_select
from fastnn.ops.names import both_names
from fastnn.ops.promote import cast, result_dtype
from fastnn.ops.table import TABLE, execute, new_array, taped
from fastnn.ops.views import slice_of
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

__all__ = [
    "cat", "column_stack", "concat", "concatenate", "diff", "hstack", "meshgrid",
    "repeat_interleave", "roll", "stack", "tile", "vstack",
]  # fmt: skip


@both_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Concatenate tensors along `dim`.

    Raises:
        ValueError: no tensors, or sizes of the other axes that differ.
    """
    try:
        parts = [t for t in tensors if t._array.shape != (0,)] or list(tensors[:1])
    except AttributeError:
        raise _not_tensors(tensors) from None
    if not parts:
        raise InvalidValueError("tensors: expected at least one")
    at = axis("cat", dim, parts[0].ndim)
    shapes = [t._array.shape for t in parts]
    rest = {(*shape[:at], *shape[at + 1 :], len(shape)) for shape in shapes}
    if len(rest) != 1:
        named = ", ".join(map(repr, shapes))
        raise InvalidValueError(f"cat: shapes {named} differ in more than axis {at}")
    dtype = parts[0]._array.dtype
    for t in parts[1:]:
        if t._array.dtype is not dtype and t.dtype != dtype:
            dtype = result_dtype(of_array(np.empty((1,), dtype)), reshape(t, (*t.shape, 1)))
    inputs = tuple(cast(t, dtype) for t in parts)
    left_out = () if len(parts) == len(tensors) else tuple(t for t in tensors if t.shape == (0,))
    ends = [0, *accumulate(shape[at] for shape in shapes)]
    shape = (*shapes[0][:at], ends[-1], *shapes[0][at + 1 :])
    out = new_array(shape, dtype)
    for t, start, stop in zip(inputs, ends[:-1], ends[1:], strict=True):
        execute(TABLE["copy"], (out[slice_of(at, start, stop)],), (t._array,), (), ())
    return taped(_cat_gradient, (*inputs, *left_out), out, (at, ends, len(left_out)))


def _not_tensors(given: Sequence[Any]) -> InvalidTypeError:
    at, kind = next((i, type(t).__name__) for i, t in enumerate(given) if not isinstance(t, Tensor))
    return InvalidTypeError(f"tensors: expected Tensors, got {kind} at position {at}")


def _cat_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    at, ends, left_out = node.attrs
    found = [
        view_of(dy, slice_of(at, start, stop)) if node.needs(i) else None
        for i, (start, stop) in enumerate(pairwise(ends))
    ]
    empty = [node.input(len(found) + i) for i in range(left_out)]
    return [*found, *(of_array(np.zeros(x.shape, x.dtype)) for x in empty)]


only_reads(_cat_gradient)


@both_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Stack tensors of one shape along a new axis `dim`."""
    try:
        shapes = {t.shape for t in tensors}
    except AttributeError:
        raise _not_tensors(tensors) from None
    if len(shapes) != 1:
        raise InvalidValueError(f"stack: expected tensors of one shape, got {sorted(shapes)}")
    at = axis("stack", dim, len(next(iter(shapes))) + 1)
    return cat([reshape(t, (*t.shape[:at], 1, *t.shape[at:])) for t in tensors], at)


def _at_least(x: Tensor, ndim: int) -> Tensor:
    return reshape(x, (*(1,) * (ndim - x.ndim), *x.shape)) if x.ndim < ndim else x


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack horizontally: concatenate along axis 1, vectors along axis 0."""
    parts = [_at_least(t, 1) for t in tensors]
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack vertically: concatenate along axis 0, with vectors as rows."""
    return cat([_at_least(t, 2) for t in tensors], 0)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack the columns of matrices, and vectors as columns."""
    return cat([reshape(t, (-1, 1)) if t.ndim < 2 else t for t in tensors], 1)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids from vectors: one view in the grid's shape for each vector.

    Args:
        indexing: "ij": tensor i varies along axis i; "xy": the first two axes exchanged.
    """
    if indexing not in ("ij", "xy"):
        raise InvalidValueError(f"indexing: expected 'ij' or 'xy', got {indexing!r}")
    parts = tensors
    if len(tensors) == 1 and isinstance(tensors[0], list | tuple):
        parts = tuple(tensors[0])
    for i, part in enumerate(parts):
        if not isinstance(part, Tensor):
            raise InvalidTypeError(f"tensors[{i}]: expected a Tensor, got {check.show(part)}")
    at = list(range(len(parts)))
    if indexing == "xy" and len(parts) > 1:
        at[:2] = 1, 0
    shape = tuple(parts[i].numel() for i in at)  # of two axes exchanged the inverse is the same
    sizes = [tuple(n if a == d else 1 for a, n in enumerate(shape)) for d in at]
    return tuple(expand(reshape(t, s), shape) for t, s in zip(parts, sizes, strict=True))


def repeat(input: Tensor, sizes: Sequence[int]) -> Tensor:
    """Repeat the input sizes[i] times along axis i; new axes go in front."""
    if len(sizes) < input.ndim:
        raise InvalidValueError(f"repeat: expected at least {input.ndim} sizes, got {len(sizes)}")
    shape = (*(1,) * (len(sizes) - input.ndim), *input.shape)
    check.elements("repeat", tuple(n * size for n, size in zip(sizes, shape, strict=True)))
    apart = reshape(input, tuple(n for size in shape for n in (1, size)))
    wide = copy(expand(apart, tuple(n for pair in zip(sizes, shape, strict=True) for n in pair)))
    return reshape(wide, tuple(n * size for n, size in zip(sizes, shape, strict=True)))


def tile(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Repeat the input dims[i] times along axis i; missing leading entries of `dims` are 1."""
    return repeat(input, (*(1,) * (input.ndim - len(dims)), *dims))


def repeat_interleave(
    input: Tensor,
    repeats: Any = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Repeat each element, or each slice along `dim`; `output_size` is not needed.

    Args:
        repeats: how often; a vector has a number for each part, which no program can be made of.
            Without it input are the repeats, of 0, 1, ..

    Raises:
        TypeError: repeats that are not whole numbers. ValueError: below 0, or too few.
    """
    if repeats is None:
        repeats, input = input, cast(of_array(np.arange(input.numel())), input.dtype)
    input, at = (
        (reshape(input, (-1,)), 0)
        if dim is None
        else (input, axis("repeat_interleave", dim, input.ndim))
    )
    times = repeats.numpy() if isinstance(repeats, Tensor) else np.asarray(repeats)
    if times.dtype.kind != "i" or times.ndim > 1:
        raise InvalidTypeError(
            f"repeats: expected a whole number or a vector of them, got {repeats!r}"
        )
    if times.size not in (1, input.shape[at]) or (times < 0).any():
        raise InvalidValueError(
            f"repeats: expected 1 or {input.shape[at]} numbers from 0 up, got {repeats}"
        )
    if times.size == 1:
        n, sizes, rest = int(times.sum()), input.shape[: at + 1], input.shape[at + 1 :]
        apart = expand(reshape(input, (*sizes, 1, *rest)), (*sizes, n, *rest))
        y = reshape(apart, (*sizes[:at], sizes[at] * n, *rest))
        return copy(y) if n <= 1 or sizes[at] <= 1 else y  # else it was copied by reshape
    return index_select(input, at, of_array(np.repeat(np.arange(input.shape[at]), times)))


def roll(
    input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None
) -> Tensor:
    """Roll by `shifts` along an axis (default: flattened); elements wrap around.

    Args:
        shifts, dims: or several of both: each shift along its axis.

    Raises:
        ValueError: another number of shifts than of axes, or none.
    """
    by = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not by:
        raise InvalidValueError("shifts: expected at least one, got none")
    if not along and len(by) == 1:
        return reshape(_rolled(reshape(input, (-1,)), by[0], 0), input.shape)
    if len(by) != len(along):
        raise InvalidValueError(
            f"roll: expected a shift for each axis, got shifts {by} and dims {along}"
        )
    for shift, dim in zip(by, along, strict=True):
        input = _rolled(input, shift, axis("roll", dim, input.ndim))
    return input


def _rolled(x: Tensor, shift: int, at: int) -> Tensor:
    cut = -shift % max(x.shape[at], 1)
    return cat([view_of(x, slice_of(at, cut, None)), view_of(x, slice_of(at, None, cut))], at)


@both_names
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The n-th difference along `dim`: x_(i+1) - x_i, applied n times.

    Args:
        prepend, append: what is put before and after input first.

    Raises:
        ValueError: n below 0.
    """
    at = axis("diff", dim, input.ndim)
    if n < 0:
        raise InvalidValueError(f"n: expected at least 0, got {n}")
    if n == 0:  # torch looks at neither end then
        return copy(input)
    parts = [t for t in (prepend, input, append) if t is not None]
    input = cat(parts, at) if len(parts) > 1 else input
    before = (slice(None),) * at
    for _ in range(n):
        following, own = (view_of(input, (*before, s)) for s in (slice(1, None), slice(None, -1)))
        input = sub(following, own) if input.dtype.kind != "b" else ne(following, own)
    return input


concatenate: Callable[..., Tensor]
concat = concatenate = cat


# ---- methods ----


def _repeat(
    self: Tensor, *sizes: int | Sequence[int], repeats: Sequence[int] | None = None
) -> Tensor:
    """Repeat sizes[i] times along axis i; `repeats=` is the same."""
    return repeat(self, sizes_of(sizes) if repeats is None else repeats)


def _tile(self: Tensor, *sizes: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """Repeat sizes[i] times along axis i, 1 for those missing in front; `dims=` is the same."""
    return tile(self, sizes_of(sizes) if dims is None else dims)


METHODS = methods(
    repeat_interleave, roll, diff,
    repeat=_repeat, tile=_tile,
)  # fmt: skip

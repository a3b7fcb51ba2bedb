"""Copies with some elements replaced, and views by strides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.tape import owner
from fastnn._support.errors import InvalidIndexError, InvalidTypeError, InvalidValueError
from fastnn.ops.axes import axis, contiguous, place, reshape, view_of
from fastnn.ops.constant import constant
from fastnn.ops.elementwise import (
    clone,
    where,
)
from fastnn.ops.indexing import positions
from fastnn.ops.promote import cast
from fastnn.ops.rows import scatter_add_rows
from fastnn.ops.scattering import replaced, scatter_add
from fastnn.ops.segments import reduce_rows
from fastnn.ops.table import new_array, view
from fastnn.ops.views import movedim, slice_of
from fastnn.tape.batch import Batch
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_strided", "diagonal_scatter", "index_reduce", "put", "select_scatter",
           "slice_scatter"]  # fmt: skip


def _with(name: str, input: Tensor, region: tuple[Any, ...], src: Tensor) -> Tensor:
    """A copy of input with src in a region.

    Raises:
        ValueError: a src of another shape than the region.
    """
    inside = np.zeros(input.shape, bool)
    wanted = inside[region].shape
    inside[region] = True
    if src.shape != wanted:
        raise InvalidValueError(f"src: expected shape {wanted} for {name}, got {src.shape}")
    whole = of_array(new_array(input.shape, input.dtype))
    return where(of_array(inside), place(whole, cast(src, input.dtype), region), input)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of input with src at one index along `dim`.

    Raises:
        IndexError: an index outside of input. ValueError: a src of another shape.

    Example:
        >>> import fastnn
        >>> fastnn.select_scatter(fastnn.zeros(2, 2), fastnn.ones(2), 0, 1)
        tensor([[0., 0.],
                [1., 1.]])
    """
    at = axis("select_scatter", dim, input.ndim)
    n = input.shape[at]
    if not -n <= index < n:
        raise InvalidIndexError(f"index: expected {-n}..{n - 1} along axis {dim}, got {index}")
    return _with("select_scatter", input, (*(slice(None),) * at, index), src)


def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """A copy of input with src at start, start + step, .. below end along `dim`.

    Raises:
        ValueError: a src of another shape, or a step below 1.
    """
    at = axis("slice_scatter", dim, input.ndim)
    if step < 1:
        raise InvalidValueError(f"step: expected at least 1, got {step}")
    return _with("slice_scatter", input, slice_of(at, start, end, step), src)


def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """A copy of input with src on the diagonals of the matrices along two axes; see `diagonal`.

    Raises:
        ValueError: a src of another shape than the diagonals, or twice the same axis.
    """
    at = [
        axis("diagonal_scatter", dim1, input.ndim, "dim1"),
        axis("diagonal_scatter", dim2, input.ndim, "dim2"),
    ]
    if at[0] == at[1]:
        raise InvalidValueError(
            f"diagonal_scatter: expected two different axes, got {dim1} and {dim2}"
        )
    ordered = movedim(input, at, (-2, -1))
    rows, columns = ordered.shape[-2:]
    down, right = max(-offset, 0), max(offset, 0)
    length = max(min(rows - down, columns - right), 0)
    start = down * columns + right if length else 0
    flat = reshape(ordered, (*ordered.shape[:-2], rows * columns))
    step = slice(start, start + length * (columns + 1), columns + 1)
    found = _with("diagonal_scatter", flat, (..., step), src)
    return movedim(reshape(found, ordered.shape), (-2, -1), at)


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of input, flattened, with source_i at position index_i; the last one of several.

    Args:
        index: int64; negative positions count from the end.
        source: as many elements as index, of input's dtype.
        accumulate: add them to what is there.

    Raises:
        ValueError: another number of elements. IndexError: outside of input. TypeError: another
            dtype.
    """
    if index.numel() != source.numel():
        raise InvalidValueError(f"source: expected {index.numel()} elements as index has, got "
                         f"{source.numel()}")  # fmt: skip
    if source.dtype != input.dtype:
        raise InvalidTypeError(f"source: expected {input.dtype} as input, got {source.dtype}")
    flat = reshape(input, (input.numel(),))
    at = positions(reshape(index, (index.numel(),)), input.numel(), "index", True)
    values = reshape(source, (source.numel(),))
    if index.numel() == 0:  # nothing is put, but source is on the tape, as in torch
        nothing = constant(source, np.zeros((), input._array.dtype))
        return where(of_array(np.ones((), np.bool_)), clone(input), nothing)
    found = (scatter_add if accumulate else replaced)(flat, 0, at, values)
    return reshape(found, input.shape)


def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
    include_self: bool = True,
) -> Tensor:  # fmt: skip
    """input combined with source_i at position index_i along `dim`.

    Args:
        reduce: "prod", "mean", "amax" or "amin".
        include_self: combine with what is there; else only with each other.

    Raises:
        ValueError: another reduce, or a source of another shape. IndexError: outside of input.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise InvalidValueError(
            f"reduce: expected 'prod', 'mean', 'amax' or 'amin', got {reduce!r}"
        )
    if source.dtype != input.dtype:
        raise InvalidTypeError(f"source: expected {input.dtype} as input, got {source.dtype}")
    x, src, index = (t if t.ndim else reshape(t, (1,)) for t in (input, source, index))
    at = axis("index_reduce", dim, x.ndim)
    wanted = (*x.shape[:at], index.numel(), *x.shape[at + 1 :])
    if index.ndim != 1 or src.shape != wanted:
        raise InvalidValueError(
            f"source: expected shape {wanted} by input and index, got {source.shape}"
        )
    if index.numel() == 0:
        return clone(input)
    place_of = positions(index, x.shape[at], "index", False)
    first = movedim(x, at, 0)
    rows, given = (
        reshape(t, (t.shape[0], t.numel() // t.shape[0])) for t in (first, movedim(src, at, 0))
    )
    found = reshape(reduce_rows(rows, place_of, given, reduce, include_self), first.shape)
    return reshape(movedim(found, 0, at), input.shape)


# ---- views by strides ----


def _strided(x: Tensor, size: Sequence[int], steps: Sequence[int], first: int) -> Tensor:
    """A view of the memory of x: element i at first + sum i_d steps_d, in elements of its owner."""
    array = x._array
    memory = owner(array)
    base = memory if memory.flags.c_contiguous else memory.T
    if not base.flags.c_contiguous:
        raise InvalidValueError("as_strided: expected memory without gaps; use clone()")
    last = first + math.fsum((n - 1) * s for n, s in zip(size, steps))
    if 0 not in size and (first < 0 or last >= memory.size):
        raise InvalidValueError(
            f"as_strided: size {tuple(size)}, stride {tuple(steps)} and storage_offset {first} "
            f"reach beyond the {memory.size} elements of the memory"
        )
    width = array.itemsize
    strides = [s * width for s in steps]
    seen: NDArray[Any] = np.ndarray(tuple(size), array.dtype, base, first * width, strides)
    if not array.flags.writeable:
        seen.flags.writeable = False
    own = tuple(s // width for s in array.strides)
    note = (tuple(size), tuple(steps), first, own, _offset(array))
    return view(x, seen, _strided_gradient, note)


def _offset(array: NDArray[Any]) -> int:
    """Where the first element lies in the memory, in elements."""
    start = int(owner(array).__array_interface__["data"][0])
    return (int(array.__array_interface__["data"][0]) - start) // array.itemsize


def _strided_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Sum dy over the elements that see the same memory."""
    size, steps, first, own, offset = node.attrs
    x = node.input(0)
    memory = _places(size, steps, first)
    mine = _places(x.shape, own, offset)
    order = np.argsort(mine)
    found = np.searchsorted(mine[order], memory)
    index = order[np.minimum(found, max(mine.size - 1, 0))] if mine.size else found
    known = mine[index] == memory if mine.size else np.zeros(memory.shape, bool)
    rows = where(of_array(known.reshape(-1, 1)), reshape(dy, (dy.numel(), 1)), 0.0)
    total = scatter_add_rows(rows, of_array(np.where(known, index, 0)), max(x.numel(), 1))
    return (reshape(view_of(total, slice(x.numel())), x.shape),)


only_reads(_strided_gradient)


def _places(size: Sequence[int], steps: Sequence[int], first: int) -> NDArray[np.int64]:
    at = np.full(tuple(size), first, np.int64)
    for d, (n, s) in enumerate(zip(size, steps, strict=True)):
        at += (np.arange(n) * s).reshape(-1, *(1,) * (len(size) - d - 1))
    return at.reshape(-1)


def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A view of the memory of a tensor with this size and these strides, in elements.

    Args:
        storage_offset: where the first element lies; default: where input's does.

    Raises:
        ValueError: it reaches beyond the memory.

    Example:
        >>> import fastnn
        >>> fastnn.as_strided(fastnn.arange(4), (3, 2), (1, 1))
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
    """
    if len(size) != len(stride) or min([0, *size, *stride]) < 0:
        raise InvalidValueError(
            f"as_strided: expected as many strides as sizes, of at least 0, got "
            f"{tuple(size)} and {tuple(stride)}"
        )
    if isinstance(input._array, Batch):
        np.asarray(input._array)  # raises: sample by sample
    first = _offset(input._array) if storage_offset is None else storage_offset
    return _strided(input, size, stride, first)


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of all slices of a size along an axis, `step` apart, their elements as a last axis.

    Raises:
        ValueError: a size beyond the axis, or a step below 1.

    Example:
        >>> import fastnn
        >>> fastnn.arange(5).unfold(0, 3, 1)
        tensor([[0, 1, 2],
                [1, 2, 3],
                [2, 3, 4]])
    """
    at = axis("unfold", dimension, self.ndim or 1)
    x = self if self.ndim else reshape(self, (1,))
    n = x.shape[at]
    if not 0 <= size <= n:
        raise InvalidValueError(f"size: expected 0..{n}, that of the axis, got {size}")
    if step < 1:
        raise InvalidValueError(f"step: expected at least 1, got {step}")
    if isinstance(x._array, Batch):
        np.asarray(x._array)  # raises: sample by sample
    memory = owner(x._array)
    if not (memory.flags.c_contiguous or memory.flags.f_contiguous):
        x = contiguous(x)
    steps = [s // x.dtype.itemsize for s in x._array.strides]
    sizes = (*x.shape[:at], (n - size) // step + 1, *x.shape[at + 1 :], size)
    if self.ndim == 0:
        return _strided(x, (size,), (1,), _offset(x._array))
    strides = (*steps[:at], steps[at] * step, *steps[at + 1 :], steps[at])
    return _strided(x, sizes, strides, _offset(x._array))


METHODS = methods(
    as_strided, diagonal_scatter, index_reduce, put, select_scatter, slice_scatter, unfold,
)  # fmt: skip

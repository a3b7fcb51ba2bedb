"""Views: transpose, flatten, squeeze, split and others that share the input's memory."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from fastnn._support import check
from fastnn._support.errors import (
    InvalidIndexError,
    InvalidTypeError,
    InvalidValueError,
    broadcast_shapes,
)
from fastnn.ops.axes import axis, axis_or_none, expand, permute, reshape, sizes_of, view_of
from fastnn.ops.names import also, both_names
from fastnn.ops.table import TABLE, apply
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

__all__ = [
    "broadcast_tensors", "broadcast_to", "chunk", "flatten", "flip", "moveaxis", "movedim",
    "narrow", "ravel", "select", "split", "squeeze", "swapaxes", "swapdims", "t",
    "tensor_split",    "transpose", "unbind", "unsqueeze",
]  # fmt: skip


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two axes, as a view."""
    a = axis_or_none("transpose", dim0, input.ndim, "dim0")
    b = axis_or_none("transpose", dim1, input.ndim, "dim1")
    if input.ndim == 0:
        return permute(input, ())
    axes = list(range(input.ndim))
    axes[a], axes[b] = b, a
    return permute(input, tuple(axes))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Flatten axes start_dim..end_dim into one; one axis: the tensor itself."""
    if input.ndim == 0:
        return reshape(input, (1,))
    first = axis("flatten", start_dim, input.ndim, "start_dim")
    last = axis("flatten", end_dim, input.ndim, "end_dim")
    if first == last:
        return input
    if first > last:
        raise InvalidValueError(f"start_dim: expected one up to end_dim {end_dim}, got {start_dim}")
    merged = math.prod(input.shape[first : last + 1])
    return reshape(input, (*input.shape[:first], merged, *input.shape[last + 1 :]))


@both_names
def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Remove axes of size 1 (with `dim`, only those of them that have size 1)."""
    wanted: Any = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = {axis_or_none("squeeze", d, input.ndim) for d in wanted}
    return reshape(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in gone))


@both_names
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert an axis of size 1 before axis `dim`."""
    at = axis("unsqueeze", dim, input.ndim + 1)
    return reshape(input, (*input.shape[:at], 1, *input.shape[at:]))


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move the axes `source` to `destination`; the others keep their order."""
    start, end = ([v] if isinstance(v, int) else list(v) for v in (source, destination))
    if len(start) != len(end):
        raise InvalidValueError(f"movedim: expected as many places as axes, got {start} and {end}")
    at = [axis("movedim", d, input.ndim, "source") for d in start]
    to = [axis("movedim", d, input.ndim, "destination") for d in end]
    if len({*at}) < len(at) or len({*to}) < len(to):
        raise InvalidValueError(f"movedim: an axis comes twice in {source} or {destination}")
    rest = [d for d in range(input.ndim) if d not in at]
    for place, d in sorted(zip(to, at)):
        rest.insert(place, d)
    return permute(input, tuple(rest))


@also(size="shape")
def broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Broadcast to a shape, as a view."""
    return expand(input, tuple(shape))


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Broadcast tensors to their common shape, as views."""
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return tuple(expand(t, shape) for t in tensors)


def ravel(input: Tensor) -> Tensor:
    """Flatten to one axis."""
    return flatten(input)


# ---- parts ----


def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """Slice start .. start + length - 1 along `dim`, as a view.

    Raises:
        IndexError: outside of input. TypeError: a start that is not a whole number.
    """
    if isinstance(start, Tensor) and (start.ndim or start.dtype.kind not in "iu"):
        raise InvalidTypeError(
            f"start: expected a whole number or a 0-d tensor of one, got {start.dtype} of shape "
            f"{start.shape}"
        )
    start = operator.index(start)
    at = axis("narrow", dim, input.ndim)
    n = input.shape[at]
    first = start + n if start < 0 else start
    if first < 0 or length < 0 or first + length > n:
        raise InvalidIndexError(
            f"narrow: expected a part of 0..{n - 1}, got {length} from {start} on"
        )
    return view_of(input, (*(slice(None),) * at, slice(first, first + length)))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Select one index along `dim`, as a view without that axis."""
    return view_of(input, (*(slice(None),) * axis("select", dim, input.ndim), index))


def slice_of(dim: int, start: int | None, stop: int | None, step: int = 1) -> tuple[slice, ...]:
    return (*(slice(None),) * dim, slice(start, stop, step))


@also(split_size_or_sections="split_size")
def split(tensor: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Split along `dim` into views of `split_size` (the last may be smaller) or of given sizes.

    Raises:
        ValueError: sizes that do not sum up to that of the axis.
    """
    at = axis("split", dim, tensor.ndim)
    n = tensor.shape[at]
    if isinstance(split_size, int):
        if split_size < 1:
            raise InvalidValueError(f"split_size: expected at least 1, got {split_size}")
        ends = [*range(0, n, split_size), n] if n else [0, 0]
    else:
        sizes = [check.integer(f"split_size[{i}]", size, 0) for i, size in enumerate(split_size)]
        ends = np.cumsum([0, *sizes]).tolist()
        if ends[-1] != n:
            raise InvalidValueError(f"split_size: expected sizes of sum {n}, got {sizes}")
    return tuple(view_of(tensor, slice_of(at, start, stop)) for start, stop in pairwise(ends))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Split along `dim` into at most `chunks` views of equal size; the last may be smaller."""
    if chunks < 1:
        raise InvalidValueError(f"chunks: expected at least 1, got {chunks}")
    at = axis("chunk", dim, input.ndim)
    return split(input, max(-(-input.shape[at] // chunks), 1), at)


parts_by_name: Final = also(
    tensor_indices_or_sections="indices_or_sections",
    indices="indices_or_sections",
    sections="indices_or_sections",
)


@parts_by_name
def tensor_split(
    input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0
) -> tuple[Tensor, ...]:
    """Split along `dim` into nearly equal parts by number, or before given indices."""
    at = axis("tensor_split", dim, input.ndim)
    n = input.shape[at]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if parts < 1:
            raise InvalidValueError(f"tensor_split: expected at least 1 section, got {parts}")
        ends = [(n // parts) * i + min(i, n % parts) for i in range(1, parts)]
    else:
        ends = [operator.index(i) for i in indices_or_sections]
    before = (slice(None),) * at
    return tuple(view_of(input, (*before, slice(a, b))) for a, b in zip([0, *ends], [*ends, n]))


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Split into the slices along an axis, without that axis."""
    at = axis("unbind", dim, input.ndim)
    return tuple(view_of(input, (*(slice(None),) * at, i)) for i in range(input.shape[at]))


def flip(input: Tensor, dims: int | Sequence[int]) -> Tensor:
    """Reverse the order along the axes; a copy, as in torch and unlike NumPy."""
    given = (dims,) if isinstance(dims, int) else dims
    wanted = {axis_or_none("flip", d, input.ndim) for d in given}
    if len(wanted) < len(given):
        raise InvalidValueError(f"dims: expected each axis once, got {dims}")
    parts = tuple(slice(None, None, -1 if d in wanted else 1) for d in range(input.ndim))
    return apply(TABLE["copy"], (view_of(input, parts),))


@also(axis0="dim0", axis1="dim1")
def swapaxes(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two axes, as a view; `transpose` under NumPy's name."""
    return transpose(input, dim0, dim1)


swapdims = transpose
moveaxis = movedim


# ---- methods ----


def _transposed(self: Tensor) -> Tensor:
    """Reverse the order of the axes, as a view."""
    return permute(self, tuple(range(self.ndim - 1, -1, -1)))


def _matrices_transposed(self: Tensor) -> Tensor:
    """Swap the last two axes, as a view.

    Raises:
        ValueError: fewer than two axes.
    """
    if self.ndim < 2:
        raise InvalidValueError(f"mT: expected a matrix or matrices, got shape {self.shape}")
    return transpose(self, -2, -1)


def _adjoint(self: Tensor) -> Tensor:
    """The transpose of a matrix, as a view.

    Raises:
        ValueError: one axis, or more than two.
    """
    if self.ndim not in (0, 2):
        raise InvalidValueError(f"H: expected a matrix, got shape {self.shape}; use mT for several")
    return _transposed(self)


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix, as a view; fewer axes stay as they are.

    Raises:
        ValueError: more than two axes.
    """
    if input.ndim > 2:
        raise InvalidValueError(
            f"t: expected at most two axes, got shape {input.shape}; use mT or permute"
        )
    return _transposed(input)


def _flip(
    self: Tensor, *axes: int | Sequence[int], dims: int | Sequence[int] | None = None
) -> Tensor:
    """Reverse the order along the axes; `dims=` is the same."""
    if not axes and dims is None:
        raise InvalidTypeError("dims: expected the axes to reverse, got none; () reverses none")
    return flip(self, sizes_of(axes) if dims is None else dims)


def _broadcast_to(
    self: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None
) -> Tensor:
    """Broadcast to a shape, as a view; `size=` is the same."""
    return expand(self, sizes_of(sizes) if size is None else tuple(size))


METHODS = methods(
    transpose, flatten, squeeze, unsqueeze, movedim, ravel, narrow, select, split,
    chunk, tensor_split, unbind, t,
    T=property(_transposed), mT=property(_matrices_transposed), H=property(_adjoint),
    mH=property(_matrices_transposed), swapaxes=swapaxes,
    swapdims=swapdims, moveaxis=movedim, flip=_flip,
    broadcast_to=_broadcast_to,
)  # fmt: skip

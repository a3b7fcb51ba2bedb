"""Shapes, parts and indices of tensors, with MindSpore's arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import fastnn
from fastnn import ops as base
from fastnn._support import check
from fastnn.mindspore.tensor import Tensor
from fastnn.nn.functional import one_hot as _one_hot
from fastnn.tensor import Tensor as Plain

Sizes = int | Sequence[int]


def sizes(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple; a number is one axis."""
    if isinstance(shape, Plain):
        shape = shape.tolist()
    return (int(shape),) if isinstance(shape, int) else tuple(int(n) for n in shape)


# ---- what a tensor is ----


def shape(input_x: Any) -> tuple[int, ...]:
    """The sizes of the axes."""
    found: tuple[int, ...] = input_x.shape
    return found


def size(input_x: Any) -> int:
    """The number of elements."""
    return math.prod(input_x.shape)


def rank(input_x: Any) -> Any:
    """The number of axes, as a tensor."""
    return Tensor(len(input_x.shape))


def dtype(input_x: Any) -> Any:
    """The dtype of the elements."""
    return input_x.dtype


def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor."""
    return isinstance(obj, Plain)


def cast(input: Any, dtype: npt.DTypeLike) -> Any:
    """Convert to a dtype; numbers become tensors."""
    return input.to(dtype) if isinstance(input, Plain) else Tensor(input, dtype)


def type_as(input: Any, other: Any) -> Any:
    """Convert to the dtype of another tensor."""
    return input.to(other.dtype)


def scalar_to_tensor(input_x: Any, dtype: npt.DTypeLike = np.float32) -> Any:
    """A number as a tensor."""
    return Tensor(input_x, dtype)


def tuple_to_array(input_x: Any) -> Any:
    """A tuple of numbers as a tensor."""
    return Tensor(list(input_x))


def identity(x: Any) -> Any:
    """x."""
    return x


def depend(value: Any, expr: Any) -> Any:
    """value, computed after expr; Python's order has seen to that."""
    return value


# ---- shapes ----


def reshape(input: Any, shape: Any) -> Any:
    """The elements in another shape; one size may be -1."""
    return base.reshape(input, sizes(shape))


def flatten(input: Any, order: str = "C", *, start_dim: int = 1, end_dim: int = -1) -> Any:
    """Join axes start_dim..end_dim; by default rows stay rows. order 'F': of the transposed tensor.

    >>> import fastnn.mindspore as mindspore
    >>> mindspore.ops.flatten(mindspore.ops.ones((2, 3, 4))).shape
    (2, 12)
    """
    if check.choice("order", order, ("C", "F")) == "F":
        input = base.permute(input, tuple(range(input.ndim))[::-1])
    if input.ndim < 2:
        return base.reshape(input, (-1,))
    return base.flatten(input, start_dim, end_dim)


def transpose(input: Any, dims: Sequence[int]) -> Any:
    """The axes in the order `dims`, all of them: torch's `permute`."""
    return base.permute(input, tuple(dims))


permute = transpose


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """Swap two axes."""
    return base.swapaxes(input, axis0, axis1)


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places."""
    return base.moveaxis(x, source, destination)


def expand_dims(input_x: Any, axis: int) -> Any:
    """Insert an axis of size 1 before axis `axis`."""
    return base.unsqueeze(input_x, axis)


def unsqueeze(input: Any, dim: int) -> Any:
    """Insert an axis of size 1."""
    return base.unsqueeze(input, dim)


def squeeze(input: Any, axis: Any = None) -> Any:
    """Remove axes of size 1: all, or those of `axis`."""
    if axis is None:
        return base.squeeze(input)
    chosen = (a % input.ndim for a in sizes(axis))
    return base.squeeze(input, tuple(a for a in chosen if input.shape[a] == 1))


def broadcast_to(input: Any, shape: Any) -> Any:
    """Repeat along axes of size 1 until the shape is this one; -1 keeps a size."""
    wanted = sizes(shape)
    own = (1,) * (len(wanted) - input.ndim) + tuple(input.shape)
    return base.broadcast_to(input, tuple(o if n == -1 else n for n, o in zip(wanted, own)))


def expand(input_x: Any, size: Any) -> Any:
    """`broadcast_to`."""
    return broadcast_to(input_x, size)


def tile(input: Any, dims: Any) -> Any:
    """Repeat the whole along each axis."""
    return base.tile(input, sizes(dims))


def repeat_interleave(input: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat each element along an axis; without one the flattened elements."""
    return base.repeat_interleave(input, repeats, axis)


repeat_elements = repeat_interleave


def meshgrid(*inputs: Any, indexing: str = "xy") -> Any:
    """Coordinates of a grid; indexing 'xy', MindSpore's default: the first varies by columns."""
    given = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], tuple | list) else inputs
    return tuple(base.meshgrid(*given, indexing=check.choice("indexing", indexing, ("xy", "ij"))))


# ---- several tensors ----


def concat(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Join tensors along an axis."""
    return fastnn.cat(list(tensors), axis)


cat = concat


def stack(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Join tensors along a new axis."""
    return base.stack(list(tensors), axis)


def split(tensor: Any, split_size_or_sections: Any, axis: int = 0) -> Any:
    """Parts of this size, or of these sizes, along an axis."""
    return tuple(base.split(tensor, split_size_or_sections, axis))


def chunk(input: Any, chunks: int, axis: int = 0) -> Any:
    """As many parts along an axis."""
    return tuple(base.chunk(input, chunks, axis))


def unbind(input: Any, dim: int = 0) -> Any:
    """The slices along an axis."""
    return tuple(base.unbind(input, dim))


def unstack(input_x: Any, axis: int = 0) -> Any:
    """The slices along an axis."""
    return tuple(base.unbind(input_x, axis))


# ---- indices ----


def gather(input_params: Any, input_indices: Any, axis: Any, batch_dims: int = 0) -> Any:
    """Slices of the axis by index, of shape (before, *indices, after).

    >>> import fastnn.mindspore as mindspore
    >>> x = mindspore.Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> print(mindspore.ops.gather(x, mindspore.Tensor([1, 1]), 0))
    [[3. 4.]
     [3. 4.]]
    """
    if batch_dims:
        raise ValueError(f"batch_dims: expected 0, got {batch_dims}")
    axis = int(axis.item()) if isinstance(axis, Plain) else axis
    axis = check.integer("axis", axis, -64) % input_params.ndim
    indices = Tensor(input_indices) if isinstance(input_indices, int) else input_indices
    flat = base.index_select(input_params, axis, base.reshape(indices, (-1,)))
    before, after = input_params.shape[:axis], input_params.shape[axis + 1 :]
    return base.reshape(flat, (*before, *indices.shape, *after))


def gather_elements(input: Any, dim: int, index: Any) -> Any:
    """Elements of the axis by index: torch's `gather`."""
    return base.gather(input, dim, index)


def gather_nd(input_x: Any, indices: Any) -> Any:
    """Elements or slices by the rows of indices."""
    return input_x[tuple(base.unbind(indices, -1))]


def index_select(input: Any, axis: int, index: Any) -> Any:
    """Slices of the axis by index."""
    return base.index_select(input, axis, index)


def scatter(input: Any, axis: int, index: Any, src: Any) -> Any:
    """A copy with src at these places of the axis."""
    return base.scatter(input, axis, index, src)


def tensor_scatter_elements(
    input_x: Any, indices: Any, updates: Any, axis: int = 0, reduction: str = "none"
) -> Any:
    """A copy with updates at, or with reduction 'add' added at, these places of the axis."""
    function = base.scatter_add if reduction == "add" else base.scatter
    check.choice("reduction", reduction, ("none", "add"))
    return function(input_x, axis, indices, updates)


def select(condition: Any, input: Any, other: Any) -> Any:
    """input where the condition is true, else other."""
    return base.where(condition, input, other)


def where(condition: Any, input: Any, other: Any) -> Any:
    """input where the condition is true, else other."""
    return base.where(condition, input, other)


def one_hot(indices: Any, depth: int, on_value: Any = 1, off_value: Any = 0, axis: int = -1) -> Any:
    """on_value at the index along a new axis of size `depth`, off_value elsewhere.

    >>> import fastnn.mindspore as mindspore
    >>> print(mindspore.ops.one_hot(mindspore.Tensor([0, 2]), 3, 1.0, 0.0))
    [[1. 0. 0.]
     [0. 0. 1.]]
    """
    hot = _one_hot(indices, depth)
    if axis not in (-1, indices.ndim):
        hot = base.moveaxis(hot, -1, axis)
    if isinstance(on_value, int) and isinstance(off_value, int) and (on_value, off_value) == (1, 0):
        return hot
    on = on_value if isinstance(on_value, Plain) else Tensor(on_value)
    off = off_value if isinstance(off_value, Plain) else Tensor(off_value, on.dtype)
    return base.where(base.eq(hot, 1), on, off)


def masked_fill(input_x: Any, mask: Any, value: Any) -> Any:
    """A copy with value where the mask is true."""
    return base.masked_fill(input_x, mask, value)


def assign(variable: Any, value: Any) -> Any:
    """Write a value into a parameter, and return it."""
    base.copy_(variable, value if isinstance(value, Plain) else Tensor(value))
    return variable


def assign_add(variable: Any, value: Any) -> Any:
    """Add a value to a parameter, in place, and return it."""
    return base.add_(variable, value)


def assign_sub(variable: Any, value: Any) -> Any:
    """Subtract a value from a parameter, in place, and return it."""
    return base.sub_(variable, value)


__all__ = [
    "assign", "assign_add", "assign_sub", "broadcast_to", "cast", "cat", "chunk", "concat",
    "depend", "dtype", "expand", "expand_dims", "flatten", "gather", "gather_elements",
    "gather_nd", "identity", "index_select", "is_tensor", "masked_fill", "meshgrid", "moveaxis",
    "one_hot", "permute", "rank", "repeat_elements", "repeat_interleave", "reshape",
    "scalar_to_tensor", "scatter", "select", "shape", "size", "split", "squeeze", "stack",
    "swapaxes", "tensor_scatter_elements", "tile", "transpose", "tuple_to_array", "type_as",
    "unbind", "unsqueeze", "unstack", "where",
]  # fmt: skip

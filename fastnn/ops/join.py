"""Tensors put together and taken apart: cat, stack, split, repeat, flip, triangles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn.ops.elementwise import where
from fastnn.ops.promote import cast, result_dtype
from fastnn.ops.shape import expand, getitem, permute, reshape
from fastnn.ops.table import TABLE, execute, new_array, taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor
from fastnn.tensor.methods.names import both_names


def axis(name: str, dim: int, ndim: int) -> int:
    """`dim` counted from the front."""
    if not -ndim <= dim < ndim:
        raise IndexError(f"dim: expected {-ndim}..{ndim - 1} for {name}, got {dim}")
    return dim % ndim


def _slice(dim: int, start: int | None, stop: int | None, step: int = 1) -> tuple[slice, ...]:
    return (*(slice(None),) * dim, slice(start, stop, step))


@both_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along `dim`.

    Raises:
        ValueError: no tensors, or sizes of the other axes that differ.
    """
    parts = [t for t in tensors if t.shape != (0,)] or list(tensors[:1])
    if not parts:
        raise ValueError("tensors: expected at least one")
    at = axis("cat", dim, parts[0].ndim)
    rest = {(*t.shape[:at], *t.shape[at + 1 :], t.ndim) for t in parts}
    if len(rest) != 1:
        shapes = ", ".join(str(t.shape) for t in parts)
        raise ValueError(f"cat: shapes {shapes} differ in more than axis {at}")
    dtype = parts[0].dtype
    for t in parts[1:]:
        if t.dtype != dtype:
            dtype = result_dtype(Tensor(np.empty((1,), dtype)), reshape(t, (*t.shape, 1)))
    inputs = tuple(cast(t, dtype) for t in parts)
    ends = np.cumsum([0, *(t.shape[at] for t in inputs)]).tolist()
    shape = (*inputs[0].shape[:at], ends[-1], *inputs[0].shape[at + 1 :])
    out = new_array(shape, dtype)
    for t, start, stop in zip(inputs, ends[:-1], ends[1:], strict=True):
        execute(TABLE["copy"], (out[_slice(at, start, stop)],), (t._array,), (), ())
    return taped(_cat_gradient, inputs, out, (at, ends))


def _cat_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    at, ends = node.attrs
    return [
        getitem(dy, _slice(at, start, stop)) if node.needs(i) else None
        for i, (start, stop) in enumerate(pairwise(ends))
    ]


only_reads(_cat_gradient)


@both_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors, of one shape, along a new axis `dim`."""
    shapes = {t.shape for t in tensors}
    if len(shapes) != 1:
        raise ValueError(f"stack: expected tensors of one shape, got {sorted(shapes)}")
    at = axis("stack", dim, len(next(iter(shapes))) + 1)
    return cat([reshape(t, (*t.shape[:at], 1, *t.shape[at:])) for t in tensors], at)


def split(x: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of `split_size` along `dim`, the last one smaller, or of each of the sizes given.

    Raises:
        ValueError: sizes that do not sum up to that of the axis.
    """
    at = axis("split", dim, x.ndim)
    n = x.shape[at]
    if isinstance(split_size, int):
        if split_size < 1:
            raise ValueError(f"split_size: expected at least 1, got {split_size}")
        ends = [*range(0, n, split_size), n] if n else [0, 0]
    else:
        ends = np.cumsum([0, *split_size]).tolist()
        if ends[-1] != n:
            raise ValueError(f"split_size: expected sizes of sum {n}, got {list(split_size)}")
    return tuple(getitem(x, _slice(at, start, stop)) for start, stop in pairwise(ends))


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of one size along `dim`, the last one smaller."""
    if chunks < 1:
        raise ValueError(f"chunks: expected at least 1, got {chunks}")
    return split(x, max(-(-x.shape[dim] // chunks), 1), dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The parts of x at each position of an axis, without that axis."""
    at = axis("unbind", dim, x.ndim)
    return tuple(getitem(x, (*(slice(None),) * at, i)) for i in range(x.shape[at]))


def flip(x: Tensor, dims: int | Sequence[int]) -> Tensor:
    """In reverse order along the axes, as a view."""
    wanted = {axis("flip", d, x.ndim) for d in ((dims,) if isinstance(dims, int) else dims)}
    return getitem(x, tuple(slice(None, None, -1 if d in wanted else 1) for d in range(x.ndim)))


def roll(x: Tensor, shifts: int, dims: int | None = None) -> Tensor:
    """Moved by `shifts` along an axis (default: flattened), what falls off comes in again."""
    if dims is None:
        return reshape(roll(reshape(x, (-1,)), shifts, 0), x.shape)
    at = axis("roll", dims, x.ndim)
    cut = -shifts % max(x.shape[at], 1)
    return cat([getitem(x, _slice(at, cut, None)), getitem(x, _slice(at, None, cut))], at)


def repeat(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Copies of x side by side, sizes[i] of them along axis i; new axes go in front."""
    if len(sizes) < x.ndim:
        raise ValueError(f"repeat: expected at least {x.ndim} sizes, got {len(sizes)}")
    shape = (*(1,) * (len(sizes) - x.ndim), *x.shape)
    apart = reshape(x, tuple(n for size in shape for n in (1, size)))
    wide = expand(apart, tuple(n for pair in zip(sizes, shape, strict=True) for n in pair))
    return reshape(wide, tuple(n * size for n, size in zip(sizes, shape, strict=True)))


def _triangle(x: Tensor, lower: bool, diagonal: int) -> Tensor:
    if x.ndim < 2:
        raise ValueError(f"expected a matrix or matrices, got shape {x.shape}")
    ones = np.ones(x.shape[-2:], bool)
    kept = np.tril(ones, diagonal) if lower else np.triu(ones, diagonal)
    return where(Tensor(kept), x, Tensor(np.zeros((), x.dtype)))


def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """x on and below the diagonal, else 0."""
    return _triangle(x, True, diagonal)


def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """x on and above the diagonal, else 0."""
    return _triangle(x, False, diagonal)


# Views


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged, as a view."""
    a, b = axis("transpose", dim0, x.ndim), axis("transpose", dim1, x.ndim)
    axes = list(range(x.ndim))
    axes[a], axes[b] = b, a
    return permute(x, tuple(axes))


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes start_dim..end_dim merged into one."""
    if x.ndim == 0:
        return reshape(x, (1,))
    first, last = axis("flatten", start_dim, x.ndim), axis("flatten", end_dim, x.ndim)
    merged = math.prod(x.shape[first : last + 1])
    return reshape(x, (*x.shape[:first], merged, *x.shape[last + 1 :]))


@both_names
def squeeze(x: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without its axes of size 1 (or without those of `dim` that are of size 1)."""
    wanted: Any = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = {axis("squeeze", d, x.ndim) for d in wanted} if x.ndim else set()
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in gone))


@both_names
def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With an axis of size 1 before axis `dim`."""
    at = axis("unsqueeze", dim, x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))

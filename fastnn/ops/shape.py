"""Views: no kernel, only NumPy strides and a place on the tape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops.table import TABLE, apply, execute, view
from fastnn.tape import batch
from fastnn.tape.node import Node
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def permute(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The axes in the order `dims`, as a view."""
    return view(x, x._array.transpose(dims), _permute_gradient, (dims,))


def _permute_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    (dims,) = node.attrs
    back = tuple(int(i) for i in np.argsort([d % len(dims) for d in dims]))
    return (permute(dy, back),)


def contiguous(x: Tensor) -> Tensor:
    """`x` if C-contiguous, else a copy that is."""
    return x if x._array.flags.c_contiguous else apply(TABLE["copy"], (x,))


def reshape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Another shape, as a view where the strides allow it, else of a copy."""
    array = x._array
    try:
        new = array.reshape(shape, copy=False)
    except ValueError:
        if array.flags.c_contiguous:
            raise ValueError(f"reshape: {x.shape} does not fit into {shape}") from None
        x = contiguous(x)
        new = x._array.reshape(shape)
    return view(x, new, _reshape_gradient)


def _reshape_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (reshape(dy, node.input(0).shape),)


def expand(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Broadcast to `shape`, as a view (-1 keeps a size)."""
    lead = len(shape) - x.ndim
    sizes = tuple(x.shape[i - lead] if n == -1 else n for i, n in enumerate(shape))
    return view(x, np.broadcast_to(x._array, sizes), _expand_gradient)


def _expand_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (unbroadcast(dy, node.input(0).shape),)


def unbroadcast(dy: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The sum over the axes along which `shape` was broadcast to dy's."""
    if dy.shape == shape:
        return dy
    from fastnn.ops.reduce import sum

    lead = dy.ndim - len(shape)
    axes = [i for i in range(dy.ndim) if i < lead or shape[i - lead] == 1 != dy.shape[i]]
    return reshape(sum(dy, axes) if axes else dy, shape)


def getitem(x: Tensor, index: Any) -> Tensor:
    """Integers, slices, None and ... give a view; an int64 tensor picks rows."""
    from fastnn.ops.rows import take_rows

    if isinstance(index, Tensor):
        if index.dtype.kind != "i" or index.ndim != 1:
            raise TypeError("index: expected a 1-D int64 tensor, integers or slices")
        return take_rows(x, index)
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if not (part is None or part is Ellipsis or isinstance(part, int | np.integer | slice)):
            raise TypeError(
                f"index: expected integers, slices, None, ... or one int64 tensor, got {part!r}"
            )
    return view(x, _part(x._array, index), _getitem_gradient, (index,))


def _part(array: NDArray[Any], index: Any) -> NDArray[Any]:
    """array[index] as a view, one element too, of which NumPy would make a copy."""
    parts = index if isinstance(index, tuple) else (index,)
    whole: NDArray[Any] = array[parts if Ellipsis in parts else (*parts, Ellipsis)]
    return whole


def _getitem_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    x = node.input(0)
    whole = Tensor(np.empty(x.shape, x.dtype))
    zero = np.zeros((), x.dtype)
    execute(TABLE["copy"], (whole._array,), (zero,), (), ())
    (index,) = node.attrs
    return (place(whole, dy, index),)


def place(whole: Tensor, part: Tensor, index: Any) -> Tensor:
    """`whole`, a fresh tensor, with `part` written at the index; the gradient is that of part."""
    if batch.rules is not None and batch.rules.any(part):
        return view(
            part, batch.rules.place(whole._array, part._array, index), _place_gradient, (index,)
        )
    execute(TABLE["copy"], (_part(whole._array, index),), (part._array,), (), ())
    return view(part, whole._array, _place_gradient, (index,))


def _place_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (getitem(dy, node.attrs[0]),)

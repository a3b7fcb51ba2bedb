"""Gradients of writes in place: a part of a tensor, as strides or positions in its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.ops.axes import contiguous, reshape, unbroadcast
from fastnn.ops.elementwise import copy, where
from fastnn.ops.rows import take_rows
from fastnn.ops.table import TABLE, execute, taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Strided(NamedTuple):
    """A part of the memory of a C-contiguous tensor, in elements: what a view of it sees."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    first: int

    def view(self, whole: NDArray[Any]) -> NDArray[Any]:
        """The part of another C-contiguous array of the same shape."""
        if 0 in self.shape:
            return whole.reshape(-1)[:0].reshape(self.shape)
        size = whole.itemsize
        steps = [n * size for n in self.strides]
        return np.ndarray(self.shape, whole.dtype, whole, self.first * size, steps)

    def positions(self) -> NDArray[np.int64]:
        """The flat positions of its elements."""
        found = np.full((), self.first, np.int64)
        for n, step in zip(self.shape, self.strides, strict=True):
            found = found[..., None] + np.arange(n) * step
        return found


Place = Strided | np.ndarray[Any, np.dtype[np.int64]]  # an array: flat positions


def address(array: NDArray[Any]) -> int:
    """Where an array's first element lies."""
    found: int = array.__array_interface__["data"][0]
    return found


def strided(view: NDArray[Any], whole: NDArray[Any]) -> Strided:
    """The part of a C-contiguous array that a view of it sees."""
    steps = tuple(s // view.itemsize for s in view.strides)
    first = 0 if view.size == 0 else (address(view) - address(whole)) // view.itemsize
    return Strided(view.shape, steps, first)


def part(x: Tensor, place: Place) -> Tensor:
    """The elements of x at a place."""
    if isinstance(place, Strided):
        flat = contiguous(x)
        return taped(_part_gradient, (flat,), place.view(flat._array), (place,))
    rows = reshape(contiguous(x), (x.numel(), 1))
    return reshape(take_rows(rows, of_array(place.ravel())), place.shape)


def _part_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """Zeros with dy at the place."""
    return (spread(dy, node.attrs[0], node.input(0).shape),)


def spread(dy: Tensor, place: Place, shape: tuple[int, ...]) -> Tensor:
    """Zeros of a shape with dy at the place."""
    if isinstance(place, Strided):
        whole = _zeros(shape, dy.dtype)
        execute(TABLE["copy"], (place.view(whole),), (dy._array,), (), ())
        return taped(_spread_gradient, (dy,), whole, (place,))
    source = np.full(shape, -1, np.int64)
    source.flat[place] = np.arange(place.size).reshape(place.shape)
    return where(of_array(source >= 0), part(dy, np.maximum(source, 0)), 0.0)


def _spread_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (part(dy, node.attrs[0]),)


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    whole = np.empty(shape, dtype)
    execute(TABLE["copy"], (whole,), (np.zeros((), dtype),), (), ())
    return whole


def without(x: Tensor, place: Place) -> Tensor:
    """x with zeros at a place."""
    if isinstance(place, Strided):
        whole = copy(contiguous(x.detach()))._array
        zero = np.zeros((), whole.dtype)
        execute(TABLE["copy"], (place.view(whole),), (zero,), (), ())
        return taped(_without_gradient, (x,), whole, (place,))
    mask = np.zeros(x.shape, bool)
    mask.flat[place] = True
    return where(of_array(mask), 0.0, x)


def _without_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (without(dy, node.attrs[0]),)


def put(x: Tensor, value: Tensor, place: Place) -> Tensor:
    """x, in whose memory the value was written at a place, on the tape."""
    return taped(_put_gradient, (x, value), x._array, (place,))


def _put_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    (place,) = node.attrs
    return (
        without(dy, place) if node.needs(0) else None,
        unbroadcast(part(dy, place), node.input(1).shape) if node.needs(1) else None,
    )


def seen(x: Tensor, array: NDArray[Any], place: Place) -> Tensor:
    """A view of x that sees a place of it, on the tape."""
    return taped(_part_gradient, (x,), array, (place,))


for _rule in (_part_gradient, _spread_gradient, _without_gradient, _put_gradient):
    only_reads(_rule)

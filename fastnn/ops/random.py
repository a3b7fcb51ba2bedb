"""Random ops: `draw_key` from the generator's state, and dropout by such a key."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops.table import apply, execute, row
from fastnn.tape import listener
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, int64, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bits_of(x: float) -> int:
    """The bits of a float64 as an int64: attributes of ops are integers."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


def _no_output(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [], ()


_draw_key = row("draw_key", _no_output)


def draw_key(state: NDArray[np.int64]) -> Tensor:
    """The next key, int64 (2): seed and count. Increments the state's count.

    A program draws a new one at every run; within vmap there is one for all samples or one for
    each, as its randomness says.
    """

    def draw(shape: tuple[int, ...]) -> NDArray[np.int64]:
        keys = np.zeros(shape, int64)
        for key in keys.reshape(-1, 2):
            execute(_draw_key, (state, key), (), (), ())
        return keys

    return of_array(listener.drawn(draw, (2,)))


def _same(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [(arrays[0].shape, arrays[0].dtype)], (arrays[0].size,)


def _dropout_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    rest = [node.input(i) for i in range(1, len(node.inputs or ()))]
    return (apply(_dropout, (dy, *rest), node.attrs, node.attrs), *[None] * len(rest))


_dropout = row("dropout", _same, _dropout_gradient)


def dropout(x: Tensor, p: float | Tensor, key: Tensor) -> Tensor:
    """Dropout: each element is kept with probability 1 - p, by the key's random bits.

    Kept elements are x / (1 - p), the others 0; 0 <= p < 1. A tensor as p, int64 (1), holds the
    bits of that float64, and a program reads them at every run.
    """
    if isinstance(p, Tensor):
        return apply(_dropout, (x, key, p), (0,), (0,))
    attrs = (bits_of(p),)
    return apply(_dropout, (x, key), attrs, attrs)

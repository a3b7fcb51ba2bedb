"""Ops on the rows of a matrix: softmax, row lookup by index, and metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastnn._support.arrays import index_range
from fastnn._support.dtypes import HALVES
from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import axis_or_none, permute, reshape, sum
from fastnn.ops.elementwise import exp, mul, sub
from fastnn.ops.names import both_names
from fastnn.ops.promote import cast
from fastnn.ops.table import Op, apply, row
from fastnn.tape import listener
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, float32
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["log_softmax", "softmax"]


def _rows_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [(arrays[0].shape, arrays[0].dtype)], arrays[0].shape


def _softmax_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    y = node.output()
    return (mul(y, sub(dy, sum(mul(dy, y), 1, True))),)


def _log_softmax_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (sub(dy, mul(exp(node.output()), sum(dy, 1, True))),)


_softmax = row("softmax", _rows_shape, _softmax_gradient, batch="fold")
_log_softmax = row("log_softmax", _rows_shape, _log_softmax_gradient, batch="fold")


def along(op: Op, x: Tensor, dim: int, attrs: tuple[int, ...] = ()) -> Tensor:
    """Apply an op on matrix rows along any axis: move it last, flatten to a matrix, undo both."""
    dim = axis_or_none(op.name, dim, x.ndim)
    if x.ndim == 0:
        return reshape(apply(op, (reshape(x, (1, 1)),), attrs), ())
    axes = list(range(x.ndim))
    axes[dim], axes[-1] = axes[-1], axes[dim]
    moved = x if axes == sorted(axes) else permute(x, tuple(axes))
    if moved.ndim == 2:
        y = apply(op, (moved,), attrs)
    else:
        rows = (math.prod(moved.shape[:-1]), moved.shape[-1])
        y = reshape(apply(op, (reshape(moved, rows),), attrs), moved.shape)
    return y if moved is x else permute(y, tuple(axes))


@both_names
def softmax(input: Tensor, dim: int = -1, dtype: DTypeLike | None = None) -> Tensor:
    """Softmax along `dim`: exp(input - max) / sum(exp(input - max)).

    dtype: convert the input to it before.
    """
    x = input if dtype is None else cast(input, dtype)
    if x._array.dtype in HALVES:
        return cast(along(_softmax, cast(x, float32), dim), x.dtype)
    return along(_softmax, x, dim)


@both_names
def log_softmax(input: Tensor, dim: int = -1, dtype: DTypeLike | None = None) -> Tensor:
    """Log-softmax along `dim`: input - max - log(sum(exp(input - max))).

    dtype: convert the input to it before.
    """
    x = input if dtype is None else cast(input, dtype)
    if x._array.dtype in HALVES:
        return cast(along(_log_softmax, cast(x, float32), dim), x.dtype)
    return along(_log_softmax, x, dim)


def _take_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    x, index = arrays
    shape = (index.shape[0], *x.shape[1:])
    return [(shape, x.dtype)], (index.shape[0], math.prod(x.shape[1:]), x.shape[0])


def _take_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    x = node.input(0)
    flat = reshape(dy, (dy.shape[0], math.prod(x.shape[1:])))
    return (reshape(scatter_add_rows(flat, node.input(1), x.shape[0]), x.shape), None)


_take_rows = row("take_rows", _take_shape, _take_gradient, batch="gather")


def take_rows(x: Tensor, index: Tensor) -> Tensor:
    """x[index]: the rows of x at the positions in a 1-D int64 tensor.

    Raises:
        IndexError: an index outside the rows of x.
    """
    rows = x.shape[0]
    if index.ndim != 1:
        raise InvalidValueError(
            f"index: expected row numbers in 1 dimension, got shape {index.shape}"
        )
    listener.checked(index, lambda index: index_range("index", index, rows), rows)
    return apply(_take_rows, (x, index), (x.dtype.itemsize,))


def _scatter_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    dy, rows = arrays[0], attrs[0]
    return [((rows, dy.shape[1]), dy.dtype)], (*dy.shape, rows)


def _scatter_gradient(node: Node, g: Tensor) -> Sequence[Tensor | None]:
    return (take_rows(g, node.input(1)), None)


_scatter_add_rows = row("scatter_add_rows", _scatter_shape, _scatter_gradient, batch="scatter")


def scatter_add_rows(dy: Tensor, index: Tensor, rows: int) -> Tensor:
    """A matrix of `rows` rows; dy[i] is added to its row index[i]."""
    return apply(_scatter_add_rows, (dy, index), (rows,))


def _metric(
    name: str, doc: str, dims: Callable[[NDArray[Any]], tuple[int, ...]]
) -> Callable[[Tensor, Tensor], Tensor]:
    op = row(name, lambda arrays, attrs: ([((), arrays[0].dtype)], dims(arrays[0])))

    def function(z: Tensor, y: Tensor) -> Tensor:
        return apply(op, (z.detach(), y))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


accuracy: Callable[[Tensor, Tensor], Tensor] = _metric(
    "accuracy", "The share of rows whose largest z is at class y.", lambda z: z.shape
)
binary_accuracy: Callable[[Tensor, Tensor], Tensor] = _metric(
    "binary_accuracy",
    "The share of elements with (z > 0) == (y > 0.5).",
    lambda z: (z.size,),
)

METHODS = methods(
    softmax, log_softmax,
)  # fmt: skip

"""Matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn.autograd import Node
from fastnn.ops.reduce import sum
from fastnn.ops.shape import permute, reshape
from fastnn.ops.table import apply, row, same_real
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    a, b = arrays[0], arrays[1]
    if a.dtype != b.dtype or (arrays[2] is not None and arrays[2].dtype != a.dtype):
        same_real("matmul", *arrays[:3])
    return [((a.shape[0], b.shape[1]), a.dtype)], ()


def _gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    a, b = node.input(0), node.input(1)
    return (
        _product(dy, permute(b, (1, 0))) if node.needs(0) else None,
        _product(permute(a, (1, 0)), dy) if node.needs(1) else None,
        sum(dy, 0) if node.needs(2) else None,
        None,
    )


_matmul = row("matmul", _shape, _gradient)


def _product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    return apply(_matmul, (a, b, bias, None), (0, 0))


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product; a vector on either side is a row or a column, and is dropped again.

    Raises:
        ValueError: sizes that do not fit, or more than two axes on the right.
    """
    if a.ndim == 0 or b.ndim == 0 or b.ndim > 2:
        raise ValueError(f"matmul: expected (..., k) and (k, n), got {a.shape} and {b.shape}")
    if a.shape[-1] != b.shape[0]:
        raise ValueError(f"matmul: {a.shape} and {b.shape} do not fit: {a.shape[-1]} columns "
                         f"against {b.shape[0]} rows")  # fmt: skip
    if a.ndim == 2 and b.ndim == 2:
        return _product(a, b)
    rows = reshape(a, (-1, a.shape[-1])) if a.ndim != 2 else a
    columns = reshape(b, (-1, 1)) if b.ndim == 1 else b
    y = _product(rows, columns)
    return reshape(y, (*a.shape[:-1], *b.shape[1:]))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, with weight of shape (out, in); x may have any number of axes.

    Raises:
        ValueError: x whose last axis is not of size in.
    """
    if x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"x: expected {weight.shape[1]} features in the last axis, got shape {x.shape}"
        )
    if bias is not None and bias.ndim != 1:
        raise ValueError(f"bias: expected one axis, got shape {bias.shape}")
    w = permute(weight, (1, 0))
    if x.ndim == 2:
        return _product(x, w, bias)
    y = _product(reshape(x, (-1, x.shape[-1])), w, bias)
    return reshape(y, (*x.shape[:-1], weight.shape[0]))

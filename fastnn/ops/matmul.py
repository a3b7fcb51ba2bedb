"""The op `matmul` and the affine map `linear`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.tape import grad_enabled, operands
from fastnn._support import check, pieces
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import permute, reshape, sum, view_of
from fastnn.ops.elementwise import add, mul
from fastnn.ops.join import cat
from fastnn.ops.promote import cast, same_real
from fastnn.ops.table import TABLE, apply, computed, contiguous_array, execute, row, taped
from fastnn.tape import batch, listener, rounding
from fastnn.tape.inference import free_for
from fastnn.tape.node import GradientRule, Node
from fastnn.tape.rounding import BF16, OPERANDS, PLAIN
from fastnn.tensor import Tensor, bool_, of_array, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    a, b = arrays[0], arrays[1]
    dtype, bias = a.dtype, arrays[2]
    if dtype != b.dtype or (bias is not None and bias.dtype != dtype):
        same_real("matmul", *arrays[:3])
    return [((a.shape[0], b.shape[1]), dtype)], ()


def _gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    a, b, attrs = node.input(0), node.input(1), node.attrs or PLAIN
    return (
        _product(dy, permute(b, (1, 0)), None, attrs) if node.needs(0) else None,
        _product(permute(a, (1, 0)), dy, None, attrs) if node.needs(1) else None,
        sum(dy, 0) if node.needs(2) else None,
        None,
    )


_matmul = row("matmul", _shape, free_for(_gradient, 2), batch="product")
_sum = TABLE["sum"]


def _product(
    a: Tensor, b: Tensor, bias: Tensor | None = None, attrs: tuple[int, ...] | None = None
) -> Tensor:
    """attrs: how operands are rounded; default: as the mode says, but never to 8 bits, which are
    for weights."""
    if attrs is None:
        attrs = BF16 if rounding.ever and operands() == 1 else PLAIN
    return apply(_matmul, (a, b, bias, None), attrs, () if attrs is PLAIN else attrs)


_MOST = 1 << 22  # products that are held at a time


def _whole_product(a: Tensor, b: Tensor) -> Tensor:
    """The product of matrices of whole numbers, exact but for wrapping around; NumPy's, in programs
    by sums of products."""
    if bool_ in (a.dtype, b.dtype):
        if a.dtype == b.dtype and 0 in (*a.shape, *b.shape):  # torch's, where nothing is added up
            return of_array(np.zeros((a.shape[0], b.shape[1]), bool_))
        raise InvalidTypeError("matmul: not for bool tensors; use .long() or .float()")
    if a.dtype != b.dtype:
        same_real("matmul", a._array, b._array)
    if listener.active is None and not batch.batched(a, b):
        right = b._array
        found = pieces.by_row(lambda x: np.matmul(x, right), a._array, right.size // 16)
        return of_array(found)
    (m, k), n = a.shape, b.shape[1]
    step = max(_MOST // max(k * n, 1), 1)
    parts = [
        sum(mul(reshape(view_of(a, slice(i, i + step)), (min(step, m - i), k, 1)), b), 1)
        for i in range(0, max(m, 1), step)
    ]
    return cast(parts[0] if len(parts) == 1 else cat(parts), a.dtype)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The matrix product; a vector on either side is a row or a column, and is dropped again.

    Raises:
        ValueError: sizes that do not fit, or more than two axes on the right.
        TypeError: dtypes that differ, or bool.
    """
    left, right = a._array.shape, b._array.shape
    if not left or not 1 <= len(right) <= 2:
        raise InvalidValueError(
            f"matmul: expected (..., k) and (k, n), got {a.shape} and {b.shape}"
        )
    if left[-1] != right[0]:
        raise InvalidValueError(
            f"matmul: {a.shape} and {b.shape} do not fit: {a.shape[-1]} columns "
            f"against {b.shape[0]} rows"
        )
    if len(left) == 2 and len(right) == 2:
        return _product(a, b) if a._array.dtype.kind in "fV" else _whole_product(a, b)
    rows = reshape(a, (math.prod(a.shape[:-1]), a.shape[-1])) if a.ndim != 2 else a
    columns = reshape(b, (b.shape[0], 1)) if b.ndim == 1 else b
    y = matmul(rows, columns)
    return reshape(y, (*a.shape[:-1], *b.shape[1:]))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, with weight of shape (out, in); x may have any number of axes.

    Raises:
        TypeError: dtypes that differ.
        ValueError: shapes that do not fit.
    """
    x, w = input._array, weight._array
    if w.ndim != 2:
        raise InvalidValueError(f"weight: expected shape (out, in), got {weight.shape}")
    if x.ndim == 0 or x.shape[-1] != w.shape[1]:
        raise InvalidValueError(
            f"input: expected {weight.shape[1]} features along the last axis, "
            f"got shape {input.shape}"
        )
    if x.dtype is not w.dtype:
        check.same_dtype("input", x.dtype, w.dtype, "the weight")
    b = None if bias is None else bias._array
    if b is not None and (b.shape != w.shape[:1] or b.dtype is not w.dtype):
        check.same_shape("bias", b.shape, w.shape[:1], "the rows of weight")
        check.same_dtype("bias", b.dtype, w.dtype, "the weight")
    if x.ndim != 2:
        y = linear(reshape(input, (math.prod(x.shape[:-1]), x.shape[-1])), weight, bias)
        return reshape(y, (*x.shape[:-1], w.shape[0]))
    if batch.batched(input, weight, bias):
        return _product(input, permute(weight, (1, 0)), bias)
    out = np.empty((x.shape[0], w.shape[0]), x.dtype)
    attrs = OPERANDS[operands()] if rounding.ever else PLAIN
    try:
        execute(_matmul, (out,), (x, w.T, b, None), (), attrs)
    except TypeError:  # whole numbers have no kernel; to ask before would cost time
        if x.dtype.kind in "fV":
            raise
        if listener.active is not None:
            listener.active.take_back()
        y = _whole_product(input, permute(weight, (1, 0)))
        return y if bias is None else add(y, bias)
    rule = _linear_gradient if attrs is not BF16 else _linear_gradient_bf16
    return taped(rule, (input, weight, bias), out)


def _gradient_by(attrs: tuple[int, ...]) -> GradientRule:
    """The gradient rule of `linear`; its products round their operands as the forward one does."""

    def _linear_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
        if grad_enabled() or batch.batched(dy, *(node.inputs or ())):
            x, weight = node.input(0), node.input(1)
            return (
                _product(dy, weight, None, attrs) if node.needs(0) else None,
                permute(_product(permute(x, (1, 0)), dy, None, attrs), (1, 0))
                if node.needs(1)
                else None,
                sum(dy, 0) if node.needs(2) else None,
            )
        inputs: Any = node.inputs
        x, weight, bias = inputs
        return (
            _plain(dy._array, weight._array, attrs) if x.requires_grad else None,
            # In the order (in, out), as the weight is stored: the kernel writes rows.
            wrap(_plain(x._array.T, dy._array, attrs)._array.T) if weight.requires_grad else None,
            _column_sums(dy._array) if bias is not None and bias.requires_grad else None,
        )

    return free_for(_linear_gradient, 2)


_linear_gradient, _linear_gradient_bf16 = _gradient_by(PLAIN), _gradient_by(BF16)


def _plain(a: NDArray[Any], b: NDArray[Any], attrs: tuple[int, ...]) -> Tensor:
    return computed(_matmul, (a.shape[0], b.shape[1]), (a, b, None, None), (), attrs)


def _column_sums(dy: NDArray[Any]) -> Tensor:
    dy = contiguous_array(dy)
    return computed(_sum, dy.shape[1:], (dy,), (1, *dy.shape), ())

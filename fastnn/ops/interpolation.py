"""Linear interpolation between two tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import mul, sub
from fastnn.ops.promote import real, same_real
from fastnn.ops.rules import broadcast, written
from fastnn.ops.table import apply, row, taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

__all__ = ["lerp"]


def _lerp_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    start, end, weight = (node.input(i) for i in range(3))
    return (
        unbroadcast(mul(dy, sub(1.0, weight)), start.shape) if node.needs(0) else None,
        unbroadcast(mul(dy, weight), end.shape) if node.needs(1) else None,
        unbroadcast(mul(dy, sub(end, start)), weight.shape) if node.needs(2) else None,
    )


_lerp = row("lerp", broadcast("lerp"), _lerp_gradient)


def lerp(input: Tensor, end: Operand, weight: Operand, *, out: Tensor | None = None) -> Tensor:
    """input + weight (end - input), with broadcasting; exact at weights 0 and 1."""
    if out is not None:
        return written("lerp", lerp(input, end, weight), out)
    input = real(input, end)
    end, w = real(end, input), real(weight, input)
    if w._array.dtype is not input._array.dtype:
        same_real("lerp", input._array, w._array)
    if isinstance(weight, Tensor):
        return apply(_lerp, (input, end, w))
    y = apply(_lerp, (input.detach(), end.detach(), w))
    return taped(_lerp_by_number_gradient, (input, end), y._array, (weight,))


def _lerp_by_number_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    start, end = node.input(0), node.input(1)
    w = real(node.attrs[0], dy)
    return (
        unbroadcast(mul(dy, sub(1.0, w)), start.shape) if node.needs(0) else None,
        unbroadcast(mul(dy, w), end.shape) if node.needs(1) else None,
    )


only_reads(_lerp_by_number_gradient)

METHODS = methods(lerp)

"""Addition, subtraction and division with torch's options `alpha` and `rounding_mode`."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops import elementwise, write
from fastnn.ops.axes import unbroadcast
from fastnn.ops.elementwise import floor_divide, mul, remainder
from fastnn.ops.pointwise import other_sign, trunc
from fastnn.ops.promote import cast, pair
from fastnn.ops.rules import written
from fastnn.ops.table import taped
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.table import Operand, Scalar

__all__ = ["add", "div", "divide", "round", "sub", "subtract", "true_divide"]


def scaled(other: Operand, alpha: Scalar) -> Operand:
    """alpha * other, a number where `other` is one."""
    if alpha == 1:
        return other
    if not isinstance(other, Tensor):
        return other * alpha
    if other.dtype.kind != "f":
        return mul(other, alpha)
    return taped(_scaled_gradient, (other,), mul(other.detach(), alpha)._array, (alpha,))


def _scaled_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (mul(dy, node.attrs[0]),)


only_reads(_scaled_gradient)


def add(input: Operand, other: Operand, *, alpha: Scalar = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha other."""
    return elementwise.add(input, other if alpha == 1 else scaled(other, alpha), out=out)


def sub(input: Operand, other: Operand, *, alpha: Scalar = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha other."""
    return elementwise.sub(input, other if alpha == 1 else scaled(other, alpha), out=out)


def add_(x: Tensor, other: Operand, *, alpha: Scalar = 1) -> Tensor:
    """x += alpha other."""
    return write.add_(x, scaled(other, alpha))


def sub_(x: Tensor, other: Operand, *, alpha: Scalar = 1) -> Tensor:
    """x -= alpha other."""
    return write.sub_(x, scaled(other, alpha))


def _stepped(y: Tensor, a: Operand, b: Operand) -> Tensor:
    """y, which is constant between steps, on the tape of a and b."""
    inputs = tuple(cast(x, y.dtype) for x in (a, b) if isinstance(x, Tensor) and x.requires_grad)
    return taped(_stepped_gradient, inputs, y._array, (len(inputs),)) if inputs else y


def _stepped_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    zero = elementwise.flat(dy)
    return tuple(unbroadcast(zero, node.input(i).shape) for i in range(node.attrs[0]))


only_reads(_stepped_gradient)


def div(
    input: Operand,
    other: Operand,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """input / other.

    Args:
        rounding_mode: "floor" or "trunc": the whole number below, or towards zero; of whole numbers
            a whole number.

    Raises:
        ValueError: another mode.
    """
    if out is not None:
        return written("div", div(input, other, rounding_mode=rounding_mode), out)
    if rounding_mode is None:
        return elementwise.div(input, other)
    if rounding_mode == "floor":
        return _stepped(floor_divide(input, other), input, other)
    if rounding_mode != "trunc":
        raise InvalidValueError(
            f"rounding_mode: expected None, 'floor' or 'trunc', got {rounding_mode!r}"
        )
    x, y = pair(input, other)
    if x.dtype.kind == "f":
        return _stepped(trunc(elementwise.div(x.detach(), y.detach())), x, y)
    below = floor_divide(x, y)
    return elementwise.add(below, cast(other_sign(remainder(x, y), x), below.dtype))


def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """The nearest whole number, the even one of two.

    Args:
        input: x.
        decimals: how many digits after the point to keep, default 0; -2: whole hundreds.

    Raises:
        TypeError: decimals of whole numbers.
    """
    if out is not None:
        return written("round", round(input, decimals=decimals), out)
    if decimals == 0:
        return elementwise.round(input)
    if input.dtype.kind != "f":
        raise InvalidTypeError(
            f"decimals: expected 0 for a tensor of {input.dtype}, got {decimals}"
        )
    scale = 10.0 ** builtins.abs(check.integer("decimals", decimals, -300, 300))
    x = input.detach()
    if decimals > 0:
        y = elementwise.div(elementwise.round(mul(x, scale)), scale)
    else:
        y = mul(elementwise.round(elementwise.div(x, scale)), scale)
    return taped(elementwise.step_gradient, (input,), y._array)


divide: Final = div
true_divide: Final = div
subtract: Final = sub

METHODS = methods(
    add, sub, div, round,
    divide=div, true_divide=div, subtract=sub,
)  # fmt: skip

"""Sums and quotients with torch's options: `alpha`, `rounding_mode`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.ops import elementwise, write
from fastnn.ops.elementwise import abs, floor_divide, mul, sign
from fastnn.ops.functions import trunc
from fastnn.ops.promote import pair
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.ops.table import Scalar

    Operand = Tensor | Scalar


def scaled(other: Operand, alpha: Scalar) -> Operand:
    """alpha * other, a number where `other` is one."""
    if alpha == 1:
        return other
    return mul(other, alpha) if isinstance(other, Tensor) else other * alpha


def add(a: Operand, b: Operand, *, alpha: Scalar = 1) -> Tensor:
    """a + alpha b."""
    return elementwise.add(a, b if alpha == 1 else scaled(b, alpha))


def sub(a: Operand, b: Operand, *, alpha: Scalar = 1) -> Tensor:
    """a - alpha b."""
    return elementwise.sub(a, b if alpha == 1 else scaled(b, alpha))


def add_(x: Tensor, other: Operand, *, alpha: Scalar = 1) -> Tensor:
    """x += alpha other."""
    return write.add_(x, scaled(other, alpha))


def sub_(x: Tensor, other: Operand, *, alpha: Scalar = 1) -> Tensor:
    """x -= alpha other."""
    return write.sub_(x, scaled(other, alpha))


def div(a: Operand, b: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """a / b.

    Args:
        rounding_mode: "floor" or "trunc": the whole number below, or towards zero; of whole numbers
            a whole number.

    Raises:
        ValueError: another mode.
    """
    if rounding_mode is None:
        return elementwise.div(a, b)
    if rounding_mode == "floor":
        return floor_divide(a, b)
    if rounding_mode != "trunc":
        raise ValueError(f"rounding_mode: expected None, 'floor' or 'trunc', got {rounding_mode!r}")
    x, y = pair(a, b)
    if x.dtype.kind == "f":
        return trunc(elementwise.div(x, y))
    return mul(mul(sign(x), sign(y)), floor_divide(abs(x), abs(y)))

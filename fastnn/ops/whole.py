"""Whole numbers: divisors, multiples and shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn._support.errors import InvalidTypeError
from fastnn.ops.elementwise import (
    abs,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    eq,
    gt,
    lt,
    mul,
    pow,
    where,
    whole_quotient,
)
from fastnn.ops.pointwise import bitwise_not, logical_or
from fastnn.ops.promote import cast, pair
from fastnn.ops.rules import binary, some_tensor, tensors, written
from fastnn.tensor import Tensor, bool_, int64
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    import numpy as np

    from fastnn.ops.rules import Binary
    from fastnn.ops.table import Operand

__all__ = ["bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm"]

_gcd: Binary = binary("gcd", "The greatest common divisor of int64.", None)


def _whole(name: str, input: Operand, other: Operand) -> tuple[Tensor, Tensor, np.dtype[Any]]:
    """Both as int64, and the dtype of the result."""
    some_tensor(name, input, other)
    x, y = pair(input, other)
    if x.dtype.kind == "f" or x.dtype == bool_:
        raise InvalidTypeError(f"{name}: expected whole numbers, got {x.dtype}")
    return cast(x, int64), cast(y, int64), x.dtype


def gcd(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The greatest common divisor, at least 0; of 0 and 0 it is 0.

    Raises:
        TypeError: not whole numbers.
    """
    if out is not None:
        return written("gcd", gcd(input, other), out)
    tensors(input, other)
    x, y, dtype = _whole("gcd", input, other)
    return cast(_gcd(x, y), dtype)


def lcm(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The least common multiple, at least 0; 0 where either is 0.

    Raises:
        TypeError: not whole numbers.
    """
    if out is not None:
        return written("lcm", lcm(input, other), out)
    tensors(input, other)
    x, y, dtype = _whole("lcm", input, other)
    divisor = _gcd(x, y)
    return cast(abs(mul(whole_quotient(x, where(eq(divisor, 0), 1, divisor)), y)), dtype)


def bitwise_left_shift(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """input * 2**other, the bits that leave the dtype being lost; 0 for other < 0.

    Raises:
        TypeError: not whole numbers.
    """
    if out is not None:
        return written("bitwise_left_shift", bitwise_left_shift(input, other), out)
    x, n, dtype = _whole("bitwise_left_shift", input, other)
    return cast(mul(x, pow(2, where(lt(n, 0), 64, n))), dtype)


def bitwise_right_shift(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """floor(input / 2**other); for other < 0 or > 63 what a shift by 63 gives, 0 or -1.

    Raises:
        TypeError: not whole numbers.
    """
    if out is not None:
        return written("bitwise_right_shift", bitwise_right_shift(input, other), out)
    x, n, dtype = _whole("bitwise_right_shift", input, other)
    far = logical_or(lt(n, 0), gt(n, 62))
    quotient = whole_quotient(x, pow(2, where(far, 62, n)))
    return cast(where(far, whole_quotient(quotient, 2), quotient), dtype)


def _reflected_left(self: Operand, other: Operand) -> Tensor:
    return bitwise_left_shift(other, self)


def _reflected_right(self: Operand, other: Operand) -> Tensor:
    return bitwise_right_shift(other, self)


METHODS = methods(
    bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor,
    gcd, lcm,
    __lshift__=bitwise_left_shift, __rshift__=bitwise_right_shift,
    __rlshift__=_reflected_left, __rrshift__=_reflected_right,
)  # fmt: skip

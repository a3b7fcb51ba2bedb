"""Python operators of tensors: `+`, `<`, `@`, `x[i]` and the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnn._core.tape import grad_enabled
from fastnn.ops import assignment, indexing, inplace
from fastnn.ops.elementwise import (
    abs,
    add,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    div,
    eq,
    floor_divide,
    ge,
    gt,
    le,
    lt,
    mul,
    ne,
    neg,
    pow,
    remainder,
    sub,
)
from fastnn.ops.extremes import any
from fastnn.ops.pointwise import bitwise_not
from fastnn.ops.products import matmul
from fastnn.ops.promote import is_array, pair
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

    Binary: TypeAlias = Callable[[Operand, Operand], Tensor]

_OPERANDS: tuple[type, ...] = (Tensor, bool, int, float, np.number, np.bool_, np.ndarray)


def _of_right(function: Binary) -> Binary:
    """The reflected operator, for a left operand that is not a tensor: 1 - x."""

    def reflected(self: Operand, other: Operand) -> Tensor:
        return function(other, self)

    return reflected


def _matmul_of_right(self: Tensor, other: Tensor) -> Tensor:
    return matmul(*pair(other, self)) if is_array(other) else matmul(other, self)


def _compared(function: Binary) -> Callable[[Tensor, object], Any]:
    """`==` and `!=`, which Python allows between any two objects."""

    def compare(self: Tensor, other: object) -> Any:
        return function(self, other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[arg-type]

    return compare


def _itself(self: Tensor) -> Tensor:
    return self


def _contains(self: Tensor, value: Operand) -> bool:
    return bool(any(eq(self, value)))


def _iterate(self: Tensor) -> Iterator[Tensor]:
    return (self[i] for i in range(len(self)))


def _set(self: Tensor, index: Any, value: Any) -> None:
    if grad_enabled() and inplace.changes_tape(self, value, "assignment"):
        inplace.assign(self, index, value)
    else:
        assignment.setitem(self, index, value)


_ARITHMETIC: dict[str, Binary] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "truediv": div,
    "floordiv": floor_divide,
    "mod": remainder,
    "pow": pow,
    "and": bitwise_and,
    "or": bitwise_or,
    "xor": bitwise_xor,
}
METHODS: dict[str, Any] = {
    **{f"__{name}__": function for name, function in _ARITHMETIC.items()},
    **{f"__r{name}__": _of_right(function) for name, function in _ARITHMETIC.items()},
    "__rdiv__": _of_right(div),
    "__matmul__": matmul,
    "__rmatmul__": _matmul_of_right,
    "__neg__": neg,
    "__pos__": _itself,
    "__abs__": abs,
    "__invert__": bitwise_not,
    "__eq__": _compared(eq),
    "__ne__": _compared(ne),
    "__lt__": lt,
    "__le__": le,
    "__gt__": gt,
    "__ge__": ge,
    "__contains__": _contains,
    "__iter__": _iterate,
    "__getitem__": indexing.getitem,
    "__setitem__": _set,
}

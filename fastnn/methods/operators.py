"""Tensor's operators, indexing and changes in place: each calls the op of that name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing import Self, TypeAlias

    from fastnn.tensor import Tensor

    Operand: TypeAlias = Tensor | bool | int | float

ops: Any = None  # fastnn.ops, put here by `connect`
is_grad_enabled: Callable[[], bool] = bool


_NUMBERS: tuple[type, ...] = (bool, int, float, np.number, np.bool_)


def _drawn(kind: str, x: Any, *arguments: float) -> Tensor:
    """Random numbers of the shape and type of x."""
    from fastnn import random
    from fastnn.tensor import Tensor

    return Tensor(getattr(random.default_generator, kind)(x.shape, *arguments, x.dtype))


class Operators:
    """What `+`, `<`, `@`, `x[i]` and `add_` do."""

    __slots__ = ()

    requires_grad: bool
    is_leaf: Any

    def __add__(self, other: Operand) -> Tensor:
        return ops.elementwise.add(self, other)  # without options

    def __radd__(self, other: Operand) -> Tensor:
        return ops.elementwise.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return ops.elementwise.sub(self, other)  # without options

    def __rsub__(self, other: Operand) -> Tensor:
        return ops.elementwise.sub(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return ops.elementwise.div(self, other)  # without options

    def __rtruediv__(self, other: Operand) -> Tensor:
        return ops.elementwise.div(other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return ops.remainder(other, self)

    def __pow__(self, other: Operand) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return ops.pow(other, self)

    def __and__(self, other: Operand) -> Tensor:
        return ops.bitwise_and(self, other)

    def __rand__(self, other: Operand) -> Tensor:
        return ops.bitwise_and(other, self)

    def __or__(self, other: Operand) -> Tensor:
        return ops.bitwise_or(self, other)

    def __ror__(self, other: Operand) -> Tensor:
        return ops.bitwise_or(other, self)

    def __xor__(self, other: Operand) -> Tensor:
        return ops.bitwise_xor(self, other)

    def __rxor__(self, other: Operand) -> Tensor:
        return ops.bitwise_xor(other, self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __invert__(self) -> Tensor:
        return ops.bitwise_not(self)

    def __eq__(self, other: object) -> Any:
        return ops.eq(self, other) if isinstance(other, (Operators, *_NUMBERS)) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return ops.ne(self, other) if isinstance(other, (Operators, *_NUMBERS)) else NotImplemented

    def __lt__(self, other: Operand) -> Tensor:
        return ops.lt(self, other)

    def __le__(self, other: Operand) -> Tensor:
        return ops.le(self, other)

    def __gt__(self, other: Operand) -> Tensor:
        return ops.gt(self, other)

    def __ge__(self, other: Operand) -> Tensor:
        return ops.ge(self, other)

    __hash__ = object.__hash__

    def __contains__(self, value: Operand) -> bool:
        return bool(ops.any(ops.eq(self, value)))

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._may_change("assignment", value)
        ops.setitem(self, index, value)

    # In place: for values outside the tape (parameters under no_grad, buffers)

    def _may_change(self, name: str, value: Any) -> None:
        """Refuse where the tape would not notice."""
        if not is_grad_enabled():
            return
        if self.requires_grad:
            raise RuntimeError(f"{name}: a tensor that requires grad is changed in place; "
                               "do so under fastnn.no_grad()")  # fmt: skip
        if isinstance(value, Operators) and value.requires_grad:
            raise RuntimeError(
                f"{name}: a value that requires grad is written into a tensor that does not; "
                "write it detached, or use where, cat or stack"
            )

    def _write(self, name: str, value: Any) -> Tensor:
        self._may_change(name, value)
        return getattr(ops, name)(self, value)

    def copy_(self, source: Operand) -> Tensor:
        """Take the values of `source`, which broadcasts to this shape."""
        return self._write("copy_", source)

    def zero_(self) -> Tensor:
        """Set every element to 0."""
        return self._write("copy_", 0)

    def fill_(self, value: Operand) -> Tensor:
        """Set every element to `value`."""
        return self._write("copy_", value)

    def add_(self, other: Operand, *, alpha: float = 1) -> Tensor:
        """self += alpha other."""
        return self._write("add_", other if alpha == 1 else ops.scaled(other, alpha))

    def sub_(self, other: Operand, *, alpha: float = 1) -> Tensor:
        """self -= alpha other."""
        return self._write("sub_", other if alpha == 1 else ops.scaled(other, alpha))

    def mul_(self, other: Operand) -> Tensor:
        """self *= other."""
        return self._write("mul_", other)

    def div_(self, other: Operand) -> Tensor:
        """self /= other."""
        return self._write("div_", other)

    def clamp_(self, min: Operand | None = None, max: Operand | None = None) -> Tensor:
        """Every element into min..max."""
        return self._write("copy_", ops.clamp(self, min, max))

    def masked_fill_(self, mask: Tensor, value: Operand) -> Tensor:
        """`value` where the mask holds."""
        return self._write("copy_", ops.where(mask, value, self))

    def uniform_(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers between low and high, by fastnn's generator."""
        return self._write("copy_", _drawn("uniform", self, low, high))

    def normal_(self, mean: float = 0.0, std: float = 1.0) -> Tensor:
        """Normal numbers, by fastnn's generator."""
        return self._write("copy_", _drawn("normal", self, mean, std))

    def _on_tape(self, other: Operand) -> bool:
        """Whether `self += other` gives a new tensor: where the tape would need the old one."""
        if not is_grad_enabled():
            return False
        return (self.requires_grad and not self.is_leaf) or (
            isinstance(other, Operators) and other.requires_grad and not self.requires_grad
        )

    def __iadd__(self, other: Operand) -> Tensor:
        if self._on_tape(other):
            return ops.add(self, other)
        return self.add_(other)

    def __isub__(self, other: Operand) -> Tensor:
        if self._on_tape(other):
            return ops.sub(self, other)
        return self.sub_(other)

    def __imul__(self, other: Operand) -> Tensor:
        if self._on_tape(other):
            return ops.mul(self, other)
        return self.mul_(other)

    def __itruediv__(self, other: Operand) -> Tensor:
        if self._on_tape(other):
            return ops.div(self, other)
        return self.div_(other)

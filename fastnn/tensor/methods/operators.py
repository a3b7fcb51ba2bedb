"""Tensor's operators, indexing and changes in place: each calls the op of that name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.tape import wrap
from fastnn._support.late import late

if TYPE_CHECKING:
    from typing import Self, TypeAlias

    from fastnn.tensor.tensor import Tensor

    Operand: TypeAlias = Tensor | bool | int | float

ops: Any = None  # fastnn.ops, put here by `connect`
is_grad_enabled: Callable[[], bool] = bool


_NUMBERS: tuple[type, ...] = (bool, int, float, np.number, np.bool_)


def _drawn(kind: str, x: Any, *arguments: float) -> Tensor:
    """Random numbers of the shape and type of x."""
    draw = getattr(late("fastnn.tensor", "default_generator"), kind)
    return wrap(draw(x.shape, *arguments, x.dtype))


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
        if is_grad_enabled() and ops.inplace.changes_tape(self, value, "assignment"):
            ops.inplace.assign(self, index, value)
        else:
            ops.setitem(self, index, value)

    # In place

    def _write(self, name: str, value: Any, compute: Callable[[Any], Tensor]) -> Any:
        """ops.<name>(self, value), or on the tape compute(self), which is the same beside it."""
        if is_grad_enabled() and ops.inplace.changes_tape(self, value, name):
            ops.inplace.change(self, name, compute)
            return self
        return getattr(ops, name)(self, value)

    def _replace(self, name: str, compute: Callable[[Any], Tensor], *values: Any) -> Any:
        """Take what `compute` makes of self and of these values."""
        if is_grad_enabled() and any(
            ops.inplace.changes_tape(self, v, name) for v in (None, *values)
        ):
            ops.inplace.change(self, name, compute)
            return self
        return ops.copy_(self, compute(self))

    def copy_(self, source: Operand) -> Tensor:
        """Take the values of `source`, which broadcasts to this shape."""
        if is_grad_enabled() and ops.inplace.changes_tape(self, source, "copy_"):
            ops.inplace.assign(self, ..., source)
            return self  # type: ignore[return-value]
        return ops.copy_(self, source)

    def zero_(self) -> Tensor:
        """Set every element to 0."""
        return self.copy_(0)

    def fill_(self, value: Operand) -> Tensor:
        """Set every element to `value`."""
        return self.copy_(value)

    def add_(self, other: Operand, *, alpha: float = 1) -> Tensor:
        """self += alpha other."""
        term = other if alpha == 1 else ops.scaled(other, alpha)
        return self._write("add_", term, lambda old: ops.elementwise.add(old, term))

    def sub_(self, other: Operand, *, alpha: float = 1) -> Tensor:
        """self -= alpha other."""
        term = other if alpha == 1 else ops.scaled(other, alpha)
        return self._write("sub_", term, lambda old: ops.elementwise.sub(old, term))

    def mul_(self, other: Operand) -> Tensor:
        """self *= other."""
        return self._write("mul_", other, lambda old: ops.mul(old, other))

    def div_(self, other: Operand) -> Tensor:
        """self /= other."""
        return self._write("div_", other, lambda old: ops.elementwise.div(old, other))

    def pow_(self, exponent: Operand) -> Tensor:
        """self = self ** exponent."""
        return self._replace("pow_", lambda old: ops.pow(old, exponent), exponent)

    def clamp_(self, min: Operand | None = None, max: Operand | None = None) -> Tensor:
        """Every element into min..max."""
        return self._replace("clamp_", lambda old: ops.clamp(old, min, max), min, max)

    def masked_fill_(self, mask: Tensor, value: Operand) -> Tensor:
        """`value` where the mask holds."""
        return self._replace("masked_fill_", lambda old: ops.where(mask, value, old), value)

    def uniform_(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers between low and high, by fastnn's generator."""
        return self.copy_(_drawn("uniform", self, low, high))

    def normal_(self, mean: float = 0.0, std: float = 1.0) -> Tensor:
        """Normal numbers, by fastnn's generator."""
        return self.copy_(_drawn("normal", self, mean, std))

    def __iadd__(self, other: Operand) -> Tensor:
        return self.add_(other)

    def __isub__(self, other: Operand) -> Tensor:
        return self.sub_(other)

    def __imul__(self, other: Operand) -> Tensor:
        return self.mul_(other)

    def __itruediv__(self, other: Operand) -> Tensor:
        return self.div_(other)


def _named(name: str) -> Callable[[Operators], Any]:
    def method(self: Operators) -> Any:
        return self._replace(name + "_", getattr(ops, name))

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"{name} in place."
    return method


for _name in "abs cos exp log neg reciprocal relu rsqrt sigmoid sin sqrt square tanh".split():
    setattr(Operators, _name + "_", _named(_name))

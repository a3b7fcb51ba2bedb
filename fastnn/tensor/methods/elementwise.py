"""Tensor's methods by element: each calls the function of that name in fastnn.ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.tensor.methods.names import both_names

if TYPE_CHECKING:
    from typing import TypeAlias

    from fastnn.tensor.tensor import Tensor

    Number: TypeAlias = bool | int | float
    Operand: TypeAlias = Tensor | Number

ops: Any = None  # fastnn.ops, put here by `connect`


class Elementwise:
    """`x.exp()`, `x.add(y)`, `x.eq(y)`, `x.isnan()` and the like."""

    __slots__ = ()

    def exp(self) -> Tensor:
        """e**x."""
        return ops.exp(self)

    def exp2(self) -> Tensor:
        """2**x."""
        return ops.exp2(self)

    def expm1(self) -> Tensor:
        """e**x - 1, exact near 0."""
        return ops.expm1(self)

    def log(self) -> Tensor:
        """The natural logarithm."""
        return ops.log(self)

    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0."""
        return ops.log1p(self)

    def log2(self) -> Tensor:
        """The logarithm of base 2."""
        return ops.log2(self)

    def log10(self) -> Tensor:
        """The logarithm of base 10."""
        return ops.log10(self)

    def sqrt(self) -> Tensor:
        """The square root."""
        return ops.sqrt(self)

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""
        return ops.rsqrt(self)

    def square(self) -> Tensor:
        """x * x."""
        return ops.square(self)

    def reciprocal(self) -> Tensor:
        """1 / x."""
        return ops.reciprocal(self)

    def abs(self) -> Tensor:
        """The absolute value."""
        return ops.abs(self)

    def neg(self) -> Tensor:
        """-x."""
        return ops.neg(self)

    def sign(self) -> Tensor:
        """-1, 0 or 1."""
        return ops.sign(self)

    def floor(self) -> Tensor:
        """The whole number below or at x."""
        return ops.floor(self)

    def ceil(self) -> Tensor:
        """The whole number above or at x."""
        return ops.ceil(self)

    def round(self) -> Tensor:
        """The nearest whole number, the even one of two."""
        return ops.round(self)

    def trunc(self) -> Tensor:
        """The whole number towards zero."""
        return ops.trunc(self)

    def sin(self) -> Tensor:
        """The sine of x radians."""
        return ops.sin(self)

    def cos(self) -> Tensor:
        """The cosine of x radians."""
        return ops.cos(self)

    def tan(self) -> Tensor:
        """The tangent of x radians."""
        return ops.tan(self)

    def sinh(self) -> Tensor:
        """The hyperbolic sine."""
        return ops.sinh(self)

    def cosh(self) -> Tensor:
        """The hyperbolic cosine."""
        return ops.cosh(self)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent."""
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x))."""
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        """max(x, 0)."""
        return ops.relu(self)

    def erf(self) -> Tensor:
        """The error function."""
        return ops.erf(self)

    def logical_not(self) -> Tensor:
        """Whether it is 0."""
        return ops.logical_not(self)

    def isnan(self) -> Tensor:
        """Whether it is not a number."""
        return ops.isnan(self)

    def isinf(self) -> Tensor:
        """Whether it is inf or -inf."""
        return ops.isinf(self)

    def isfinite(self) -> Tensor:
        """Whether it is neither inf nor nan."""
        return ops.isfinite(self)

    def add(self, other: Operand, *, alpha: Number = 1) -> Tensor:
        """self + alpha other."""
        return ops.add(self, other, alpha=alpha)

    def sub(self, other: Operand, *, alpha: Number = 1) -> Tensor:
        """self - alpha other."""
        return ops.sub(self, other, alpha=alpha)

    def mul(self, other: Operand) -> Tensor:
        """self * other."""
        return ops.mul(self, other)

    def div(self, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
        """self / other, as a whole number below ("floor") or towards zero ("trunc")."""
        return ops.div(self, other, rounding_mode=rounding_mode)

    def floor_divide(self, other: Operand) -> Tensor:
        """self // other."""
        return ops.floor_divide(self, other)

    def remainder(self, other: Operand) -> Tensor:
        """self % other."""
        return ops.remainder(self, other)

    def maximum(self, other: Operand) -> Tensor:
        """The larger of the two."""
        return ops.maximum(self, other)

    def minimum(self, other: Operand) -> Tensor:
        """The smaller of the two."""
        return ops.minimum(self, other)

    def eq(self, other: Operand) -> Tensor:
        """self == other."""
        return ops.eq(self, other)

    def ne(self, other: Operand) -> Tensor:
        """self != other."""
        return ops.ne(self, other)

    def lt(self, other: Operand) -> Tensor:
        """self < other."""
        return ops.lt(self, other)

    def le(self, other: Operand) -> Tensor:
        """self <= other."""
        return ops.le(self, other)

    def gt(self, other: Operand) -> Tensor:
        """self > other."""
        return ops.gt(self, other)

    def ge(self, other: Operand) -> Tensor:
        """self >= other."""
        return ops.ge(self, other)

    def logical_and(self, other: Operand) -> Tensor:
        """Whether both are other than 0."""
        return ops.logical_and(self, other)

    def logical_or(self, other: Operand) -> Tensor:
        """Whether one of them is other than 0."""
        return ops.logical_or(self, other)

    def logical_xor(self, other: Operand) -> Tensor:
        """Whether just one of them is other than 0."""
        return ops.logical_xor(self, other)

    def pow(self, exponent: Operand) -> Tensor:
        """x**exponent."""
        return ops.pow(self, exponent)

    @both_names
    def clamp(self, min: Operand | None = None, max: Operand | None = None) -> Tensor:
        """`min` where x is below it, `max` where above."""
        return ops.clamp(self, min, max)

    clip = clamp

    def clamp_min(self, min: Operand) -> Tensor:
        """`min` where x is below it."""
        return ops.clamp(self, min)

    def clamp_max(self, max: Operand) -> Tensor:
        """`max` where x is above it."""
        return ops.clamp(self, None, max)

    def equal(self, other: Tensor) -> bool:
        """Whether shapes and all elements are the same."""
        return ops.equal(self, other)

    def allclose(
        self, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        """Whether |self - other| <= atol + rtol |other| everywhere."""
        return ops.allclose(self, other, rtol, atol, equal_nan)

    def isclose(
        self, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Tensor:
        """Whether |self - other| <= atol + rtol |other|, by element."""
        return ops.isclose(self, other, rtol, atol, equal_nan)

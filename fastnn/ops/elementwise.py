"""Elementwise ops with a kernel: NumPy broadcasting, gradients written in ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnn._support.dtypes import uint8
from fastnn.ops.axes import unbroadcast
from fastnn.ops.promote import beside_number, cast, pair, real, same_real
from fastnn.ops.table import apply, row
from fastnn.tape import listener
from fastnn.tape.inference import only_reads
from fastnn.tape.node import GradientRule, Node
from fastnn.tensor import Tensor, bool_, int64
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Operand, Spec

    Unary: TypeAlias = Callable[[Tensor], Tensor]
    Binary: TypeAlias = Callable[[Operand, Operand], Tensor]

__all__ = [
    "abs", "absolute", "bitwise_and", "bitwise_or", "bitwise_xor", "clone", "cos", "eq", "erf",
    "erfinv", "exp", "expm1", "floor", "floor_divide", "ge", "greater", "greater_equal", "gt", "le",
    "lerp", "less", "less_equal", "log", "log1p", "lt", "maximum", "minimum", "mul", "multiply",
    "ne", "neg", "negative", "not_equal", "pow", "relu", "remainder", "round", "sigmoid", "sign",
    "sin", "sqrt", "square", "tanh",
]  # fmt: skip


def _same(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> tuple[list[Spec], tuple[int, ...]]:
    return [(arrays[0].shape, arrays[0].dtype)], ()


def _broadcast(name: str) -> Callable[..., tuple[list[Spec], tuple[int, ...]]]:
    compares = name in ("eq", "ne", "lt", "le", "gt", "ge")

    def shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
        numbers = arrays[1:] if name == "where" else arrays
        dtype = numbers[0].dtype
        if numbers[1].dtype is not dtype and numbers[1].dtype != dtype:
            same_real(name, *numbers)
        size = arrays[0].shape
        if len(arrays) == 2 and arrays[1].shape == size:
            return [(size, bool_ if compares else dtype)], ()
        try:
            size = np.broadcast_shapes(*(a.shape for a in arrays))
        except ValueError:
            shapes = " and ".join(str(a.shape) for a in arrays)
            raise ValueError(f"{name}: shapes {shapes} do not broadcast") from None
        return [(size, bool_ if compares else dtype)], ()

    return shape


def _unary(
    name: str,
    doc: str,
    gradient: Callable[[Node, Tensor], Tensor | None],
    integers: str = "float",
) -> Unary:
    """Make the function of a unary op.

    integers: how whole numbers are treated: "float" casts them, "op" runs the op on them, "same"
        returns a copy.
    """
    op = row(name, _same, lambda node, dy: (gradient(node, dy),))

    def function(input: Tensor) -> Tensor:
        if input._array.dtype.kind not in "fV":
            if integers == "same":
                return copy(input)
            input = real(input) if integers == "float" else input
        return apply(op, (input,))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


_BY_DIGITS = frozenset(("add", "sub", "mul", "div", "pow"))  # a number beside float16 keeps its own


def _binary(name: str, doc: str, gradient: GradientRule | None, floats: bool = False) -> Binary:
    """Make the function of a binary op; floats: whole numbers are cast to float first."""
    op = row(name, _broadcast(name), gradient)

    def function(input: Operand, other: Operand) -> Tensor:
        if isinstance(input, Tensor) and isinstance(other, Tensor):
            dtype = input._array.dtype
            if dtype.kind in "fV" and dtype is other._array.dtype:
                return apply(op, (input, other))
        if name in _BY_DIGITS and (found := beside_number(op, input, other)) is not None:
            return found
        x, y = pair(input, other)
        if floats and x._array.dtype.kind not in "fV":
            x, y = real(x), real(y)
        return apply(op, (x, y))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _each(
    by_a: Callable[[Node, Tensor], Tensor], by_b: Callable[[Node, Tensor], Tensor]
) -> GradientRule:
    """Combine one gradient rule per operand; each sums over the axes that were broadcast."""

    def rule(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
        return (
            unbroadcast(by_a(node, dy), node.input(0).shape) if node.needs(0) else None,
            unbroadcast(by_b(node, dy), node.input(1).shape) if node.needs(1) else None,
        )

    return rule


copy: Unary = _unary("copy", "A copy with memory of its own.", lambda node, dy: dy, "op")
neg: Unary = _unary("neg", "-x.", lambda node, dy: neg(dy), "op")
abs: Unary = _unary(
    "abs", "|x|; the gradient at 0 is 0.", lambda node, dy: mul(dy, sign(node.input(0))), "op"
)
sign: Unary = _unary("sign", "-1, 0 or 1; 0 at nan, as in torch.", lambda node, dy: None, "op")
square: Unary = _unary("square", "x * x.", lambda node, dy: mul(dy, mul(node.input(0), 2.0)), "op")
floor: Unary = _unary("floor", "The whole number below or at x.", lambda node, dy: None, "same")
round: Unary = _unary(
    "round", "The nearest whole number, the even one of two.", lambda node, dy: None, "same"
)
sqrt: Unary = _unary("sqrt", "The square root.", lambda node, dy: div(mul(dy, 0.5), node.output()))
exp: Unary = _unary("exp", "e**x.", lambda node, dy: mul(dy, node.output()))
expm1: Unary = _unary(
    "expm1", "e**x - 1, exact near 0.", lambda node, dy: mul(dy, add(node.output(), 1.0))
)
sin: Unary = _unary("sin", "The sine of x radians.", lambda node, dy: mul(dy, cos(node.input(0))))
cos: Unary = _unary(
    "cos", "The cosine of x radians.", lambda node, dy: neg(mul(dy, sin(node.input(0))))
)
log: Unary = _unary("log", "The natural logarithm.", lambda node, dy: div(dy, node.input(0)))
log1p: Unary = _unary("log1p", "log(1 + x).", lambda node, dy: div(dy, add(node.input(0), 1.0)))
erf: Unary = _unary(
    "erf",
    "The error function, 2/sqrt(pi) * integral of exp(-t*t) from 0 to x.",
    lambda node, dy: mul(dy, mul(exp(neg(square(node.input(0)))), 2 / math.sqrt(math.pi))),
)
erfinv: Unary = _unary(
    "erfinv",
    "The inverse of erf on (-1, 1): the y with erf(y) = x; +-inf at +-1, nan beyond.",
    lambda node, dy: mul(dy, mul(exp(square(node.output())), math.sqrt(math.pi) / 2)),
)
tanh: Unary = _unary(
    "tanh", "The hyperbolic tangent.", lambda node, dy: _tanh_grad(dy, node.output())
)
gelu: Unary = _unary(
    "gelu",
    "x times the normal distribution function: x/2 (1 + erf(x / sqrt 2)).",
    lambda node, dy: _gelu_grad(dy, node.input(0)),
)
sigmoid: Unary = _unary(
    "sigmoid", "1 / (1 + exp(-x)).", lambda node, dy: _sigmoid_grad(dy, node.output())
)
relu: Unary = _unary("relu", "max(x, 0); the gradient at 0 is 0.",
              lambda node, dy: _relu_grad(dy, node.output()))  # fmt: skip

add: Binary = _binary("add", "a + b.", only_reads(_each(lambda node, dy: dy, lambda node, dy: dy)))
sub: Binary = _binary(
    "sub", "a - b.", only_reads(_each(lambda node, dy: dy, lambda node, dy: neg(dy)))
)
mul: Binary = _binary(
    "mul", "a * b.",
    _each(lambda node, dy: mul(dy, node.input(1)), lambda node, dy: mul(dy, node.input(0))),
)  # fmt: skip
div: Binary = _binary(
    "div",
    "a / b.",
    _each(
        lambda node, dy: div(dy, node.input(1)),
        lambda node, dy: neg(div(mul(dy, node.output()), node.input(1))),
    ),
    floats=True,
)
_remainder: Binary = _binary(
    "remainder",
    "a - floor(a / b) * b, with the sign of b, as Python's %.",
    _each(
        lambda node, dy: dy,
        lambda node, dy: neg(mul(dy, _whole_quotient(node.input(0), node.input(1)))),
    ),
)


def remainder(input: Operand, other: Operand) -> Tensor:
    """input - floor(input / other) * other, with the sign of other, as Python's %.

    Raises:
        ZeroDivisionError: whole numbers by zero.
    """
    x, y = pair(input, other)
    if x._array.dtype.kind not in "fV":
        listener.checked(y, _not_zero)
    return _remainder(x, y)


def _whole_quotient(a: Tensor, b: Tensor) -> Tensor:
    """floor(a / b) of floats, by way of the exact remainder."""
    a, b = a.detach(), b.detach()
    return add(round(div(sub(a, _remainder(a, b)), b)), 0.0)  # never -0


_floor_divide: Binary = _binary("floor_divide", "floor(a / b) of integers.", None)
bitwise_and: Binary = _binary("bitwise_and", "a & b of integers or bool.", None)
bitwise_or: Binary = _binary("bitwise_or", "a | b of integers or bool.", None)
bitwise_xor: Binary = _binary("bitwise_xor", "a ^ b of integers or bool.", None)


def floor_divide(input: Operand, other: Operand) -> Tensor:
    """floor(input / other), as Python's //; of floats without a gradient.

    Raises:
        ZeroDivisionError: whole numbers by zero.
    """
    x, y = pair(input, other)
    if x._array.dtype.kind in "fV":
        x, y = x.detach(), y.detach()
        return where(eq(y, 0.0), div(x, y), _whole_quotient(x, y))
    listener.checked(y, _not_zero)
    if x._array.dtype == bool_:
        x, y = cast(x, int64), cast(y, int64)
    return _floor_divide(x, y)


def _not_zero(y: Tensor) -> None:
    if not y._array.all():
        raise ZeroDivisionError("division of whole numbers by zero")


def _larger(node: Node, dy: Tensor, i: int, compare: Binary) -> Tensor:
    """The gradient of maximum or minimum with respect to input i: half of it at ties."""
    a, b = node.input(i).detach(), node.input(1 - i).detach()
    return where(compare(a, b), dy, where(eq(a, b), mul(dy, 0.5), 0.0))


maximum: Binary = _binary(
    "maximum",
    "The larger of a and b; where equal, each has half of the gradient.",
    _each(lambda node, dy: _larger(node, dy, 0, gt), lambda node, dy: _larger(node, dy, 1, gt)),
)
minimum: Binary = _binary(
    "minimum",
    "The smaller of a and b; where equal, each has half of the gradient.",
    _each(lambda node, dy: _larger(node, dy, 0, lt), lambda node, dy: _larger(node, dy, 1, lt)),
)


def _pow_by_exponent(node: Node, dy: Tensor) -> Tensor:
    """dy * y * log(a), and 0 where a is 0, as the limit for positive exponents."""
    a = node.input(0)
    positive = ne(a.detach(), 0.0)
    return where(positive, mul(dy, mul(node.output(), log(where(positive, a, 1.0)))), 0.0)


_pow: Binary = _binary(
    "pow",
    "a**b.",
    _each(
        lambda node, dy: mul(dy, mul(node.input(1), pow(node.input(0), sub(node.input(1), 1.0)))),
        _pow_by_exponent,
    ),
)


_POWERS: dict[float, Unary] = {
    0: lambda x: where(Tensor(np.zeros((), bool_)), x, 1.0),
    1: lambda x: copy(x),
    2: lambda x: square(x),
    3: lambda x: mul(square(x), x),
    0.5: lambda x: sqrt(x),
    -1: lambda x: div(1.0, x),
}


def pow(input: Operand, exponent: Operand) -> Tensor:
    """input**exponent; the powers 0, 1, 2, 3, 0.5 and -1 by multiplication, root and division.

    Raises:
        ValueError: a whole number to a negative whole power.
    """
    if isinstance(input, Tensor) and isinstance(exponent, int | float):
        if input._array.dtype.kind not in "fV":
            if isinstance(exponent, int) and exponent < 0:
                raise ValueError(
                    f"pow: expected a power of at least 0 for {input.dtype}, got {exponent}"
                )
            input = input if isinstance(exponent, int) else real(input)
        if exponent in _POWERS and input._array.dtype.kind in "fV":
            return _POWERS[exponent](input)
    return _pow(input, exponent)


def _no_gradient(name: str, doc: str) -> Binary:
    return _binary(name, doc, None)


eq: Binary = _no_gradient("eq", "a == b by element.")
ne: Binary = _no_gradient("ne", "a != b by element.")
lt: Binary = _no_gradient("lt", "a < b by element.")
le: Binary = _no_gradient("le", "a <= b by element.")
gt: Binary = _no_gradient("gt", "a > b by element.")
ge: Binary = _no_gradient("ge", "a >= b by element.")


def _grad_row(name: str, by_y: Callable[[Tensor, Tensor, Tensor], Tensor] | None) -> Binary:
    """dy times the derivative of an activation, of its output y (gelu: of its input)."""

    def rule(node: Node, g: Tensor) -> Sequence[Tensor | None]:
        dy, y = node.input(0), node.input(1)
        return (
            unbroadcast(derivative(g, y), dy.shape) if node.needs(0) else None,
            unbroadcast(by_y(g, dy, y), y.shape) if by_y is not None and node.needs(1) else None,
        )

    derivative: Binary = _binary(name, "dy times the derivative of an activation.", rule)
    return derivative


_relu_grad: Binary = _grad_row("relu_grad", None)
_sigmoid_grad: Binary = _grad_row(
    "sigmoid_grad", lambda g, dy, y: mul(mul(g, dy), sub(1.0, mul(y, 2.0)))
)
_tanh_grad: Binary = _grad_row("tanh_grad", lambda g, dy, y: mul(mul(g, dy), mul(y, -2.0)))


def _gelu_curve(g: Tensor, dy: Tensor, x: Tensor) -> Tensor:
    """g dy times the second derivative of gelu, (2 - x^2) exp(-x^2 / 2) / sqrt(2 pi)."""
    square_of = square(x)
    bell = mul(exp(mul(square_of, -0.5)), 1 / math.sqrt(2 * math.pi))
    return mul(mul(g, dy), mul(bell, sub(2.0, square_of)))


_gelu_grad: Binary = _grad_row("gelu_grad", _gelu_curve)


def _where_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    c = node.input(0)
    return (
        None,
        unbroadcast(where(c, dy, 0.0), node.input(1).shape) if node.needs(1) else None,
        unbroadcast(where(c, 0.0, dy), node.input(2).shape) if node.needs(2) else None,
    )


_where = row("where", _broadcast("where"), only_reads(_where_gradient, 0))


def where(condition: Tensor, input: Operand, other: Operand) -> Tensor:
    """input where the condition holds, else other, with broadcasting."""
    if condition._array.dtype == uint8:
        condition = cast(condition, bool_)
    if condition.dtype != bool_:
        raise TypeError(f"condition: expected a bool tensor, got {condition.dtype}")
    return apply(_where, (condition, *pair(input, other)))


def _lerp_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    start, end, weight = (node.input(i) for i in range(3))
    return (
        unbroadcast(mul(dy, sub(1.0, weight)), start.shape) if node.needs(0) else None,
        unbroadcast(mul(dy, weight), end.shape) if node.needs(1) else None,
        unbroadcast(mul(dy, sub(end, start)), weight.shape) if node.needs(2) else None,
    )


_lerp = row("lerp", _broadcast("lerp"), _lerp_gradient)


def lerp(input: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """input + weight (end - input), with broadcasting; exact at weights 0 and 1."""
    input = real(input, end)
    return apply(_lerp, (input, real(end, input), real(weight, input)))


clone = copy
absolute, negative = abs, neg
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
multiply = mul

METHODS = methods(
    abs, neg, sign, square, floor, round, sqrt, exp, expm1, sin, cos, log, log1p, erf, erfinv, tanh,
    sigmoid, relu, mul, remainder, floor_divide, maximum, minimum, pow, eq, ne, lt, le, gt, ge,
    lerp,
    clone=copy, absolute=abs, negative=neg, multiply=mul, greater=gt, greater_equal=ge, less=lt,
    less_equal=le, not_equal=ne,
)  # fmt: skip

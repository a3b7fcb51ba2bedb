"""Elementwise ops with a kernel: NumPy broadcasting, gradients written in ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn._support.dtypes import uint8
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.axes import unbroadcast
from fastnn.ops.promote import cast, pair, real
from fastnn.ops.rules import (
    binary as _binary,
    broadcast,
    each as _each,
    of_two,
    some_tensor,
    unary as _unary,
    written,
)
from fastnn.ops.table import TABLE, apply, row
from fastnn.tape import listener
from fastnn.tape.inference import free_for, only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, int64, of_array
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from fastnn.ops.rules import Binary, Unary
    from fastnn.ops.table import Operand

__all__ = [
    "abs", "absolute", "bitwise_and", "bitwise_or", "bitwise_xor", "clone", "cos", "eq", "erf",
    "erfinv", "exp", "expm1", "floor", "floor_divide", "ge", "greater", "greater_equal", "gt", "le",
    "less", "less_equal", "log", "log1p", "lt", "maximum", "minimum", "mul", "multiply",
    "ne", "neg", "negative", "not_equal", "pow", "relu", "remainder", "sigmoid", "sign",
    "sin", "sqrt", "square", "tanh",
]  # fmt: skip


copy: Unary = _unary(
    "copy", "A copy with memory of its own.", lambda node, dy: dy, "op", reads=False
)
neg: Unary = _unary("neg", "-x.", lambda node, dy: neg(dy), "op", reads=False)
abs: Unary = _unary(
    "abs", "|x|; the gradient at 0 is 0.", lambda node, dy: mul(dy, sign(node.input(0))), "op"
)
_sign: Unary = _unary("sign", "-1, 0 or 1.", lambda node, dy: flat(dy), "op", reads=False)


def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1; 0 at nan, and a bool itself, as in torch. The gradient is 0."""
    if out is not None:
        return written("sign", sign(input), out)
    return copy(input) if input._array.dtype == bool_ else _sign(input)


def flat(dy: Tensor) -> Tensor:
    """The gradient of what is constant nearby: 0, also of an infinite dy."""
    return where(of_array(np.zeros((), bool_)), dy, 0.0)


square: Unary = _unary(
    "square",
    "x * x; int64 of bool.",
    lambda node, dy: mul(dy, mul(node.input(0), 2.0)),
    lambda x: apply(TABLE["square"], (cast(x, int64) if x.dtype == bool_ else x,)),
)


def step_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """The gradient rule of a step function of one input."""
    return (flat(dy),)


only_reads(step_gradient)


floor: Unary = _unary(
    "floor", "The whole number below or at x.", lambda node, dy: flat(dy), "same", reads=False
)
round: Unary = _unary(
    "round",
    "The nearest whole number, the even one of two.",
    lambda node, dy: flat(dy),
    "same",
    reads=False,
)
sqrt: Unary = _unary("sqrt", "The square root.", lambda node, dy: div(mul(dy, 0.5), node.output()))
exp: Unary = _unary("exp", "e**x.", lambda node, dy: mul(dy, node.output()))
expm1: Unary = _unary(
    "expm1", "e**x - 1, exact near 0.", lambda node, dy: mul(dy, exp(node.input(0)))
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


def _relu_of_integers(x: Tensor) -> Tensor:
    if x.dtype == bool_:
        raise InvalidTypeError("relu: expected numbers, got bool; use .long()")
    return larger(x, 0)


relu: Unary = _unary("relu", "max(x, 0); the gradient at 0 is 0.",
              lambda node, dy: _relu_grad(dy, node.output()), _relu_of_integers)  # fmt: skip

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
    free_for(
        _each(
            lambda node, dy: dy,
            lambda node, dy: neg(mul(dy, floored(node.input(0), node.input(1)))),
        ),
        0,
    ),
)


def remainder(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """input - floor(input / other) * other, with the sign of other, as Python's %.

    Raises:
        ZeroDivisionError: whole numbers by zero.
    """
    if out is not None:
        return written("remainder", remainder(input, other), out)
    some_tensor("remainder", input, other)
    x, y = pair(input, other)
    if x._array.dtype.kind not in "fV":
        listener.checked(y, _not_zero)
    return _remainder(x, y)


def floored(a: Tensor, b: Tensor) -> Tensor:
    """floor(a / b) of floats by way of the exact remainder, off the tape; a / b where b is 0."""
    a, b = a.detach(), b.detach()
    quotient = add(round(div(sub(a, _remainder(a, b)), b)), 0.0)  # never -0
    # Of an infinite b the quotient is 0 or, where the signs differ, -1; nan where a is not finite.
    lone = add(smaller(mul(sign(a), sign(b)), 0.0), sub(a, a))
    quotient = where(eq(abs(b), math.inf), lone, quotient)
    return where(eq(b, 0.0), div(a, b), quotient)


whole_quotient: Binary = _binary("floor_divide", "floor(a / b) of integers.", None)
bitwise_and: Binary = _binary("bitwise_and", "a & b of integers or bool.", None, takes="one number")
bitwise_or: Binary = _binary("bitwise_or", "a | b of integers or bool.", None, takes="one number")
bitwise_xor: Binary = _binary("bitwise_xor", "a ^ b of integers or bool.", None, takes="one number")


def floor_divide(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """floor(input / other), as Python's //; of floats without a gradient.

    Raises:
        ZeroDivisionError: whole numbers by zero.
    """
    if out is not None:
        return written("floor_divide", floor_divide(input, other), out)
    x, y = pair(input, other)
    if x._array.dtype.kind in "fV":
        return floored(x, y)
    listener.checked(y, _not_zero)
    if x._array.dtype == bool_:
        x, y = cast(x, int64), cast(y, int64)
    return whole_quotient(x, y)


def _not_zero(y: Tensor) -> None:
    if not y._array.all():
        raise ZeroDivisionError("division of whole numbers by zero")


def _chosen(node: Node, dy: Tensor, i: int, loses: Binary) -> Tensor:
    """The gradient of maximum or minimum by input i: half of it at ties, all of it at nan."""
    a, b = node.input(i).detach(), node.input(1 - i).detach()
    return where(loses(a, b), 0.0, where(eq(a, b), mul(dy, 0.5), dy))


maximum: Binary = _binary(
    "maximum",
    "The larger of a and b; where equal, each has half of the gradient.",
    _each(lambda node, dy: _chosen(node, dy, 0, lt), lambda node, dy: _chosen(node, dy, 1, lt)),
    takes="tensors",
)
minimum: Binary = _binary(
    "minimum",
    "The smaller of a and b; where equal, each has half of the gradient.",
    _each(lambda node, dy: _chosen(node, dy, 0, gt), lambda node, dy: _chosen(node, dy, 1, gt)),
    takes="tensors",
)
# For our own code: beside a number too, which torch's maximum and minimum refuse.
larger: Binary = of_two(TABLE["maximum"], "The larger of a and b.")
smaller: Binary = of_two(TABLE["minimum"], "The smaller of a and b.")


def _pow_by_base(node: Node, dy: Tensor) -> Tensor:
    """dy b a**(b - 1), and 0 where b is 0."""
    a, b = node.input(0), node.input(1)
    flat = eq(b.detach(), 0.0)
    slope = mul(b, _pow(a, sub(where(flat, 1.0, b), 1.0)))
    return mul(dy, where(flat, 0.0, slope))


def _pow_by_exponent(node: Node, dy: Tensor) -> Tensor:
    """dy a**b log(a), and 0 where a is 0 and b is not negative: the limit for positive b."""
    a, b = node.input(0), node.input(1).detach()
    flat = bitwise_and(eq(a.detach(), 0.0), ge(b, 0.0))
    return mul(dy, where(flat, 0.0, mul(node.output(), log(where(flat, 1.0, a)))))


_pow: Binary = _binary("pow", "a**b.", _each(_pow_by_base, _pow_by_exponent))


_POWERS: dict[float, Callable[[Tensor], Tensor]] = {
    0: lambda x: where(of_array(np.zeros((), bool_)), x, 1.0),
    1: lambda x: copy(x),
    2: lambda x: square(x),
    3: lambda x: mul(square(x), x),
    0.5: lambda x: sqrt(x),
    -0.5: lambda x: div(1.0, sqrt(x)),
    -1: lambda x: div(1.0, x),
}


def pow(input: Operand, exponent: Operand, *, out: Tensor | None = None) -> Tensor:
    """input**exponent; the powers 0, 1, 2, 3, 0.5, -0.5 and -1 by products, roots and quotients.

    Raises:
        ValueError: a whole number to a negative whole power.
    """
    if out is not None:
        return written("pow", pow(input, exponent), out)
    if isinstance(input, Tensor) and isinstance(exponent, int | float):
        if input._array.dtype.kind not in "fV":
            if isinstance(exponent, int) and exponent < 0:
                raise InvalidValueError(
                    f"pow: expected a power of at least 0 for {input.dtype}, got {exponent}"
                )
            input = input if isinstance(exponent, int) else real(input)
        if exponent in _POWERS and input._array.dtype.kind in "fV":
            return _POWERS[exponent](input)
    elif not isinstance(exponent, Tensor):
        some_tensor("pow", input, exponent)
    return _pow(input, exponent)


def _no_gradient(name: str, doc: str) -> Binary:
    return _binary(name, doc, None, takes="tensor first")


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


_where = row("where", broadcast("where"), only_reads(_where_gradient, 0))


def where(condition: Tensor, input: Operand, other: Operand) -> Tensor:
    """input where the condition holds, else other, with broadcasting."""
    if condition._array.dtype == uint8:
        condition = cast(condition, bool_)
    if condition.dtype != bool_:
        raise InvalidTypeError(f"condition: expected a bool tensor, got {condition.dtype}")
    return apply(_where, (condition, *pair(input, other)))


_copy = TABLE["copy"]


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own; memory_format has no effect."""
    check.a_tensor("input", input)
    return apply(_copy, (input,))


negative: Unary
absolute: Unary
absolute, negative = abs, neg
not_equal: Binary
less_equal: Binary
less: Binary
greater_equal: Binary
greater: Binary
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
multiply = mul

METHODS = methods(
    abs, neg, sign, square, floor, sqrt, exp, expm1, sin, cos, log, log1p, erf, erfinv, tanh,
    sigmoid, relu, mul, remainder, floor_divide, maximum, minimum, pow, eq, ne, lt, le, gt, ge,
    clone, absolute=abs, negative=neg, multiply=mul, greater=gt, greater_equal=ge, less=lt,
    less_equal=le, not_equal=ne,
)  # fmt: skip

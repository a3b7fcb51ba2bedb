"""Makes the functions of elementwise ops: rows of the table, broadcasting, promotion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError, broadcast_shapes
from fastnn.ops.axes import unbroadcast
from fastnn.ops.promote import beside_number, fits, number_beside, pair, real, same_real
from fastnn.ops.table import TABLE, apply, row
from fastnn.ops.write import copy_
from fastnn.tape.inference import only_reads
from fastnn.tape.node import GradientRule, Node
from fastnn.tensor import Tensor, bool_

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Op, Operand, Spec

    class Unary(Protocol):
        """A function of one tensor."""

        def __call__(self, input: Tensor, *, out: Tensor | None = None) -> Tensor: ...

    class Binary(Protocol):
        """A function of two tensors, or of a tensor and a number."""

        def __call__(
            self, input: Operand, other: Operand, *, out: Tensor | None = None
        ) -> Tensor: ...


def same(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> tuple[list[Spec], tuple[int, ...]]:
    return [(arrays[0].shape, arrays[0].dtype)], ()


_COMPARES = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))


def broadcast(name: str) -> Callable[..., tuple[list[Spec], tuple[int, ...]]]:
    compares = name in _COMPARES

    def shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
        numbers = arrays[1:] if name == "where" else arrays
        dtype = numbers[0].dtype
        if numbers[1].dtype is not dtype and numbers[1].dtype != dtype:
            same_real(name, *numbers)
        try:
            size = broadcast_shapes(*[a.shape for a in arrays])
        except ValueError:
            shapes = " and ".join(str(a.shape) for a in arrays)
            raise InvalidValueError(f"{name}: shapes {shapes} do not broadcast") from None
        return [(size, bool_ if compares else dtype)], ()

    return shape


def written(name: str, y: Tensor, out: Tensor) -> Tensor:
    """The result y in the memory of `out`, which is returned: what out= means.

    Raises:
        RuntimeError: a result on the tape, which out= is not for. ValueError: another shape.
        TypeError: a dtype that out cannot hold.
    """
    if not isinstance(out, Tensor):
        raise InvalidTypeError(f"out: expected a Tensor, got {type(out).__name__}")
    if y.requires_grad or out.requires_grad:
        raise RuntimeError(
            f"{name}: out= does not go with gradients; leave it out, or use fastnn.no_grad()"
        )
    if out._array.shape != y._array.shape:
        raise InvalidValueError(f"out: expected shape {y.shape}, got {out.shape}")
    fits(name, out, y._array.dtype)
    return copy_(out, y)


def unary(
    name: str,
    doc: str,
    gradient: Callable[[Node, Tensor], Tensor | None],
    integers: str | Callable[[Tensor], Tensor] = "float",
    reads: bool = True,
) -> Unary:
    """Make the function of a unary op.

    integers: how whole numbers are treated: "float" casts them, "op" runs the op on them, "same"
        returns a copy, a function is applied to them.
    reads: whether the gradient reads values of the input or the output.
    """
    rule: GradientRule = lambda node, dy: (gradient(node, dy),)  # noqa: E731
    op = row(name, same, rule if reads else only_reads(rule), alike=True)

    def function(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        if out is not None:
            return written(name, function(input), out)
        try:
            kind = input._array.dtype.kind
        except AttributeError:
            check.a_tensor("input", input)
            raise
        if kind not in "fV":
            if integers == "same":
                return apply(TABLE["copy"], (input,))
            if callable(integers):
                return integers(input)
            input = real(input) if integers == "float" else input
        return apply(op, (input,))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


_BY_DIGITS = frozenset(("add", "sub", "mul", "div", "pow"))  # a number beside float16 keeps its own


def binary(
    name: str,
    doc: str,
    gradient: GradientRule | None,
    floats: bool = False,
    takes: str = "numbers",
) -> Binary:
    """Make the function of a binary op.

    floats: whole numbers are cast to float first.
    takes: which operands may be numbers, as in torch: "numbers" both, "one number" one of them,
        "tensor first" the second, "tensors" none.
    """
    op = row(name, broadcast(name), gradient, alike=name not in _COMPARES)
    return of_two(op, doc, floats, takes)


def of_two(op: Op, doc: str, floats: bool = False, takes: str = "numbers") -> Binary:
    """The function of a binary op that is in the table; arguments as in `binary`."""
    name = op.name
    no_number = takes == "tensors"

    def function(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
        if out is not None:
            return written(name, function(input, other), out)
        if isinstance(input, Tensor):
            if isinstance(other, Tensor):
                dtype = input._array.dtype
                if dtype.kind in "fV" and dtype is other._array.dtype:
                    return apply(op, (input, other))
            elif no_number:
                check.a_tensor("other", other)
            elif (y := number_beside(input, other)) is not None:
                return apply(op, (input, y))
        elif takes == "numbers" and (x := number_beside(other, input)) is not None:
            return apply(op, (x, other))
        elif takes == "one number":
            some_tensor(name, input, other)
        elif takes != "numbers":
            check.a_tensor("input", input)
        if name in _BY_DIGITS and (found := beside_number(op, input, other)) is not None:
            return found
        x, y = pair(input, other)
        if floats and x._array.dtype.kind not in "fV":
            x, y = real(x), real(y)
        return apply(op, (x, y))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def each(
    by_a: Callable[[Node, Tensor], Tensor], by_b: Callable[[Node, Tensor], Tensor]
) -> GradientRule:
    """Combine one gradient rule per operand; each sums over the axes that were broadcast."""

    def rule(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
        return (
            unbroadcast(by_a(node, dy), node.input(0).shape) if node.needs(0) else None,
            unbroadcast(by_b(node, dy), node.input(1).shape) if node.needs(1) else None,
        )

    return rule


def tensors(input: Operand, other: Operand, names: Sequence[str] = ("input", "other")) -> None:
    """Refuse numbers, as torch does in functions of two tensors."""
    check.a_tensor(names[0], input)
    check.a_tensor(names[1], other)


def some_tensor(name: str, input: Operand, other: Operand) -> None:
    """Refuse two numbers."""
    if not (isinstance(input, Tensor) or isinstance(other, Tensor)):
        raise InvalidTypeError(f"{name}: expected at least one tensor, got {input!r} and {other!r}")

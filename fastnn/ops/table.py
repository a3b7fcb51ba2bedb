"""The table in Python: a row's shape rule, its gradient rule, and how a row is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnn._core import engine, tape
from fastnn.tape import listener
from fastnn.tape.node import GradientRule, Node
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Spec: TypeAlias = tuple[tuple[int, ...], np.dtype[Any]]
    Scalar: TypeAlias = bool | int | float
    Operand: TypeAlias = Tensor | Scalar

Batch = Literal["broadcast", "fold", "product", "gather", "scatter", "each"]


# The door makes Tensors; it is told of the class, and its stub says Any.
apply: Callable[..., Tensor] = tape.apply
computed: Callable[..., Tensor] = tape.computed
taped: Callable[..., Tensor] = tape.taped
execute = tape.execute


class Op:
    """One row.

    name: as in fastnn.h's FNN_OPS. code, packed: its number there, and whether its arrays must be
        C-contiguous.
    shape: (input arrays, attrs) -> (shape and dtype of each output, dims for a packed row).
    gradient: gradients by the inputs, in ops; None for what has no gradient.
    in_place: the kernel's first `in_place` arrays are read and written, and there is no output.
    batch: how vmap runs it on arrays with a batch axis in front:
        "broadcast": any strides, so axes of size 1 go between the batch and the others;
        "fold": the batch joins the first axis of the one input;
        "product", "gather", "scatter": as matmul, take_rows and scatter_add_rows do;
        "each": sample by sample.
    """

    __slots__ = ("batch", "code", "gradient", "in_place", "name", "packed", "shape")

    def __init__(
        self,
        name: str,
        shape: Callable[..., tuple[list[Spec], tuple[int, ...]]],
        code: int,
        packed: bool,
        gradient: GradientRule | None = None,
        in_place: int = 0,
        batch: Batch = "each",
    ) -> None:
        self.name, self.shape, self.code, self.packed = name, shape, code, packed
        self.gradient, self.in_place, self.batch = gradient, in_place, batch


TABLE: dict[str, Op] = {}


def row(
    name: str,
    shape: Callable[..., tuple[list[Spec], tuple[int, ...]]],
    gradient: GradientRule | None = None,
    batch: Batch | None = None,
) -> Op:
    """Add a row to the table: what Python knows of an op, beside what fastnn.h does.

    batch: default "each" for a packed op, else "broadcast".
    """
    packed = engine.LAYOUTS[name] == "packed"
    if batch is None:
        batch = "each" if packed else "broadcast"
    in_place = engine.IN_PLACE[name]
    TABLE[name] = op = Op(name, shape, engine.OPS[name], packed, gradient, in_place, batch)
    return op


def view(
    x: Tensor, array: NDArray[Any], gradient: GradientRule, note: tuple[Any, ...] = ()
) -> Tensor:
    """A tensor on memory of `x`: no kernel, only a place on the tape."""
    return taped(gradient, (x,), array, note)


def contiguous_array(array: NDArray[Any]) -> NDArray[Any]:
    """The array, or a copy of it, C-contiguous; by the row `copy`, so that a recorder sees it."""
    if array.flags.c_contiguous:
        return array
    out = np.empty(array.shape, array.dtype)
    execute(TABLE["copy"], (out,), (array,), (), ())
    return out


tape.bind(contiguous=contiguous_array)


def made_by(node: Node) -> str:
    """The name of the op that a node is of."""
    rule = node.rule
    if getattr(rule, "custom", False):  # a Function
        return f"{node.attrs[1].__name__}Backward"
    name = next((op.name for op in TABLE.values() if op.gradient is rule), None)
    if name is None:
        name = getattr(rule, "__name__", "").strip("_").removesuffix("_gradient") or "function"
    return "".join(word.capitalize() for word in name.split("_")) + "Backward0"


def new_array(shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Memory that rows are to write part by part."""
    out = np.empty(shape, dtype)
    if listener.active is not None:  # a program knows by one whole write that it is new
        execute(TABLE["copy"], (out,), (np.zeros((), dtype),), (), ())
    return out

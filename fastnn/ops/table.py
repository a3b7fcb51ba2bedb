"""The op table in Python: each op's shape rule and gradient rule, and how ops are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

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


# The Cython module makes Tensors; the class is bound to it at import, so its stub says Any.
apply: Callable[..., Tensor] = tape.apply
computed: Callable[..., Tensor] = tape.computed
taped: Callable[..., Tensor] = tape.taped
view: Callable[..., Tensor] = tape.view
execute: Final = tape.execute


class Op(tape.Row):
    """One op: a row of the table.

    name: as in fastnn.h's FNN_OPS. code, packed: its number there, and whether its arrays must be
        C-contiguous.
    shape: (input arrays, attrs) -> (shape and dtype of each output, dims for a packed op).
    gradient: gradients with respect to the inputs, written in ops; None: not differentiable.
    alike: the output has the shape and dtype of the inputs if all of these have the same, so that
        the shape rule is not asked.
    in_place: the kernel's first `in_place` arrays are read and written, and there is no output.
    batch: the batching rule, how vmap runs the op on arrays with a leading batch axis:
        "broadcast": any strides, so axes of size 1 go between the batch and the others;
        "fold": the batch joins the first axis of the one input;
        "product", "gather", "scatter": as matmul, take_rows and scatter_add_rows do;
        "each": sample by sample.
    """

    in_place: int
    __slots__ = ("batch", "in_place")

    def __init__(
        self,
        name: str,
        shape: Callable[..., tuple[list[Spec], tuple[int, ...]]],
        code: int,
        packed: bool,
        gradient: GradientRule | None = None,
        in_place: int = 0,
        batch: Batch = "each",
        alike: bool = False,
    ) -> None:
        super().__init__(name, code, shape, packed, alike, gradient)
        self.in_place, self.batch = in_place, batch


TABLE: dict[str, Op] = {}


def row(
    name: str,
    shape: Callable[..., tuple[list[Spec], tuple[int, ...]]],
    gradient: GradientRule | None = None,
    batch: Batch | None = None,
    alike: bool = False,
) -> Op:
    """Add an op to the table: its rules in Python, in addition to its entry in fastnn.h.

    batch: default "each" for a packed op, else "broadcast".
    """
    packed = engine.LAYOUTS[name] == "packed"
    if batch is None:
        batch = "each" if packed else "broadcast"
    in_place = engine.IN_PLACE[name]
    code = engine.OPS[name]
    TABLE[name] = op = Op(name, shape, code, packed, gradient, in_place, batch, alike)
    return op


def contiguous_array(array: NDArray[Any]) -> NDArray[Any]:
    """The array, or a C-contiguous copy, made by the op `copy` so that a recorder sees it."""
    if array.flags.c_contiguous:
        return array
    out = np.empty(array.shape, array.dtype)
    execute(TABLE["copy"], (out,), (array,), (), ())
    return out


tape.bind(contiguous=contiguous_array)


def made_by(node: Node) -> str:
    """The name of the op that created a node, as `grad_fn` shows it."""
    rule = node.rule
    if getattr(rule, "custom", False):  # a Function
        return f"{rule.__self__.__name__}Backward"  # type: ignore[attr-defined]
    name = next((op.name for op in TABLE.values() if op.gradient is rule), None)
    if name is None:
        name = getattr(rule, "__name__", "").strip("_").removesuffix("_gradient") or "function"
    return "".join(word.capitalize() for word in name.split("_")) + "Backward0"


def new_array(shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An uninitialised array that several ops will write part by part."""
    out = np.empty(shape, dtype)
    if listener.active is not None:  # one write of the whole array tells a program that it is new
        execute(TABLE["copy"], (out,), (np.zeros((), dtype),), (), ())
    return out

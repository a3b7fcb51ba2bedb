from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastnn.ops.table import Op
from fastnn.tape.node import GradientRule
from fastnn.tensor import Tensor

_Array = NDArray[Any]

def bind(
    tensor: type[Tensor] | None = None,
    contiguous: Callable[[_Array], _Array] | None = None,
    rules: Any = None,
    refuse: Callable[[GradientRule, tuple[Tensor | None, ...], tuple[Any, ...]], None]
    | None = None,
) -> None: ...
def grad_enabled() -> bool: ...
def set_grad_enabled(mode: bool) -> bool: ...
def inference_enabled() -> bool: ...
def set_inference(mode: bool) -> bool: ...
def node_count() -> int: ...
def note_write() -> int: ...
def last_write() -> int: ...
def wrap(array: _Array) -> Tensor: ...
def rebase(x: Tensor, y: Tensor) -> None: ...
def span(array: _Array) -> tuple[int, int]: ...
def owner(array: _Array) -> _Array: ...
def execute(
    op: Op,
    outputs: tuple[_Array | None, ...],
    inputs: tuple[_Array | None, ...],
    dims: tuple[int, ...],
    attrs: tuple[int, ...],
) -> None: ...
def computed(
    op: Op,
    shape: tuple[int, ...],
    inputs: tuple[_Array | None, ...],
    dims: tuple[int, ...],
    attrs: tuple[int, ...],
) -> Tensor: ...
def taped(
    rule: GradientRule,
    inputs: tuple[Tensor | None, ...],
    out: _Array,
    note: tuple[Any, ...] = (),
) -> Tensor: ...
def apply(
    op: Op,
    inputs: tuple[Tensor | None, ...],
    attrs: tuple[int, ...] = (),
    note: tuple[Any, ...] = (),
    out: _Array | None = None,
) -> Tensor: ...

@disjoint_base
class Node:
    rule: GradientRule
    @property
    def inputs(self) -> tuple[Tensor | None, ...] | None: ...
    @inputs.setter
    def inputs(self, inputs: tuple[Tensor | None, ...] | None) -> None: ...
    outputs: tuple[_Array | None, ...]
    attrs: tuple[Any, ...]
    order: int
    def __init__(
        self,
        rule: GradientRule,
        inputs: tuple[Tensor | None, ...],
        outputs: tuple[_Array | None, ...],
        attrs: tuple[Any, ...],
    ) -> None: ...
    def input(self, i: int) -> Tensor: ...
    def output(self, i: int = 0) -> Tensor: ...
    def needs(self, i: int) -> bool: ...

@disjoint_base
class TensorBase:
    _array: _Array
    grad: Tensor | None
    requires_grad: bool
    _past: Tensor | None
    _node: Node | None
    _index: int
    _unit: bool
    _inference: bool
    def __init__(self, array: _Array, requires_grad: bool = False) -> None: ...

def hold(tensors: tuple[Tensor, ...], arrays: list[_Array]) -> bool: ...
def take_gradients(params: list[Tensor], views: list[Tensor]) -> tuple[bool, ...] | None: ...

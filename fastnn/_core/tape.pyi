from collections.abc import Callable
from typing import Any, Self, SupportsIndex, overload

from numpy.typing import NDArray
from typing_extensions import disjoint_base

_Array = NDArray[Any]
# Defined in higher modules, and passed down by `bind`.
_Tensor = Any
_Rule = Callable[..., Any]

def bind(
    tensor: type[_Tensor] | None = None,
    contiguous: Callable[[_Array], _Array] | None = None,
    widened: Callable[..., None] | None = None,
    rules: Any = None,
    refuse: Callable[[_Rule, tuple[_Tensor | None, ...], tuple[Any, ...]], None] | None = None,
    renew: Callable[[_Tensor], None] | None = None,
    size: type[Sizes] | None = None,
) -> None: ...

class Sizes(tuple[int, ...]):
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> Self: ...

def grad_enabled() -> bool: ...
def set_grad_enabled(mode: bool) -> bool: ...
def operands() -> int: ...
def set_operands(mode: int) -> int: ...
def inference_enabled() -> bool: ...
def set_inference(mode: bool) -> bool: ...
def node_count() -> int: ...
def unused() -> int: ...
def note_write() -> int: ...
def last_write() -> int: ...
def wrap(array: _Array) -> _Tensor: ...
def rebase(x: _Tensor, y: _Tensor) -> None: ...
def turn(x: _Tensor, y: _Tensor) -> None: ...
def span(array: _Array) -> tuple[int, int]: ...
def owner(array: _Array) -> _Array: ...
def execute(
    op: Row,
    outputs: tuple[_Array | None, ...],
    inputs: tuple[_Array | None, ...],
    dims: tuple[int, ...],
    attrs: tuple[int, ...],
) -> None: ...
def computed(
    op: Row,
    shape: tuple[int, ...],
    inputs: tuple[_Array | None, ...],
    dims: tuple[int, ...],
    attrs: tuple[int, ...],
) -> _Tensor: ...
def taped(
    rule: _Rule,
    inputs: tuple[_Tensor | None, ...],
    out: _Array,
    note: tuple[Any, ...] = (),
) -> _Tensor: ...
def view(x: _Tensor, array: _Array, rule: _Rule, note: tuple[Any, ...] = ()) -> _Tensor: ...
def apply(
    op: Row,
    inputs: tuple[_Tensor | None, ...],
    attrs: tuple[int, ...] = (),
    note: tuple[Any, ...] = (),
    out: _Array | None = None,
) -> _Tensor: ...

@disjoint_base
class Row:
    name: str
    code: int
    shape: Callable[..., Any]
    packed: bool
    alike: bool
    gradient: _Rule | None
    def __init__(
        self,
        name: str,
        code: int,
        shape: Callable[..., Any],
        packed: bool,
        alike: bool,
        gradient: _Rule | None,
    ) -> None: ...

@disjoint_base
class Node:
    rule: _Rule
    @property
    def inputs(self) -> tuple[_Tensor | None, ...] | None: ...
    outputs: tuple[_Array | None, ...]
    attrs: tuple[Any, ...]
    order: int
    def __init__(
        self,
        rule: _Rule,
        inputs: tuple[_Tensor | None, ...],
        outputs: tuple[_Array | None, ...],
        attrs: tuple[Any, ...],
    ) -> None: ...
    def input(self, i: int) -> _Tensor: ...
    def output(self, i: int = 0) -> _Tensor: ...
    def needs(self, i: int) -> bool: ...

@disjoint_base
class TensorBase:
    _array: _Array
    grad: _Tensor | None
    requires_grad: bool
    _base: _Tensor | None
    _former: list[tuple[int, _Array]] | None
    _node: Node | None
    _index: int
    _unit: bool
    _inference: bool
    _stand_in: bool
    _given: bool
    def __init__(self, array: _Array, requires_grad: bool = False) -> None: ...
    @property
    def shape(self) -> tuple[int, ...]: ...

def hold(tensors: tuple[_Tensor, ...], arrays: list[_Array]) -> bool: ...
def take_gradients(params: list[_Tensor], views: list[_Tensor]) -> tuple[bool, ...] | None: ...

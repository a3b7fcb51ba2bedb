from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, overload

from fastnn._core.tape import Node, TensorBase

_Place = int | tuple[int, int]
_T = TypeVar("_T", bound=TensorBase)

def bind(
    add: Callable[[Any, Any], TensorBase] | None = None,
    checked: Callable[[Any, Node, list[Any]], Any] | None = None,
    check_view: Callable[[Any, int, int], None] | None = None,
    hooks: Mapping[_Place, Any] | None = None,
    after_hooks: Callable[[_Place, Any], TensorBase] | None = None,
) -> None: ...
def place_of(x: TensorBase) -> _Place: ...
def inputs_of(node: Node) -> tuple[Any, ...]: ...
def reaches(outputs: Iterable[_T], start: int) -> dict[_Place, _T]: ...
@overload
def propagate(
    outputs: Sequence[_T],
    cotangents: Sequence[_T],
    wanted: None,
    create_graph: bool,
    keep: bool,
    start: int = -1,
    check: Callable[[Node, Any], None] | None = None,
) -> dict[int, tuple[_T, _T]]: ...
@overload
def propagate(
    outputs: Sequence[_T],
    cotangents: Sequence[_T],
    wanted: set[_Place],
    create_graph: bool,
    keep: bool,
    start: int = -1,
    check: Callable[[Node, Any], None] | None = None,
) -> dict[_Place, _T]: ...
def hand_over(arrived: list[tuple[_T, _T]], taken: set[int]) -> list[tuple[_T, _T]]: ...

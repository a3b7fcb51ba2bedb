from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastnn._core.program import Program
from fastnn._core.watch import Watch

_Tensor = Any  # defined above this door, which is told of it by `bind`
FREE_THREADED: bool

def bind(tensor: type[_Tensor]) -> None: ...

@disjoint_base
class Replay:
    def __init__(
        self,
        program: Program,
        watch: Watch,
        inputs: list[NDArray[Any]],
        outputs: list[tuple[tuple[int, ...], Any]],
        labels: list[tuple[int, int, int]],
        build: Callable[[list[_Tensor]], Any] | None,
    ) -> None: ...

@disjoint_base
class Forward:
    def __init__(
        self, program: Program, watch: Watch, x: NDArray[Any], y: NDArray[Any]
    ) -> None: ...
    def run(self, x: Any, out: Any) -> NDArray[Any] | None: ...

@disjoint_base
class Feeds:
    def __init__(self, x: NDArray[Any], y: NDArray[Any], classes: int) -> None: ...
    def take(self, x: Any, y: Any) -> bool: ...

@disjoint_base
class Front:
    _shortcut: Replay | None
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

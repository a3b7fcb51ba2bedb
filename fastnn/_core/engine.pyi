from collections.abc import Callable
from typing import Any, Self

from numpy.typing import NDArray
from typing_extensions import disjoint_base

OPS: dict[str, int]
LAYOUTS: dict[str, str]
WRITES: dict[str, int]
UPDATES: tuple[str, ...]
HYPER_SIZE: int
HYPER_STEPS: int
DTYPES: tuple[str, ...]
OPENMP: bool

def isas() -> tuple[str, ...]: ...
def isa() -> str: ...
def set_isa(name: str) -> None: ...
def set_num_threads(n: int) -> None: ...
def num_threads() -> int: ...
def after_fork_in_child(alone: Callable[[], object]) -> None: ...
def fail_allocation(nth: int) -> None: ...
def allocations() -> int: ...
def call(
    code: int,
    arrays: tuple[NDArray[Any] | None, ...],
    dims: tuple[int, ...] = (),
    attrs: tuple[int, ...] = (),
    threads: int | None = None,
) -> None: ...
def all_finite(values: NDArray[Any]) -> bool: ...
def in_range(labels: NDArray[Any], classes: int) -> bool: ...
def recorder() -> Any: ...
def set_recorder(listener: Any) -> None: ...
def reads(module: Any) -> None: ...
def shuffle(order: NDArray[Any], seed: int, epoch: int) -> None: ...

@disjoint_base
class Program:
    bound: tuple[int, ...]
    arena_bytes: int
    instructions: int
    def __new__(
        cls,
        instructions: list[tuple[Any, ...]],
        externals: list[NDArray[Any]],
        bound: tuple[int, ...],
        arena_bytes: int,
    ) -> Self: ...
    @property
    def cost(self) -> float: ...
    def run(self, arrays: tuple[NDArray[Any], ...], threads: int | None = None) -> None: ...
    def profile(
        self, arrays: tuple[NDArray[Any], ...], us: NDArray[Any], threads: int | None = None
    ) -> int: ...

@disjoint_base
class Loop:
    programs: list[Program | None]
    order: NDArray[Any]
    def __init__(
        self,
        programs: list[Program | None],
        bound: list[tuple[NDArray[Any], ...]],
        sources: list[NDArray[Any]],
        totals: list[tuple[int, int]],
        batch: int,
        steps: int,
        order: NDArray[Any],
        shuffle: bool,
        seed: int,
        every: int = 1,
        make: Callable[[int], tuple[Program, tuple[NDArray[Any], ...]]] | None = None,
    ) -> None: ...
    def start(
        self,
        epoch: int,
        step: int,
        last_epoch: int,
        sums: NDArray[Any],
        rates: list[tuple[NDArray[Any], NDArray[Any]]] | None = None,
    ) -> None: ...
    @property
    def epoch(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def done(self) -> int: ...
    def run(self, seconds: float, threads: int | None = None) -> bool: ...

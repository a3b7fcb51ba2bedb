from collections.abc import Callable
from typing import Any, Self

from numpy.typing import NDArray
from typing_extensions import disjoint_base

ARENA: int
EXTERNAL: int
BOUND: int

def team_size(cost: float, limit: int) -> int: ...
def shuffle(order: NDArray[Any], seed: int, epoch: int) -> None: ...

@disjoint_base
class Program:
    bound: tuple[int, ...]
    arena_bytes: int
    instructions: int
    cost: float
    def __new__(
        cls,
        instructions: list[tuple[Any, ...]],
        externals: list[NDArray[Any]],
        bound: tuple[int, ...],
        arena_bytes: int,
    ) -> Self: ...
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
        rows: int = 0,
    ) -> None: ...
    def window(
        self, sources: list[NDArray[Any]], order: NDArray[Any], first: int, pause: int
    ) -> None: ...
    def start(
        self,
        epoch: int,
        step: int,
        last_epoch: int,
        sums: NDArray[Any],
        rates: list[tuple[NDArray[Any], NDArray[Any]]] | None = None,
    ) -> None: ...
    def renew(self, sources: list[NDArray[Any]], seed: int) -> None: ...
    @property
    def epoch(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def done(self) -> int: ...
    def run(self, seconds: float, threads: int | None = None) -> bool: ...

def close(closes: bool) -> None: ...
def running() -> int: ...
def renew() -> None: ...

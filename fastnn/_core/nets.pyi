from typing import Any, Self

from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastnn._core.program import Program

TRAIN: int
EVALUATE: int
STATUSES: dict[int, str]

@disjoint_base
class Nets:
    def __new__(
        cls, copies: list[list[tuple[Program, list[NDArray[Any]], int, NDArray[Any]]]], count: int
    ) -> Self: ...
    def course(
        self,
        i: int,
        use: int,
        parts: list[tuple[int, NDArray[Any], NDArray[Any]] | None],
        sources: list[NDArray[Any]],
        totals: list[tuple[int, int]],
        batch: int,
        steps: int,
        order: NDArray[Any],
        among: NDArray[Any] | None,
        sums: NDArray[Any],
        seed: int = 0,
        shuffle: bool = False,
        every: int = 1,
    ) -> None: ...
    def watch(
        self,
        i: int,
        use: int,
        total: int,
        divisor: float,
        weighted: bool,
        larger: bool,
        delta: float,
        patience: int,
        start: int,
        blocks: list[tuple[NDArray[Any], NDArray[Any]]],
    ) -> None: ...
    def until(self, i: int, epoch: int) -> None: ...
    def stop(self, i: int) -> None: ...
    def state(self, i: int) -> tuple[int, int, int, bool, str]: ...
    def steps(self) -> int: ...
    def run(self, seconds: float, threads: int) -> int: ...

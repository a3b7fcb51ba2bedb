from typing import Any

from numpy.typing import NDArray
from typing_extensions import disjoint_base

from fastnn._core.program import Program

SLOTS: int

@disjoint_base
class Lbfgs:
    def place(
        self,
        real: int,
        values: NDArray[Any],
        gradients: NDArray[Any],
        slots: NDArray[Any],
        direction: NDArray[Any],
        origin: NDArray[Any],
        changes: NDArray[Any],
        steps: NDArray[Any],
        inverses: NDArray[Any],
        shares: NDArray[Any],
    ) -> None: ...
    def remember(
        self,
        evaluations: int,
        iterations: int,
        first: int,
        count: int,
        t: float,
        scale: float,
        loss: float,
        last: int,
    ) -> None: ...
    def begin(
        self,
        lr: float,
        max_iter: int,
        max_eval: int,
        tolerance_grad: float,
        tolerance_change: float,
        searches: bool,
    ) -> None: ...
    def told(self, loss: float) -> bool: ...
    def abandon(self) -> None: ...
    def run(self, program: Program, arrays: tuple[Any, ...], loss: int, real: int) -> None: ...
    @property
    def state(self) -> tuple[int, int, int, int, float, float, float, int]: ...
    @property
    def value(self) -> float: ...

"""torch with the whole step, update and all, compiled by Inductor, which tries its kernels out."""

from __future__ import annotations

import torch

from bench import rival_torch_eager
from bench.cases import Case
from bench.data import Data


class Rival(rival_torch_eager.Rival):
    def __init__(self, case: Case, data: Data, threads: int) -> None:
        super().__init__(case, data, threads)
        self.compiled = torch.compile(super()._step, mode="max-autotune")

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.compiled(x, y)

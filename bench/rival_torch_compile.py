"""torch with forward, loss and backward compiled by Inductor, and its fused Adam."""

from __future__ import annotations

import torch

from bench import rival_torch_eager
from bench.cases import Case
from bench.data import Data


class Rival(rival_torch_eager.Rival):
    def __init__(self, case: Case, data: Data, threads: int) -> None:
        super().__init__(case, data, threads)
        self.compiled = torch.compile(super().loss_of)

    def loss_of(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.compiled(x, y)

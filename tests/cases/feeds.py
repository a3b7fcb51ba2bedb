"""Data and nets that a Trainer is fed with: two inputs, classes and values."""

from __future__ import annotations

import numpy as np

import fastnn
from fastnn import nn
from fastnn.tensor import Tensor

ROWS, BATCH = 50, 16  # the last batch has 2 rows
RNG = np.random.default_rng(7)
X = RNG.normal(size=(ROWS, 5)).astype(np.float32)
KINDS = RNG.integers(0, 4, (ROWS, 2))
CLASSES = RNG.integers(0, 3, ROWS)
VALUES = RNG.normal(size=(ROWS, 1)).astype(np.float32)


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.body = nn.Embedding(4, 3), nn.Linear(5 + 6, 3)

    def forward(self, x: Tensor, kinds: Tensor) -> Tensor:
        return self.body(fastnn.cat([x, self.table(kinds).reshape(len(x), -1)], 1))

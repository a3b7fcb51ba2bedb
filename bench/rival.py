"""What a rival offers; each lives in `rival_NAME.py` as a class named `Rival`."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from bench.cases import Case
from bench.data import Data


class Unsupported(Exception):
    """The rival cannot do this case; the text says why."""


class RivalProtocol(Protocol):
    """Built from the case's first weights; `losses` is asked before any training."""

    packages: ClassVar[tuple[str, ...]]

    def __init__(self, case: Case, data: Data, threads: int) -> None: ...

    def losses(self, steps: int) -> list[float]:
        """Train on the first unshuffled batches; the loss of each step before its update."""
        ...

    def epochs(self, count: int) -> None:
        """Train that many shuffled epochs; return when all work is done."""
        ...

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """The net's outputs (logits, or logarithms of probabilities), NumPy in and out."""
        ...

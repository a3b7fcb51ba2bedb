"""Interface of a rival: `rival_NAME.py` has a class `Rival` with these methods."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from bench.cases import Case
from bench.data import Data


class Unsupported(Exception):
    """Raised if a rival does not support a case; the text says why."""


class RivalProtocol(Protocol):
    """Starts from the initial weights of the case; `losses` is called before any training."""

    packages: ClassVar[tuple[str, ...]]

    def __init__(self, case: Case, data: Data, threads: int) -> None: ...

    def kernel(self) -> str:
        """Which kernels run in this process, as the library itself says."""
        ...

    def losses(self, steps: int) -> list[float]:
        """Train on the first unshuffled batches; return the loss of each step before its update."""
        ...

    def epochs(self, count: int) -> None:
        """Train for `epochs` shuffled epochs; return when all work is done."""
        ...

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Outputs of the net (logits or log-probabilities), NumPy in and out."""
        ...

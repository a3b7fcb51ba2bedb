"""NumPy: the hand-written net of `fastnn train --compare`, loaded without fastnn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench import kernels
from bench.cases import Case
from bench.data import Data


def _numpy_net() -> Any:
    """Load the file by its path; importing it as a module would load fastnn's library too."""
    path = Path(__file__).parents[1] / "fastnn/cli/numpy_net.py"
    spec = importlib.util.spec_from_file_location("numpy_net", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("numpy",)

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        self.case, self.data = case, data
        self.net = _numpy_net().NumpyNet(list(case.widths), case.activation, case.loss, case.lr)
        for i, (w, b) in enumerate(zip(data.w, data.b, strict=True)):
            self.net.params.w[i][...] = w
            self.net.params.b[i][...] = b

    def kernel(self) -> str:
        return kernels.of_blas()

    def losses(self, steps: int) -> list[float]:
        return [self.net.step(*self.data.batch(self.case, step)) for step in range(steps)]

    def epochs(self, count: int) -> None:
        self.net.fit(self.data.x, self.data.y, count, self.case.batch)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.net.outputs(x)

"""Worker process for one rival and case: JSON commands on stdin, JSON answers on stdout.

`python -m bench.worker RIVAL CASE --data FILE.npz --threads 1`. Between commands it sleeps.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.cases import CASES
from bench.pin import pin

WARM_CALLS = 2
WARM_SECONDS = 0.1


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            module = importlib.import_module(package)
            found[package] = getattr(module, "__version__", "in the checkout")
    return found


class Worker:
    """Handles `kernel`, `losses`, `outputs`, `train`, `predict`; timings warm up on first use."""

    def __init__(self, rival: Any, x: Any) -> None:
        self.rival, self.x = rival, x
        self.calls: dict[str, float] = {}

    def _timed(self, key: str, run: Callable[[int], None], seconds: float) -> float:
        """Seconds per unit of `run(count)`, timed over about the given seconds."""
        if key not in self.calls:
            began, calls = time.perf_counter(), 0
            while calls < WARM_CALLS or time.perf_counter() - began < WARM_SECONDS:
                started = time.perf_counter()
                run(1)
                self.calls[key] = time.perf_counter() - started
                calls += 1
        count = max(1, round(seconds / self.calls[key]))
        started = time.perf_counter()
        run(count)
        self.calls[key] = (time.perf_counter() - started) / count
        return self.calls[key]

    def kernel(self) -> str:
        return self.rival.kernel()

    def train(self, seconds: float) -> float:
        return self._timed("train", self.rival.epochs, seconds)

    def predict(self, rows: int, seconds: float) -> float:
        import numpy as np

        x = np.resize(self.x, (rows, self.x.shape[1]))

        def run(count: int) -> None:
            for _ in range(count):
                self.rival.outputs(x)

        return self._timed(f"predict {rows}", run, seconds)

    def losses(self, steps: int) -> list[float]:
        return self.rival.losses(steps)

    def outputs(self, rows: int) -> list[list[float]]:
        return self.rival.outputs(self.x[:rows]).tolist()


def _private_stdout() -> Any:
    """Reserve stdout for answers: whatever a library prints goes to stderr."""
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return pipe


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.worker", description=__doc__)
    parser.add_argument("rival")
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    pipe = _private_stdout()
    pin(options.threads)

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=pipe)

    from bench import data

    case = CASES[options.case]
    try:
        module = importlib.import_module(f"bench.rival_{options.rival}")
        stored = data.load(options.data, case)
        worker = Worker(module.Rival(case, stored, options.threads), stored.x)
    except ImportError as error:
        answer(error=f"not installed: {error}")
        return 0
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")
        return 0
    answer(versions=_versions(module.Rival.packages))
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer(value=getattr(worker, command.pop("do"))(**command))
        except Exception as error:
            answer(error=f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Micro-benchmarks of single ops against NumPy: activations, losses, Adam, one call.

`python -m bench.micro` prints one JSON object; `python -m bench` runs it for you.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.cases import MAIN
from bench.pin import pin

TRIES = 5
ELEMENTS = 4096
ULP_SAMPLES = 1 << 20
ADAM_BYTES = 28
SUM_OF_CALL = 8
CLASSES = 10
MEAN = 2


def seconds_of(run: Callable[[], Any], seconds: float) -> float:
    """Seconds per call, best of several tries that share the given time."""
    run()
    started = time.perf_counter()
    run()
    once = time.perf_counter() - started
    count = max(1, math.ceil(seconds / TRIES / max(once, 1e-7)))
    best = math.inf
    for _ in range(TRIES):
        started = time.perf_counter()
        for _ in range(count):
            run()
        best = min(best, (time.perf_counter() - started) / count)
    return best


class Micro:
    """One method per measurement; each returns plain JSON data."""

    def __init__(self, seconds: float) -> None:
        import numpy as np

        from fastnn._core import engine

        self.np, self.engine, self.seconds = np, engine, seconds
        self.rng = np.random.default_rng(0)

    def normal(self, *shape: int) -> Any:
        return self.rng.standard_normal(shape, dtype=self.np.float32)

    def time(self, run: Callable[[], Any]) -> float:
        return seconds_of(run, self.seconds)

    def call(
        self,
        op: str,
        arrays: tuple[Any, ...],
        attrs: tuple[int, ...] = (),
        dims: tuple[int, ...] = (),
    ) -> float:
        code, call = self.engine.OPS[op], self.engine.call
        return self.time(lambda: call(code, arrays, dims, attrs))

    def activations(self) -> list[dict[str, Any]]:
        """Nanoseconds per element, and the largest error in units in the last place."""
        np, rows = self.np, []
        exact: dict[str, Callable[[Any], Any]] = {
            "exp": np.exp,
            "tanh": np.tanh,
            "log": np.log,
            "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        }
        for op, function in exact.items():
            x = self.normal(ELEMENTS) * 4
            x = np.abs(x) + np.float32(1e-3) if op == "log" else x
            out = np.empty_like(x)
            ours = self.call(op, (out, x))
            theirs = self.time(lambda function=function, x=x: function(x))
            row = {"op": op, "fastnn": 1e9 * ours / ELEMENTS, "numpy": 1e9 * theirs / ELEMENTS}
            rows.append(row | {"ulp": self.ulp(op, function)})
        return rows

    def ulp(self, op: str, function: Callable[[Any], Any]) -> float:
        np = self.np
        x = self.rng.uniform(-80, 80, ULP_SAMPLES).astype(np.float32)
        x = np.exp(x) if op == "log" else x
        out = np.empty_like(x)
        self.engine.call(self.engine.OPS[op], (out, x))
        true = function(x.astype(np.float64))
        return float(np.max(np.abs(out - true) / np.spacing(np.abs(true).astype(np.float32))))

    def losses(self) -> list[dict[str, Any]]:
        """Nanoseconds per logit, gradient included."""
        np, n = self.np, ELEMENTS // CLASSES
        z, dz, loss = (
            self.normal(n, CLASSES),
            np.empty((n, CLASSES), np.float32),
            np.empty(1, np.float32),
        )
        y = self.rng.integers(CLASSES, size=n)
        cross_entropy = self.call("softmax_cross_entropy", (loss, dz, z, y), (MEAN,), z.shape)
        z, dz = self.normal(ELEMENTS), np.empty(ELEMENTS, np.float32)
        target = (z > 0).astype(np.float32)
        bce = self.call("bce_with_logits", (loss, dz, z, target), (MEAN,), z.shape)
        return [
            {"op": "softmax_cross_entropy", "fastnn": 1e9 * cross_entropy / (n * CLASSES)},
            {"op": "bce_with_logits", "fastnn": 1e9 * bce / ELEMENTS},
        ]

    def optimizer(self) -> list[dict[str, Any]]:
        """GB/s of Adam, counting 28 bytes per parameter and step."""
        np, rows = self.np, []
        for case in MAIN:
            p, g = self.normal(case.parameters), self.normal(case.parameters)
            m, v = np.zeros_like(p), np.zeros_like(p)
            hyper = np.array([1e-3, 0, 0, 1, 0, 0.9, 0.999, 1e-8, 0, 0, 0, 0])  # enum fnn_hyper
            seconds = self.call("adam_step", (p, hyper, m, v, None, g), (0,), p.shape)
            rate = ADAM_BYTES * case.parameters / seconds / 1e9
            rows.append({"case": case.name, "parameters": case.parameters, "gb_s": rate})
        return rows

    def one_call(self) -> dict[str, float]:
        """Nanoseconds of one engine call: adding 8 floats."""
        np = self.np
        a, out = np.ones(SUM_OF_CALL, np.float32), np.empty(SUM_OF_CALL, np.float32)
        ours, theirs = self.call("add", (out, a, a)), self.time(lambda: np.add(a, a, out=out))
        return {"fastnn": 1e9 * ours, "numpy": 1e9 * theirs}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.micro", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.1, help="a measurement")
    options = parser.parse_args()
    pin(options.threads)
    try:
        micro = Micro(options.seconds)
    except ImportError as error:
        print(json.dumps({"left_out": f"not built: {error}"}))
        return 0
    names = ("activations", "losses", "optimizer", "one_call")
    print(json.dumps({name: getattr(micro, name)() for name in names}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

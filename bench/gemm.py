"""`python -m bench.gemm`: matrix products beside `np.matmul`, and beside the machine's peak.

The shapes of all training cases in all three orders, then random ones with sides of 1..1024. One
thread, float32 unless `--dtype` says otherwise; the two libraries take turns at each shape.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.cases import CASES
from bench.pin import pin

ORDERS = ("x w", "x' dz", "dz w'")
LARGEST = 1024
TURNS = 9
SECONDS = 0.002  # of one timing


def layers() -> Iterator[tuple[str, int, int, int]]:
    """(name, m, n, k) and order of every different product of the cases: (m, k) by (k, n)."""
    seen = set()
    for case in CASES.values():
        for n_in, n_out in case.pairs:
            if (case.batch, n_in, n_out) not in seen:
                seen.add((case.batch, n_in, n_out))
                yield f"{case.name} {n_in}x{n_out}", case.batch, n_in, n_out


def operands(np: Any, order: str, rows: int, n_in: int, n_out: int, dtype: str) -> tuple[Any, Any]:
    """The two factors as a training step has them: `x`, `w` and `dz` in rows, views transposed."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    if order == "x w":
        return normal(rows, n_in), normal(n_in, n_out)
    if order == "x' dz":
        return normal(rows, n_in).T, normal(rows, n_out)
    return normal(rows, n_out), normal(n_in, n_out).T


def _seconds(run: Callable[[], Any], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - began) / count


def turns(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of a call of each, the medians of short timings that take turns."""
    counts = []
    for run in (ours, theirs):
        run()
        counts.append(max(1, math.ceil(SECONDS / max(_seconds(run, 3), 1e-7))))
    found = [(_seconds(ours, counts[0]), _seconds(theirs, counts[1])) for _ in range(TURNS)]
    return statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)


def measured(name: str, order: str, shape: tuple[int, int, int], dtype: str) -> dict[str, Any]:
    """GF/s of one product by both libraries; the results are compared."""
    import numpy as np

    from fastnn._core import engine

    a, b = operands(np, order, *shape, dtype)
    out, other = (np.empty((a.shape[0], b.shape[1]), dtype) for _ in range(2))
    code, call = engine.OPS["matmul"], engine.call
    arrays = (out, a, b, None, None)
    ours, theirs = turns(lambda: call(code, arrays, (), (0, 0)), lambda: np.matmul(a, b, out=other))
    scale = float(np.abs(other).max()) or 1.0
    flops = 2e-9 * shape[0] * shape[1] * shape[2]
    return {
        "name": name,
        "order": order,
        "rows": shape[0],
        "inputs": shape[1],
        "outputs": shape[2],
        "fastnn": flops / ours,
        "numpy": flops / theirs,
        "ratio": theirs / ours,
        "error": float(np.abs(out - other).max()) / scale,
    }


def random_shapes(count: int, seed: int) -> Iterator[tuple[int, int, int]]:
    """Sides of 1..1024, evenly spread over their logarithms."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for _ in range(count):
        rows, n_in, n_out = (2 ** (rng.random(3) * math.log2(LARGEST))).round().astype(int)
        yield int(rows), int(n_in), int(n_out)


def sweep(count: int, dtype: str, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """The products of the cases, and random ones whose order goes round."""
    cases = [
        measured(name, order, (rows, n_in, n_out), dtype)
        for name, rows, n_in, n_out in layers()
        for order in ORDERS
    ]
    shapes = enumerate(random_shapes(count, seed))
    chance = [measured("random", ORDERS[i % 3], shape, dtype) for i, shape in shapes]
    return {"cases": cases, "random": chance}


def row(found: dict[str, Any], peak: float | None) -> str:
    size = f"{found['rows']}x{found['inputs']}x{found['outputs']}"
    share = f"{found['fastnn'] / peak:6.0%}" if peak else ""
    return (
        f"{found['name']:18} {size:>15} {found['order']:6} {found['fastnn']:8.1f} "
        f"{found['numpy']:8.1f} {found['ratio']:6.2f}x {share}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gemm", description=__doc__)
    parser.add_argument("--random", type=int, default=200, help="how many random shapes")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--json", help="where to write the results")
    options = parser.parse_args()
    pin(1)
    from bench import machine

    peak = machine.peaks(1).get("fma_gflops")
    if peak and options.dtype == "float64":
        peak /= 2
    found = sweep(options.random, options.dtype)
    print(f"{'product':18} {'rows x in x out':>15} {'order':6} {'fastnn':>8} {'NumPy':>8}  GF/s")
    for part in found["cases"]:
        print(row(part, peak))
    slow = sorted(found["random"], key=lambda part: part["ratio"])
    print(f"the slowest of {len(slow)} random shapes against NumPy:")
    for part in slow[:10]:
        print(row(part, peak))
    if peak:
        print(f"peak {peak:.0f} GF/s")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"peak": peak, **found}, file, indent=1)


if __name__ == "__main__":
    main()

"""`python -m bench.gemm`: matrix products against `np.matmul` and the machine's peak.

The shapes of all training cases in all three orders, then random ones with sides of 1..1024. One
thread, float32 unless `--dtype` is given; the two libraries are interleaved at each shape.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench import part, report
from bench.cases import CASES
from bench.goals import Goal

ORDERS = ("x w", "x' dz", "dz w'")
LARGEST = 1024
SLOWEST = 10  # random products shown
CLOSE = 1.05  # products up to this ratio are measured again


def layers() -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Name and (rows, inputs, outputs) of every distinct layer of the cases."""
    seen = set()
    for case in CASES.values():
        for n_in, n_out in case.pairs:
            if (case.batch, n_in, n_out) not in seen:
                seen.add((case.batch, n_in, n_out))
                yield f"{case.name} {n_in}x{n_out}", (case.batch, n_in, n_out)


def operands(np: Any, order: str, rows: int, n_in: int, n_out: int, dtype: str) -> tuple[Any, Any]:
    """The two factors as in a training step: `x`, `w`, `dz` C-contiguous, or transposed views."""
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


def turns(
    ours: Callable[[], Any], theirs: Callable[[], Any], options: argparse.Namespace
) -> tuple[float, float]:
    """Seconds per call of each: medians of short interleaved timings."""
    counts = []
    for run in (ours, theirs):
        run()
        counts.append(max(1, math.ceil(options.seconds / max(_seconds(run, 3), 1e-7))))
    found = [
        (_seconds(ours, counts[0]), _seconds(theirs, counts[1])) for _ in range(options.rounds)
    ]
    return statistics.median(f[0] for f in found), statistics.median(f[1] for f in found)


def product(
    name: str, order: str, shape: tuple[int, int, int], options: argparse.Namespace
) -> dict[str, Any]:
    """GF/s of one product in both libraries, after comparing the results."""
    import numpy as np

    from fastnn._core import engine

    a, b = operands(np, order, *shape, options.dtype)
    out, other = (np.empty((a.shape[0], b.shape[1]), a.dtype) for _ in range(2))
    code, call = engine.OPS["matmul"], engine.call
    arrays = (out, a, b, None, None)
    ours, theirs = turns(
        lambda: call(code, arrays, (), (0, 0)), lambda: np.matmul(a, b, out=other), options
    )
    scale = float(np.abs(other).max()) or 1.0
    flops = 2e-9 * shape[0] * shape[1] * shape[2]
    return {
        "name": name,
        "order": order,
        "rows": shape[0],
        "inputs": shape[1],
        "outputs": shape[2],
        "fastnn": round(flops / ours, 3),
        "numpy": round(flops / theirs, 3),
        "error": float(f"{np.abs(out - other).max() / scale:.1e}"),
    }


def random_shapes(count: int, seed: int) -> Iterator[tuple[int, int, int]]:
    """Random sides in 1..1024, log-uniform."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for _ in range(count):
        rows, n_in, n_out = (2 ** (rng.random(3) * math.log2(LARGEST))).round().astype(int)
        yield int(rows), int(n_in), int(n_out)


def products(
    named: list[tuple[str, str, tuple[int, int, int]]], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Measure products of the given names, orders and shapes.

    On a shared machine a disturbance lasts for seconds, so a product that is slower than NumPy, or
    close to it, is measured twice more afterwards, and the median counts.
    """
    found = [product(*one, options) for one in named]
    slow = [i for i, one in enumerate(found) if _ratio(one) < CLOSE]
    again = [[product(*named[i], options) for i in slow] for _ in range(2)]
    for i, *more in zip(slow, *again, strict=True):
        found[i] = sorted([found[i], *more], key=_ratio)[1]
    return found


def measured(options: argparse.Namespace) -> part.Found:
    """The products of the cases, and random ones that cycle through the orders."""
    from bench import machine

    peak = machine.peaks(1).get("fma_gflops")
    if peak and options.dtype == "float64":
        peak /= 2
    named = [(name, order, shape) for name, shape in layers() for order in ORDERS]
    cases = products(named, options)
    shapes = enumerate(random_shapes(options.random, options.seed))
    chance = products([("random", ORDERS[i % 3], shape) for i, shape in shapes], options)
    goals = [
        Goal(f"worst of {len(found)} {what}, fastnn / np.matmul", min(map(_ratio, found)), 1.0)
        for what, found in (("products of the cases", cases), ("random products", chance))
    ]
    plain = [goal.plain() for goal in goals]
    return {"peak": peak, "cases": cases, "random": chance, "goals": plain}


def _ratio(found: dict[str, Any]) -> float:
    return float(found["fastnn"] / found["numpy"])


def _table(found: list[dict[str, Any]], peak: float | None) -> report.Rows:
    rows = [["product", "rows x in x out", "order", "fastnn", "NumPy", "ratio", "of peak"]]
    for product in found:
        rows.append(
            [
                product["name"],
                f"{product['rows']}x{product['inputs']}x{product['outputs']}",
                product["order"],
                f"{product['fastnn']:.1f}",
                f"{product['numpy']:.1f}",
                f"{_ratio(product):.2f}x",
                f"{product['fastnn'] / peak:.0%}" if peak else "-",
            ]
        )
    return rows


def tables(found: part.Found) -> list[report.Section]:
    slow = sorted(found["random"], key=_ratio)[:SLOWEST]
    return [
        ("matrix products of the cases, GF/s", _table(found["cases"], found["peak"])),
        (f"the slowest of {len(found['random'])} random products", _table(slow, found["peak"])),
    ]


if __name__ == "__main__":
    made = part.parser("gemm", __doc__, 9, 0.002)
    made.add_argument("--random", type=int, default=200, help="how many random shapes")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    part.main(made.parse_args(), measured, tables)

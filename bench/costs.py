"""`python -m bench.costs`: the first call, one row, memory, and the AVX2 table.

One thread. The share of the AVX2 peak is measured in a process of its own, told `FASTNN_ISA=avx2`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from bench.cases import CASES
from bench.goals import Goal, rows
from bench.pin import pin

AVX2_CASES = ("deep", "mnist2", "large")
FIRST_CALLS = 9
GROWTH_STEPS = 10_000
MIB = 2**20


def first_call() -> Goal:
    """Milliseconds that the first call of a compiled step takes above an eager step: `deep`."""
    import fastnn
    from bench import data
    from bench.eager import stepper

    case = CASES["deep"]
    stored = data.make(case)
    spent = []
    for _ in range(FIRST_CALLS):
        once: Any = stepper(fastnn, stored, case)
        x, y = once.batches[0]
        once.step(x, y)
        began = time.perf_counter()
        once.step(x, y)
        eager = time.perf_counter() - began
        step = fastnn.compile(once.step)
        began = time.perf_counter()
        step(x, y)
        spent.append((time.perf_counter() - began - eager) * 1e3)
    return Goal("record and lower deep", statistics.median(spent), 5.0, "ms", most=True)


def predictions() -> list[Goal]:
    """From a NumPy array to a NumPy array with the tiny net."""
    import numpy as np

    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians, repeated

    case = CASES["tiny"]
    model = Rival(case, data.make(case), 1).model
    x = np.random.default_rng(0).standard_normal((4096, case.widths[0])).astype(np.float32)
    one, out = x[:1].copy(), np.empty((1, case.widths[-1]), np.float32)
    times = medians(
        {
            "one": repeated(lambda: model.predict(one)),
            "out": repeated(lambda: model.predict(one, out=out)),
            "many": repeated(lambda: model.predict(x)),
        }
    )
    return [
        Goal("predict one row of tiny", times["one"], 1.5, "us", most=True),
        Goal("the same into `out`", times["out"], 1.5, "us", most=True),
        Goal("predict 4,096 rows of tiny", times["many"], 95.0, "us", most=True),
    ]


def memory() -> list[Goal]:
    """The arena of `large` against what a step must hold, and what 10,000 steps of tiny leave.

    Must be alive at once, as counted here: the input batch, and every layer's output (the loss's
    gradient takes the place of the last one's). Weights, gradients and moments are the optimizer's.
    """
    import fastnn
    from bench import data
    from bench.eager import stepper
    from bench.rival_fastnn import Rival

    case = CASES["large"]
    once: Any = stepper(fastnn, data.make(case), case)
    step = fastnn.compile(once.step)
    step(*once.batches[0])
    arena = step._last.program.arena_bytes
    alive = 4 * case.batch * sum(case.widths[1:])
    del once, step
    tiny = CASES["tiny"]
    rival = Rival(tiny, data.make(tiny), 1)
    rival.epochs(10)
    gc.collect()
    before = _resident()
    rival.epochs(GROWTH_STEPS // tiny.steps)
    grown = (_resident() - before) / 2**10
    return [
        Goal("arena of large against its activations", arena / alive, 1.1, "x", most=True),
        Goal(f"resident growth over {GROWTH_STEPS:,} steps of tiny", grown, 0.0, "KiB", most=True),
    ]


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def avx2_shares(seconds: float) -> dict[str, float]:
    """In a process that uses the AVX2 table: GF/s of a step, for each case."""
    import fastnn
    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians

    assert fastnn.isa() == "avx2", fastnn.isa()
    found = {}
    for name in AVX2_CASES:
        case = CASES[name]
        rival = Rival(case, data.make(case), 1)

        def run(steps: int, rival: Any = rival, case: Any = case) -> None:
            rival.epochs(max(1, round(steps / case.steps)))

        found[name] = case.flops / medians({name: run}, 7, seconds)[name] / 1e3
    return found


def avx2(seconds: float) -> list[Goal]:
    """Shares of the peak of AVX2's multiply-adds; empty where the processor has none."""
    from bench import machine

    peak = machine.peaks(1, ("-mavx2", "-mfma")).get("fma_gflops")
    command = [sys.executable, "-m", "bench.costs", "--avx2-shares", "--seconds", str(seconds)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"FASTNN_ISA": "avx2"}
    )
    if done.returncode != 0 or not peak:
        return []
    shares = json.loads(done.stdout)
    return [Goal(f"{n} on AVX2, of its peak", rate / peak, 0.65, "%") for n, rate in shares.items()]


def measured(seconds: float) -> list[Goal]:
    return [first_call(), *predictions(), *memory(), *avx2(seconds)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.1, help="of one timing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--avx2-shares", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    pin(1)
    if options.avx2_shares:
        print(json.dumps(avx2_shares(options.seconds)))
        return
    from bench.report import plain

    found = [goal.plain() for goal in measured(options.seconds)]
    print(json.dumps({"goals": found}) if options.json else plain(rows(found)))


if __name__ == "__main__":
    main()

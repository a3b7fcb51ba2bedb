"""`python -m bench.scaling`: speedup on two threads, for the main cases and a sweep of sizes.

Steps of `Trainer.fit`, shuffling included, in one process; the two thread counts are interleaved.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from bench import part, report
from bench.cases import CASES, Case
from bench.goals import Goal

WANTED = {"mnist1": 1.5, "mnist2": 1.8, "deep": 1.8, "large": 1.8}
SIDES = (8, 16, 32, 64, 128, 256, 512, 1024)
INPUTS, CLASSES = 32, 10
STEPS = 8  # steps per epoch of the sweep
LEAST = 0.95  # minimal speedup of any size


def ratio(case: Case, threads: int, rounds: int, seconds: float) -> tuple[float, float]:
    """Microseconds of a step on one thread, and the speedup on more."""
    import fastnn
    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians

    rival = Rival(case, data.make(case), 1)

    def run_on(count: int) -> Any:
        def run(epochs: int) -> None:
            fastnn.set_num_threads(count)
            rival.epochs(epochs)

        return run

    times = medians({"one": run_on(1), "more": run_on(threads)}, rounds, seconds)
    return times["one"] / case.steps, times["one"] / times["more"]


def _size(width: int, batch: int) -> Case:
    return Case("", (INPUTS, width, width, CLASSES), batch, batch * STEPS, "")


def sweep(threads: int, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Measure every width with every batch size.

    On a shared machine a disturbance lasts for seconds, so a speedup below LEAST is measured twice
    more afterwards, and the median counts.
    """
    found = []
    for width in SIDES:
        for batch in SIDES:
            one, faster = ratio(_size(width, batch), threads, rounds, seconds)
            found.append({"width": width, "batch": batch, "one_us": one, "speedup": faster})
    slow = [row for row in found if row["speedup"] < LEAST]
    again = [
        [ratio(_size(row["width"], row["batch"]), threads, rounds, seconds)[1] for row in slow]
        for _ in range(2)
    ]
    for row, *more in zip(slow, *again, strict=True):
        row["speedup"] = statistics.median([row["speedup"], *more])
    return found


def measured(options: argparse.Namespace) -> part.Found:
    threads, rounds, seconds = options.threads, options.rounds, options.seconds
    goals = []
    for name, wanted in WANTED.items():
        _, faster = ratio(CASES[name], threads, rounds, 4 * seconds)
        goals.append(Goal(f"{name}, {threads} threads against one", faster, wanted))
    swept = sweep(threads, rounds, seconds)
    worst = min(swept, key=lambda row: row["speedup"])
    where = f"width {worst['width']}, batch {worst['batch']}"
    goals.append(Goal(f"worst of {len(swept)} sizes ({where})", worst["speedup"], LEAST))
    return {"threads": threads, "goals": [goal.plain() for goal in goals], "sweep": swept}


def tables(found: part.Found) -> list[report.Section]:
    """Table of speedups, by width (rows) and batch (columns)."""
    by = {(row["width"], row["batch"]): row["speedup"] for row in found["sweep"]}
    head = ["width", *(f"batch {batch}" for batch in SIDES)]
    grid = [[str(width), *(f"{by[width, batch]:.2f}" for batch in SIDES)] for width in SIDES]
    return [(f"speedup on {found['threads']} threads", [head, *grid])]


if __name__ == "__main__":
    made = part.parser("scaling", __doc__, 9, 0.03)
    made.set_defaults(threads=2)
    part.main(made.parse_args(), measured, tables)

"""Interleaved timing of several functions in one process, so that a disturbance hits all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Run = Callable[[int], None]  # runs a number of steps, or epochs

WARM_SECONDS = 0.2


def medians(runs: dict[str, Run], rounds: int = 15, seconds: float = 0.1) -> dict[str, float]:
    """Median microseconds per step (or epoch) of each run.

    Args:
        runs: functions by name, called with a number of steps.
        rounds: timings of each.
        seconds: approximate duration of one timing.
    """
    counts = {name: _steps_in(run, seconds) for name, run in runs.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run(counts[name])
            found[name].append((time.perf_counter() - began) / counts[name])
    return {name: statistics.median(times) * 1e6 for name, times in found.items()}


def _steps_in(run: Run, seconds: float) -> int:
    """Warm up; return how many steps take about `seconds`."""
    count, spent = 1, 0.0
    while spent < WARM_SECONDS:
        began = time.perf_counter()
        run(count)
        spent = time.perf_counter() - began
        if spent < WARM_SECONDS:
            count *= 2
    return max(1, round(count * seconds / spent))


def repeated(step: Callable[[], object]) -> Run:
    """Make a run that repeats a function without arguments."""

    def run(count: int) -> None:
        for _ in range(count):
            step()

    return run


def rows(times: dict[str, float]) -> list[list[str]]:
    """Table of the times."""
    return [["", "us a step"], *([name, f"{time:,.2f}"] for name, time in times.items())]

"""`python -m bench.busy`: the default team against one thread, on a quiet and on a busy machine.

Busy: a second process spins on each CPU of this one. Steps of a small regression net (WIDTHS, with
Adam), as a compiled function that Python calls and as epochs of `Trainer.fit`. Quiet and busy, one
thread and more take turns within one process; a spinning process is stopped in between. A timing is
long enough for a team to find its size.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench import part, report
from bench.goals import Goal
from bench.turns import Run, repeated

WIDTHS, BATCH, STEPS = (3, 128, 128, 128, 1), 256, 8  # steps of an epoch
WORST = 1.3  # most that more threads may take on a busy machine, of one thread's time
SPIN = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
SETTLE = 0.05  # seconds after a change, in which nothing is timed


def _model() -> tuple[Any, Any, Any]:
    from fastnn import nn, optim

    layers: list[Any] = []
    for n_in, n_out in itertools.pairwise(WIDTHS):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    return model, nn.MSELoss(), optim.Adam(model.parameters())


def runs() -> dict[str, Run]:
    """What is timed, by name: functions that are called with a number of steps."""
    import fastnn

    x, y = fastnn.randn(BATCH, WIDTHS[0]), fastnn.randn(BATCH, WIDTHS[-1])
    model, loss, optimizer = _model()

    @fastnn.compile
    def step(x: Any, y: Any) -> Any:
        value = loss(model(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    trainer = fastnn.Trainer(*_model())
    rows = fastnn.randn(BATCH * STEPS, WIDTHS[0]).numpy()
    targets = rows.sum(1, keepdims=True)

    def fit(count: int) -> None:
        epochs = max(1, count // STEPS)
        trainer.fit(rows, targets, epochs=epochs, batch_size=BATCH, verbose=0)

    return {"compiled step": repeated(lambda: step(x, y)), "fit": fit}


def seconds_of(run: Run, count: int) -> float:
    """Seconds of a step."""
    began = time.perf_counter()
    run(count)
    return (time.perf_counter() - began) / count


@contextmanager
def spinning() -> Iterator[Callable[[bool], None]]:
    """One process for each CPU, stopped; a function that lets them go on, or stops them."""
    cpus = sorted(os.sched_getaffinity(0))
    spinners = [subprocess.Popen([sys.executable, "-c", SPIN, str(cpu)]) for cpu in cpus]

    def let(go: bool) -> None:
        for spinner in spinners:
            spinner.send_signal(signal.SIGCONT if go else signal.SIGSTOP)
        time.sleep(SETTLE)

    try:
        let(False)
        yield let
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


def measured(options: argparse.Namespace) -> part.Found:
    import fastnn

    teams = (1, options.threads)
    found: dict[tuple[str, str, int], list[float]] = {}
    with spinning() as let:
        timed = runs()
        counts = {}
        for name, run in timed.items():
            fastnn.set_num_threads(1)
            run(8 * STEPS)
            counts[name] = max(STEPS, round(options.seconds / seconds_of(run, 8 * STEPS)))
            counts[name] -= counts[name] % STEPS
        for _ in range(options.rounds):
            for state in ("quiet", "busy"):
                let(state == "busy")
                for name, run in timed.items():
                    for team in teams:
                        fastnn.set_num_threads(team)
                        found.setdefault((state, name, team), []).append(
                            seconds_of(run, counts[name])
                        )
    us = {key: 1e6 * statistics.median(times) for key, times in found.items()}
    rows, goals = [], []
    for state in ("quiet", "busy"):
        for name in timed:
            one, more = us[state, name, 1], us[state, name, teams[1]]
            both = zip(found[state, name, 1], found[state, name, teams[1]], strict=True)
            worst = max(b / a for a, b in both)
            rows.append(
                {"state": state, "what": name, "one_us": one, "more_us": more, "worst": worst}
            )
            if state == "busy":
                goals.append(Goal(f"{name}, busy, more / one", more / one, WORST, most=True))
    return {"threads": teams[1], "goals": [goal.plain() for goal in goals], "rows": rows}


def tables(found: part.Found) -> list[report.Section]:
    head = ["machine", "", "1 thread, us", f"{found['threads']} threads, us", "ratio", "worst"]
    grid = [
        [
            row["state"],
            row["what"],
            f"{row['one_us']:,.0f}",
            f"{row['more_us']:,.0f}",
            f"{row['more_us'] / row['one_us']:.2f}",
            f"{row['worst']:.2f}",
        ]
        for row in found["rows"]
    ]
    return [("more threads on a busy machine", [head, *grid])]


if __name__ == "__main__":
    made = part.parser("busy", __doc__, 9, 0.3)
    made.set_defaults(threads=len(os.sched_getaffinity(0)))
    part.main(made.parse_args(), measured, tables)

"""`python -m bench.costs`: first call, calls of fit, tabular fits, memory, prediction, AVX2 peak.

One thread. The share of the AVX2 peak is measured in a separate process with `FASTNN_ISA=avx2`.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import time
from typing import Any

from bench import part, report
from bench.cases import CASES
from bench.goals import Goal

AVX2_CASES = ("deep", "mnist2", "large")
FIRST_CALLS = 9
GROWTH_STEPS = 10_000


def first_call() -> Goal:
    """Milliseconds by which the first call of a compiled step exceeds an eager step, on `deep`."""
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


def prediction() -> Goal:
    """Microseconds to predict one row with tiny, from a NumPy array into a given one."""
    import numpy as np

    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians, repeated

    case = CASES["tiny"]
    model = Rival(case, data.make(case), 1).model
    x, out = np.ones((1, case.widths[0]), np.float32), np.empty((1, case.widths[-1]), np.float32)
    times = medians({"out": repeated(lambda: model.predict(x, out=out))})
    return Goal("predict a row into `out`", times["out"], 1.5, "us", most=True)


def fit_calls() -> list[Goal]:
    """Microseconds of a whole call of `fit`, and of `partial_fit`, with one batch of tiny,
    the step included."""
    import fastnn
    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians, repeated

    case = CASES["tiny"]
    stored = data.make(case)
    rival = Rival(case, stored, 1)
    model = rival.model
    optimizer = fastnn.optim.Adam(model.parameters())
    trainer = fastnn.Trainer(model, fastnn.nn.CrossEntropyLoss(), optimizer)
    x, y = stored.x[: case.batch], stored.y[: case.batch]

    def fit() -> None:
        trainer.fit(x, y, batch_size=case.batch, verbose=0)

    def partial() -> None:
        trainer.partial_fit(x, y, batch_size=case.batch)

    def others() -> None:
        trainer.fit(
            x, y, batch_size=case.batch, verbose=0, validation_data=(x, y), metrics=["accuracy"],
            callbacks=[lambda epoch, logs: None], scheduler=scheduler,
        )  # fmt: skip

    scheduler = fastnn.optim.lr_scheduler.StepLR(optimizer, 10)
    calls = {"fit": fit, "partial": partial, "others": others}
    times = medians({name: repeated(call) for name, call in calls.items()})
    more = "with validation, a metric, a callback and a schedule"
    return [
        Goal("a call of `fit` with one batch of tiny", times["fit"], 60.0, "us", most=True),
        Goal("a call of `partial_fit` with one", times["partial"], 30.0, "us", most=True),
        Goal(f"a call of `fit` {more}", times["others"], 80.0, "us", most=True),
    ]


def tabular_fits() -> list[Goal]:
    """Seconds of a fit of RealMLP on one thread, 2,500 rows of 10 numbers, with its defaults; five
    folds on two threads against 5/2 fits."""
    import numpy as np

    from fastnn.tabular import TabularClassifier

    rng = np.random.default_rng(0)
    x = rng.standard_normal((2500, 10))
    y = x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * rng.standard_normal(2500) > 0

    def seconds(**given: Any) -> float:
        began = time.perf_counter()
        TabularClassifier(random_state=0, **given).fit(x, y)
        return time.perf_counter() - began

    seconds(epochs=1)  # imports
    whole = min(seconds(n_threads=1) for _ in range(3))
    part = min(seconds(n_threads=1, epochs=64) for _ in range(3))
    folds = min(seconds(n_threads=2, epochs=64, n_cv=5) for _ in range(3))
    return [
        Goal("fit a TabularClassifier to 2,500 x 10 numbers", whole, 5.0, "s", most=True),
        Goal("five folds on two threads / (5/2 fits)", folds / (2.5 * part), 1.2, "x", most=True),
    ]


def memory() -> list[Goal]:
    """Arena of a step of `large` against live bytes; memory growth over 10,000 steps of tiny."""
    import fastnn
    from bench import data
    from bench.eager import stepper
    from bench.rival_fastnn import Rival

    case = CASES["large"]
    once: Any = stepper(fastnn, data.make(case), case)
    step = fastnn.compile(once.step)
    for _ in range(2):
        step(*once.batches[0])
    recording = step._last
    share = recording.program.arena_bytes / most_alive(recording.instructions)
    del once, step, recording
    tiny = CASES["tiny"]
    rival = Rival(tiny, data.make(tiny), 1)
    residents = []
    for _ in range(3):
        rival.epochs(GROWTH_STEPS // tiny.steps)
        gc.collect()
        residents.append(_resident())
    grown = (residents[-1] - residents[-2]) / 2**10
    return [
        Goal("arena of large / most alive at once", share, 1.1, "x", most=True),
        Goal(f"resident growth over {GROWTH_STEPS:,} steps of tiny", grown, 0.0, "KiB", most=True),
    ]


def most_alive(instructions: list[Any]) -> int:
    """Maximal number of bytes of temporaries alive at one instruction.

    A temporary is alive from the instruction that writes it to the last one that reads it.
    """
    lives: dict[int, tuple[int, int, int]] = {}
    for at, instruction in enumerate(instructions):
        for value in instruction.values:
            if value is not None and value.storage.kind == "temporary":
                storage = value.storage
                _, first, _ = lives.get(storage.index, (0, at, at))
                lives[storage.index] = (storage.nbytes, first, at)
    return max(
        sum(nbytes for nbytes, first, last in lives.values() if first <= at <= last)
        for at in range(len(instructions))
    )


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def avx2_rates(rounds: int, seconds: float) -> dict[str, float]:
    """GF/s of a step for each case, in a process that uses AVX2."""
    import fastnn
    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians

    assert fastnn.isa() == "avx2", fastnn.isa()
    found = {}
    for name in AVX2_CASES:
        case = CASES[name]
        rival = Rival(case, data.make(case), 1)
        epoch = medians({name: rival.epochs}, rounds, seconds)[name]
        found[name] = case.flops * case.steps / epoch / 1e3
    return found


def avx2(seconds: float) -> list[Goal]:
    """Shares of the AVX2 multiply-add peak; empty if the processor lacks AVX2."""
    from bench import machine

    peak = machine.peaks(1, ("-mavx2", "-mfma")).get("fma_gflops")
    arguments = ("--json", "--avx2-rates", "--seconds", str(seconds))
    rates = part.result("costs", *arguments, isa="avx2")
    if not peak or "left_out" in rates:
        return []
    return [Goal(f"{n} on AVX2, of its peak", rate / peak, 0.65, "%") for n, rate in rates.items()]


def measured(options: argparse.Namespace) -> part.Found:
    if options.avx2_rates:
        return avx2_rates(options.rounds, options.seconds)
    found = [first_call(), prediction(), *fit_calls(), *tabular_fits(), *memory()]
    found += avx2(options.seconds)
    return {"goals": [goal.plain() for goal in found]}


def tables(_found: part.Found) -> list[report.Section]:
    return []


if __name__ == "__main__":
    made = part.parser("costs", __doc__, 7, 0.1)
    made.add_argument("--avx2-rates", action="store_true", help=argparse.SUPPRESS)
    part.main(made.parse_args(), measured, tables)

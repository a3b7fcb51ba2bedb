"""`python -m bench.many`: many nets at once, each with its own lr, seed and order of the rows.

`fit_many` in its first call, new models and the recording included, on one and two threads;
`Trainer.fit` for one net after the other, new ones as well; JAX, one `vmap` over all nets of a
`scan` over an epoch, compiled before; and torch, `torch.func.vmap` over all nets. Interleaved, in
one process.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from bench import data, many_search, part, report
from bench.cases import CASES, Case
from bench.goals import Goal

NAMES = ("tiny", "binary", "digits")
COUNTS = (16, 64, 256)
EPOCHS = 10
WANTED = {1: 3.0, 2: 1.6}  # microseconds a net and step of 64 tiny nets, by threads
SEARCH_SECONDS = 5.0
RIVALS = {"JAX vmap": "bench.many_jax", "torch vmap": "bench.many_torch"}
RIVAL = 8.0  # times faster than JAX, at least
CLOSE = 0.05  # relative difference of the mean of the last losses that is let through

Run = Callable[[], float]  # trains all nets; the mean of their last losses


def rates(count: int) -> list[float]:
    return np.geomspace(3e-4, 3e-3, count).tolist()


def ours(case: Case, made: data.Data, count: int) -> dict[str, Run]:
    """fastnn's runs."""
    import fastnn
    from bench.rival_fastnn import ACTIVATIONS, LOSSES
    from fastnn import nn, optim

    loss = LOSSES[case.loss]()

    def build() -> nn.Module:
        layers: list[nn.Module] = []
        for n_in, n_out in case.pairs:
            layers += [nn.Linear(n_in, n_out), ACTIVATIONS[case.activation]()]
        return nn.Sequential(*layers[:-1])

    def together(threads: int) -> Run:
        def run() -> float:
            population = fastnn.fit_many(
                build, made.x, made.y, configs=[{"lr": lr} for lr in rates(count)],
                epochs=EPOCHS, batch_size=case.batch, loss=loss, n_threads=threads, verbose=0,
            )  # fmt: skip
            return float(population.history["loss"][:, -1].mean())

        return run

    def alone() -> float:
        last = []
        for i, lr in enumerate(rates(count)):
            fastnn.manual_seed(i)
            model = build()
            trainer = fastnn.Trainer(model, loss, optim.Adam(model.parameters(), lr=lr))
            found = trainer.fit(made.x, made.y, epochs=EPOCHS, batch_size=case.batch, verbose=0)
            last.append(found.history["loss"][-1])
        return float(np.mean(last))

    return {"fit_many, 1 thread": together(1), "fit_many, 2 threads": together(2), "fits": alone}


def compared(case: Case, count: int, rounds: int) -> dict[str, dict[str, float]]:
    """The least microseconds a net and step of each run: "us" by the clock, "cpu" of the process on
    all cores, which others on the same machine disturb less.

    Raises:
        SystemExit: a rival's losses are others.
    """
    made = data.make(case)
    runs = ours(case, made, count)
    for name, module in RIVALS.items():
        with contextlib.suppress(ImportError):
            runs[name] = import_module(module).run_of(case, made, rates(count), EPOCHS)
    last = {name: run() for name, run in runs.items()}
    for name, value in last.items():
        if abs(value - last["fits"]) > CLOSE * abs(last["fits"]):
            raise SystemExit(f"{case.name}: {name}: another loss: {value}, not {last['fits']}")
    clocks = {"us": time.perf_counter, "cpu": time.process_time}
    found = {kind: dict.fromkeys(runs, np.inf) for kind in clocks}
    for _ in range(rounds):
        for name, run in runs.items():
            began = {kind: clock() for kind, clock in clocks.items()}
            run()
            for kind, clock in clocks.items():
                spent = 1e6 * (clock() - began[kind]) / (count * EPOCHS * case.steps)
                found[kind][name] = min(found[kind][name], spent)
    return found


def measured(options: argparse.Namespace) -> part.Found:
    rows = [
        {"case": name, "nets": count} | compared(CASES[name], count, options.rounds)
        for name in options.cases.split(",")
        for count in map(int, options.nets.split(","))
    ]
    found: list[dict[str, Any]] = []
    for row in rows:
        us, what = row["us"], f"{row['nets']} nets of {row['case']}"
        if (row["case"], row["nets"]) == ("tiny", 64):
            for threads, most in WANTED.items():
                value = us[f"fit_many, {threads} thread{'s' * (threads > 1)}"]
                found.append(Goal(f"{what}, {threads} threads", value, most, "us", True).plain())
        for name in (name for name in RIVALS if name in us):
            ratio = us[name] / us["fit_many, 2 threads"]
            found.append(Goal(f"{what}, {name} / fastnn", ratio, RIVAL).plain())
    searched = many_search.measured(options.rounds) if options.search else None
    if searched is not None:
        seconds = searched["fit_many"]["seconds"]
        what = "30 settings on 5 folds of breast_cancer"
        found.append(Goal(what, seconds, SEARCH_SECONDS, "s", True).plain())
    return {"rows": rows, "search": searched, "goals": found}


def tables(found: part.Found) -> list[report.Section]:
    names = list(found["rows"][0]["us"])
    table = [["case", "nets", *(name for name in names for _ in range(2))]]
    table.append(["", "", *("clock", "CPU") * len(names)])
    for row in found["rows"]:
        times = (row[kind][name] for name in names for kind in ("us", "cpu"))
        table.append([row["case"], str(row["nets"]), *(f"{time:,.2f}" for time in times)])
    left_out = [name for name in RIVALS if name not in names]
    note = f"; not installed: {', '.join(left_out)}" if left_out else ""
    sections = [(f"many nets, us a net and step{note}", table)]
    if found["search"] is not None:
        rows = [["", "s", "accuracy"]]
        for name, one in found["search"].items():
            rows.append([name, f"{one['seconds']:.2f}", f"{one['accuracy']:.3f}"])
        sections.append(("30 settings on 5 folds of breast_cancer, two threads", rows))
    return sections


if __name__ == "__main__":
    parser = part.parser("many", __doc__, 5, 0.1)
    parser.add_argument("--cases", default=",".join(NAMES))
    parser.add_argument("--nets", default=",".join(map(str, COUNTS)))
    parser.add_argument("--no-search", dest="search", action="store_false")
    parser.set_defaults(threads=2)
    part.main(parser.parse_args(), measured, tables)

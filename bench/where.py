"""`python -m bench.where`: breakdown of the time of a training step, for each case.

`fastnn.profile` times the instructions of a step; the rest of a step of `Trainer.fit` is choosing
and gathering its rows.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench import part, report
from bench.cases import MAIN, Case

KINDS = ("products", "of them forward", "loss", "bias gradients", "optimizer", "rows and rest")


def _kind(row: dict[str, Any]) -> str:
    if row["op"].startswith("matmul"):
        return "products"
    if row["part"] == "update":
        return "optimizer"
    return "bias gradients" if row["op"] == "sum" else "loss"


def spent(case: Case, options: argparse.Namespace) -> dict[str, float]:
    """Microseconds of a step by kind of work, and in total ("step")."""
    import fastnn
    from bench import data
    from bench.rival_fastnn import Rival
    from bench.turns import medians

    rival = Rival(case, data.make(case), 1)
    epoch = medians({"epoch": rival.epochs}, options.rounds, options.seconds)["epoch"]
    measured = fastnn.profile(rival.trainer, threads=1, verbose=False)
    found = dict.fromkeys(("step", *KINDS), 0.0)
    for row in measured.rows:
        found[_kind(row)] += row["us"]
        if row["op"].startswith("matmul") and row["part"] == "forward":
            found["of them forward"] += row["us"]
    found["step"] = epoch / case.steps
    found["rows and rest"] = found["step"] - sum(row["us"] for row in measured.rows)
    return found


def measured(options: argparse.Namespace) -> part.Found:
    return {"us": {case.name: spent(case, options) for case in MAIN}, "goals": []}


def tables(found: part.Found) -> list[report.Section]:
    rows = [["case", "step, us", *KINDS]]
    for name, us in found["us"].items():
        cells = [f"{us[kind]:,.2f} ({us[kind] / us['step']:.0%})" for kind in KINDS]
        rows.append([name, report.microseconds(us["step"]), *cells])
    return [("where the time of a training step goes, us", rows)]


if __name__ == "__main__":
    part.main(part.parser("where", __doc__, 9, 0.1).parse_args(), measured, tables)

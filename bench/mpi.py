"""`python -m bench.mpi`: steps of 1, 2, 4 and 8 ranks on this machine beside the model of cost.

A step of P ranks takes

    T(P) = (C - U) / P + U + O + L(P) + S(P) N

    C  a step of one process, U  the update of the weights, which every rank does
    O  what a dealt step costs beside: Python, and passes over the gradients
    L  a message of 64 bytes and its sum, S  a byte more of it; N bytes of gradients

C, U and O are measured on one rank, L and S by sums of 64 bytes and of 4 MiB: what a step of P
ranks takes is predicted, then measured. Each rank has one thread. Beside it the batch from which on
P ranks are faster than one process, as C - U grows with the batch and nothing else does:

    B* = B (O + L + S N) / ((C - U) (1 - 1 / P))

Where there are more ranks than processors they wait for each other: the row says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.cases import CASES, MAIN
from bench.mpi_model import Costs
from fastnn._support.threads import available_cpus

RANKS = (1, 2, 4, 8)


def _run(ranks: int, seconds: float, names: list[str]) -> dict[str, Any]:
    mpiexec = Path(sys.executable).with_name("mpiexec")
    start = [str(mpiexec) if mpiexec.exists() else "mpiexec", "-n", str(ranks), sys.executable]
    command = [*start, "-m", "bench.mpi_worker", str(seconds), *names]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def costs_of(case: str, found: dict[int, dict[str, Any]], ranks: int) -> Costs:
    """The constants of the model for a case."""
    one, many = found[1]["cases"][case], found[ranks]
    byte = (many["large"] - many["latency"]) / (1 << 22)
    return Costs(
        one["plain"], one["update"], max(0.0, one["step"] - one["plain"]), many["latency"], byte,
        4 * CASES[case].parameters,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mpi", description=__doc__.split("\n")[0])
    parser.add_argument("--cases", default=",".join(case.name for case in MAIN))
    parser.add_argument("--ranks", default=",".join(map(str, RANKS)))
    parser.add_argument("--seconds", type=float, default=0.5, help="a timing")
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    names, counts = options.cases.split(","), sorted({1, *map(int, options.ranks.split(","))})
    found = {count: _run(count, options.seconds, names) for count in counts}
    cpus = available_cpus()
    print("| case | ranks | L us | S us/MB | predicted us | measured us | of one process | "
          "B, B* | pass then message us | beside us |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in names:
        plain = found[1]["cases"][name]["plain"]
        for count in counts:
            costs, own = costs_of(name, found, count), found[count]["cases"][name]
            predicted = costs.step_us(count) if count > 1 else plain
            step = own["step"] if count > 1 else plain
            many = f"{count}, more than processors" if count > cpus else str(count)
            pays = f"{CASES[name].batch}, {costs.crossover(CASES[name].batch, count):.0f}"
            both = f"{own['after']:.0f} | {own['beside']:.0f}" if count > 1 else "- | -"
            print(f"| {name} | {many} | {costs.latency:.1f} | {costs.byte * 1e6:.0f} | "
                  f"{predicted:.0f} | {step:.0f} | {plain / step:.2f} x | "
                  f"{pays if count > 1 else '-'} | {both} |")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()

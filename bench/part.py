"""Parts of the bench: modules that run alone, or as sections of `python -m bench`.

Each has `measured(options)`, which returns plain JSON data with a list "goals", and
`tables(found)`, which returns the tables to print.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench import goals, pool
from bench.pin import pin, variables
from bench.report import Section, plain
from fastnn.cli import blas

PARTS = ("where", "gemm", "eager", "ode", "variants", "scaling", "busy", "costs", "estimators",
         "precision")  # fmt: skip
Found = dict[str, Any]


def parser(name: str, doc: str | None, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """Argument parser with the options of every part."""
    made = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=doc)
    made.add_argument("--rounds", type=int, default=rounds, help="timings of each thing")
    made.add_argument("--seconds", type=float, default=seconds, help="of one timing")
    made.add_argument("--json", action="store_true", help="print JSON")
    made.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    return made


def main(
    options: argparse.Namespace,
    measured: Callable[[argparse.Namespace], Found],
    tables: Callable[[Found], list[Section]],
) -> None:
    """Measure, pinned to as many CPUs as threads, and print.

    NumPy has its best kernels and as many threads: where the environment says otherwise, the
    process begins anew, because NumPy is loaded already.
    """
    wanted = blas.environment() | variables(options.threads)
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, "-m", _module(), *sys.argv[1:]], wanted)
    pin(options.threads)
    found = measured(options)
    if options.json:
        print(json.dumps(found))
        return
    sections = tables(found)
    if found["goals"]:
        sections.append(("goals", goals.rows(found["goals"])))
    for title, rows in sections:
        print(f"{title}\n{plain(rows)}\n")


def _module() -> str:
    """The part that runs as the main program."""
    spec = sys.modules["__main__"].__spec__
    assert spec is not None
    return spec.name


def result(name: str, *arguments: str, isa: str = "") -> Found:
    """Results of `python -m bench.NAME`, run in a separate process on an instruction set."""
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    env = blas.environment() | ({"FASTNN_ISA": isa} if isa else {})
    done = subprocess.run(command, cwd=pool.ROOT, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        return {"left_out": (done.stderr.strip().splitlines() or ["failed"])[-1]}
    found: Found = json.loads(done.stdout)
    return found


def tables(results: Found) -> list[Section]:
    """Tables of all parts in these results."""
    found = []
    for name in PARTS:
        if "goals" in results.get(name, {}):
            found += import_module(f"bench.{name}").tables(results[name])
    return found

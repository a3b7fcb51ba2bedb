"""R3: each function of vmath on all 2^32 float32, on every instruction set (every_float.c)."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import sysconfig
from typing import Any

from families import OPS
from families.approx import VMATH_ULP

from matrix.progress import ROOT
from matrix.row import Result, Row

FUNCTIONS = tuple(name for name, op in OPS.items() if op.exact)
PROGRAM = ROOT / "build" / "every_float"
SOURCE = ROOT / "tests" / "matrix" / "every_float.c"
FLAGS = "-std=gnu11 -O3 -march=native -fno-math-errno -ffp-contract=off -Wall -Wextra"
SOURCES = (
    "fastnn/_core/src/simd/*.h",
    "fastnn/_core/src/kernels/elementwise*.h",
    "fastnn/_core/src/kernels/special.h",
    "tests/matrix/every_float.c",
)
RUNS = 2  # at once, each over its share of the numbers


def build() -> None:
    """Make the program, beside the engine's objects as setup.py has made them for Python."""
    tag = f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
    objects = ROOT / "build" / tag / "fastnn/_core/src"
    made = [*objects.glob("*.o"), *objects.glob("isa/*.o")]
    newest = max(path.stat().st_mtime for path in (SOURCE, *made))
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > newest:
        return
    inside = [f"-I{ROOT / 'fastnn/_core' / name}" for name in ("include", "src")]
    command = ["cc", *shlex.split(FLAGS), *inside, str(SOURCE), *map(str, made)]
    subprocess.run([*command, "-fopenmp", "-lm", "-o", str(PROGRAM)], check=True)


def over(function: str, first: int, end: int, runs: int = RUNS) -> dict[str, Any]:
    """What the program says of the bit patterns first <= x < end, for each instruction set."""
    build()
    cuts = [first + (end - first) * i // runs for i in range(runs + 1)]
    children = [
        subprocess.Popen([PROGRAM, function, *map(str, cuts[i : i + 2])], stdout=subprocess.PIPE)
        for i in range(runs)
    ]
    told = [json.loads(child.communicate()[0]) for child in children]
    return joined(told)


def joined(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What is said of several ranges, as of one."""
    found: dict[str, Any] = {}
    for isa in told[0]:
        worst = max((one[isa] for one in told), key=lambda one: one["worst"])
        wrong = [one[isa] for one in told if one[isa]["wrong"]]
        found[isa] = {
            "worst": worst["worst"],
            "at": f"{worst['at']:#010x}",
            "wrong": sum(one["wrong"] for one in wrong),
            "first_wrong": f"{wrong[0]['first_wrong']:#010x}" if wrong else None,
        }
    return found


def run(function: str) -> Result:
    """All numbers."""
    found = over(function, 0, 2**32)
    failures = [
        f"{isa}: {one['wrong']} wrong, the first of {one['first_wrong']}"
        for isa, one in found.items()
        if one["wrong"]
    ]
    return {"of": found, "failures": failures}


def _worst(done: dict[str, Result]) -> tuple[float, str, str]:
    return max(
        (one["worst"], name, isa)
        for name, result in done.items()
        for isa, one in result["of"].items()
    )


def say(done: dict[str, Result]) -> str:
    """The largest error of all."""
    ulp, name, isa = _worst(done)
    isas = sorted(next(iter(done.values()))["of"])
    wrong = sum(one["wrong"] for result in done.values() for one in result["of"].values())
    return (
        f"{len(done)} functions, {' '.join(isas)}: at most {ulp:.2f} ULP ({name}, {isa}); "
        f"{wrong} wrong nan, inf or sign of zero, or beyond {VMATH_ULP} ULP"
    )


def detail(done: dict[str, Result]) -> Any:
    """Of each function and instruction set, the largest error and its x."""
    return {
        name: {isa: [one["worst"], one["at"]] for isa, one in result["of"].items()}
        for name, result in done.items()
    }


def again(detail: Any) -> dict[str, Result]:
    """The parts from that; only parts without failures are asked for."""
    return {
        name: {
            "of": {isa: {"worst": worst, "at": at, "wrong": 0} for isa, (worst, at) in of.items()}
        }
        for name, of in detail.items()
    }


ROW = Row(
    "activations and vmath",
    "all 2^32 float32 against float64: at most 4 ULP, no wrong nan, inf or sign of zero",
    lambda: FUNCTIONS,
    run,
    say,
    detail,
    again,
    SOURCES,
)

"""R8: the thread team under sanitizers that see races."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from matrix.progress import ROOT
from matrix.row import Result, Row

SOURCE = "fastnn/_core/src"
COMMON = (
    f"-std=c11 -O1 -g -Wno-unused-parameter -fsanitize=thread -Ifastnn/_core/include -I{SOURCE}"
)
TEAM = [f"{SOURCE}/{name}.c" for name in ("helpers", "memory", "pace", "sleep", "threads")]
PTHREADS, OPENMP = "pthreads, GCC", "OpenMP, clang and Archer"
COMPILERS = {PTHREADS: "gcc", OPENMP: "clang -fopenmp"}


def archer() -> dict[str, str]:
    """It tells the sanitizer what OpenMP's barriers order; LLVM's runtime loads it."""
    library = subprocess.run(
        ["clang", "-print-file-name=libarcher.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return {"TSAN_OPTIONS": "ignore_noninstrumented_modules=1", "OMP_TOOL_LIBRARIES": library}


def run(part: str) -> Result:
    """Build the team's tests with a compiler's thread sanitizer, and run them."""
    environment = archer() if part == OPENMP else {}
    program = ROOT / "build" / f"test_teams_{'tsan' if part == PTHREADS else 'archer'}"
    words = [*shlex.split(f"{COMPILERS[part]} {COMMON} -DTEAMS_MAIN"), "tests/c/teams.c", *TEAM]
    built = subprocess.run(
        [*words, "-lm", "-o", str(program)], cwd=ROOT, capture_output=True, text=True
    )
    if built.returncode:
        return {"races": 0, "failures": [built.stderr[-300:]]}
    done = subprocess.run(
        [program], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )
    races = len(re.findall(r"WARNING: ThreadSanitizer", done.stderr))
    failures = [f"{races} findings, status {done.returncode}"] if races or done.returncode else []
    return {"races": races, "failures": failures}


def say(done: dict[str, Result]) -> str:
    """Findings of each build."""
    told = ", ".join(f"{part}: {result['races']} findings" for part, result in done.items())
    return f"the thread team's tests in C; {told}"


ROW = Row("races", "0 findings", lambda: COMPILERS, run, say)

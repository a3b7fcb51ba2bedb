"""R25: files that somebody has changed, a million of them, and a fuzzer that watches coverage."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from matrix.progress import ROOT
from matrix.row import Result, Row

SEEDS = 10
KINDS = ("model", "state")
FUZZ = "fuzzer"
FUZZ_SECONDS = int(os.environ.get("FASTNN_FUZZ_SECONDS", "3600"))
FUZZ_PYTHON = os.environ.get("FASTNN_FUZZ_PYTHON", sys.executable)  # has atheris


def parts() -> list[str]:
    """Each kind of file with each seed, then the fuzzer."""
    return [f"{kind} {seed}" for kind in KINDS for seed in range(SEEDS)] + [FUZZ]


def _mutate(kind: str, seed: int) -> Result:
    """In a process of its own, whose memory is that of the loads alone."""
    code = (
        "import pathlib, sys, test_io\n"
        "path, kind, seed = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])\n"
        "refused, small = test_io.mutate(path, kind, seed)\n"
        "print(test_io.MUTATIONS, refused, int(small))"
    )
    environment = {"FASTNN_TEST_PROFILE": "release", "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, str(Path(folder, "a.safetensors")), kind, str(seed)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
    if done.returncode:
        return {"tried": 0, "refused": 0, "failures": [done.stderr[-300:]]}
    tried, refused, small = map(int, done.stdout.split())
    failures = [] if small else ["more memory than twice the file and 16 MB"]
    return {"tried": tried, "refused": refused, "failures": failures}


def _fuzz() -> Result:
    """Atheris, for so many seconds; its executions."""
    script = ROOT / "tests" / "matrix" / "fuzz.py"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [FUZZ_PYTHON, str(script), f"-max_total_time={FUZZ_SECONDS}", "-print_final_stats=1"],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    stats = dict(
        line.removeprefix("stat::").split(":")
        for line in done.stderr.split("\n")
        if line.startswith("stat::")
    )
    runs = int(stats.get("number_of_executed_units", 0))
    failures = [] if done.returncode == 0 and runs else [done.stderr[-500:]]
    return {"runs": runs, "fuzzed": FUZZ_SECONDS, "failures": failures}


def run(part: str) -> Result:
    """One seed of one kind, or the fuzzer."""
    if part == FUZZ:
        return _fuzz()
    kind, seed = part.split()
    return _mutate(kind, int(seed))


def say(done: dict[str, Result]) -> str:
    """Mutations, refusals, and what the fuzzer did."""
    tried, refused = (sum(r.get(key, 0) for r in done.values()) for key in ("tried", "refused"))
    told = f"{tried:,} mutations: {refused:,} a FormatError, the others another file that loads"
    if FUZZ in done:
        runs, seconds = done[FUZZ]["runs"], done[FUZZ]["fuzzed"]
        told += f"; Atheris {seconds / 60:.0f} min, {runs:,} runs"
    return told + "; at most twice the file and 16 MB" if tried else told


ROW = Row(
    "hostile model files",
    "1,000,000 mutations: only FormatError, at most twice the file and 16 MB; a fuzzer for an hour",
    parts,
    run,
    say,
)

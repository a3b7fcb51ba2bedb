"""R9: what the suite goes through: branches of Python, lines of Cython, lines and branches of C.

The engine is built by itself in build/cov, without optimisation and with gcov's counters, which add
up over runs; so each file of tests is a part. A line or branch of C counts once, before anything is
unrolled, whatever number of instruction sets and element types it is compiled for. A line of Cython
is gone through if one of the C lines that Cython made of it is. Needs coverage.py (the extra
`release`) and gcov.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

from matrix.progress import ROOT
from matrix.row import Result, Row

BASE = ROOT / "build" / "cov"
DATA = BASE / "coverage"
FIGURES = "figures"
RUN = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"  # the folder is not on the path
MARK = re.compile(r'^ */\* "(fastnn/_core/[\w.]+)":(\d+)$')
AIMS = {"Python branches": 95, "Cython lines": 90, "C lines": 95, "C branches": 95}


def parts() -> list[str]:
    """The build, the files of tests, and the figures."""
    tests = sorted(path.stem for path in (ROOT / "tests").glob("test_*.py"))
    return ["build", *tests, FIGURES]


def library() -> Path:
    """Where the package of this build lies."""
    return BASE / "lib"


def _build() -> Result:
    into = ["--build-lib", str(library())]
    apart = ["--build-temp", str(BASE / "temp")]  # not where the objects of the engine in use lie
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", *into, "build_ext", *into, *apart],
        cwd=ROOT,
        env={**os.environ, "FASTNN_BUILD": "cov"},
        capture_output=True,
        text=True,
    )
    return {"failures": [done.stderr[-300:]] if done.returncode else []}


def _test(name: str) -> Result:
    DATA.mkdir(parents=True, exist_ok=True)
    script = BASE / "run.py"
    script.write_text(RUN)
    environment = {"PYTHONPATH": str(library()), "COVERAGE_FILE": str(DATA / name)}
    options = ["--branch", f"--source={library() / 'fastnn'}", str(script)]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "coverage", "run", *options, "-q", f"tests/{name}.py"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    # What fails here, such as a bound on instructions, is for the suite itself to say.
    return {"status": done.returncode, "failures": []}


def _python() -> float:
    environment = {**os.environ, "COVERAGE_FILE": str(BASE / "combined")}
    run = [sys.executable, "-m", "coverage"]
    files = map(str, DATA.iterdir())
    subprocess.run([*run, "combine", "--keep", "-q", *files], env=environment, check=True)
    told = subprocess.run(
        [*run, "json", "-q", "-o", "-"], env=environment, check=True, capture_output=True
    )
    totals = json.loads(told.stdout)["totals"]
    return float(100 * totals["covered_branches"] / totals["num_branches"])


def _of_objects() -> dict[str, dict[int, list[int]]]:
    """Of each source, each line: how often it ran, then how often each branch of it was taken."""
    found: dict[str, dict[int, list[int]]] = defaultdict(dict)
    for counters in BASE.glob("temp/**/*.gcda"):
        told = subprocess.run(
            ["gcov", "--json-format", "--branch-probabilities", "--stdout", str(counters)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        for source in json.loads(told.stdout)["files"]:
            lines = found[source["file"]]
            for line in source["lines"]:
                new = [line["count"], *(branch["count"] for branch in line["branches"])]
                old = lines.get(line["line_number"], [])
                longer, other = (new, old) if len(new) >= len(old) else (old, new)
                lines[line["line_number"]] = [
                    n + (other[i] if i < len(other) else 0) for i, n in enumerate(longer)
                ]
    return found


def _cython(path: Path, lines: dict[int, list[int]]) -> Counter[str]:
    """Lines of the .pyx from which this C was made: all with code, and those gone through."""
    ran: dict[tuple[str, int], bool] = {}
    at: tuple[str, int] | None = None
    for number, text in enumerate(path.read_text().split("\n"), 1):
        mark = MARK.match(text)
        if mark:
            at = (mark[1], int(mark[2]))
        elif at and number in lines:
            ran[at] = ran.get(at, False) or lines[number][0] > 0
    return Counter(all=len(ran), ran=sum(ran.values()))


def _figures() -> Result:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, lines in _of_objects().items():
        path = ROOT / name
        if "fastnn/_core/src" in name:
            counts["C lines"].update(all=len(lines), ran=sum(n[0] > 0 for n in lines.values()))
            taken = [n > 0 for line in lines.values() for n in line[1:]]
            counts["C branches"].update(all=len(taken), ran=sum(taken))
        elif path.with_suffix(".pyx").exists():
            counts["Cython lines"].update(_cython(path, lines))
    percent = {name: 100 * count["ran"] / count["all"] for name, count in counts.items()}
    percent["Python branches"] = _python()
    failures = [
        f"{name}: {percent[name]:.1f}%, expected {aim}%"
        for name, aim in AIMS.items()
        if percent[name] < aim
    ]
    return {"percent": percent, "failures": failures}


def run(part: str) -> Result:
    """The build, one file of tests, or the figures of those that have run."""
    return _build() if part == "build" else _figures() if part == FIGURES else _test(part)


def say(done: dict[str, Result]) -> str:
    """The four figures."""
    if FIGURES not in done:
        return "no figures yet"
    percent = done[FIGURES]["percent"]
    return ", ".join(f"{name} {percent[name]:.1f}%" for name in AIMS)


ROW = Row(
    "coverage",
    "95% of Python branches, 90% of Cython lines, 95% of C lines and branches",
    parts,
    run,
    say,
)

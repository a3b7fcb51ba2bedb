"""R9: what the suite goes through: branches of Python, lines of Cython, lines and branches of C.

The engine is built by itself in build/cov, without optimisation and with gcov's counters, which add
up over runs; so the files of tests run in groups, each a part. A line or branch of C counts once:
nothing is inlined or unrolled, and it does not matter for how many instruction sets and element
types it is compiled. A line of Cython is gone through if one of the C lines that Cython made of it
is. Programs that tests start count. Needs coverage.py (the extra `release`) and gcov.
`python -m matrix.coverage` lists what nothing went through.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from matrix.progress import ROOT
from matrix.row import Result, Row

BASE = ROOT / "build" / "cov"
DATA = BASE / "coverage"
DOCTESTS, FIGURES, OURS = "doctests", "figures", "fastnn/_core/src"
RUN = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"  # the folder is not on the path
GROUPS = 24
CONFIG = f"[run]\nbranch = true\nsource = {BASE / 'lib' / 'fastnn'}\npatch = subprocess\n"
MARK = re.compile(r'^ */\* "(fastnn/_core/[\w.]+)":(\d+)$')
Lines = dict[int, list[int]]  # of a source: how often each ran, then how often each branch
AIMS = {"Python branches": 95, "Cython lines": 90, "C lines": 95, "C branches": 95}


def parts() -> list[str]:
    """The build, the files of tests, the examples in docstrings, and the figures."""
    return ["build", *(f"tests {i}" for i in range(GROUPS)), DOCTESTS, FIGURES]


def files_of(part: str) -> list[str]:
    """Of a group of tests: by their names, so that a new file changes no other group."""
    number = int(part.split()[1])
    files = sorted((ROOT / "tests").glob("test_*.py"))
    return [str(file) for file in files if zlib.crc32(file.stem.encode()) % GROUPS == number]


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
    script, config = BASE / "run.py", BASE / "coveragerc"
    script.write_text(RUN)
    config.write_text(CONFIG)
    # Programs that tests start count as well: they find this build, too.
    path = os.pathsep.join(map(str, (library(), ROOT / "tests", ROOT)))
    environment = {
        "PYTHONPATH": path,
        "PYTHONSAFEPATH": "1",
        "COVERAGE_FILE": str(DATA / name.replace(" ", "-")),
        "COVERAGE_RCFILE": str(config),
    }
    package = ["-p", "conftest", str(library() / "fastnn")]
    tests = package if name == DOCTESTS else files_of(name)
    done = subprocess.run(
        [sys.executable, "-m", "coverage", "run", str(script), "-q", *tests],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    # What fails here, such as a bound on instructions, is for the suite itself to say.
    ran = done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    end = done.stdout[-1000:]
    return {"status": done.returncode, "end": end, "failures": [] if ran else [end[-300:]]}


def _python() -> dict[str, Any]:
    """What coverage.py says of all runs together."""
    environment = {**os.environ, "COVERAGE_FILE": str(BASE / "combined")}
    run = [sys.executable, "-m", "coverage"]
    files = map(str, DATA.iterdir())
    subprocess.run([*run, "combine", "--keep", "-q", *files], env=environment, check=True)
    told = subprocess.run(
        [*run, "json", "-q", "-o", "-"], env=environment, check=True, capture_output=True
    )
    report: dict[str, Any] = json.loads(told.stdout)
    return report


def _of_objects() -> dict[str, Lines]:
    """Of each source, each line: how often it ran, then how often each branch of it was taken."""
    found: dict[str, Lines] = defaultdict(dict)
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


def _cython(objects: dict[str, Lines]) -> dict[str, dict[int, bool]]:
    """Of each file of Cython the lines with code: whether one of the C lines made of it ran."""
    ran: dict[str, dict[int, bool]] = defaultdict(dict)
    for name, lines in objects.items():
        path = ROOT / name
        if not path.with_suffix(".pyx").exists():
            continue
        mark = None
        for number, text in enumerate(path.read_text().split("\n"), 1):
            mark = MARK.match(text) or mark
            if mark and number in lines:
                line = int(mark[2])
                ran[mark[1]][line] = ran[mark[1]].get(line, False) or lines[number][0] > 0
    return ran


def _figures() -> Result:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    objects = _of_objects()
    for lines in (lines for name, lines in objects.items() if OURS in name):
        counts["C lines"].update(all=len(lines), ran=sum(n[0] > 0 for n in lines.values()))
        taken = [n > 0 for line in lines.values() for n in line[1:]]
        counts["C branches"].update(all=len(taken), ran=sum(taken))
    for ran in _cython(objects).values():
        counts["Cython lines"].update(all=len(ran), ran=sum(ran.values()))
    percent = {name: 100 * count["ran"] / count["all"] for name, count in counts.items()}
    totals = _python()["totals"]
    percent["Python branches"] = 100 * totals["covered_branches"] / totals["num_branches"]
    failures = [
        f"{name}: {percent[name]:.1f}%, expected {aim}%"
        for name, aim in AIMS.items()
        if percent[name] < aim
    ]
    return {"percent": percent, "failures": failures}


def missed() -> Iterator[str]:
    """What nothing went through, a line of text for each file."""
    objects = _of_objects()
    for name, lines in sorted(objects.items()):
        if OURS in name:
            never = [n for n, (ran, *_) in sorted(lines.items()) if not ran]
            partly = [
                f"{n} ({', '.join(str(i) for i, count in enumerate(taken) if not count)})"
                for n, (ran, *taken) in sorted(lines.items())
                if ran and not all(taken)
            ]
            yield f"{name}: lines {never}; branches of lines {' '.join(partly)}"
    for name, ran in sorted(_cython(objects).items()):
        yield f"{name}: lines {[line for line in sorted(ran) if not ran[line]]}"
    for name, told in _python()["files"].items():
        if told["missing_branches"]:
            yield f"{name}: branches {told['missing_branches']}"


def run(part: str) -> Result:
    """The build, a group of tests, or the figures of those that have run."""
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

if __name__ == "__main__":
    print("\n".join(missed()))

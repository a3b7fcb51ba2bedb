"""What mutation runs found: kept in build/mutants.json, rendered as tests/mutants.md.

A tree without that file takes what the page says of the faults that there still are.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from mutate_equivalent import EQUIVALENT
from mutate_faults import FAULTS as IN_KERNELS
from mutate_faults_core import FAULTS as IN_CORE
from mutate_faults_python import FAULTS as IN_PYTHON

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build/mutants.json"
PAGE = ROOT / "tests/mutants.md"
HEAD = """# Planted faults

`make mutants` plants these faults one at a time, in the engine (`mutate_faults.py`,
`mutate_faults_core.py`) and in Python (`mutate_faults_python.py`, `mutate_faults_more.py`), runs
tests until one fails, and renders this page. A test counts if it passes without the fault.

"""


class Found(NamedTuple):
    """What a fault met: the test that caught it, or ""; how far the search went for it."""

    test: str
    stage: str


class Results(dict[str, Found]):
    """Faults and what they met; a file has them at once."""

    def put(self, what: str, found: Found) -> None:
        self.update(kept())  # another run may have put more
        self[what] = found
        KEPT.parent.mkdir(exist_ok=True)
        text = json.dumps({key: list(value) for key, value in self.items()}, indent=1)
        KEPT.with_suffix(".new").write_text(text)
        KEPT.with_suffix(".new").replace(KEPT)


def kept() -> Results:
    """What earlier runs found."""
    if not KEPT.is_file():
        return on_page()
    return Results({key: Found(*value) for key, value in json.loads(KEPT.read_text()).items()})


def caught_in(results: Results, what: str) -> bool:
    """Whether a test catches this fault."""
    return what in results and bool(results[what].test)


def settled(results: Results, what: str) -> bool:
    """Whether a fault is caught, or is none."""
    return caught_in(results, what) or what in EQUIVALENT


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _verdict(results: Results, what: str) -> str:
    if caught_in(results, what):
        return f"`{_cell(results[what].test)}`"
    if what in EQUIVALENT:
        return f"the same behaviour: {EQUIVALENT[what]}"
    return "not run yet" if what not in results else "**missed**"


def _table(results: Results, cells: list[tuple[str, str]], of: str) -> list[str]:
    """One part of the page: faults and their cells."""
    faults = [what for what, _ in cells]
    caught = sum(caught_in(results, what) for what in faults)
    same = sum(what in EQUIVALENT and not caught_in(results, what) for what in faults)
    not_run = sum(what not in results for what in faults)
    rest = len(faults) - caught - same - not_run
    line = f"{len(faults)} faults {of}: {caught} caught, {same} without effect, {rest} missed"
    lines = [f"{line}, {not_run} not run yet." if not_run else f"{line}.", ""]
    lines += ["| fault | caught by |", "| --- | --- |"]
    return [*lines, *(f"| {cell} | {_verdict(results, what)} |" for what, cell in cells), ""]


def on_page() -> Results:
    """What the page says of the faults that were run."""
    text = PAGE.read_text() if PAGE.is_file() else ""
    rows = dict(re.findall(r"^\| (.+) \| (?!not run)(.+) \|$", text, re.M))
    found = {what: rows[cell] for what, cell in (*_in_engine(), *_in_python()) if cell in rows}
    return Results({what: Found(_said(cell), "page") for what, cell in found.items()})


def _said(cell: str) -> str:
    return cell[1:-1].replace("\\|", "|") if cell.startswith("`") else ""


def _in_engine() -> list[tuple[str, str]]:
    """The faults in the engine, each with its cell of the page."""
    return [(f.what, _cell(f.what)) for f in (*IN_KERNELS, *IN_CORE)]


def _in_python() -> list[tuple[str, str]]:
    """The faults in Python, each with its cell of the page."""
    return [(f.what, f"{f.file}: `{_cell(f.old)}` → `{_cell(f.new)}`") for f in IN_PYTHON]


def render(results: Results) -> None:
    """Write the page."""
    lines = _table(results, _in_engine(), "in the engine and rules")
    lines += _table(results, _in_python(), "in Python")
    PAGE.write_text(HEAD + "\n".join(lines).rstrip() + "\n")

"""What mutation runs found: kept in build/mutants.json, rendered as tests/mutants.md."""

from __future__ import annotations

import json
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
        return Results()
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


def _table(results: Results, faults: list[str], texts: list[str], of: str) -> list[str]:
    """One part of the page."""
    caught = sum(caught_in(results, what) for what in faults)
    same = sum(what in EQUIVALENT and not caught_in(results, what) for what in faults)
    not_run = sum(what not in results for what in faults)
    rest = len(faults) - caught - same - not_run
    line = f"{len(faults)} faults {of}: {caught} caught, {same} without effect, {rest} missed"
    lines = [f"{line}, {not_run} not run yet." if not_run else f"{line}.", ""]
    lines += ["| fault | caught by |", "| --- | --- |"]
    rows = zip(texts, faults, strict=True)
    return [*lines, *(f"| {text} | {_verdict(results, what)} |" for text, what in rows), ""]


def render(results: Results) -> None:
    """Write the page."""
    kernels = [f.what for f in (*IN_KERNELS, *IN_CORE)]
    python = [f.what for f in IN_PYTHON]
    texts = [f"{f.file}: `{_cell(f.old)}` → `{_cell(f.new)}`" for f in IN_PYTHON]
    lines = _table(results, kernels, [_cell(what) for what in kernels], "in the engine and rules")
    lines += _table(results, python, texts, "in Python")
    PAGE.write_text(HEAD + "\n".join(lines).rstrip() + "\n")

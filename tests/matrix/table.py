"""All rows of the release column, and the page's table of what they came to."""

from __future__ import annotations

import re

from matrix import coverage, files, kernels, processes, progress, races, vmath
from matrix.row import Elsewhere, Row
from matrix.suites import SUITES

PAGE = progress.ROOT / "docs" / "reliability.md"
# Failures that are known, and where they stand.
OPEN: dict[str, str] = {}
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"


def rows() -> dict[str, Row | Elsewhere]:
    """By name, in order."""
    found: dict[str, Row | Elsewhere] = {
        "R1": kernels.ROW,
        "R3": vmath.ROW,
        "R6": Elsewhere("the tests are strong", "97 of 100 planted faults caught", "make mutants"),
        "R7": Elsewhere(
            "memory safety",
            "the suite under ASan and UBSan: 0 findings",
            "make test-asan test-ubsan",
        ),
        "R8": races.ROW,
        "R9": coverage.ROW,
        "R24": processes.DENORMALS,
        "R25": files.ROW,
        "R26": Elsewhere("packaging", "every wheel trains, in every Python", "make try-wheels"),
        **SUITES,
        **processes.PROCESSES,
    }
    return {name: found[name] for name in sorted(found, key=lambda name: int(name[1:]))}


def _line(name: str, row: Row | Elsewhere, results: dict[str, dict[str, object]]) -> str:
    if isinstance(row, Elsewhere):
        return f"| {name} | {row.title} | {row.aim} | by `{row.command}` | |"
    command = f"make test-release ROWS={name}"
    if name not in results:
        return f"| {name} | {row.title} | {row.aim} | not run: `{command}` | |"
    result = results[name]
    done, all_of = result["parts"]  # type: ignore[misc]
    said = str(result["said"])
    if done < all_of:
        said = f"**in part, {done} of {all_of}**: {said}"
    if result["failures"]:
        said += f"; **failed: {'; '.join(result['failures'])}** {OPEN.get(name, '')}"
    return f"| {name} | {row.title} | {row.aim} | {said} | {result['date']} |"


def table() -> str:
    """In Markdown."""
    results = progress.read(progress.RESULTS)
    lines = [_line(name, row, results) for name, row in rows().items()]
    machines = sorted({f"Machine: {result['machine']}." for result in results.values()})
    head = ["| | property | a release wants | what it came to | run on |", "| --- " * 5 + "|"]
    return "\n".join([*head, *lines, *([""] if machines else []), *machines])


def page(text: str) -> str:
    """The page with the table in its place."""
    inside = f"{BEGIN}\n\n{table()}\n\n{END}"
    found = re.subn(f"{BEGIN}.*?{END}", lambda _: inside, text, flags=re.DOTALL)
    if found[1] != 1:
        raise ValueError(
            f"{PAGE.name}: expected one place for the table, between {BEGIN} and {END}"
        )
    return found[0]


def render() -> None:
    """Write it into the page."""
    PAGE.write_text(page(PAGE.read_text()))

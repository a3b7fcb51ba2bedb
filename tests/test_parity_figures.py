"""The stored figures of the parity run are whole; the run itself needs torch (`make parity`)."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {"controls", "op_db", "keywords", "module_db", "common_nn", "optim_db"}


def test_every_part_has_figures() -> None:
    figures = json.loads((ROOT / "tests/parity/figures.json").read_text())
    assert set(figures) == PARTS
    for part, stored in figures.items():
        assert stored and all(type(n) is int and n >= 0 for n in stored.values()), part
        assert part == "controls" or "unexplained" in stored, part
    assert figures["controls"]["seen"] == figures["controls"]["faults"] > 0


def test_make_runs_it_and_pytest_does_not() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "\nparity: " in makefile and "-m parity" in makefile
    assert "--ignore=tests/parity" in (ROOT / "pyproject.toml").read_text()

"""The stored values of other libraries: few, and each file made by a script that is here."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "goldens"
BUDGET = 400_000  # bytes of all of them


def test_they_stay_within_their_budget() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.json")}
    assert 100_000 < sum(sizes.values()) < BUDGET, sizes


def test_each_is_made_by_a_script_and_make_goldens_runs_it() -> None:
    scripts = {path.stem for path in FOLDER.glob("*.py")}
    assert scripts == {f"make_{path.stem}" for path in FOLDER.glob("*.json")}
    makefile = (FOLDER.parents[1] / "Makefile").read_text()
    assert "\ngoldens: " in makefile and "tests/goldens/make_*.py" in makefile

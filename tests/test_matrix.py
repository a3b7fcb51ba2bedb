"""The release column: the page shows what is stored, and what is stored of vmath still holds."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from families import OPS
from families.approx import REALS, VMATH_ULP
from matrix import files, progress, row, table, vmath

from fastnn._core import engine

RESULTS = progress.read(progress.RESULTS)
KIND = REALS["float32"]


def test_the_page_shows_what_is_stored() -> None:
    """Else: `PYTHONPATH=tests:. python -m matrix --render`."""
    text = table.PAGE.read_text()
    assert table.page(text) == text


def test_every_row_is_there() -> None:
    rows = table.rows()
    assert list(rows) == [f"R{i}" for i in range(1, 27)]
    assert RESULTS.keys() <= rows.keys()


def test_what_failed_is_known() -> None:
    """The page says so too."""
    assert {name for name, result in RESULTS.items() if result["failures"]} <= table.OPEN.keys()


def test_a_row_goes_on_where_it_stopped(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has run is not run again; what failed is kept as a failure; the page says "in part"."""
    monkeypatch.setattr(progress, "PARTS", tmp_path)
    monkeypatch.setattr(progress, "RESULTS", tmp_path / "results.json")
    ran = []

    def run(part: str) -> row.Result:
        ran.append(part)
        if ran == ["a", "b"]:
            raise KeyboardInterrupt
        return {"failures": ["wrong"] if part == "b" else []}

    it = row.Row("title", "aim", lambda: "abc", run, lambda done: " ".join(done))
    with pytest.raises(KeyboardInterrupt):
        row.go("R1", it)
    stored = progress.read(progress.RESULTS)["R1"]
    assert (stored["said"], stored["parts"], stored["failures"]) == ("a", [1, 3], [])
    assert "**in part, 1 of 3**: a" in table.table()
    assert not row.go("R1", it)
    assert ran == ["a", "b", "b", "c"]
    assert progress.read(progress.RESULTS)["R1"]["failures"] == ["b: wrong"]
    assert "a b c; **failed: b: wrong**" in table.table()


def test_a_row_goes_on_from_results_of_another_machine(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored is run again only with --fresh, or if a file has changed that it rests on."""
    monkeypatch.setattr(progress, "ROOT", tmp_path)
    monkeypatch.setattr(progress, "RESULTS", tmp_path / "results.json")
    source = tmp_path / "source.h"
    source.write_text("exp")
    ran: list[str] = []

    def run(part: str) -> row.Result:
        ran.append(part)
        return {"at": part, "failures": []}

    def detail(done: dict[str, row.Result]) -> dict[str, str]:
        return {part: result["at"] for part, result in done.items()}

    def again(kept: dict[str, str]) -> dict[str, row.Result]:
        return {part: {"at": at} for part, at in kept.items()}

    it = row.Row("title", "aim", lambda: "abc", run, "".join, detail, again, ("*.h",))
    changed = "exp2"
    for here, only, fresh, text, expected in (
        ("first", "a", False, "exp", "a"),
        ("second", "", False, "exp", "bc"),
        ("third", "", False, "exp", ""),
        ("fourth", "", True, "exp", "abc"),
        ("fourth", "", False, "exp", ""),
        ("fourth", "a", False, changed, "a"),
        ("fifth", "", False, changed, "bc"),
        ("fourth", "", False, "exp", "abc"),
    ):
        monkeypatch.setattr(progress, "PARTS", tmp_path / here)
        source.write_text(text)
        ran.clear()
        assert row.go("R1", it, fresh, only)
        assert ran == list(expected), here
    assert progress.read(progress.RESULTS)["R1"]["detail"] == {"a": "a", "b": "b", "c": "c"}


def test_a_part_with_a_rest_runs_until_there_is_none(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fuzzer's hour, of which some had run elsewhere; until then the page says "in part"."""
    monkeypatch.setattr(progress, "PARTS", tmp_path)
    monkeypatch.setattr(progress, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(files, "fuzz_command", lambda fuzzer: (["fuzzer"]))
    monkeypatch.setattr(files, "ROOT", tmp_path)
    ran: list[str] = []

    def fuzzer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command[-3])
        if len(ran) == 3:
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, 0, "", "stat::number_of_executed_units: 5\n")

    monkeypatch.setattr(files.subprocess, "run", fuzzer)
    hour = {"runs": 7, "fuzzed": 1900, "rest": 1700}
    stored = {"failures": [], "seconds": 1900, "detail": {files.CALLS: hour}}
    progress.write(progress.RESULTS, {"R25": stored})
    with pytest.raises(KeyboardInterrupt):
        row.go("R25", files.ROW, only=[files.CALLS])
    kept = progress.read(progress.RESULTS)["R25"]
    assert kept["detail"][files.CALLS] == {"runs": 17, "fuzzed": 3100, "rest": 500}
    assert kept["parts"][0] == 0 and "52 min, 17 runs" in kept["said"]
    assert row.go("R25", files.ROW, only=[files.CALLS])
    assert ran == [f"-max_total_time={seconds}" for seconds in (600, 600, 500, 500)]
    kept = progress.read(progress.RESULTS)["R25"]
    assert kept["parts"][0] == 1 and "60 min, 22 runs" in kept["said"]


def test_what_is_stored_of_vmath_goes_on() -> None:
    """R3's parts are read from what is stored, and stored as they were."""
    assert vmath.detail(vmath.again(STORED)) == STORED
    assert vmath.ROW.sources and progress.digest(vmath.ROW.sources) != progress.digest(())


STORED = RESULTS.get("R3", {}).get("detail", {})


@pytest.mark.parametrize("name", vmath.FUNCTIONS)
def test_the_worst_of_all_floats(name: str, isa: str) -> None:
    """R3, sampled: the stored error where it is stored; none is larger around it and elsewhere."""
    if isa not in STORED.get(name, {}):
        return  # stored on a machine that lacks it
    worst, at = STORED[name][isa]
    around = int(at, 16) + np.arange(-100, 101)
    far = np.random.default_rng(0).integers(0, 2**32, 400)
    x = np.concatenate([around, far]).astype(np.uint32).view(np.float32)
    x = x[np.isfinite(x) & (np.abs(x) >= KIND.tiny)]
    got = np.empty_like(x)
    engine.call(engine.OPS[name], (got, x), (), (), 1)
    with np.errstate(all="ignore"):
        want = OPS[name].reference(x.astype(np.float64))
        error = np.abs(got - want) / KIND.ulp(want)
    known = np.isfinite(got) & np.isfinite(want) & (np.abs(want) >= KIND.tiny)
    there = x.view(np.uint32) == int(at, 16)
    assert error[known & there] == pytest.approx(worst, abs=2e-3)
    assert (error[known] <= max(worst, 1) + 2e-3).all() and worst <= VMATH_ULP

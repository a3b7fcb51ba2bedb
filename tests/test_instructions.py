"""The guard of instruction counts: what it reads, what it calls worse, when it does not judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import instructions

DUMP = """\
desc: Trigger: Client Request: step of tiny
events: Ir
ob=/usr/lib/libpython3.11.so
fl=???
fn=call
0 100
cob=/home/me/fastnn/_core/engine.so
cfn=run
calls=2 0
0 7000

ob=/home/me/fastnn/_core/engine.so
fn=run
0 5000
12 1000
cob=/usr/lib/libc.so.6
cfn=memcpy
calls=1 0
12 900
13 100

ob=/usr/lib/libc.so.6
fn=memcpy
0 900
totals: 7100
"""


def test_only_the_engines_own_instructions_count() -> None:
    assert instructions.read_dump(DUMP.splitlines()) == ("step of tiny", 5000 + 1000 + 100)


def test_a_rise_above_three_percent_is_wrong_and_named_with_both_figures() -> None:
    before = {"exp": 1000, "log": 1000, "tanh": 1000, "gone": 1, "same": 7}
    now = {"exp": 1031, "log": 1030, "tanh": 900, "new": 1, "same": 7}
    wrong, better = instructions.verdicts(now, before)
    assert wrong == [
        "exp: 1,000 -> 1,031 instructions (+3.1%)",
        "gone: counted no longer",
        "new: not in the baseline",
    ]
    assert better == ["tanh: 1,000 -> 900 instructions (-10.0%)"]


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that is told to be of this compiler, and counts that need no valgrind."""
    path = tmp_path / "instructions.json"
    monkeypatch.setattr(instructions, "ROOT", tmp_path)
    monkeypatch.setattr(instructions, "BASELINE", path)
    monkeypatch.setattr(instructions, "made_with", lambda: {"compiler": "gcc 12"})
    monkeypatch.setattr(instructions, "count", lambda: {"exp": 1000})
    return path


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["instructions", *options])
    return instructions.main()


def test_a_baseline_is_renewed_with_a_note_and_then_holds(
    baseline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for note in "first", "second":
        assert run(monkeypatch, "--renew", note) == 0
    known = json.loads(baseline.read_text())
    assert [entry["note"] for entry in known["notes"]] == ["first", "second"]
    assert known["counts"] == {"exp": 1000}
    assert run(monkeypatch) == 0
    monkeypatch.setattr(instructions, "count", lambda: {"exp": 1050})
    capsys.readouterr()
    assert run(monkeypatch) == 1
    assert "exp: 1,000 -> 1,050 instructions (+5.0%)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run(monkeypatch, "--renew", " ")


def test_says_that_it_skips_without_valgrind_and_with_another_compiler(
    baseline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--renew", "first") == 0
    monkeypatch.setattr(instructions, "made_with", lambda: {"compiler": "gcc 14"})
    assert run(monkeypatch) == 0
    assert "skipped: this is gcc 14, the baseline gcc 12" in capsys.readouterr().out

    def no_valgrind() -> Any:
        raise instructions.SkippedError("no valgrind")

    monkeypatch.setattr(instructions, "count", no_valgrind)
    before = baseline.read_text()
    assert run(monkeypatch, "--renew", "third") == 1  # a renewal that does nothing is no success
    assert baseline.read_text() == before and "skipped: no valgrind" in capsys.readouterr().out


def test_knows_the_compiler_of_the_engine() -> None:
    made = instructions.made_with()
    name, version = made["compiler"].split()
    assert name in ("gcc", "clang") and int(version) > 3
    assert made["isa"] == "avx2"

"""The examples with tables run, print what they promise, and write their files; so do the pages."""

from __future__ import annotations

import io
import re
import runpy
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import fastnn

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "examples/tabular"
FILES = {  # what each writes
    "classes": {"customers.safetensors"},
    "values": set(),
    "explained": {"explained.png"},
    "two_inputs": set(),
    "command": {"penguins.csv", "penguins.safetensors", "penguins.html", "predictions.csv",
                "tuned.safetensors", "penguins.png", "tuned.png"},
}  # fmt: skip
OPTIONAL = {"explained.png", "penguins.png", "tuned.png"}  # where matplotlib is installed


def printed(path: Path, tmp_path: Path, monkeypatch: Any) -> str:
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        runpy.run_path(str(path), run_name="__main__")
    return out.getvalue()


def number_after(text: str, words: str) -> float:
    found = re.search(rf"{re.escape(words)}\s*(-?\d+\.?\d*)", text)
    assert found is not None, f"no number after {words!r} in:\n{text}"
    return float(found[1])


def check(name: str, out: str) -> None:
    if name == "classes":
        assert number_after(out, "accuracy") > 0.8
        assert "labels ['left', 'stayed']" in out
    elif name == "values":
        scores = [float(r2) for r2 in re.findall(r"R2 (\S+)", out)]
        assert len(scores) == 2 and min(scores) > 0.97
    elif name == "explained":
        assert all(re.search(rf"^{m} +age", out, re.M) for m in ("permutation", "gradients"))
        assert (
            number_after(out, "p(ill) from") < 0.2 and number_after(out, "calibration error") < 0.1
        )
        assert "first row: age" in out
    elif name == "two_inputs":
        assert number_after(out, "R2") > 0.9 and number_after(out, "accuracy") > 0.9
        assert "val" in out and "falls: True" in out
    else:
        assert re.search(r"held out: loss \S+, accuracy (0\.9\d*|1) on 75 rows", out)
        assert "trial  preset" in out and "rows      75 (held out of 300" in out


def outline(text: str) -> list[str]:
    """The lines without their numbers, in order but for the trials, whose order may be another."""
    text = re.sub(r"-?\d+\.?\d*", "#", text.replace("  stopped", ""))
    lines = [re.sub(" +", " ", line) for line in text.splitlines() if not line.startswith("plot: ")]
    trials = sorted(line for line in lines if line.startswith(" # "))
    return [line for line in lines if not line.startswith(" # ")] + trials


def check_page(out: str) -> None:
    """docs/report.md shows what the command prints; messages are not part of `out`."""
    page = (ROOT / "docs/report.md").read_text()
    blocks = re.findall(r"^```\n(\$.*?)^```", page, re.S | re.M)
    told = [line for block in blocks for line in block.splitlines()]
    messages = re.compile(r"\$ |penguins\.csv: |net RealMLP|trial \d: |300 predictions in ")
    shown = "\n".join(line for line in told if not messages.match(line))
    assert len(blocks) == 3 and outline(shown) == outline(out)


def test_each_is_looked_at() -> None:
    assert sorted(FILES) == sorted(path.stem for path in FOLDER.glob("*.py"))
    assert len(FILES) >= 4


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_it_runs(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    state = fastnn.get_rng_state()
    out = printed(FOLDER / f"{name}.py", tmp_path, monkeypatch)
    check(name, out)
    if name == "command":
        check_page(out)
    fastnn.set_rng_state(state)
    written = {path.name for path in tmp_path.iterdir()}
    assert FILES[name] - OPTIONAL <= written <= FILES[name]


@pytest.mark.long
def test_the_readme_begins_with_a_table(tmp_path: Path, monkeypatch: Any) -> None:
    """Its first example in Python, which runs as it stands, without more than NumPy."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    first = re.search(r"```python\n(.*?)```", text, re.S)
    assert first is not None and "TabularClassifier" in first[1]
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(first[1], "README.md", "exec"), found)
    right = found["model"].predict(found["rows"]) == found["left"]
    assert right.mean() > 0.9
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors"}


@pytest.mark.long
def test_the_page_in_python_runs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/report.md").read_text()
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(compile(block, "docs/report.md", "exec"), found)
    assert found["importance"](found["model"], found["rows"], found["ill"]).names[0] == "age"
    assert found["each"].shape == (300, 2) and found["reliability"].error < 0.2

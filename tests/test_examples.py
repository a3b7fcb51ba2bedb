"""The examples print what the same scripts print under torch and MindSpore, the imports apart."""

from __future__ import annotations

import ast
import io
import json
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "mindspore")  # folders of scripts for them
EXAMPLES = sorted(p for name in LIBRARIES for p in (ROOT / "examples" / name).glob("*.py"))
GOLDENS = json.loads((ROOT / "tests/goldens/examples.json").read_text())
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")

# A printed number may differ by this many units of its last digit, or by this share of itself.
UNITS = 1
# 1000 steps with second derivatives: rounding grows. torch itself, from weights that differ by
# 1e-7 of themselves, prints a largest error of 0.0036 to 0.0048.
SHARE = {
    "torch/ode_pinn": 0.3,
    "mindspore/quickstart": 1e-5,  # LossMonitor prints all digits
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "examples").with_suffix("").as_posix()


def library_of(path: Path) -> str:
    return path.parent.name


def unit(text: str) -> float:
    """One unit of the last digit of a printed number."""
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals)


def differences(got: str, expected: str, share: float) -> list[str]:
    """Where two printed lines differ by more than is allowed."""
    if NUMBER.sub("#", got) != NUMBER.sub("#", expected):
        return [f"{got!r} is not {expected!r}"]
    pairs = zip(NUMBER.findall(got), NUMBER.findall(expected), strict=True)
    return [
        f"{a} is not {b} in {expected!r}"
        for a, b in pairs
        if abs(float(a) - float(b)) > max(UNITS * unit(b) * 1.001, share * abs(float(b)))
    ]


def test_each_has_numbers() -> None:
    assert len(EXAMPLES) >= 12
    assert {name_of(path) for path in EXAMPLES} == set(GOLDENS)


@pytest.mark.every(5)
@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_prints_what_the_original_prints(path: Path) -> None:
    out = io.StringIO()
    with redirect_stdout(out), np.printoptions():  # some set options, which end with the block
        runpy.run_path(str(path), run_name="__main__")
    got, expected = out.getvalue().splitlines(), GOLDENS[name_of(path)]["lines"]
    assert len(got) == len(expected)
    share = SHARE.get(name_of(path), 0.0)
    found = [d for a, b in zip(got, expected, strict=True) for d in differences(a, b, share)]
    assert found == []
    assert got[-1].startswith("result: ")


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_only_imports_name_the_library(path: Path) -> None:
    """What tests/goldens/make_examples.py replaces is the import lines, and it replaces all."""
    make = runpy.run_path(str(ROOT / "tests/goldens/make_examples.py"), run_name="make")
    source, library = path.read_text(), library_of(path)
    changed = make["for_library"](source, library)
    before, after = source.splitlines(), changed.splitlines()
    lines = [a for a, b in zip(before, after, strict=True) if a != b]
    assert lines and all(line.startswith(("import fastnn", "from fastnn")) for line in lines)
    tree = ast.parse(changed)
    del tree.body[0]  # the docstring says how to change the lines
    assert "fastnn" not in ast.unparse(tree)
    theirs = {a.replace("fastnn.mindspore", "fastnn").replace("fastnn", library) for a in lines}
    assert theirs == set(after) - set(before)


@pytest.mark.long
def test_look_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "look.png"
    monkeypatch.setattr("sys.argv", ["look_inside.py", str(picture)])
    runpy.run_path(str(ROOT / "examples/look_inside.py"), run_name="__main__")
    table = capsys.readouterr().out
    assert "E = 0.298371" in table and "0.358916" in table  # golden.json's new w5
    assert picture.read_bytes().startswith(b"\x89PNG")

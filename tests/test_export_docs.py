"""The path of docs/export.md, from `fastnn train` to programs in C and an ONNX file, as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/export.md").read_text()


def block(name: str, language: str) -> str:
    """The code of the page behind a file's name."""
    found = re.search(rf"`{re.escape(name)}`:\n\n```{language}\n(.*?)```", PAGE, re.S)
    assert found is not None
    return found[1]


@pytest.mark.long
def test_a_strangers_path(tmp_path: Path) -> None:
    """Under ten commands; all programs print the same class and probability."""
    (tmp_path / "main.c").write_text(block("main.c", "c"))
    (tmp_path / "run.py").write_text(block("run.py", "python"))
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in (("python", ""), ("fastnn", "-m fastnn ")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    script = re.search(r"```sh\n(fastnn train .*?)```", PAGE, re.S)
    assert script is not None
    commands = script[1].strip().splitlines()
    assert len(commands) < 10
    printed = []
    for command in commands:
        words = [w for w in command.split() if "=" not in w or w.startswith("-")]
        if not shutil.which(words[0], path=path) and words[0][0] != ".":
            assert words[0] in ("arm-none-eabi-gcc", "qemu-system-arm")
            continue
        ran = subprocess.run(
            command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, (command, ran.stderr)
        if words[0] in ("./main", "qemu-system-arm", "python"):
            printed.append(ran.stdout.strip())
    assert len(printed) in (2, 3) and len(set(printed)) == 1
    assert re.fullmatch(r"setosa 0\.\d{1,3}", printed[0]) is not None


def test_the_table_is_there() -> None:
    """`python -m bench.export --render` filled it; the fast net is as fast as is promised."""
    text = PAGE.partition("<!-- exports:start -->")[2].partition("<!-- exports:end -->")[0]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in text.strip().splitlines()]
    assert {row[1] for row in rows[2:]} >= {"C, float32", "C, int8", "ONNX", "torch code"}
    fast = next(row for row in rows if row[:2] == ["16-32-32-3", "C, float32"])
    assert float(fast[6]) <= 150 and fast[4] == "0"


@pytest.mark.parametrize(
    "words",
    [
        ["net.c", "--int8", "iris", "--json"],
        ["net.h", "--name", "iris", "--compiler", "gcc"],
        ["net.onnx", "--opset", "17", "--ir-version", "9"],
        ["net.py"],
    ],
)
def test_the_command(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fastnn import tabular
    from fastnn.cli import main
    from fastnn.tabular.table import load_table

    model = tabular.train(load_table("iris"), tabular.Settings(epochs=1, hidden=(4,))).model
    saved, out = tmp_path / "iris.safetensors", tmp_path / words[0]
    model.save(saved)
    assert main(["export", str(saved), str(out), *words[1:]]) == 0
    said = capsys.readouterr().out
    assert str(out) in said and out.stat().st_size > 0
    if "--json" in words:
        assert '"ram": 0' in said


def test_the_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import fastnn
    from fastnn import nn
    from fastnn.cli import main

    net = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3, track_running_stats=False))
    net.save(tmp_path / "net.safetensors")
    words = [str(tmp_path / "net.safetensors"), str(tmp_path / "net.c")]
    assert main(["export", *words]) == 2
    assert "error: layer 1 (BatchNorm1d): without running moments" in capsys.readouterr().err
    assert main(["export", *words, "--dry-run"]) == 0
    assert "No export: layer 1" in capsys.readouterr().out
    fastnn.save(net.state_dict(), tmp_path / "state.safetensors")
    assert main(["export", str(tmp_path / "state.safetensors"), words[1]]) == 2
    assert "holds weights without their layers" in capsys.readouterr().err
    assert not (tmp_path / "net.c").exists()

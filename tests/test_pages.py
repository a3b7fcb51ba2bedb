"""Every Python block on the pages and in the README runs; blocks of one page share their names."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import matplotlib
import pytest

import fastnn
from fastnn.cli import arguments
from fastnn.cli.command import main

matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/decisions").glob("*.md")]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(WRITTEN)]
TREES = re.compile(r"^```{toctree}\n((?::[^\n]*\n)*)(.*?)^```$", re.M | re.S)
SAYS = re.compile(r"^ *print\(.*\) +# (.*)$", re.M)
FILE = re.compile(r"`[\w.]+`:\n\n\Z")  # a file's name before it: test_export_docs.py runs it
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The line and the code of each block of a page in a language."""
    text = page.read_text()
    return [
        (text[: found.start()].count("\n") + 1, found[2])
        for found in FENCE.finditer(text)
        if found[1] == language and not FILE.search(text[: found.start()])
    ]


WITH_CODE = [p for p in PAGES if blocks(p, "python")]


def test_every_page_is_in_the_index() -> None:
    """The site's build refuses one that is not, and this says so sooner."""
    listed = [
        line.rpartition("<")[2].rstrip(">")
        for _, tree in TREES.findall((ROOT / "docs/index.md").read_text())
        for line in tree.splitlines()
    ]
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages <= set(listed) and len(listed) == len(set(listed))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_code_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a line such as `print(x)  # 3` prints what it says."""
    monkeypatch.chdir(tmp_path)
    fastnn.manual_seed(0)
    names: dict[str, Any] = {"__name__": "page"}
    for line, code in blocks(page, "python"):
        padded = "\n" * line + code  # so that a traceback has the line of the page
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(padded, str(page), "exec"), names)
        said = SAYS.findall(code)
        assert not said or said == out.getvalue().splitlines()


COMMAND = re.compile(r"^(?:\$ |[^|`\n]*\| )?fastnn ([a-z].*)$", re.M)
SHORTER = {  # what takes its time is run for less of it
    "--budget 60": "--budget 1 --trials 1",
    "--target left": "--target left --preset mlp --epochs 4",
    "--target price --out": "--target price --preset mlp --epochs 4 --out",
    " --compare": "",
    "train digits": "train digits --epochs 2",
}


def commands(page: Path) -> list[str]:
    """The arguments of `fastnn` in the shell blocks of a page."""
    shells = [code for language in ("", "sh") for _, code in blocks(page, language)]
    return [found.partition(" #")[0].strip() for code in shells for found in COMMAND.findall(code)]


def test_commands_on_pages_are_understood() -> None:
    parser = arguments.parser(
        dict.fromkeys("train tune predict evaluate export playground info bench".split())
    )
    found = [command for page in PAGES for command in commands(page)]
    assert len(found) > 12
    for command in found:
        assert parser.parse_args(shlex.split(command)), command


@pytest.mark.long
@pytest.mark.parametrize("page", ["docs/tour.md", "docs/start.md"])
def test_commands_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In their order, in a folder with the tables that they read."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{'ab'[i % 2]},{i % 7 + i % 2}" for i in range(80)]
    for file, target in (("houses.csv", "price"), ("new.csv", "price"), ("customers.csv", "left")):
        (tmp_path / file).write_text("\n".join([f"size,kind,{target}", *rows]) + "\n")
    for command in commands(ROOT / page):
        if not command.endswith(" -"):  # reads a pipe: test_cli.py
            for long, short in SHORTER.items():
                command = command.replace(long, short)
            assert main(shlex.split(command)) == 0, (command, capsys.readouterr().err)

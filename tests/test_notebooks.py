"""The notebooks of the site: their code runs, each cell's value can be shown, nothing is stored."""

from __future__ import annotations

import ast
import json
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

import fastnn

matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.glob("*.md") if path.stem != "index")
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)^```$", re.M | re.S)
KNOWN = "training-by-hand activations optimizers regularisation populations pinn".split()


def cells(path: Path) -> list[tuple[int, str]]:
    """The line and the code of each cell."""
    text = path.read_text()
    return [(text[: found.start(1)].count("\n"), found[1]) for found in CELL.finditer(text)]


def test_all_are_in_the_contents() -> None:
    listed = (FOLDER / "index.md").read_text().partition(":maxdepth: 1\n")[2].split("```")[0]
    assert listed.split() == KNOWN and {path.stem for path in NOTEBOOKS} == set(KNOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_teaches(path: Path) -> None:
    """A header for Jupyter; a question, a finding and an exercise; at least two pictures."""
    text = path.read_text()
    assert text.startswith("---\njupytext:") and "kernelspec:" in text.partition("\n---\n")[0]
    assert text.index("**Question.**") < text.index("**Finding.**") < text.index("**Exercise.**")
    code = "\n".join(code for _, code in cells(path))
    assert code.count("plt.subplots(") + code.count("ax.figure\n") >= (1 if "trace" in code else 2)
    assert "Figure(" not in code, "a notebook shows the figures of pyplot and of plot alone"
    fenced = [line for line in text.splitlines() if line.startswith("```") and line != "```"]
    assert all(line == "```{code-cell}" for line in fenced), "only cells: all code is run"


def test_no_outputs_are_stored() -> None:
    """Notebooks are text; one with cells in JSON would have to be empty."""
    for path in FOLDER.rglob("*"):
        assert path.suffix in (".md", ".ipynb"), f"{path}: pictures are made by the build"
        if path.suffix == ".ipynb":
            for cell in json.loads(path.read_text())["cells"]:
                assert not cell.get("outputs") and not cell.get("execution_count"), path


def run(code: str, line: int, path: Path, names: dict[str, Any]) -> Any:
    """Run a cell as a kernel does: its last expression is its value."""
    tree = ast.parse("\n" * line + code)
    value = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
            exec(compile(tree, str(path), "exec"), names)
            value = eval(compile(last, str(path), "eval"), names)
        else:
            exec(compile(tree, str(path), "exec"), names)
    return value


SETTERS = {"set", "set_title", "legend", "plot", "imshow", "scatter", "hist", "semilogy", "update"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_below_a_cell_stands_what_is_meant(path: Path) -> None:
    """Not the value of a last line that was run for what it does: `<...Legend at 0x7f...>`."""
    for line, code in cells(path):
        last = ast.parse(code).body[-1]
        call = last.value if isinstance(last, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            ours = getattr(call.func.value, "id", "") == "plot"
            loud = call.func.attr in SETTERS and not code.rstrip().endswith(";")
            assert ours or not loud, f"{path.name}:{line}: end the last line with ;"


LONG = "activations regularisation populations pinn".split()  # seconds; `make docs` runs them too


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow if p.stem in LONG else ()) for p in NOTEBOOKS],
    ids=lambda p: p.stem,
)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fastnn.manual_seed(0)
    names: dict[str, Any] = {"__name__": "notebook"}
    figures = []
    for line, code in cells(path):
        value = run(code, line, path, names)
        figures += [pyplot.figure(number) for number in pyplot.get_fignums()]
        pyplot.close("all")
        if hasattr(value, "savefig"):
            figures.append(value)
        elif hasattr(value, "_draw_was_started"):
            value._draw_was_started = True  # an animation: the build draws its frames
            assert hasattr(value, "_repr_html_")
    for figure in figures:
        plots = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
        assert plots and all(ax.get_title() for ax in plots), "a plot without a title"
    assert not list(tmp_path.iterdir())

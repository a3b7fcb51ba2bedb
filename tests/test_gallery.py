"""Every script of the gallery draws a picture of its own name, with a title and labels."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from matplotlib.figure import Figure

SCRIPTS = sorted((Path(__file__).resolve().parents[1] / "examples/gallery").glob("*.py"))


def test_there_are_enough() -> None:
    assert len(SCRIPTS) >= 14


@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_script_draws_its_picture(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[tuple[Figure, str]] = []
    save = Figure.savefig

    def savefig(figure: Figure, name: str, *args: Any, **keywords: Any) -> None:
        saved.append((figure, name))
        save(figure, name, *args, **keywords)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Figure, "savefig", savefig)
    runpy.run_path(str(script), run_name="__main__")
    ((figure, name),) = saved
    assert name == f"{script.stem}.png"
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    plots = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert all(ax.get_title() for ax in plots), "a plot without a title"
    assert all(ax.get_xlabel() for ax in plots), "a plot without a label"
    title, _, text = (ast.get_docstring(ast.parse(script.read_text())) or "").partition("\n\n")
    assert title.endswith(".") and "\n" not in title and text

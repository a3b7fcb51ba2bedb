"""A notebook in a real Jupyter kernel: pictures, bars, and curves that are updated in place."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from test_notebooks import NOTEBOOKS, cells

ROOT = Path(__file__).resolve().parents[1]

FIT = """
import numpy as np
import fastnn
from fastnn import nn, optim, plot
from fastnn.callbacks import LivePlot
x = np.random.default_rng(0).standard_normal((60, 2)).astype("f4")
y = (x[:, 0] > 0).astype(int)
model = nn.MLP(2, [8], 2)
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.05))
"""
CELLS = {
    "last value": (FIT + "plot.activations(nn.ReLU())", 1),
    "not the last value": ("ax = plot.decision_boundary(model, x, y); ax.set_title('mine')", 1),
    "two": ("for f in (nn.ReLU(), nn.Tanh()): plot.activations(f)", 2),
    "a figure": ("plot.losses(nn.MSELoss()).figure", 1),
    "nothing new": ("1 + 1", 0),
    "live": ("trainer.fit(x, y, epochs=9, verbose=0, callbacks=[LivePlot(seconds=0)])", 1),
    "panels": ("_.plot()", 1),
    "pyplot": ("import matplotlib.pyplot as plt\nplot.losses(nn.MSELoss(), ax=plt.gca())", 1),
    "after pyplot": ("plot.activations(nn.ReLU()).figure", 1),
}


def pictures(outputs: list[Any]) -> list[bytes]:
    found = [out["data"] for out in outputs if "data" in out]
    return [base64.b64decode(data["image/png"]) for data in found if "image/png" in data]


def executed(sources: list[str], monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """The outputs of each cell."""
    import nbformat
    from nbclient import NotebookClient

    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(made, timeout=120).execute()
    return [cell.outputs for cell in made.cells]


@pytest.mark.slow
def test_pictures_and_bars_in_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = "history = trainer.fit(x, y, epochs=5)"
    *outputs, shown = executed([source for source, _ in CELLS.values()] + [bar], monkeypatch)
    for (name, (_, count)), cell in zip(CELLS.items(), outputs):
        found = pictures(cell)
        assert len(found) == count, name
        assert all(data.startswith(b"\x89PNG") for data in found)
    widget = "application/vnd.jupyter.widget-view+json"
    bars = [out for out in shown if widget in out.get("data", {}) or "10/10" in out.get("text", "")]
    assert len(bars) == 1, shown


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_picture_of_a_notebook_is_shown_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [code for _, code in cells(path)]
    for source, outputs in zip(sources, executed(sources, monkeypatch)):
        closes = "plt.close(" in source  # an animation instead
        drawn = not closes and ("plt.subplots(" in source or source.rstrip().endswith("ax.figure"))
        assert len(pictures(outputs)) == drawn, source
        assert closes == any("text/html" in out.get("data", {}) for out in outputs)

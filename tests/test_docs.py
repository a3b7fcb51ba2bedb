"""The reference pages: made from the docstrings, complete and current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import fastnn
from fastnn import metrics, nn, optim

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def generate() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_current(generate: Any) -> None:
    found = {p.name: p.read_text() for p in (DOCS / "reference").glob("*.md")}
    stale = [name for name, text in generate.pages().items() if found.get(name) != text]
    assert not stale and set(found) == set(generate.pages()), f"{stale}: run `make docs`"


def test_the_readme_names_what_there_is() -> None:
    text = (DOCS.parent / "README.md").read_text()
    section = text.partition("## What there is")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", section, re.M)
    told: dict[str, set[str]] = {}
    for title, cell in rows[1:]:  # below the rule
        family = re.search(r"Layers|Activ|Init|Loss|Optim|Sched|Metric", title)
        assert family is not None, title
        told.setdefault(family[0], set()).update(re.findall(r"`(\w+)`", cell))
    public = {n for n in dir(nn) if isinstance(getattr(nn, n), type)}
    assert told["Loss"] == {n for n in public if n.endswith("Loss")} - {"ZeroOneLoss"}
    assert told["Layers"] | told["Activ"] <= public
    steps = {n for n in optim.__all__ if isinstance(getattr(optim, n), type)}
    assert told["Optim"] == steps - {"Optimizer"} | {"swa_utils"}
    schedules = set(optim.lr_scheduler.__all__) - {"LRScheduler", "settings_by_step"}
    assert told["Sched"] == schedules | {"SWALR"}
    averages = {"_macro", "_micro", "_weighted"}
    names = {*metrics.METRICS, *metrics.WHOLE_SET}
    assert told["Metric"] - averages == {n for n in names if not n.endswith(tuple(averages))}


def test_every_public_name_is_described(generate: Any) -> None:
    """A line that says what it is; with what has an equation, the equation or what it holds."""
    families = generate.families()
    entries = [e for _, found in families.values() for e in found]
    assert [name for name, value in entries if not (value.__doc__ or "").strip()] == []
    exact = ("layers", "activations", "losses", "optimizers", "schedules")
    assert [
        name
        for page in exact
        for name, value in families[page][1]
        if isinstance(value, type) and "\n" not in value.__doc__.strip()
    ] == ["nn.Summary"]  # what summary() returns
    names = {name.rpartition(".")[2] for name, _ in entries}
    for module in (nn, optim, optim.lr_scheduler, fastnn.train):
        public = {n for n in module.__all__ if isinstance(getattr(module, n), type)}
        assert public <= names, module.__name__

"""The report's pictures and tables where there is much, or little, to show."""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest

from fastnn.cli import report
from fastnn.cli.page import draw
from fastnn.cli.page.draw import Series, chart
from fastnn.cli.run import Run
from fastnn.tabular import Settings, as_frame, table as data, train

page = importlib.import_module("fastnn.cli.page.page")
RNG = np.random.default_rng(0)
ROWS = 40


def numbers_at(picture: str, axis: str) -> list[str]:
    """The texts beside the axis: "end" for y, "middle" for x."""
    return re.findall(rf'<text class="tick {axis}"[^>]*>([^<]*)<', picture)


MARKS: dict[str, tuple[list[float], list[str]]] = {
    "decades": ([0.01, 100.0], ["0.01", "0.1", "1", "10", "100"]),
    "every other": ([1.0, 1e6], ["1", "100", "10,000", "1,000,000"]),
    "within a decade": ([2.0, 9.0], ["2", "4", "6", "8"]),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_logarithmic_axis(name: str) -> None:
    values, wanted = MARKS[name]
    picture = chart([Series([1, 2], values)], "t", "x", "y", log=True)
    assert numbers_at(picture, "end") == wanted
    # Equal factors are equally far apart, and the ends are those of the values.
    ends = re.findall(r'points="([^"]*)"', picture)[-1].split()
    assert [float(end.split(",")[1]) for end in ends] == [draw.HEIGHT - draw.BOTTOM, draw.TOP]


def test_of_many_points_a_part_is_drawn() -> None:
    count = 10 * draw.MOST_POINTS
    picture = chart([Series(np.arange(count), np.arange(count))], "t", "x", "y")
    points = re.findall(r'points="([^"]*)"', picture)[-1].split()
    assert len(points) == draw.MOST_POINTS
    assert (points[0], points[-1]) == ("48.0,202.0", "330.0,10.0")


def test_a_legend_names_what_has_a_name() -> None:
    lines = [Series([1, 2], [3, 4], label) for label in ("a", "", "b & c")]
    legend = chart(lines, "t", "x", "y").partition("</svg>")[2]
    found = re.findall(r'class="key (c\d)"></span>([^<]*)', legend)
    assert found == [("c0", "a"), ("c2", "b &amp; c")]
    assert "legend" not in chart(lines[:2], "t", "x", "y")


def test_no_number() -> None:
    assert [draw.number(v) for v in (float("nan"), float("inf"), 0.0)] == ["-", "-", "0"]


def run_of(**changes: Any) -> Run:
    columns = {f"c{i}": RNG.normal(size=ROWS) for i in range(3)}
    columns["none"] = np.full(ROWS, np.nan)
    columns["none"][0] = 1.0
    y = RNG.integers(0, 3, ROWS)
    table = data.Table(as_frame(columns), y, ("u", "v", "w"), "y")
    settings = Settings(hidden=(), epochs=1)
    result = train(table, settings)
    run = report.run_of("t.csv", table, result, settings)
    for name, value in changes.items():
        setattr(run, name, value)
    return run


def test_much_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns, bars and confusions beyond some number."""
    whole = page.page(run_of(), {})
    assert "more columns" not in whole and "Confusion matrix" in whole
    monkeypatch.setattr(page, "MOST_COLUMNS", 3)
    monkeypatch.setattr(page, "MOST_BARS", 2)
    monkeypatch.setattr(page, "MOST_CLASSES", 2)
    text = page.page(run_of(), {})
    assert '<p class="note">and 1 more columns</p>' in text
    assert '<p class="note">and 2 more columns</p>' in text
    assert "Confusion matrix" not in text and "<h3>By class</h3>" in text


@pytest.mark.parametrize("losses", [[], [[]]], ids=["no net", "no epoch"])
def test_a_training_that_ended_at_once(losses: list[list[float]]) -> None:
    text = page.page(run_of(losses=losses), {})
    assert "The training was stopped before its first epoch ended." in text
    assert "Kept: epoch" not in text


def test_a_column_without_values() -> None:
    frame = as_frame({"a": [np.nan, np.nan], "b": [1.0, 3.0], "c": ["u", None]})
    found = [page._described(name, column, True) for name, column in frame.columns.items()]
    assert found == [
        ("a", "numbers", "100.0%", "0", "-"),
        ("b", "numbers", "-", "2", "1 to 3, median 2"),
        ("c", "texts", "50.0%", "1", "u (1)"),
    ]

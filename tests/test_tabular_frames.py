"""Rows of tabular nets as they come: frames, cells, and one row at a time."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastnn.tabular import TabularRegressor, as_frame, one_row, read_table
from fastnn.tabular.cells import typed
from fastnn.tabular.model import TabularModel
from fastnn.tabular.one_row import OneRow

RNG = np.random.default_rng(0)
ROWS = 60
X = RNG.normal(size=(ROWS, 3))
QUICK: dict[str, Any] = {"epochs": 1, "random_state": 0, "hidden": (4,), "n_threads": 1}
DAY = datetime.date(2024, 2, 29)
KINDS = np.array(["None", " oak ", "elm", "fir"], object)[np.arange(ROWS) % 4]


# ---- frames ----


def twice_named() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame([[1, 2]], columns=["a", "a"])


def in_pandas() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(
        {
            "n": pandas.array([1, None], dtype="Int64"),
            "t": pandas.Series(["u", None]),
            "c": pandas.Categorical(["1", " "]),
        }
    )


def in_polars() -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame({"n": [1, None], "t": ["u", None], "c": ["v", "w"]})


def in_arrow() -> Any:
    return pytest.importorskip("pyarrow").table({"n": [1, None], "t": ["u", None], "c": ["v", "w"]})


FRAMES: dict[str, tuple[Callable[[], Any], dict[str, tuple[str, list[Any]]]]] = {
    "pandas": (
        in_pandas,
        {"n": ("number", [1, None]), "t": ("category", ["u", None]), "c": ("category", ["1", " "])},
    ),
    "polars": (
        in_polars,
        {"n": ("number", [1, None]), "t": ("category", ["u", None]), "c": ("category", ["v", "w"])},
    ),
    "a polars plan": (lambda: in_polars().lazy().select("n"), {"n": ("number", [1, None])}),
    "pyarrow": (
        in_arrow,
        {"n": ("number", [1, None]), "t": ("category", ["u", None]), "c": ("category", ["v", "w"])},
    ),
    "sparse": (
        lambda: pytest.importorskip("scipy.sparse").csr_array([[0, 2.0], [3.0, 0]]),
        {"x0": ("number", [0, 3]), "x1": ("number", [2, 0])},
    ),
    "days": (lambda: {"d": [DAY, None]}, {"d": ("date", [np.datetime64(DAY, "us"), None])}),
    "empty cells": (lambda: {"e": [None, None]}, {"e": ("number", [None, None])}),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_frames(name: str) -> None:
    make, wanted = FRAMES[name]
    for frame in (as_frame(make()), read_table(make())):
        assert frame.names == tuple(wanted)
        for column, (kind, values) in wanted.items():
            found = frame.columns[column]
            assert found.kind == kind
            there = [None if gone else v for gone, v in zip(found.missing(), found.values)]
            assert there == values


@pytest.mark.parametrize("rows", [twice_named, lambda: {1: [1], "1": [2]}], ids=["pandas", "dict"])
def test_two_columns_of_one_name(rows: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"x: two columns are called '(a|1)'; rename one"):
        as_frame(rows())


def test_dates_as_texts() -> None:
    """A column that was of texts in training."""
    column = as_frame({"d": [np.datetime64("2024-02-29", "s"), None]}).columns["d"]
    assert column.as_kind("category").values.tolist() == ["2024-02-29T00:00:00", None]


def test_parquet_bytes() -> None:
    table = in_arrow()
    from pyarrow import BufferOutputStream, parquet

    out = BufferOutputStream()
    parquet.write_table(table, out)
    frame = read_table(io.BytesIO(out.getvalue().to_pybytes()))
    assert frame.columns["t"].values.tolist() == ["u", None]


CELLS: dict[str, tuple[list[str], Any, str, list[Any]]] = {
    "no cells, decimal commas": (["", "?", ""], ",", "number", [None, None, None]),
    "a currency alone": (["$", "$5"], ".", "category", ["$", "$5"]),
    "a code behind a currency": (["$007", "5"], ".", "category", ["$007", "5"]),
    "a currency": (["$5", "1.5"], ".", "number", [5.0, 1.5]),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells(name: str) -> None:
    cells, decimal, kind, wanted = CELLS[name]
    found = typed(cells, decimal=decimal)
    values = [None if value != value else value for value in found.values.tolist()]
    assert (found.kind, values, found.note) == (kind, wanted, "")


# ---- one row ----


def long_way(model: Any, row: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patched:
        patched.setattr(OneRow, "outputs", lambda self, x: None)
        return model.predict(row)


@pytest.mark.parametrize("preset", ["td", "mlp"])
@pytest.mark.parametrize("size", [1e30, 1e50, 1e99, 1e120])
def test_a_row_of_huge_numbers(preset: str, size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit float32, or whose square does not fit double, is what it was."""
    model = TabularRegressor(preset, **QUICK).fit(X * [1, 1, 1e-3], X[:, 0])
    row = np.array([[0.0, 1.0, size]])
    with np.errstate(over="ignore"):
        if preset == "mlp" and size > 1e36:
            with pytest.raises(
                ValueError, match="column 'x2' is too far from the mean for float32"
            ):
                model.predict(row)
            return
        np.testing.assert_array_equal(model.predict(row), long_way(model, row, monkeypatch))


@pytest.mark.parametrize("package", ["pandas", "polars", "dict"])
def test_a_row_of_a_frame(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits of the long way, from frames of numbers and of texts, with columns in any order."""
    make: Any = dict if package == "dict" else pytest.importorskip(package).DataFrame
    numbers = {"a": X[:, 0], "b": X[:, 1]}
    for table in (numbers, numbers | {"kind": KINDS}):
        model = TabularRegressor("mlp", **QUICK).fit(table, X[:, 0])
        for i in (0, 1, 2):
            row = {name: values[i : i + 1] for name, values in table.items()}
            for given in (row, dict(reversed(row.items()))):
                frame = make({name: values.tolist() for name, values in given.items()})
                found = model.predict(frame)
                np.testing.assert_array_equal(found, long_way(model, frame, monkeypatch))


def test_categories_mean_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": X[:, 0], "kind": pandas.Categorical(KINDS)})
    model = TabularRegressor("mlp", **QUICK).fit(table, X[:, 0])
    refused: list[Any] = []
    monkeypatch.setattr(TabularModel, "rows_of", lambda self, *a: refused.append(a))
    found = [model.predict(table[i : i + 1]).item() for i in range(4)]
    monkeypatch.undo()
    assert not refused
    assert found == [long_way(model, table[i : i + 1], monkeypatch).item() for i in range(4)]
    assert found != [long_way(model, table[:1], monkeypatch).item()] * 4


def test_categories_of_very_many_values_take_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TabularRegressor("mlp", **QUICK).fit({"a": X[:, 0], "kind": KINDS}, X[:, 0])
    fitted = model.predictor_
    assert OneRow(fitted.members, fitted.columns)._plans
    monkeypatch.setattr(one_row, "MOST_CELLS", 3)
    assert not OneRow(fitted.members, fitted.columns)._plans

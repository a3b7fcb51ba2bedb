"""One row, quickly: the same bits as the long way gives, for the net as it is now."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.tabular import TabularClassifier, TabularRegressor
from fastnn.tabular.model import TabularModel
from fastnn.tabular.one_row import OneRow

ROWS = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.standard_normal((ROWS, 4)) * [1.0, 10.0, 1e4, 1e-3]
KINDS = ["oak", "elm", "ash"]


def mixed(rows: int = ROWS) -> dict[str, list[Any]]:
    """Numbers, one with gaps, texts of few and of many values, booleans, a constant."""
    return {
        "width": [float(v) for v in NUMBERS[:rows, 1]],
        "gap": [None if i % 5 == 1 else float(i) for i in range(rows)],
        "kind": [KINDS[i % 3] for i in range(rows)],
        "place": [f"p{i % 12}" for i in range(rows)],
        "wet": [i % 2 == 0 for i in range(rows)],
        "same": [1.0] * rows,
        "age": [*range(rows)],
    }


def fitted(preset: str, classes: bool, rows: Any, **more: Any) -> Any:
    kind = TabularClassifier if classes else TabularRegressor
    y = [i % 3 for i in range(ROWS)] if classes else [float(i % 7) for i in range(ROWS)]
    return kind(preset, epochs=2, random_state=0, hidden=(8,), n_threads=1, **more).fit(rows, y)


def everything(model: Any, row: Any) -> list[Any]:
    found = [model.predict(row)]
    if isinstance(model, TabularClassifier):
        found.append(model.predict_proba(row))
    elif model.quantiles:
        found.append(model.predict_quantiles(row))
    return found


def the_long_way(model: Any, row: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    with monkeypatch.context() as patched:
        patched.setattr(OneRow, "outputs", lambda self, x: None)
        return everything(model, row)


def the_quick_way(model: Any, row: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    def refuse(*_: Any) -> None:
        raise AssertionError("the long way")

    with monkeypatch.context() as patched:
        patched.setattr(TabularModel, "rows_of", refuse)
        return everything(model, row)


def check(model: Any, row: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways give the same bits, shapes and dtypes."""
    pairs = zip(
        the_quick_way(model, row, monkeypatch), the_long_way(model, row, monkeypatch), strict=True
    )
    for quick, long in pairs:
        assert (quick.shape, quick.dtype) == (long.shape, long.dtype)
        np.testing.assert_array_equal(quick, long)


MODELS: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "td classes": ("td", True, {}),
    "td numbers": ("td", False, {}),
    "td-s classes": ("td-s", True, {}),
    "td-s numbers": ("td-s", False, {}),
    "tabm classes": ("tabm-mini", True, {}),
    "tabm numbers": ("tabm-mini", False, {}),
    "mlp classes": ("mlp", True, {}),
    "mlp numbers": ("mlp", False, {}),
    "two nets, classes": ("td", True, {"n_ens": 2}),
    "two folds, numbers": ("td", False, {"n_cv": 2}),
    "quantiles": ("td", False, {"quantiles": (0.1, 0.9)}),
}


@pytest.mark.every(5)
@pytest.mark.parametrize("name", MODELS)
def test_numbers_as_an_array(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    preset, classes, more = MODELS[name]
    x = NUMBERS.copy()
    x[::7, 2] = np.nan
    model = fitted(preset, classes, x, **more)
    for row in x[:9]:
        check(model, row[None], monkeypatch)
        check(model, [row.tolist()], monkeypatch)
        check(model, {f"x{i}": [float(v)] for i, v in enumerate(row)}, monkeypatch)
        check(model, {f"x{i}": np.array([v]) for i, v in enumerate(row)}, monkeypatch)
    for odd in (np.float32, np.int64, np.float16, np.uint8):
        check(model, np.array([[3, 200, 7, 1]], odd), monkeypatch)
    check(model, np.array([[1e30, -1e30, 0.0, -0.0]]), monkeypatch)


@pytest.mark.every(5)
@pytest.mark.parametrize("name", MODELS)
def test_a_row_of_any_kinds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    preset, classes, more = MODELS[name]
    table = mixed()
    model = fitted(preset, classes, table, **more)
    for i in range(8):
        row = {column: [values[i]] for column, values in table.items()}
        check(model, row, monkeypatch)
        check(model, row | {"gap": [float("nan")], "width": [None]}, monkeypatch)
        check(model, dict(reversed(row.items())), monkeypatch)
        check(model, row | {"age": [np.float32(2.5)]}, monkeypatch)


def test_missing_and_new_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    table = mixed()
    model = fitted("td", True, table)
    row = {column: [values[0]] for column, values in table.items()}
    for odd in (None, float("nan"), "fir", "5", "True", True):
        check(model, row | {"kind": [odd]}, monkeypatch)
    for odd in (None, float("nan"), "false", "TRUE", "1", "oak"):
        check(model, row | {"wet": [odd]}, monkeypatch)


def test_categories_of_pandas_are_verbatim(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    texts = np.array(["None", " oak ", "elm", None], object)[np.arange(ROWS) % 4]
    table = pandas.DataFrame({"a": NUMBERS[:, 0], "kind": pandas.Categorical(texts)})
    model = fitted("td", False, table)
    for i in range(4):
        check(model, table[i : i + 1], monkeypatch)
    plain = table.astype({"kind": object})
    for i in range(4):
        row = plain[i : i + 1]
        for found, long in zip(everything(model, row), the_long_way(model, row, monkeypatch)):
            np.testing.assert_array_equal(found, long)


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_row_of_a_frame(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = pytest.importorskip(package)
    for table in (mixed(), {f"n{i}": NUMBERS[:, i] for i in range(4)}):
        model = fitted("td", True, frames.DataFrame(table))
        for i in (0, 2, 3):
            row = frames.DataFrame({column: [values[i]] for column, values in table.items()})
            check(model, row, monkeypatch)
            check(model, frames.DataFrame(table)[i : i + 1], monkeypatch)


LONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a text with blanks": lambda row: row | {"kind": [" oak "]},
    "a marked text": lambda row: row | {"kind": ["NA"]},
    "a number for a text": lambda row: row | {"kind": [3]},
    "a number as a text": lambda row: row | {"width": ["1.5"]},
    "a truth as a number": lambda row: row | {"width": [True]},
    "a truth as a text": lambda row: row | {"wet": ["false"]},
    "an array of texts": lambda row: row | {"kind": np.array(["oak"], object)},
    "a column too many": lambda row: row | {"more": [1]},
    "two rows": lambda row: {name: [*values, *values] for name, values in row.items()},
    "a list": lambda row: [[values[0] for values in row.values()]],
}


@pytest.mark.every(5)
@pytest.mark.parametrize("name", LONG)
def test_what_needs_finding_out_takes_the_long_way(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = mixed()
    model = fitted("td", True, table)
    row = LONG[name]({column: [values[0]] for column, values in table.items()})
    for found, long in zip(everything(model, row), the_long_way(model, row, monkeypatch)):
        np.testing.assert_array_equal(found, long)


BAD: dict[str, tuple[Any, str]] = {
    "infinite": (np.array([[np.inf, 0.0, 0.0, 0.0]]), "expected a finite number, got inf"),
    "too wide": (np.zeros((1, 5)), "expected 4 columns as in training, got 5"),
    "too narrow": (np.zeros((1, 3)), "the model reads 4 columns"),
    "not there": ({"x0": [1], "x1": [1], "x2": [1], "z": [1]}, "'x3' is not among"),
    "too long": ([[10**400, 0, 0, 0]], "expected numbers up to 1e308"),
    "nested": ({f"x{i}": [np.zeros(2)] for i in range(4)}, "expected one axis"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_are_those_of_the_long_way(name: str) -> None:
    row, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        fitted("td", True, NUMBERS).predict(row)


def test_nothing_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a refit, copies, files and new weights the answer is that of the net as it is."""
    model = fitted("td", False, NUMBERS)
    row = NUMBERS[:1]
    before = model.predict(row)
    model.save(tmp_path / "net")
    copies = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        fastnn.load(tmp_path / "net"),
    ]
    for other in copies:
        np.testing.assert_array_equal(other.predict(row), before)
    for parameter in copies[1].predictor_.net.parameters():
        parameter._array[...] *= 0.5
    assert copies[1].predict(row) != before
    check(copies[1], row, monkeypatch)
    model.fit(NUMBERS * 2 + 1, np.arange(ROWS))
    check(model, row, monkeypatch)
    assert model.predict(row) != before
    np.testing.assert_array_equal(copies[0].predict(row), before)
    fewer = model.fit(NUMBERS[:, :2], np.arange(ROWS))
    check(fewer, row[:, :2], monkeypatch)
    with pytest.raises(ValueError, match="expected 2 columns"):
        fewer.predict(row)
    predictor = copies[0].predictor_
    predictor.members = model.fit(NUMBERS, -np.arange(ROWS)).predictor_.members
    np.testing.assert_array_equal(predictor.predict(row), model.predict(row))

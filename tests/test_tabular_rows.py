"""Rows of a tabular estimator from other carriers than those it was trained on."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import tabular
from fastnn.cli.command import main
from fastnn.tabular import TabularClassifier, TabularRegressor

RNG = np.random.default_rng(3)
N = 90
WIDTH = RNG.standard_normal(N)
ALIVE = RNG.random(N) < 0.5
LABEL = np.where((WIDTH > 0) ^ ALIVE, "yes", "no")
QUICK: dict[str, Any] = {"preset": "mlp", "epochs": 3, "random_state": 0}
DAYS = np.datetime64("2024-01-01") + RNG.integers(0, 700, N)


def classifier(rows: Any, **more: Any) -> TabularClassifier:
    return TabularClassifier(**QUICK, **more).fit(rows, LABEL)


BOOLEANS: dict[str, Any] = {
    "booleans": ALIVE,
    "Python's": ALIVE.tolist(),
    "0 and 1": ALIVE.astype(int),
    "0. and 1.": ALIVE.astype(np.float32),
    "Python's text": [str(b) for b in ALIVE],
    "JSON's text": [str(b).lower() for b in ALIVE],
    "R's text": [str(b).upper() for b in ALIVE],
    "digits": [str(int(b)) for b in ALIVE],
}


@pytest.mark.every(5)
@pytest.mark.parametrize("new", BOOLEANS)
@pytest.mark.parametrize("trained", BOOLEANS)
def test_booleans_are_the_same_however_they_are_written(trained: str, new: str) -> None:
    model = classifier({"width": WIDTH, "alive": BOOLEANS[trained]})
    expected = model.predict_proba({"width": WIDTH, "alive": BOOLEANS[trained]})
    found = model.predict_proba({"width": WIDTH, "alive": BOOLEANS[new]})
    assert np.array_equal(found, expected)
    turned = model.predict_proba({"width": WIDTH, "alive": ~ALIVE})
    assert not np.allclose(turned, expected)


def test_texts_beside_true_and_false_are_categories_as_they_are() -> None:
    kinds = ["true", "1", "other"] * 30
    model = classifier({"kind": kinds})
    p = model.predict_proba({"kind": ["true", "1", "True", "new"]})
    assert not np.allclose(p[0], p[1])
    assert np.array_equal(p[2], p[3])


MASK = np.arange(N) % 7 == 3
HIDDEN: dict[str, tuple[Any, Any]] = {
    "floats": (WIDTH, np.nan),
    "integers": ((100 * WIDTH).astype(int), None),
    "booleans": (ALIVE, None),
    "texts": (np.where(ALIVE, "oak", "elm"), None),
    "dates": (DAYS, np.datetime64("NaT")),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_masked_values_are_missing(kind: str) -> None:
    values, gone = HIDDEN[kind]
    masked = np.ma.masked_array(values, MASK)
    listed = np.where(MASK, gone, values) if kind in ("floats", "dates") else [
        None if hidden else value for hidden, value in zip(MASK, values.tolist())
    ]  # fmt: skip
    expected = classifier({"x": listed, "width": WIDTH}).predict_proba(
        {"x": listed, "width": WIDTH}
    )
    rows = {"x": masked, "width": WIDTH}
    model = classifier(rows)
    assert np.array_equal(model.predict_proba(rows), expected)
    column = tabular.as_frame(rows).columns["x"]
    assert np.array_equal(column.missing(), MASK)
    assert (
        not tabular.as_frame({"x": np.ma.masked_array(values, False)}).columns["x"].missing().any()
    )


def test_a_masked_array_of_two_axes_and_masked_targets() -> None:
    both = np.ma.masked_array(np.c_[WIDTH, WIDTH**2], np.c_[MASK, ~MASK])
    assert np.array_equal(tabular.as_frame(both).columns["x1"].missing(), ~MASK)
    for estimator, y in ((TabularClassifier, ALIVE), (TabularRegressor, WIDTH)):
        with pytest.raises(
            ValueError, match=f"y: {MASK.sum()} of {N} are missing, the first in row 3"
        ):
            estimator(**QUICK).fit({"width": WIDTH}, np.ma.masked_array(y, MASK))


STRAYS: dict[str, tuple[Any, Any, str]] = {
    "numbers": (WIDTH, "wide", "3 of 3 cells are no numbers ('wide'): read as missing"),
    "dates": (DAYS, "soon", "3 of 3 cells are no dates ('soon'): read as missing"),
}


@pytest.mark.parametrize("kind", STRAYS)
def test_cells_of_another_kind_are_told(kind: str) -> None:
    values, stray, message = STRAYS[kind]
    model = classifier({"x": values, "alive": ALIVE})
    rows = {"x": [stray] * 3, "alive": ALIVE[:3]}
    ways = (
        model.predict,
        model.predict_proba,
        model.predictor_.predict,
        lambda rows: tabular.importance(model, rows, method="gradients"),
    )
    for way in ways:
        with pytest.warns(UserWarning) as caught:
            way(rows)
        assert [str(w.message) for w in caught] == [f"x: column 'x': {message}"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict({"x": [None, values[0], str(values[0])], "alive": ALIVE[:3]})
        model.predict({"x": values[:2], "alive": ["new", None]})  # unknown categories are no fault


def test_an_array_with_more_columns_is_refused() -> None:
    rows = np.c_[WIDTH, ALIVE, WIDTH**2]
    for model in (classifier(rows[:, :2]), classifier({"a": WIDTH, "b": ALIVE})):
        for wide in (rows, rows.tolist(), np.ma.masked_array(rows)):
            with pytest.raises(ValueError, match="x: expected 2 columns as in training, got 3"):
                model.predict(wide)
    named = {"x2": WIDTH, "x1": ALIVE, "x0": WIDTH}
    assert len(classifier(rows[:, :2]).predict(named)) == N  # names tell which


def test_structured_arrays_have_names() -> None:
    made = np.array(
        list(zip(WIDTH, np.where(ALIVE, "oak", "elm"))), [("width", "f8"), ("kind", "U3")]
    )
    model = classifier(made)
    assert list(model.feature_names_in_) == ["width", "kind"]
    one = model.predict_proba({"kind": made["kind"], "width": WIDTH})
    assert np.array_equal(
        classifier({"kind": made["kind"]}).predict(made),
        classifier({"kind": made["kind"]}).predict({"kind": made["kind"]}),
    )
    assert np.array_equal(model.predict_proba(made), one)


class Lazy:
    """As polars' LazyFrame behaves."""

    columns = ("width",)

    def collect_schema(self) -> dict[str, Any]:
        return {}

    def collect(self) -> dict[str, Any]:
        return {"width": [1.0, 2.0]}

    def __getitem__(self, name: str) -> Any:
        raise TypeError("LazyFrame is not subscriptable")


def test_a_lazy_frame_is_collected() -> None:
    assert tabular.as_frame(Lazy()).columns["width"].values.tolist() == [1.0, 2.0]


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "no columns": (np.empty((3, 0)), [0, 1, 0], "X: expected columns, got none"),
    "no rows": (np.empty((0, 3)), [], "X: expected rows, got none"),
    "a number too long": ({"x": [10**400, 1, 2]}, [0, 1, 0], "column 'x': expected numbers up to"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    x, y, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        TabularClassifier(**QUICK).fit(x, y)


@pytest.mark.parametrize("y", [WIDTH + 1j, DAYS, DAYS - DAYS[0]], ids=["complex", "dates", "times"])
def test_values_are_real_numbers(y: Any) -> None:
    with pytest.raises(ValueError, match="y: expected numbers, got"):
        TabularRegressor(**QUICK).fit({"width": WIDTH}, y)


@pytest.mark.parametrize(
    "labels", [DAYS, np.array([b"a", b"b"] * (N // 2))], ids=["dates", "bytes"]
)
def test_labels_that_no_file_holds(labels: Any, tmp_path: Path) -> None:
    model = TabularClassifier(**QUICK).fit({"width": WIDTH}, labels)
    assert model.predict({"width": WIDTH}).dtype == labels.dtype
    with pytest.raises(
        TypeError, match="save: expected labels that are texts, numbers or booleans"
    ):
        model.save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_threads_have_their_name() -> None:
    with pytest.raises(ValueError, match="n_threads: expected an integer in 1"):
        classifier({"width": WIDTH}, n_threads=0)


SLASHED = [
    f"{1 + i % 28:02d}/{1 + i % 12:02d}/2024" for i in range(N)
]  # 28/04: the day comes first
TIMED = [f"{day} {i % 24:02d}:15" for i, day in enumerate(SLASHED)]
MONTHS = [f"{day[3:6]}{day[:3]}{day[6:]}" for day in SLASHED]


@pytest.mark.long
@pytest.mark.parametrize("dates, is_april", [(SLASHED, True), (TIMED, True), (MONTHS, False)])
def test_a_date_alone_is_read_as_those_of_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dates: list[str], is_april: bool
) -> None:
    lines = [f"{d},{w:.3f},{y}" for d, w, y in zip(dates, WIDTH, LABEL)]
    (tmp_path / "t.csv").write_text("\n".join(["day,width,y", *lines]) + "\n")
    words = [tmp_path / "t.csv", "--target", "y", "--preset", "mlp", "--epochs", 3]
    assert main(["train", *map(str, words), "--out", str(tmp_path / "m")]) == 0
    of_file = fastnn.load(tmp_path / "m.safetensors")
    model = classifier({"day": dates, "width": WIDTH})
    for found in (of_file, model.predictor_, pickle.loads(pickle.dumps(model)).predictor_):
        for time in ("", " 10:15"):
            rows = found.rows_of({"day": ["03/04/2024" + time, None], "width": [1.0, 2.0]})
            month = rows.columns["day"].values.astype("M8[M]")
            assert month[0] == np.datetime64("2024-04" if is_april else "2024-03")
            assert np.isnat(month[1])
    new = tmp_path / "new.csv"
    new.write_text("day,width\n03/04/2024,1\n")
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "m.safetensors"), str(new), "--json"]) == 0
    p = json.loads(capsys.readouterr().out)["probabilities"][0]
    iso = "2024-04-03" if is_april else "2024-03-04"
    assert np.allclose(p, of_file.predict_proba({"day": [iso], "width": [1.0]})[0])
    assert main(["evaluate", str(tmp_path / "m.safetensors"), str(tmp_path / "t.csv")]) == 0
    assert "held out of 90" in capsys.readouterr().out


def test_one_cell_that_is_no_date_spoils_no_other() -> None:
    model = classifier({"day": DAYS, "width": WIDTH})
    rows = {"day": ["2024-03-01", "soon", None, "2024-05-01"], "width": WIDTH[:4]}
    with pytest.warns(UserWarning, match=r"'day': 1 of 4 cells are no dates \('soon'\)"):
        found = model.predict_proba(rows)
    assert np.array_equal(
        found, model.predict_proba(rows | {"day": ["2024-03-01", "", "", "2024-05-01"]})
    )
    column = tabular.as_frame({"day": ["2024-03-01", "soon"]}).columns["day"]
    assert column.kind == "category"  # in training all have to be dates


LARGE: dict[str, Any] = {
    "1e300": 1e300,
    "1e-300": 1e-300,
    "1e160": 1e160,
    "1": 1.0,
}


@pytest.mark.every(5)
@pytest.mark.parametrize("preset", ["td", "mlp"])
@pytest.mark.parametrize("size", LARGE)
def test_numbers_of_any_size(preset: str, size: str) -> None:
    rows = {"x": WIDTH * LARGE[size], "alive": ALIVE}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = TabularClassifier(preset, epochs=2, random_state=0).fit(rows, LABEL)
        assert np.isfinite(model.predict_proba(rows)).all()


@pytest.mark.parametrize("y, message", [(WIDTH * 1e300, "within 1e[+]100"), (WIDTH * 1e-300, "")])
def test_targets_of_any_size(y: Any, message: str) -> None:
    rows = {"width": WIDTH[:60], "alive": ALIVE[:60]}
    model = TabularRegressor(**QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if message:
            with pytest.raises(ValueError, match=f"y: expected numbers {message}, got .*; divide"):
                model.fit(rows, y[:60])
        else:
            assert abs(model.fit(rows, y[:60]).predict(rows)).max() < 1e-299


def test_a_number_too_far_is_named_by_its_line(tmp_path: Path) -> None:
    lines = [f"{w:.3f},{y}" for w, y in zip(WIDTH, LABEL)]
    (tmp_path / "t.csv").write_text("\n".join(["width,y", *lines]) + "\n")
    model = classifier(tabular.read_csv(tmp_path / "t.csv", "y").rows).predictor_
    (tmp_path / "new.csv").write_text("width\n1\n\n1e300\n")
    with pytest.raises(ValueError, match="x: line 4, column 'width' is too far from the mean"):
        model.predict(tabular.read_csv(tmp_path / "new.csv").rows)


@pytest.mark.parametrize("kind", [["5 %", "10 %", "other"], ["2024-01-01", "never", "2024-02-01"],
                                  ["1.50", "2.00", "none left"], ["1,000", "x", "y"]])  # fmt: skip
def test_a_category_alone_is_the_one_of_training(kind: list[str]) -> None:
    texts = kind * (N // 3)
    for rows in ({"kind": texts, "width": WIDTH}, list(map(list, zip(texts, WIDTH.tolist())))):
        model = classifier(rows)
        expected = model.predict_proba(rows)[0]
        one = {"kind": texts[:1], "width": WIDTH[:1]} if isinstance(rows, dict) else rows[:1]
        assert np.array_equal(model.predict_proba(one)[0], expected)

"""TabularClassifier and TabularRegressor: rows as they come, labels as they came, bad tables."""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import SOON

import fastnn
from fastnn import io
from fastnn.tabular import TabularClassifier, TabularModel, TabularRegressor

RNG = np.random.default_rng(0)
N = 120
WIDTH = RNG.standard_normal(N)
KIND = np.array(["oak", "elm", "ash"])[RNG.integers(0, 3, N)]
PLACE = np.array([f"place {i}" for i in range(15)])[RNG.integers(0, 15, N)]
CELLS = WIDTH.copy()
CELLS[::9] = np.nan
ROWS: dict[str, Any] = {
    "width": CELLS,
    "kind": [None if i % 11 == 5 else k for i, k in enumerate(KIND)],
    "place": PLACE,
    "alive": (RNG.random(N) < 0.5).tolist(),
    "constant": np.ones(N),
    "day": np.datetime64("2024-01-01") + RNG.integers(0, 700, N),
}
CLASS = (WIDTH > 0) ^ (KIND == "oak")
VALUE = 3 * WIDTH + 2.0 * (KIND == "elm") + 50
QUICK: dict[str, Any] = {"epochs": 6, "hidden": (16, 16), "random_state": 0}
PRESETS = ("td", "td-s", "tabm-mini", "mlp")


def classifier(**changes: Any) -> TabularClassifier:
    return TabularClassifier(**{**QUICK, **changes})


def regressor(**changes: Any) -> TabularRegressor:
    return TabularRegressor(**{**QUICK, **changes})


# ---- what it learns ----


@pytest.mark.parametrize("preset", PRESETS)
def test_it_learns(preset: str) -> None:
    x = RNG.standard_normal((400, 4))
    label, value = x[:, 0] + x[:, 1] > 0, x[:, 0] - 2 * x[:, 1]
    long = {"epochs": 40, "hidden": (32, 32)}
    model = classifier(preset=preset, **long).fit(x[:300], label[:300])
    assert model.score(x[300:], label[300:]) > 0.9
    if preset == "mlp":
        long["lr"] = 0.01
    other = regressor(preset=preset, **long).fit(x[:300], value[:300])
    assert other.score(x[300:], value[300:]) > 0.9


@pytest.mark.parametrize("preset", PRESETS)
def test_rows_of_all_kinds(preset: str) -> None:
    model = classifier(preset=preset).fit(ROWS, CLASS)
    assert model.notes_ == ["column 'constant' is 1 in every row: left out"]
    assert model.n_features_in_ == 6 and model.feature_names_in_.tolist() == list(ROWS)
    p = model.predict_proba(ROWS)
    assert p.shape == (N, 2) and np.allclose(p.sum(axis=1), 1)
    backwards = {name: ROWS[name] for name in reversed(list(ROWS)) if name != "constant"}
    assert np.array_equal(model.predict_proba(backwards), p)  # found by name
    new = {k: [v[0]] for k, v in ROWS.items()} | {"place": ["nowhere"], "width": [None]}
    assert np.isfinite(model.predict_proba(new)).all()
    values = regressor(preset=preset).fit(ROWS, VALUE).predict(ROWS)
    assert values.min() >= VALUE.min() and values.max() <= VALUE.max()


def test_arrays_by_place_and_names_of_a_table() -> None:
    x = np.column_stack([WIDTH, WIDTH**2, np.ones(N)])
    named = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]}
    model = classifier().fit(named, CLASS)
    assert np.array_equal(model.predict(x), model.predict(named))
    with pytest.raises(ValueError, match="reads 2 columns, and 'b' is not among 'a'"):
        model.predict({"a": x[:, 0]})
    by_list = classifier().fit(x.tolist(), CLASS)
    assert np.array_equal(by_list.predict_proba(x), model.predict_proba(named))


LABELS = {
    "texts": (["no", "yes"], "<U3"),
    "objects": (np.array(["no", "yes"], object), "O"),
    "numbers": (np.array([7, -3]), "int64"),
    "booleans": (np.array([False, True]), "bool"),
    "floats": (np.array([1.0, 2.0], np.float32), "float32"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_come_back_as_they_came(kind: str, tmp_path: Path) -> None:
    labels, dtype = LABELS[kind]
    y = np.asarray(labels)[CLASS.astype(int)]
    model = classifier().fit(ROWS, y)
    assert model.classes_.dtype == np.dtype(dtype)
    assert model.classes_.tolist() == sorted(np.asarray(labels).tolist())
    found = model.predict(ROWS)
    assert found.dtype == y.dtype and set(found.tolist()) <= set(y.tolist())
    model.save(tmp_path / "model")
    again = fastnn.load(tmp_path / "model")
    assert again.predict(ROWS).dtype == y.dtype and np.array_equal(again.predict(ROWS), found)


# ---- settings ----


def test_the_same_seed_gives_the_same_model_and_nothing_else_moves() -> None:
    fastnn.manual_seed(3)
    state, threads = fastnn.get_rng_state(), fastnn.get_num_threads()
    first, second = (classifier(n_threads=1).fit(ROWS, CLASS) for _ in range(2))
    assert np.array_equal(first.predict_proba(ROWS), second.predict_proba(ROWS))
    other = classifier(random_state=1).fit(ROWS, CLASS)
    assert not np.array_equal(first.predict_proba(ROWS), other.predict_proba(ROWS))
    assert np.array_equal(fastnn.get_rng_state(), state)
    assert fastnn.get_num_threads() == threads


def test_members_are_averaged() -> None:
    model = classifier(n_cv=3, n_ens=2).fit(ROWS, CLASS)
    members = model.predictor_.members
    assert len(members) == len(model.reports_) == 6
    single = [TabularModel([m], ROWS, model.classes_).predict_proba(ROWS) for m in members]
    assert len({p.tobytes() for p in single}) == 6
    np.testing.assert_allclose(model.predict_proba(ROWS), np.mean(single, axis=0), rtol=1e-12)
    values = regressor(n_ens=2).fit(ROWS, VALUE)
    single = [TabularModel([m], ROWS).predict(ROWS) for m in values.predictor_.members]
    np.testing.assert_allclose(values.predict(ROWS), np.mean(single, axis=0), rtol=1e-12)


def test_a_time_limit_is_kept() -> None:
    x = RNG.standard_normal((2000, 5))
    y = x[:, 0] > 0
    classifier(epochs=1).fit(x, y)  # imports
    begun = time.perf_counter()
    model = TabularClassifier(random_state=0, time_limit=0.5).fit(x, y)
    assert time.perf_counter() - begun < SOON
    [report] = model.reports_
    assert report.stopped and 1 <= len(report.scores) < 256
    ample = classifier(time_limit=1000.0).fit(ROWS, CLASS)
    assert not ample.reports_[0].stopped and len(ample.reports_[0].scores) == 6


def test_weights_of_rows_and_classes() -> None:
    """Where the labels contradict each other, the weights decide."""
    x, y = np.arange(240)[:, None] % 3 + 0.0, np.arange(240) % 12 < 3  # a quarter everywhere
    long = {"epochs": 60, "batch_size": 32}

    def says(model: TabularClassifier, weight: Any = None) -> list[bool]:
        return model.fit(x, y, weight).predict([[0.0], [1.0], [2.0]]).tolist()

    assert says(classifier(**long)) == [False] * 3
    assert says(classifier(class_weight={True: 9.0}, **long)) == [True] * 3
    assert says(classifier(**long), np.where(y, 9.0, 1.0)) == [True] * 3
    assert says(classifier(**long), np.where(y & (x[:, 0] == 1), 9.0, 1.0)) == [False, True, False]
    p = classifier(class_weight="balanced", **long).fit(x, y).predict_proba(x)
    assert 0.35 < p[:, 1].mean() < 0.65
    values = regressor(**long).fit(x, np.where(y, 1.0, -1.0), np.where(y, 1.0, 0.0))
    assert values.predict(x).min() > 0.9  # rows of weight 0 do not count


@pytest.mark.parametrize("name", ["error", "log_loss", "brier", "auc"])
def test_validation_metrics_of_classes(name: str) -> None:
    model = classifier(val_metric=name).fit(ROWS, CLASS)
    [report] = model.reports_
    assert report.best_score == min(report.scores) and 0 <= report.best_score < 1
    best = [i for i, score in enumerate(report.scores) if score == report.best_score]
    assert report.best_epoch == best[-1]


def test_the_best_epoch_is_kept() -> None:
    """The weights at the end are those that gave the best score on the held-out rows."""
    model = regressor(validation_share=0.5, epochs=20).fit(ROWS, VALUE)
    [report] = model.reports_
    from fastnn.train.split import split

    held_out = split(VALUE, 0.5, 0, stratify=False)[1]
    error = model.predict(ROWS)[held_out] - VALUE[held_out]
    assert np.sqrt(np.square(error).mean()) == pytest.approx(report.best_score, rel=1e-6)


# ---- copies and files ----


@pytest.mark.parametrize("preset", PRESETS)
def test_one_file(preset: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    for model in (
        classifier(preset=preset, n_ens=2).fit(ROWS, CLASS),
        regressor(preset=preset).fit(ROWS, VALUE),
    ):
        model.save(path)
        again = fastnn.load(path)
        assert isinstance(again, TabularModel)
        assert np.array_equal(again.predict(ROWS), model.predict(ROWS))
    with pytest.raises(ValueError, match="a regression has no classes"):
        again.predict_proba(ROWS)


def test_a_bad_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    predictor = regressor().fit(ROWS, VALUE).predictor_
    predictor.save(path)
    net, extra = io.model.load_with_extra(path)
    broken: list[tuple[str, Any]] = [
        ("columns", 3), ("columns", ["width"]), ("members", []), ("members", [{}]),
        ("members", [{**extra["members"][0], "target": {"mean": 1}}]),
        ("members", [{**extra["members"][0], "target": None}]),
        ("members", [{**extra["members"][0], "robust": False}]),
        ("classes", {"values": ["a", "b"], "dtype": "<U1"}), ("classes", 7),
    ]  # fmt: skip
    for key, value in broken:
        with pytest.raises(io.FormatError):
            TabularModel.restored(net, {**extra, key: value}, "model")


def test_copies_and_pickles() -> None:
    model = classifier().fit(ROWS, CLASS)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert np.array_equal(other.predict_proba(ROWS), model.predict_proba(ROWS))
        assert other.get_params() == model.get_params()


def test_parameters() -> None:
    model = classifier(n_ens=3)
    assert model.get_params()["n_ens"] == 3
    assert model.set_params(n_ens=1, preset="mlp") is model and model.preset == "mlp"
    with pytest.raises(ValueError, match="widths: not a parameter; expected one of preset"):
        model.set_params(n_ens=5, widths=3)
    assert model.n_ens == 1
    assert repr(TabularRegressor(epochs=3)) == "TabularRegressor(epochs=3)"


def test_scikit_learns_tools() -> None:
    pytest.importorskip("sklearn")
    from sklearn.base import clone, is_classifier, is_regressor
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.column_stack([WIDTH, WIDTH**2])
    model = clone(classifier())
    assert is_classifier(model) and is_regressor(regressor())
    assert cross_val_score(make_pipeline(StandardScaler(), model), x, CLASS, cv=2).shape == (2,)
    search = GridSearchCV(regressor(), {"epochs": [1, 3]}, cv=2).fit(x, VALUE)
    assert search.best_params_["epochs"] in (1, 3)
    with pytest.raises(Exception, match="was not fitted"):
        classifier().predict(x)


def test_it_needs_no_scikit_learn() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from fastnn.tabular import TabularClassifier as C\n"
        "rows = [[i, 'ab'[i % 2]] for i in range(40)]\n"
        "model = C(epochs=2, random_state=0).fit(rows, ['x', 'y'] * 20)\n"
        "print(sorted(set(model.predict(rows)) | {'x'}), repr(model))\n"
        "try: C().predict(rows)\n"
        "except ValueError as error: print(error)\n"
    )
    root = str(Path(fastnn.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "C" in done.stdout and "was not fitted; call fit(X, y) first" in done.stdout, done.stderr


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[1] / "docs/tabular.md"
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.S):
        exec(block, names)
    assert names["predictor"].predict({"width": [4.0], "kind": ["elm"]}).tolist() == ["yes"]


# ---- bad tables ----

GOOD = WIDTH[:, None]
HOLED = np.array([None if i == 3 else str(label) for i, label in enumerate(CLASS)], object)
BAD: dict[str, tuple[Any, Any, str]] = {
    "one class": (GOOD, np.ones(N), "y: expected at least two classes, got only 1.0"),
    "one row": ([[1.0, 2.0]], ["a"], "y: expected at least two classes, got only 'a'"),
    "no rows": (np.empty((0, 2)), [], "X: expected rows, got none"),
    "no columns": (np.empty((N, 0)), CLASS, "X: expected columns, got none"),
    "nothing varies": (np.ones((N, 2)), CLASS, "no column tells the rows apart"),
    "a column of nothing": ({"a": WIDTH, "b": [None] * N}, CLASS, "column 'b': has no values"),
    "an infinite number": (np.where(GOOD > 2, np.inf, GOOD), CLASS, "expected a finite number"),
    "a label is missing": (GOOD, HOLED, "y: 1 of 120 are missing, the first in row 3; leave"),
    "too few labels": (
        GOOD,
        CLASS[:-1],
        "y: expected one label for each of 120 rows of X, got 119",
    ),
    "two axes": (
        GOOD,
        np.ones((N, 2)),
        r"y: expected one label.*got shape \(120, 2\)",
    ),
    "columns of two lengths": ({"a": [1, 2], "b": [1]}, [0, 1], "columns of one length"),
    "fractions": (GOOD, WIDTH, "y: expected labels, got fractions such as .*TabularRegressor"),
    "a row": (WIDTH, CLASS, r"X: expected rows of columns of one length.*shape \(120,\)"),
    "mixed labels": (GOOD, ["a", 1] * (N // 2), "y: expected labels of one kind, got int and str"),
}


@pytest.mark.every(8)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_leaves_no_trace(name: str) -> None:
    x, y, message = BAD[name]
    for model in (classifier(), classifier().fit(ROWS, CLASS)):
        before = dict(vars(model))
        with pytest.raises((ValueError, TypeError), match=message):
            model.fit(x, y)
        assert vars(model) == before


BAD_VALUES = {
    "a value is missing": (np.where(WIDTH > 2, np.nan, WIDTH), "are missing, the first in row"),
    "an infinite value": (
        np.where(WIDTH > 2, np.inf, WIDTH),
        "y: expected finite.*got inf",
    ),
    "texts": (KIND, "y: expected numbers, got '.*; use TabularClassifier"),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_bad_values(name: str) -> None:
    y, message = BAD_VALUES[name]
    with pytest.raises(ValueError, match=message):
        regressor().fit(GOOD, y)
    with pytest.raises(ValueError, match="X: expected at least 2 rows"):
        regressor().fit([[1.0]], [1.0])


BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "preset": ({"preset": "best"}, "preset: expected one of"),
    "epochs": ({"epochs": 0}, "epochs: expected"),
    "hidden": ({"hidden": "wide"}, "hidden: expected the widths"),
    "time": ({"time_limit": 0.0}, "time_limit: expected"),
    "metric": ({"val_metric": "rmse"}, "val_metric: expected one of"),
    "share": ({"validation_share": 1.0}, "validation_share: expected between 0 and 1"),
    "folds": ({"n_cv": 0}, "n_cv: expected"),
    "members": ({"n_ens": 0}, "n_ens: expected"),
    "class": ({"class_weight": {"no": 2.0}}, "class_weight: 'no' is not a label of y"),
    "seed": ({"random_state": -1}, "random_state: expected"),
    "rate": ({"lr": -1.0}, "lr: expected"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings(name: str) -> None:
    settings, message = BAD_SETTINGS[name]
    model = classifier(**settings)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(GOOD, CLASS)
    assert not hasattr(model, "predictor_")


def test_bad_weights() -> None:
    with pytest.raises(ValueError, match="sample_weight: expected at least one weight > 0"):
        classifier().fit(GOOD, CLASS, np.zeros(N))
    with pytest.raises(ValueError, match="sample_weight"):
        classifier().fit(GOOD, CLASS, np.ones(3))


# ---- small and odd tables ----


def test_two_rows_and_extreme_numbers() -> None:
    model = classifier(epochs=2).fit([[0.0], [1.0]], ["a", "b"])
    assert set(model.predict([[0.0], [1.0]])) <= {"a", "b"}
    x = np.column_stack([WIDTH * 1e300, WIDTH * 1e-300, np.where(WIDTH > 0, 1e99, 1e-99)])
    for preset in ("td", "td-s"):
        assert np.isfinite(classifier(preset=preset).fit(x, CLASS).predict_proba(x)).all()


def test_a_constant_target() -> None:
    model = regressor().fit(GOOD, np.full(N, 4.0))
    assert model.predict(GOOD).tolist() == [4.0] * N
    assert model.score(GOOD, np.full(N, 4.0)) == 1.0


def test_a_rare_class_and_many_classes() -> None:
    y = np.array(["common"] * (N - 1) + ["rare"])
    assert classifier().fit(GOOD, y).classes_.tolist() == ["common", "rare"]
    each = np.arange(N) // 2
    assert classifier().fit(GOOD, each).predict_proba(GOOD).shape == (N, N // 2)

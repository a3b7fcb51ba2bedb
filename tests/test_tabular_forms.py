"""Settings of tabular nets in rarer forms, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.io import FormatError
from fastnn.tabular import (
    Settings,
    TabularClassifier,
    TabularRegressor,
    as_frame,
    dependence,
    explanations,
    holdout,
    importance,
    members,
    realmlp,
    table as data,
    train,
)  # fmt: skip
from fastnn.tabular.encoding import Encoder
from fastnn.tabular.large import train_large
from fastnn.tabular.member import Member
from fastnn.tabular.older import _numbers
from fastnn.tabular.side_by_side import side_by_side

RNG = np.random.default_rng(0)
ROWS = 60
X = RNG.normal(size=(ROWS, 3))
QUICK: dict[str, Any] = {"epochs": 1, "random_state": 0, "hidden": (4,), "n_threads": 1}
KINDS = np.array(["ash", "oak", "elm", "fir"], object)[np.arange(ROWS) % 4]


# ---- what is refused ----


NUMBERS = data.Table(as_frame({"a": X[:, 0], "b": X[:, 1]}), X[:, :1], target="y")


def older(means: Any) -> Any:
    return _numbers({"features": ["a"], "x_mean": means})


def entry(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "a", "kind": "category", "categories": ["u", "v"]} | changes]


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no target": (
        lambda: train(data.Table(NUMBERS.rows, None), Settings()), ValueError,
        "table: expected one with a target, got features only",
    ),
    "all rows of several ranks": (
        lambda: train(NUMBERS, Settings(optimizer="lbfgs"), comm="world"), ValueError,
        "optimizer: lbfgs is not dealt to ranks; expected one of batches",
    ),
    "classes before fit": (
        lambda: TabularClassifier().classes_, AttributeError, r"classes_: call fit\(X, y\) first"
    ),
    "a day that is first or not": (
        lambda: Encoder.from_json(entry(day_first=2)), ValueError, "no column: "
    ),
    "a category twice": (
        lambda: Encoder.from_json(entry(categories=["u", "u"])), ValueError, "no column: "
    ),
    "a net that is no Sequential": (
        lambda: Member.from_json(nn.Linear(1, 1), {"design": {}}, 1), ValueError,
        "a net is no Sequential",
    ),
    "no value to depend on": (
        lambda: dependence(
            TabularRegressor("mlp", **QUICK).fit({"a": X[:, 0], "b": KINDS}, X[:, 0]),
            {"a": X[:2, 0], "b": [None, None]}, "b",
        ),
        ValueError, "x: expected a value in column 'b', got none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    run, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        run()


def test_means_of_the_first_files() -> None:
    assert older([0.5]) == [{"name": "a", "kind": "number", "means": [0.5]}]
    assert older(None) is None


@pytest.mark.parametrize("levels", [0.5, [0.5, 0.1], [0.1, 0.9], [0.1, 0.5, 2.0], [1, 2]])
def test_quantiles_of_a_changed_file(levels: Any) -> None:
    from fastnn.tabular.model import _levels

    with pytest.raises(FormatError, match="m: extra: quantiles are not increasing numbers with"):
        _levels(levels, "m")
    assert _levels([0.1, 0.5], "m") == (0.1, 0.5)


LARGE: dict[str, tuple[dict[str, Any], str]] = {
    "a logarithm": ({"settings": Settings(loss="poisson")}, "loss: poisson is for tables in mem"),
    "texts as numbers": ({"target": "t", "task": "regression"}, "task: expected numbers, got text"),
    "fractions as classes": ({"task": "classification"}, "target: .* got fractions; or ask for a"),
    "classes from 5 on": ({"target": "five"}, r"0..C-1 of C classes, got \[5, 6\]; or ask"),
    "one class": ({"target": "zero"}, r"of C classes, got \[0\]; or ask for a regression"),
}


def large(folder: Path) -> Path:
    lines = ["a,y,t,five,zero,two"]
    for i in range(ROWS):
        lines.append(f"{X[i, 0]},{X[i, 1]},{'uv'[i % 2]},{5 + i % 2},0,{i % 2}")
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return folder / "t.csv"


@pytest.mark.parametrize("name", LARGE)
def test_large_tables_that_are_refused(name: str, tmp_path: Path) -> None:
    options, says = LARGE[name]
    words = {"target": "y", "features": ["a"], "settings": Settings(epochs=1)} | options
    with pytest.raises(ValueError, match=says):
        train_large(large(tmp_path), memory="1MB", **words)


@pytest.mark.parametrize("target", ["y", "two"])
def test_a_large_table_without_callbacks(target: str, tmp_path: Path) -> None:
    found = train_large(
        large(tmp_path), target, memory="1MB", features=["a"], settings=Settings(epochs=2)
    )
    assert len(found.history["val_loss"]) == 2 and found.rows + found.held_out == ROWS
    assert found.model.class_names == (("0", "1") if target == "two" else ())


# ---- training ----


def test_a_loss_that_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an optimizer over all rows."""
    monkeypatch.setattr(fastnn.Trainer, "evaluate", lambda self, *a, **b: {"loss": np.nan})
    with pytest.raises(FloatingPointError, match="loss: became nan or infinite in epoch 0; scale"):
        train(NUMBERS, Settings(optimizer="lbfgs", hidden=(), epochs=2))


@pytest.mark.parametrize("seed", [np.random.RandomState(3), np.random.default_rng(3)])
def test_seeds_of_numpy(seed: Any) -> None:
    """Drawn anew at each fit, the same from the same state."""
    state = seed.get_state() if hasattr(seed, "get_state") else seed.bit_generator.state
    options = QUICK | {"random_state": seed}
    first, second = (TabularRegressor("mlp", **options).fit(X, X[:, 0]).predict(X) for _ in "ab")
    if hasattr(seed, "set_state"):
        seed.set_state(state)
    else:
        seed.bit_generator.state = state
    again = TabularRegressor("mlp", **options).fit(X, X[:, 0]).predict(X)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()


def test_a_column_of_one_date_is_left_out() -> None:
    days = np.full(ROWS, np.datetime64("2024-01-01"))
    days[3] = np.datetime64("NaT")
    encoder, notes = Encoder.fit(as_frame({"a": X[:, 0], "day": days}))
    assert encoder.names == ("a",) and notes == ["column 'day' has one date: left out"]


def test_first_weights_of_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made from a choice of them."""
    found = []
    for rows in (ROWS, 20):
        monkeypatch.setattr(realmlp, "FIRST_ROWS", rows)
        found.append(TabularRegressor("td", **QUICK).fit(X, X[:, 0]).predict(X))
    assert np.isfinite(found).all() and (found[0] != found[1]).any()


@pytest.mark.parametrize("preset", ["td", "tabm-mini"])
def test_labels_smoothed_at_each_step(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the probabilities of all rows are too many: the same but for rounding."""
    y, found = np.arange(ROWS) % 3, []
    for most in (members.MOST_PROBABILITIES, 1):
        monkeypatch.setattr(members, "MOST_PROBABILITIES", most)
        found.append(TabularClassifier(preset, **QUICK).fit(X, y).predict_proba(X))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def test_held_out_rows_without_weight_count_alike() -> None:
    y, z = np.array([[1.0], [2.0], [5.0]]), np.array([[1.0], [4.0], [9.0]])
    member: Any = SimpleNamespace(of=lambda z: z, net=SimpleNamespace(predict=lambda x: z[1:]))
    for weight, wanted in (([9, 0, 0], [1, 1]), ([9, 0, 2], [0, 2]), (None, [1, 1])):
        given = None if weight is None else np.array(weight, float)
        task: Any = SimpleNamespace(y=y, weight=given, score=lambda *a: [v.tolist() for v in a])
        score = members._score(task, member, y, np.array([1, 2]))
        assert score() == [[[4.0], [9.0]], [[2.0], [5.0]], wanted]


def test_tables_without_target_have_a_fingerprint() -> None:
    bare = data.Table(NUMBERS.rows, None)
    found = {holdout.fingerprint(t, t.rows.names) for t in (NUMBERS, bare)}
    assert len(found) == 2 and holdout.fingerprint(bare, ["a", "b"]) in found


def test_a_fault_of_one_job_is_told() -> None:
    """Also where others wait, and are not begun."""
    begun = []

    def work(number: int, turn: Any) -> int:
        begun.append(number)
        if number == 0:
            raise ZeroDivisionError("job 0")
        return turn.threads()

    before = fastnn.num_threads()
    try:
        fastnn.set_num_threads(2)
        with pytest.raises(ZeroDivisionError, match="job 0"):
            side_by_side(6, None, work)
    finally:
        fastnn.set_num_threads(before)
    assert 0 in begun


# ---- explanations ----


def test_gradients_of_embedded_categories() -> None:
    """Each column has its own, those of few values as numbers and those of many embedded."""
    rows = {"a": X[:, 0], "many": [f"k{i % 20}" for i in range(ROWS)], "few": KINDS}
    model = TabularRegressor("td", **QUICK).fit(rows, X[:, 0])
    found = importance(model, rows, method="gradients")
    assert sorted(found.names) == ["a", "few", "many"] and (np.asarray(found.values) > 0).all()
    design = model.predictor_.members[0].design
    names = explanations.sources(design)
    assert names[0] == "a" and names[-1] == "many" and names.count("many") == 1
    assert len(names) == design.width


def test_of_many_rows_a_choice_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "MOST_ROWS", 10)
    first, again, other = (explanations._some(ROWS, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert len(first) == 10 == len(set(first)) and (np.diff(first) > 0).all()
    assert first.tolist() != other.tolist()
    assert explanations._some(10, 0).tolist() == list(range(10))

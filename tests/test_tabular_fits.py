"""Fits of tabular nets: side by side, again on all rows, quantiles, and what is noticed before."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.tabular import LeakageWarning, TabularClassifier, TabularRegressor, as_frame
from fastnn.tabular.notices import leaks
from fastnn.tabular.side_by_side import Turn, side_by_side

RNG = np.random.default_rng(0)
X = RNG.standard_normal((240, 4))
VALUE = X[:, 0] + 0.5 * np.abs(X[:, 1]) * RNG.standard_normal(240)
LABEL = VALUE > 0
QUICK: dict[str, Any] = {"epochs": 6, "hidden": (16, 16), "random_state": 0}
PRESETS = ("td", "td-s", "tabm-mini", "mlp")


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = fastnn.get_num_threads()
    fastnn.set_num_threads(2)
    yield
    fastnn.set_num_threads(before)


# ---- side by side ----


def test_jobs_share_threads_and_time(two_threads: None) -> None:
    names, started, ends = set(), threading.Barrier(2), {}

    def work(number: int, turn: Turn) -> int:
        if number < 2:
            started.wait(10)  # both are there at once
            assert turn.threads() == 1
            started.wait(10)
        names.add(threading.current_thread().name)
        ends[number] = turn.deadline
        return number * 10

    begun = time.perf_counter()
    assert side_by_side(5, 60.0, work) == [0, 10, 20, 30, 40]
    assert len(names) <= 2
    shares = [(ends[number] - begun) / 60 for number in (0, 1, 4)]
    # A third of the time for each round of two; the last job gets all that is left.
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 1.0], atol=0.05)
    alone: list[int] = []
    side_by_side(1, None, lambda number, turn: alone.append(turn.threads()))
    assert alone == [2]


def test_a_failed_job_stops_the_others(two_threads: None) -> None:
    stopped = []

    def work(number: int, turn: Turn) -> None:
        if number == 1:
            raise FloatingPointError("number 1")
        try:
            while True:
                turn.threads()
                time.sleep(0.001)
        except Exception as error:
            stopped.append(type(error).__name__)
            raise

    with pytest.raises(FloatingPointError, match="number 1"):
        side_by_side(4, None, work)
    assert set(stopped) <= {"_StoppedError"}


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
def test_folds_have_the_bits_of_fits_one_after_another(preset: str, two_threads: None) -> None:
    given = {**QUICK, "preset": preset, "n_cv": 3, "n_ens": 2}
    several = TabularClassifier(**given).fit(X, LABEL)
    one = TabularClassifier(**given, n_threads=1).fit(X, LABEL)
    assert np.array_equal(several.predict_proba(X), one.predict_proba(X))
    assert [r.scores for r in several.reports_] == [r.scores for r in one.reports_]
    assert len(one.predictor_.members) == 6 and fastnn.get_num_threads() == 2


@pytest.mark.long
def test_a_time_limit_is_kept_by_all_together(two_threads: None) -> None:
    TabularRegressor(epochs=1).fit(X, VALUE)  # imports
    for changes in ({"n_cv": 3}, {"n_cv": 2, "refit": True}):
        model = TabularRegressor(time_limit=1.5, epochs=100_000, **changes).fit(X, VALUE)
        assert all(report.stopped for report in model.reports_)


# ---- again on all rows ----


def test_refit_is_one_more_net_on_all_rows() -> None:
    given = {**QUICK, "epochs": 40, "n_cv": 3}
    folds = TabularRegressor(**given).fit(X, VALUE)
    again = TabularRegressor(**given, refit=True).fit(X, VALUE)
    assert [r.scores for r in again.reports_] == [r.scores for r in folds.reports_]
    assert len(again.predictor_.members) == 1
    target = again.predictor_.members[0].target
    assert target is not None and target.mean == pytest.approx(VALUE.mean())  # all rows
    assert again.score(X, VALUE) > 0.3


def test_refit_stops_where_the_folds_were_best(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnn.tabular import members

    seen = []
    fit_net = members.fit_net

    def kept(*args: Any) -> Any:
        report = fit_net(*args)
        if report.scores:
            report.best_epoch = 2 * len(seen) + 1  # 1, then 3
        seen.append(report)
        return report

    monkeypatch.setattr(members, "fit_net", kept)
    TabularClassifier(**{**QUICK, "epochs": 10}, n_cv=2, refit=True, n_threads=1).fit(X, LABEL)
    *folds, last = seen
    assert [len(report.losses) for report in folds] == [10, 10]
    assert len(last.losses) == 3 and not last.scores and not last.stopped


# ---- quantiles ----


@pytest.mark.long
@pytest.mark.parametrize("preset", PRESETS)
def test_quantiles(preset: str, tmp_path: Path) -> None:
    given = {**QUICK, "preset": preset, "epochs": 60, "quantiles": (0.9, 0.1), "n_cv": 2}
    given |= {"lr": 0.01, "batch_size": 32} if preset == "mlp" else {}
    model = TabularRegressor(**given).fit(X, VALUE)
    found = model.predict_quantiles(X)
    assert found.shape == (240, 3) and model.predictor_.quantiles == (0.1, 0.5, 0.9)
    assert (np.diff(found, axis=1) >= 0).all()
    assert np.array_equal(model.predict(X), found[:, 1])
    below = (VALUE[:, None] <= found).mean(axis=0)
    assert (np.abs(below - [0.1, 0.5, 0.9]) < 0.15).all(), below
    model.save(tmp_path / "net")
    again = fastnn.load(tmp_path / "net")
    assert np.array_equal(again.predict_quantiles(X), found)
    assert np.array_equal(again.predict(X), found[:, 1])


def test_quantiles_are_refused() -> None:
    for given, error, message in (
        ((), ValueError, "quantiles: expected numbers such as"),
        (0.5, TypeError, "quantiles: expected numbers such as"),
        ((0.0, 0.5), ValueError, "quantiles"),
        (("a",), TypeError, "quantiles"),
    ):
        with pytest.raises(error, match=message):
            TabularRegressor(quantiles=given, **QUICK).fit(X, VALUE)
    with pytest.raises(ValueError, match="val_metric"):
        TabularRegressor(val_metric="pinball", **QUICK).fit(X, VALUE)
    with pytest.raises(ValueError, match="trained for the mean"):
        TabularRegressor(**QUICK).fit(X, VALUE).predict_quantiles(X)


@pytest.mark.parametrize("name", [None, "pinball", "mae", "rmse"])
def test_metrics_of_quantiles(name: str | None) -> None:
    model = TabularRegressor(**QUICK, quantiles=(0.2, 0.5), val_metric=name).fit(X, VALUE)
    assert model.reports_[0].best_score > 0


def test_weights_reach_quantiles() -> None:
    heavy = np.where(VALUE > 0, 1.0, 0.0)
    model = TabularRegressor(**{**QUICK, "epochs": 40}, quantiles=(0.5,))
    assert model.fit(X, VALUE, sample_weight=heavy).predict(X).mean() > 0.2


# ---- what is noticed ----

CASES = {
    "the target itself": (VALUE, VALUE, True),
    "a bent copy": (np.exp(VALUE), VALUE, True),
    "a category for each label": (np.where(LABEL, "yes", "no"), LABEL.astype(int), True),
    "numbers on both sides of a limit": (VALUE, LABEL.astype(int), True),
    "a good guess": (VALUE + 0.2 * RNG.standard_normal(240), VALUE, False),
    "most labels": (np.where(RNG.random(240) < 0.9, LABEL, ~LABEL), LABEL.astype(int), False),
    "another column": (X[:, 2], VALUE, False),
    "a name for each row": ([f"row {i}" for i in range(240)], LABEL.astype(int), False),
    "gaps": (np.where(np.arange(240) % 3, np.nan, VALUE), VALUE, False),
    "one label only": (X[:, 0], np.zeros(240, int), False),
    "one value only": (X[:, 0], np.zeros(240), False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_column_that_gives_the_target(name: str) -> None:
    values, y, expected = CASES[name]
    found = leaks(as_frame({"c": values, "noise": X[:, 3]}), y, y.dtype.kind == "i")
    assert list(found) == (["c"] if expected else []), found
    assert leaks(as_frame({"c": values}).take(np.arange(60)), y[:60], y.dtype.kind == "i") == {}


def test_leaks_are_told_and_kept() -> None:
    rows = {"a": X[:, 0], "answer": VALUE, "id": np.arange(240)[::-1], "same": np.ones(240)}
    with pytest.warns(
        LeakageWarning, match=r"column 'answer' alone gives the target \(R2 [.\d]+ "
    ) as seen:
        model = TabularRegressor(**QUICK).fit(rows, VALUE)
    assert len(seen) == 1 and seen[0].filename == __file__
    assert model.predictor_.features == ("a", "answer", "id")
    notes = "\n".join(model.notes_)
    for part in ("'answer' alone gives", "'id' numbers the rows: kept", "'same' is 1 in every row"):
        assert part in notes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TabularRegressor(**QUICK).fit(X, VALUE)


def test_the_index_that_pandas_wrote_is_left_out() -> None:
    rows = {"Unnamed: 0": np.arange(240), "a": X[:, 0], "b": X[:, 1]}
    model = TabularClassifier(**QUICK).fit(rows, LABEL)
    assert model.predictor_.columns == ("a", "b")
    assert model.notes_ == ["column 'Unnamed: 0' counts the rows: left out"]
    del rows["Unnamed: 0"]
    bare = TabularClassifier(**QUICK).fit(rows, LABEL)
    assert np.array_equal(model.predict_proba(rows), bare.predict_proba(rows))


# ---- progress ----


def test_progress_is_a_line_an_epoch(capsys: Any) -> None:
    silent = TabularClassifier(**QUICK).fit(X, LABEL)
    told = TabularClassifier(**QUICK, verbose=2)
    assert capsys.readouterr().err == ""
    told.fit(X, LABEL)
    lines = capsys.readouterr().err.splitlines()
    report = told.reports_[0]
    assert len(lines) == 6
    for i, line in enumerate(lines):
        figures = f"loss {report.losses[i]:.4f}  error {report.scores[i]:.4f}"
        assert line.startswith(f"epoch {i + 1}/6  {figures}  ")
    np.testing.assert_array_equal(told.predict_proba(X), silent.predict_proba(X))


def test_progress_of_several_nets(capsys: Any, two_threads: None) -> None:
    TabularRegressor(**QUICK, verbose=2, n_cv=2, refit=True).fit(X, VALUE)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["epoch", f"{i + 1}/18"] for i in range(len(lines))
    ]
    assert 13 <= len(lines) <= 18
    for net in (1, 2):
        assert (
            sum(f"  net {net} loss " in line and f"net {net} rmse" in line for line in lines) == 6
        )
    assert all("net 3 loss" in line and "rmse" not in line for line in lines[12:])


def test_progress_is_a_line_a_second_if_not_asked_for_all(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TabularClassifier(**QUICK, verbose=1)
    monkeypatch.setattr("fastnn.train.progress.now", lambda: 5.0)  # all within one second
    monkeypatch.setattr("fastnn.train.progress.ProgressBar._told_at", 0.0)
    model.fit(X, LABEL)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("epoch 6/6  loss ")
    model.fit(X, LABEL)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("fastnn.train.progress._is_terminal", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    model.fit(X, LABEL)
    assert len(capsys.readouterr().err.splitlines()) == 6
    with pytest.raises(ValueError, match="verbose: expected one of 0, 1, 2"):
        model.set_params(verbose=3).fit(X, LABEL)

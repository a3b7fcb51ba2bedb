"""The estimators as parts of scikit-learn: its checks and tools, copies, threads, kinds of rows."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")

import joblib
import sklearn
import sklearn.neural_network
from sklearn import inspection, model_selection
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastnn
from fastnn.sklearn import MLPClassifier, MLPRegressor

RNG = np.random.RandomState(0)
X = RNG.randn(120, 5)
Y = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
NUMBERS = X[:, 0] - X[:, 1]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**options: Any) -> MLPClassifier:
    given = {"hidden_layer_sizes": (10,), "max_iter": 60, "random_state": 0}
    return MLPClassifier(**{"learning_rate_init": 0.03, **given, **options})


def regressor(**options: Any) -> MLPRegressor:
    given = {"hidden_layer_sizes": (10,), "max_iter": 60, "random_state": 0}
    return MLPRegressor(**{"learning_rate_init": 0.03, **given, **options})


# ---- scikit-learn's own checks: none is expected to fail, as with its own MLP ----


@pytest.mark.every(8)
@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
def test_scikit_learns_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_same_face(name: str) -> None:
    """Parameters in their order with their defaults, tags, and all public methods."""
    mine, theirs = (getattr(m, name) for m in (fastnn.sklearn, sklearn.neural_network))
    own, other = (list(inspect.signature(kind).parameters.values()) for kind in (mine, theirs))
    for a, b in zip(own, other, strict=False):
        assert (a.name, a.default, a.kind) == (b.name, b.default, b.kind)
    assert all(p.kind is p.KEYWORD_ONLY for p in own[len(other) :])
    assert get_tags(mine()) == get_tags(theirs())
    assert {n for n in dir(theirs) if n[0] != "_"} <= set(dir(mine))
    for method in ("fit", "partial_fit", "predict", "score"):
        a, b = (inspect.signature(getattr(kind(), method)) for kind in (mine, theirs))
        assert list(a.parameters)[: len(b.parameters)] == list(b.parameters)
    classes = {"classes": [0, 1, 2]} if name == "MLPClassifier" else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        mine(early_stopping=True).partial_fit(X, Y, **classes)
    assert not hasattr(mine(solver="lbfgs"), "partial_fit")


# ---- its tools ----


def _column_transformer() -> float:
    words = np.array(["a", "b", "c"], dtype=object)[RNG.randint(3, size=(120, 1))]
    columns = ColumnTransformer(
        [("number", StandardScaler(), [0, 1]), ("word", OneHotEncoder(), [2])]
    )
    rows = np.hstack([X[:, :2].astype(object), words])
    return float(make_pipeline(columns, classifier()).fit(rows, Y).score(rows, Y))


def _importance() -> float:
    fitted = regressor().fit(X, NUMBERS)
    found = inspection.permutation_importance(fitted, X, NUMBERS, n_repeats=2, random_state=0)
    assert set(np.argsort(found.importances_mean)[-2:]) == {0, 1}
    return 1.0


def _partial_dependence() -> float:
    fitted = regressor().fit(X, NUMBERS)
    found = inspection.partial_dependence(fitted, X, [0], grid_resolution=5)
    assert (np.diff(found["average"][0]) > 0).all()
    return 1.0


def _search(kind: str, **options: Any) -> float:
    grid = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(5,), (10,)]}
    search = getattr(model_selection, kind)(classifier(), grid, cv=2, **options).fit(X, Y)
    return float(search.best_score_)


def _routed() -> float:
    weight = RNG.rand(120)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = classifier().set_fit_request(sample_weight=True)
        asked.set_score_request(sample_weight=True)
        routed = make_pipeline(asked).fit(X, Y, sample_weight=weight)
        direct = classifier().fit(X, Y, sample_weight=weight)
        np.testing.assert_array_equal(routed.predict_proba(X), direct.predict_proba(X))
        return float(routed.score(X, Y, sample_weight=weight))


def _validation_rows_through_a_pipeline() -> float:
    """Validation rows pass through the pipeline's steps too."""
    with sklearn.config_context(enable_metadata_routing=True):
        asked = classifier(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), asked, transform_input=["X_val"])
        pipe.fit(X[:90], Y[:90], X_val=X[90:], y_val=Y[90:])
    return float(pipe[-1].best_validation_score_)


TOOLS: dict[str, Callable[[], float]] = {
    "Pipeline": lambda: make_pipeline(MinMaxScaler(), classifier()).fit(X, Y).score(X, Y),
    "ColumnTransformer": _column_transformer,
    "GridSearchCV": lambda: _search("GridSearchCV"),
    "HalvingGridSearchCV": lambda: _search("HalvingGridSearchCV", min_resources=60),
    "CalibratedClassifierCV": lambda: (
        CalibratedClassifierCV(classifier(), cv=2).fit(X, Y).score(X, Y)
    ),
    "StackingClassifier": lambda: (
        StackingClassifier([("net", classifier()), ("line", LogisticRegression())], cv=2)
        .fit(X, Y)
        .score(X, Y)
    ),
    "VotingClassifier": lambda: (
        VotingClassifier([("net", classifier()), ("line", LogisticRegression())], voting="soft")
        .fit(X, Y)
        .score(X, Y)
    ),
    "BaggingClassifier": lambda: (
        BaggingClassifier(classifier(), n_estimators=2).fit(X, Y).score(X, Y)
    ),
    "ClassifierChain": lambda: float(
        (ClassifierChain(classifier()).fit(X, X[:, :2] > 0).predict(X) == (X[:, :2] > 0)).mean()
    ),
    "MultiOutputRegressor": lambda: (
        MultiOutputRegressor(regressor()).fit(X, X[:, :2]).score(X, X[:, :2])
    ),
    "TransformedTargetRegressor": lambda: (
        TransformedTargetRegressor(regressor(), transformer=StandardScaler())
        .fit(X, 1e3 * NUMBERS)
        .score(X, 1e3 * NUMBERS)
    ),
    "permutation_importance": _importance,
    "partial_dependence": _partial_dependence,
    "cross_val_predict": lambda: float(
        (model_selection.cross_val_predict(classifier(), X, Y, cv=2) == Y).mean()
    ),
    "cross_val_score": lambda: model_selection.cross_val_score(regressor(), X, NUMBERS).mean(),
    "learning_curve": lambda: model_selection.learning_curve(classifier(), X, Y, cv=2)[1].mean(),
    "set_output": lambda: (
        make_pipeline(StandardScaler(), classifier())
        .set_output(transform="default")
        .fit(X, Y)
        .score(X, Y)
    ),
    "metadata routing": _routed,
    "transform_input": _validation_rows_through_a_pipeline,
}


@pytest.mark.every(5)
@pytest.mark.parametrize("tool", TOOLS)
def test_tools(tool: str) -> None:
    assert TOOLS[tool]() > 0.7


def test_selection_needs_importances() -> None:
    """As with scikit-learn's MLP: a net has no coef_, and the tool says so."""
    with pytest.raises(ValueError, match=r"coef_|importance"):
        SelectFromModel(classifier()).fit(X, Y).transform(X)


# ---- copies ----


COPIES: dict[str, Callable[[Any, Path], Any]] = {
    "pickle": lambda fitted, path: pickle.loads(pickle.dumps(fitted)),
    "deepcopy": lambda fitted, path: copy.deepcopy(fitted),
    "copy": lambda fitted, path: copy.copy(fitted),
    "joblib": lambda fitted, path: joblib.load(joblib.dump(fitted, path / "m.joblib")[0]),
    "joblib, mapped": lambda fitted, path: joblib.load(
        joblib.dump(fitted, path / "m.joblib")[0], mmap_mode="r"
    ),
}


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("name", COPIES)
def test_copies(name: str, early: bool, tmp_path: Path) -> None:
    fitted = classifier(early_stopping=early).fit(X, Y)
    made = COPIES[name](fitted, tmp_path)
    np.testing.assert_array_equal(made.predict_proba(X), fitted.predict_proba(X))
    made.set_params(early_stopping=False)
    before = fitted.predict_proba(X)
    if name != "copy":  # which shares the arrays
        made.partial_fit(X, Y)  # though the first fit did not watch the loss
        np.testing.assert_array_equal(fitted.predict_proba(X), before)
        assert not np.array_equal(made.predict_proba(X), before)
    assert not hasattr(clone(fitted), "coefs_")
    assert clone(fitted).get_params() == fitted.get_params()


def test_the_net_reads_the_arrays() -> None:
    """What is written to coefs_ counts, and so does another array in its place."""
    fitted = classifier().fit(X, Y)
    fitted.coefs_[1][...] = 0
    fitted.intercepts_[1][...] = [0, 1, 0]
    assert set(fitted.predict(X)) == {1}
    fitted.intercepts_[1] = np.array([0.0, 0.0, 1.0])
    assert set(fitted.predict(X)) == {2}
    fitted.coefs_[1] = np.asfortranarray(RNG.randn(10, 3))
    fitted.coefs_[1][...] = 0
    assert set(fitted.predict(X)) == {2}


def test_to_and_from_a_net() -> None:
    fitted = classifier().fit(X, Y)
    net = fastnn.io.from_sklearn(fitted)
    np.testing.assert_allclose(net.predict(X), fitted.predict_proba(X), rtol=1e-12)


# ---- kinds of rows ----


def test_memory_map(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    a, b = classifier().fit(mapped, Y), classifier().fit(X, Y)
    np.testing.assert_array_equal(a.predict_proba(mapped), b.predict_proba(X))


FORMS: dict[str, Callable[[], Any]] = {
    "lists": lambda: X.tolist(),
    "fortran": lambda: np.asfortranarray(X),
    "strided": lambda: np.repeat(X, 2, axis=0)[::2],
    "read-only": lambda: _read_only(X),
    "integers": lambda: np.round(3 * X).astype(int),
    "booleans": lambda: X > 0,
}


def _read_only(x: Any) -> Any:
    y = x.copy()
    y.flags.writeable = False
    return y


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str) -> None:
    rows = FORMS[form]()
    a, b = classifier().fit(rows, Y), classifier().fit(np.asarray(rows, np.float64), Y)
    np.testing.assert_array_equal(a.predict(rows), b.predict(np.asarray(rows, np.float64)))
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library: str) -> None:
    frames = pytest.importorskip(library)
    names = [f"column {i}" for i in range(5)]
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    fitted = classifier().fit(frame, frames.Series(Y))
    assert fitted.feature_names_in_.tolist() == names
    np.testing.assert_array_equal(fitted.predict(frame), classifier().fit(X, Y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame[names[::-1]])
    early = classifier(early_stopping=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        early.fit(frame, frames.Series(Y))
    search = model_selection.GridSearchCV(
        make_pipeline(StandardScaler().set_output(transform=library), classifier()),
        {"mlpclassifier__alpha": [1e-4]},
        cv=2,
    )
    assert search.fit(frame, frames.Series(Y)).best_score_ > 0.7


# ---- threads and processes ----


def test_fit_does_not_hold_the_lock() -> None:
    """Another thread of Python runs while an epoch does."""
    rows = RNG.randn(6000, 200)
    job = regressor(hidden_layer_sizes=(200,), max_iter=6, n_threads=1, batch_size=500)
    thread = threading.Thread(target=job.fit, args=(rows, rows[:, 0]))
    turns = 0
    thread.start()
    while thread.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 10


@pytest.mark.every(2)
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_parallel_search_finds_the_same(backend: str) -> None:
    grid = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(5,), (7, 3)]}
    found = []
    for jobs in (1, 2):
        with joblib.parallel_backend(backend, n_jobs=jobs):
            search = model_selection.GridSearchCV(classifier(), grid, cv=2).fit(X, Y)
        found.append(search.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*found)


def test_many_threads_predict() -> None:
    fitted = classifier().fit(X, Y)
    expected = [fitted.predict_proba(X[:n]) for n in range(1, 40)]
    loaded = pickle.loads(pickle.dumps(fitted))
    with joblib.parallel_backend("threading", n_jobs=4):
        found = joblib.Parallel()(joblib.delayed(loaded.predict_proba)(X[:n]) for n in range(1, 40))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_without_scikit_learn() -> None:
    """The package names the extra; `import fastnn` does without."""
    code = """
import sys
sys.modules["sklearn"] = None
import fastnn
try:
    import fastnn.sklearn
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pip install 'fastnn-cpu[sklearn]'" in done.stdout, done.stderr


def test_training_touches_no_other_random_numbers() -> None:
    fastnn.manual_seed(3)
    np.random.seed(3)
    expected = fastnn.rand(2).tolist(), np.random.rand()
    fastnn.manual_seed(3)
    np.random.seed(3)
    classifier(dropout=0.5, batch_norm=True).fit(X, Y).predict(X)
    assert (fastnn.rand(2).tolist(), np.random.rand()) == expected


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_weights_below_zero_are_named(kind: str) -> None:
    rows = X if kind == "dense" else pytest.importorskip("scipy.sparse").csr_array(X)
    with pytest.raises(ValueError, match="sample_weight: expected those of each batch to sum to 0"):
        classifier().fit(rows, Y, sample_weight=-np.ones(len(Y)))

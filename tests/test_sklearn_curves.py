"""The estimators against scikit-learn's own: from one random state, the same numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")

import sklearn
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.fixes import parse_version

from fastnn import sklearn as ours

RNG = np.random.RandomState(0)
X = RNG.randn(83, 6)
X[RNG.rand(*X.shape) < 0.3] = 0.0  # for the sparse ones
SIGNAL = X @ RNG.randn(6, 3) + 0.3 * RNG.randn(83, 3)
WEIGHT = RNG.rand(83) * (RNG.rand(83) > 0.1)
# Before 1.9 scikit-learn's early stopping looks for nan in labels, which no texts are.
NAMES: Any = ("yes", "no") if parse_version(sklearn.__version__) >= parse_version("1.9") else (1, 0)
TARGETS: dict[str, Any] = {
    "binary": np.where(SIGNAL[:, 0] > 0, *NAMES),
    "classes": np.digitize(SIGNAL[:, 0], [-1.0, 1.0]) + 3,
    "labels": (SIGNAL > 0).astype(int),
    "number": SIGNAL[:, 0],
    "numbers": SIGNAL,
    "counts": np.floor(np.exp(0.5 * SIGNAL[:, 0])),
}
CURVE = 1e-5  # the promise; what is left is rounding, 1e-13 or so
SHORT = {"max_iter": 12, "batch_size": 20, "random_state": 3, "hidden_layer_sizes": (9, 5)}

SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam, rates": {"learning_rate_init": 0.05, "beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3},
    "penalty": {"alpha": 3.0},
    "no penalty": {"alpha": 0.0},
    "no shuffle": {"shuffle": False},
    "one batch": {"batch_size": 83},
    "single rows": {"batch_size": 1, "max_iter": 2},
    "auto batch": {"batch_size": "auto"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "one width": {"hidden_layer_sizes": 7},
    "identity": {"activation": "identity"},
    "logistic": {"activation": "logistic", "learning_rate_init": 0.05},
    "tanh": {"activation": "tanh"},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd, no momentum": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0},
    "sgd, plain momentum": {
        "solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False, "alpha": 1.0,
    },
    "sgd, invscaling": {
        "solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3,
        "alpha": 1.0,
    },
    "sgd, adaptive": {
        "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 0.05,
        "n_iter_no_change": 1, "max_iter": 40, "alpha": 1.0,
    },
    "early stopping": {"early_stopping": True, "learning_rate_init": 0.02, "max_iter": 40},
    "early stopping, adaptive": {
        "early_stopping": True, "solver": "sgd", "learning_rate": "adaptive", "tol": 0.01,
        "learning_rate_init": 0.05, "n_iter_no_change": 2, "max_iter": 40,
        "validation_fraction": 0.3,
    },
    "tol": {"tol": 0.01, "n_iter_no_change": 2, "max_iter": 100, "learning_rate_init": 0.02},
    "lbfgs": {"solver": "lbfgs", "max_iter": 15},
    "lbfgs, penalty": {"solver": "lbfgs", "max_iter": 15, "alpha": 2.0, "activation": "tanh"},
    "lbfgs, calls": {"solver": "lbfgs", "max_fun": 9},
}  # fmt: skip


def pair(kind: str, **options: Any) -> tuple[Any, Any]:
    """Our estimator and theirs, for a kind of target."""
    regression = kind in ("number", "numbers", "counts")
    name = "MLPRegressor" if regression else "MLPClassifier"
    own = {"loss": "poisson"} if kind == "counts" else {}
    return tuple(getattr(m, name)(**{**SHORT, **own, **options}) for m in (ours, theirs))


def quiet(call: Any, *args: Any, **keywords: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call(*args, **keywords)


def assert_same(mine: Any, other: Any, bound: float = CURVE) -> None:
    """All fitted attributes agree."""
    assert mine.n_iter_ == other.n_iter_ and mine.t_ == other.t_
    assert mine.loss_ == pytest.approx(other.loss_, rel=bound, abs=bound)
    for a, b in zip(
        [*mine.coefs_, *mine.intercepts_], [*other.coefs_, *other.intercepts_], strict=True
    ):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound)
    for name in ("n_layers_", "n_outputs_", "n_features_in_", "out_activation_"):
        assert getattr(mine, name) == getattr(other, name)
    if mine.solver == "lbfgs":
        return
    np.testing.assert_allclose(mine.loss_curve_, other.loss_curve_, rtol=bound, atol=bound)
    assert mine._no_improvement_count == other._no_improvement_count
    for name in ("best_loss_", "validation_scores_", "best_validation_score_"):
        a, b = getattr(mine, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=bound, atol=bound)


def assert_alike(kind: str, mine: Any, other: Any, x: Any = X) -> None:
    """Predictions agree."""
    a, b = mine.predict(x), other.predict(x)
    assert a.shape == b.shape and a.dtype == b.dtype
    if a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=CURVE, atol=CURVE)
    else:
        np.testing.assert_array_equal(a, b)
    assert mine.score(x, TARGETS[kind]) == pytest.approx(other.score(x, TARGETS[kind]), abs=1e-5)
    if hasattr(mine, "classes_"):
        np.testing.assert_array_equal(mine.classes_, other.classes_)
        np.testing.assert_allclose(mine.predict_proba(x), other.predict_proba(x), atol=CURVE)
        np.testing.assert_allclose(
            mine.predict_log_proba(x), other.predict_log_proba(x), rtol=1e-4, atol=CURVE
        )


@pytest.mark.every(8)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", TARGETS)
def test_curve(kind: str, settings: str) -> None:
    mine, other = pair(kind, **SETTINGS[settings])
    quiet(mine.fit, X, TARGETS[kind])
    quiet(other.fit, X, TARGETS[kind])
    assert_same(mine, other)
    assert_alike(kind, mine, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["binary", "classes", "labels"])
def test_loss_of_what_is_certain_and_wrong(kind: str, dtype: Any) -> None:
    """It is cut at -log of the type's epsilon, where scikit-learn cuts it; the gradient is not."""
    rows = (1e3 * X).astype(dtype)
    mine, other = pair(kind, batch_size=83, max_iter=4, activation="identity")
    quiet(mine.fit, rows, TARGETS[kind])
    quiet(other.fit, rows, TARGETS[kind])
    outputs = 3 if kind == "labels" else 1
    assert 1.0 < mine.loss_curve_[0] < -outputs * np.log(np.finfo(dtype).eps)
    np.testing.assert_allclose(mine.loss_curve_, other.loss_curve_, rtol=1e-3)


@pytest.mark.filterwarnings("ignore:divide by zero")  # log of a probability 0, in both
@pytest.mark.parametrize("kind", ["binary", "numbers"])
def test_the_activation_is_read_at_every_prediction(kind: str) -> None:
    """As in scikit-learn, also once the net is known."""
    for mine, other in [pair(kind), pair(kind, solver="lbfgs")]:
        for activation in ("relu", "tanh", "relu", "identity"):
            for estimator in (mine, other):
                if not hasattr(estimator, "coefs_"):
                    quiet(estimator.fit, X, TARGETS[kind])
                estimator.set_params(activation=activation)
            for _ in range(7):  # by a kit, then by a net of its own
                assert_alike(kind, mine, other)


@pytest.mark.every(5)
@pytest.mark.parametrize("settings", ["adam", "penalty", "early stopping", "lbfgs, penalty"])
@pytest.mark.parametrize("kind", TARGETS)
def test_sample_weight(kind: str, settings: str) -> None:
    mine, other = pair(kind, **SETTINGS[settings])
    for estimator in (mine, other):
        quiet(estimator.fit, X, TARGETS[kind], sample_weight=WEIGHT)
    assert_same(mine, other)


@pytest.mark.every(8)
@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "csr_array", "batches"])
@pytest.mark.parametrize("settings", ["adam", "penalty", "early stopping", "lbfgs"])
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_sparse(kind: str, settings: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    if form == "batches":  # as if it were too large to be made dense
        monkeypatch.setattr("fastnn.sklearn.epochs.DENSE_BYTES", 0)
        monkeypatch.setattr("fastnn.sklearn.base.BLOCK_BYTES", 1000)
    x = getattr(sparse, "csr_array" if form == "batches" else form)(X)
    mine, other = pair(kind, **SETTINGS[settings])
    weight = WEIGHT if settings == "penalty" else None
    quiet(mine.fit, x, TARGETS[kind], weight)
    quiet(other.fit, X, TARGETS[kind], weight)
    assert_same(mine, other)
    np.testing.assert_allclose(mine.predict(x), other.predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.every(5)
@pytest.mark.parametrize("settings", ["adam", "sgd, invscaling", "penalty"])
@pytest.mark.parametrize("kind", TARGETS)
def test_partial_fit(kind: str, settings: str) -> None:
    """Parts of several sizes, in turn; in the middle a copy goes on from a pickle."""
    import pickle

    mine, other = pair(kind, **SETTINGS[settings])
    labels = range(3) if kind == "labels" else np.unique(TARGETS[kind])
    more = {"classes": labels} if hasattr(mine, "predict_proba") else {}
    for turn, rows in enumerate([slice(0, 40), slice(40, 83), slice(0, 40), slice(10, 30)] * 2):
        for estimator in (mine, other):
            estimator.partial_fit(X[rows], TARGETS[kind][rows], **more)
        if turn == 3:
            mine = pickle.loads(pickle.dumps(mine))
    assert_same(mine, other)
    assert_alike(kind, mine, other)


@pytest.mark.every(5)
@pytest.mark.parametrize("settings", ["adam", "sgd, adaptive", "lbfgs"])
@pytest.mark.parametrize("kind", ["classes", "number"])
def test_warm_start(kind: str, settings: str) -> None:
    mine, other = pair(kind, warm_start=True, **SETTINGS[settings])
    for limit in (5, 9, 7):
        for estimator in (mine, other):
            estimator.set_params(max_iter=limit)
            quiet(estimator.fit, X, TARGETS[kind])
    assert_same(mine, other)


@pytest.mark.parametrize("kind", ["classes", "number"])
def test_warm_start_keeps_the_best_weights(kind: str) -> None:
    """Unlike scikit-learn, whose second fit trains on in the arrays of the best weights."""
    mine, _ = pair(kind, warm_start=True, early_stopping=True, learning_rate_init=0.02)
    quiet(mine.fit, X, TARGETS[kind])
    best, before = mine.best_validation_score_, [a.copy() for a in mine.coefs_]
    mine.set_params(learning_rate_init=10.0)  # nothing will be better
    quiet(mine.fit, X, TARGETS[kind])
    assert mine.best_validation_score_ == best
    for a, b in zip(mine.coefs_, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["binary", "numbers"])
def test_random_state_instance(kind: str) -> None:
    """A RandomState is used up by as many draws as scikit-learn's."""
    left = []
    for estimator in pair(kind, early_stopping=True):
        state = np.random.RandomState(5)
        estimator.set_params(random_state=state)
        quiet(estimator.fit, X, TARGETS[kind])
        quiet(estimator.fit, X, TARGETS[kind])
        left.append((estimator.loss_, state.uniform()))
    assert left[0] == pytest.approx(left[1], rel=1e-9)


@pytest.mark.every(5)
@pytest.mark.parametrize("settings", ["adam", "sgd", "early stopping", "penalty"])
@pytest.mark.parametrize("kind", TARGETS)
def test_float32(kind: str, settings: str) -> None:
    mine, other = pair(kind, **SETTINGS[settings])
    x = X.astype(np.float32)
    y = TARGETS[kind].astype(np.float32) if kind in ("number", "numbers") else TARGETS[kind]
    quiet(mine.fit, x, y)
    quiet(other.fit, x, y)
    assert_same(mine, other, bound=2e-3)
    assert {a.dtype for a in [*mine.coefs_, *mine.intercepts_]} == {np.dtype(np.float32)}
    wide, narrow = mine.predict(X), mine.predict(x)
    if wide.dtype.kind == "f":
        assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)
    elif hasattr(mine, "predict_proba"):
        assert mine.predict_proba(x).dtype == np.float32


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("settings", ["tol", "early stopping, adaptive", "sgd, adaptive"])
def test_prints_what_theirs_prints(
    settings: str, verbose: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for estimator in pair("classes", verbose=verbose, **SETTINGS[settings]):
        quiet(estimator.fit, X, TARGETS["classes"])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and bool(printed[0]) == verbose

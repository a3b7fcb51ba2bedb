"""Fits that use one another's recorded steps: none notices the others."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")

import joblib

from fastnn.sklearn import MLPClassifier, MLPRegressor, kits as module
from fastnn.sklearn.epochs import Steps
from fastnn.sklearn.kits import kits

RNG = np.random.RandomState(0)
X = RNG.randn(70, 4)
Y = (X[:, 0] > 0).astype(int)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# All of the same shapes, so that they share kits, but for what is recorded.
SETTINGS: list[dict[str, Any]] = [
    {},
    {"alpha": 2.0, "learning_rate_init": 0.1},
    {"alpha": 0.0, "beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-4},
    {"early_stopping": True, "validation_fraction": 0.3},
    {"batch_size": 70},
    {"solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "sgd", "momentum": 0.4, "nesterovs_momentum": False, "alpha": 3.0},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    {"activation": "tanh"},
    {"callbacks": [lambda epoch, logs: False]},  # has a net of its own
]


@pytest.fixture(autouse=True)
def _no_kits_yet() -> None:
    kits._spare.clear()


def fitted(settings: dict[str, Any], **more: Any) -> MLPClassifier:
    options = {"hidden_layer_sizes": (6,), "max_iter": 5, "batch_size": 16, "random_state": 0}
    return MLPClassifier(**{**options, **settings, **more}).fit(X, Y)


def values(model: Any) -> list[Any]:
    return [model.loss_curve_, *map(np.ndarray.tolist, [*model.coefs_, *model.intercepts_])]


@pytest.mark.long
def test_each_is_as_if_alone() -> None:
    alone = []
    for settings in SETTINGS:
        kits._spare.clear()
        alone.append(values(fitted(settings)))
    together = [fitted(settings) for settings in SETTINGS * 2]
    assert [values(model) for model in together] == alone * 2


def test_the_steps_are_recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = []
    step = Steps._step
    monkeypatch.setattr(Steps, "_step", lambda *given: recorded.append(1) or step(*given))
    first = fitted({})
    count = len(recorded)
    assert count == 2  # a full batch, and the last one
    for _ in range(3):
        assert values(fitted({})) == values(first)
    fitted({"alpha": 0.3, "learning_rate_init": 0.2})
    assert len(recorded) == count


def test_a_kit_of_a_diverged_net() -> None:
    options = {"activation": "identity", "solver": "sgd"}
    expected = values(fitted(options, learning_rate_init=0.01))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        fitted(options, learning_rate_init=1e200)
    assert values(fitted(options, learning_rate_init=0.01)) == expected


def test_fits_and_predictions_are_apart() -> None:
    """A net keeps its weights while others train, also from a pickle and after a partial fit."""
    one = fitted({})
    before = one.predict_proba(X)
    fitted({}, random_state=1)
    np.testing.assert_array_equal(one.predict_proba(X), before)
    loaded = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(loaded.predict_proba(X), before)
    one.partial_fit(X, Y)
    after = one.predict_proba(X)
    fitted({}, random_state=2).partial_fit(X, Y)
    np.testing.assert_array_equal(one.predict_proba(X), after)
    assert not np.array_equal(before, after)


def test_in_threads() -> None:
    expected = [values(fitted({}, random_state=seed)) for seed in range(12)]
    with joblib.parallel_backend("threading", n_jobs=4):
        found = joblib.Parallel()(
            joblib.delayed(fitted)({}, random_state=seed) for seed in range(12)
        )
    assert [values(model) for model in found] == expected


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    for width in range(1, 7):
        MLPRegressor(hidden_layer_sizes=(width,), max_iter=1).fit(X, X[:, 0])
    assert sum(map(len, kits._spare.values())) == 3
    kits._spare.clear()
    monkeypatch.setattr(module, "KEPT_BYTES", 100)
    fitted({})
    assert not any(kits._spare.values())
    monkeypatch.setattr(module, "LARGEST", 10)
    assert module.key_of(fitted({})) is None

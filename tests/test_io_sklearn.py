"""MLPs of scikit-learn: nets from them and nets to them predict alike."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn
from fastnn.io import from_sklearn, to_sklearn

KINDS = ("binary", "multi", "multilabel", "regressor", "two outputs")
RNG = np.random.RandomState(0)
X = RNG.randn(60, 4)
TARGETS: dict[str, Any] = {
    "binary": np.where(X[:, 0] > 0, "b", "a"),
    "multi": np.digitize(X[:, 0], [-0.5, 0.5]) + 3,
    "multilabel": (X[:, :3] > 0).astype(int),
    "regressor": X[:, 0],
    "two outputs": X[:, :2],
}


def fitted(kind: str, activation: str = "tanh", dtype: Any = np.float64, **options: Any) -> Any:
    neural = pytest.importorskip("sklearn.neural_network")
    regression = kind in ("regressor", "two outputs")
    make = neural.MLPRegressor if regression else neural.MLPClassifier
    hidden = {"binary": (5, 3), "two outputs": ()}.get(kind, (5,))
    mlp = make(hidden_layer_sizes=hidden, activation=activation, max_iter=4, random_state=0,
               **options)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlp.fit(X.astype(dtype), TARGETS[kind])


def columns(kind: str, mlp: Any, x: Any) -> Any:
    """What the net gives as columns."""
    if kind in ("regressor", "two outputs"):
        return mlp.predict(x).reshape(len(x), -1)
    return mlp.predict_proba(x)[:, 1:] if kind == "binary" else mlp.predict_proba(x)


@pytest.mark.every(5)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind: str, activation: str, dtype: Any) -> None:
    mlp, x = fitted(kind, activation, dtype), X.astype(dtype)
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    net = from_sklearn(mlp)
    found = np.asarray(net.predict(x))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, columns(kind, mlp, x), rtol=tolerance, atol=tolerance)

    from sklearn.utils.validation import check_is_fitted

    again = to_sklearn(net, mlp.classes_ if kind in ("binary", "multi") else None)
    check_is_fitted(again)
    np.testing.assert_array_equal(again.predict(x), mlp.predict(x))
    if hasattr(mlp, "predict_proba"):
        np.testing.assert_array_equal(again.predict_proba(x), mlp.predict_proba(x))
        assert again.classes_.tolist() == mlp.classes_.tolist()
    assert again.score(x, TARGETS[kind]) == mlp.score(x, TARGETS[kind])
    assert again.n_features_in_ == 4 and again.get_params()["activation"] == (
        "identity" if kind == "two outputs" else activation
    )


def test_logits_and_a_loss() -> None:
    """Without the last activation the net goes on learning by the losses here."""
    mlp = fitted("multi")
    net = from_sklearn(mlp, logits=True)
    shares = nn.functional.softmax(fastnn.tensor(np.asarray(net.predict(X))), 1)
    np.testing.assert_allclose(shares, mlp.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(to_sklearn(net, [3, 4, 5]).predict(X), mlp.predict(X))
    loss = nn.functional.cross_entropy(net(fastnn.tensor(X)), fastnn.tensor(TARGETS["multi"] - 3))
    loss.backward()
    assert net[0].weight.grad is not None
    for kind in ("binary", "regressor"):
        head = {"binary": ["a", "b"], "regressor": None}[kind]
        again = to_sklearn(from_sklearn(fitted(kind), logits=True), head)
        np.testing.assert_array_equal(again.predict(X), fitted(kind).predict(X))


def test_several_outputs_without_softmax_are_named() -> None:
    """Logits of a classifier must not become a regressor without a word."""
    pytest.importorskip("sklearn")
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    with pytest.warns(UserWarning, match=r"a regression of 3 numbers; if they are logits.*range"):
        assert type(to_sklearn(net)).__name__ == "MLPRegressor"
    assert type(to_sklearn(net, range(3))).__name__ == "MLPClassifier"


def test_a_net_trained_here() -> None:
    """Dropout does nothing in a prediction, a missing bias is zero; the estimator can be fitted."""
    pytest.importorskip("sklearn")
    net = nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 1),
                        nn.Sigmoid())  # fmt: skip
    made = to_sklearn(net)
    share = np.asarray(net.predict(X.astype(np.float32)))
    np.testing.assert_allclose(made.predict_proba(X.astype(np.float32))[:, 1:], share, rtol=1e-5)
    assert made.classes_.tolist() == [0, 1] and made.hidden_layer_sizes == (6,)
    made.intercepts_[0][0] = 9  # its arrays are its own
    assert np.asarray(net.predict(X.astype(np.float32))).tolist() == share.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.set_params(max_iter=2).fit(X, TARGETS["binary"])
    assert made.classes_.tolist() == ["a", "b"]


def test_poisson() -> None:
    neural = pytest.importorskip("sklearn.neural_network")
    if "loss" not in neural.MLPRegressor().get_params():
        pytest.skip("this scikit-learn has no Poisson regressor")
    mlp = neural.MLPRegressor("poisson", hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp.fit(X, np.abs(X[:, 0]))
    with pytest.raises(ValueError, match="'exp' is no layer; say logits=True"):
        from_sklearn(mlp)
    net = from_sklearn(mlp, logits=True)
    np.testing.assert_allclose(np.exp(net.predict(X))[:, 0], mlp.predict(X), rtol=1e-12)


LINEAR, RELU = nn.Linear(2, 2), nn.ReLU()
BAD = {
    "no Sequential": (LINEAR, None, TypeError, "model: expected nn.Sequential, got Linear"),
    "empty": (nn.Sequential(), None, ValueError, "expected Linear layers"),
    "two kinds": (nn.Sequential(LINEAR, RELU, LINEAR, nn.Tanh(), LINEAR), None, ValueError, "same"),
    "a gap": (nn.Sequential(LINEAR, LINEAR, RELU, LINEAR), None, ValueError, "between all of them"),
    "another": (nn.Sequential(LINEAR, nn.GELU(), LINEAR), None, ValueError, "Identity, Sigmoid"),
    "at the end": (nn.Sequential(LINEAR, RELU), None, ValueError, "between all of them"),
    "rows": (nn.Sequential(LINEAR, nn.Softmax(0)), None, ValueError, "Softmax of the columns"),
    "too few": (nn.Sequential(LINEAR), ["a"], ValueError, "expected 2 different labels"),
    "twice": (nn.Sequential(LINEAR), ["a", "a"], ValueError, "expected 2 different labels"),
    "order": (nn.Sequential(LINEAR), ["b", "a"], ValueError, "ascending"),
    "labels": (nn.Sequential(LINEAR, nn.Sigmoid()), [1, 2], ValueError, "a label of its own"),
    "one output": (nn.Sequential(nn.Linear(2, 1), nn.Softmax(1)), None, ValueError, "Softmax"),
}


@pytest.mark.parametrize("name", BAD)
def test_nets_that_are_no_mlp(name: str) -> None:
    pytest.importorskip("sklearn")
    model, classes, error, text = BAD[name]
    with pytest.raises(error, match=text):
        to_sklearn(model, classes)


def test_estimators_that_are_no_mlp(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match=r"mlp: expected a fitted MLP.*got int"):
        from_sklearn(3)
    mlp = fitted("regressor")
    mlp.activation = "gelu"
    with pytest.raises(ValueError, match="activation"):
        from_sklearn(mlp)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.neural_network", None)
    with pytest.raises(ImportError, match=r"fastnn-cpu\[sklearn\]"):
        to_sklearn(nn.Sequential(LINEAR))

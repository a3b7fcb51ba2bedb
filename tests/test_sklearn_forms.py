"""Estimators like scikit-learn's in rarer forms: out of time, changed by hand, refused."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")

import scipy.sparse

from fastnn import nn, optim
from fastnn.callbacks import LambdaCallback
from fastnn.sklearn import MLPClassifier, MLPRegressor, base, epochs, fitting, kits
from fastnn.sklearn.modules import loss_of, optimizer_for
from fastnn.sklearn.solver import Solver

RNG = np.random.RandomState(0)
X = RNG.randn(90, 5)
Y = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = np.array(["low", "mid", "top"])[Y]
SHORT: dict[str, Any] = {
    "hidden_layer_sizes": (6,), "max_iter": 3, "batch_size": 30, "random_state": 1
}  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(**{**SHORT, **options})


class Clock:
    """Each look takes a second."""

    def __init__(self) -> None:
        self.seconds = itertools.count()

    def monotonic(self) -> float:
        return float(next(self.seconds))


@pytest.mark.parametrize("seconds", [1, 4, 6, 100])
def test_the_time_is_up_within_an_epoch(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse matrix is trained on by batches, of which each looks at the clock; the first epoch
    counts however far it came, a later one only if it is whole."""
    monkeypatch.setattr(epochs, "DENSE_BYTES", 0)
    monkeypatch.setattr(fitting, "time", Clock())
    model = classifier(time_limit=float(seconds)).fit(scipy.sparse.csr_array(X), LABELS)
    # The clock is read when the fit begins, then behind each of three batches and each epoch.
    assert model.n_iter_ == len(model.loss_curve_) == {1: 1, 4: 1, 6: 1, 100: 3}[seconds]
    assert np.isfinite(model.loss_curve_).all()


def test_sparse_rows_with_an_optimizer_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the weight decay that it says, beside the penalty of alpha."""
    monkeypatch.setattr(epochs, "DENSE_BYTES", 0)

    def own(parameters: Any) -> Any:
        return optim.SGD(parameters, lr=0.05, weight_decay=0.01)

    dense, sparse = (
        classifier(optimizer=own, alpha=9.0).fit(x, LABELS) for x in (X, scipy.sparse.csr_array(X))
    )
    for a, b in zip(dense.coefs_, sparse.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_callbacks_see_the_score_of_the_rows_held_out() -> None:
    seen: list[dict[str, float]] = []
    watch = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    model = classifier(early_stopping=True, callbacks=[watch]).fit(X, LABELS)
    assert [logs["val_score"] for logs in seen] == model.validation_scores_
    assert [logs["loss"] for logs in seen] == model.loss_curve_


def test_a_batch_larger_than_the_rows() -> None:
    with pytest.warns(UserWarning, match="larger than sample size"):
        model = classifier(batch_size=91).fit(X, LABELS)
    np.testing.assert_array_equal(
        model.coefs_[0], classifier(batch_size=90).fit(X, LABELS).coefs_[0]
    )


def test_lbfgs_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    model = classifier(solver="lbfgs", verbose=True).fit(X, LABELS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2", "Iteration 3"]
    assert lines[-1] == f"Iteration 3, loss = {model.loss_:.8f}"


@pytest.mark.parametrize("few", [0, base.FEW])
@pytest.mark.parametrize("dtype", [np.float16, np.int64])
def test_weights_set_by_hand_in_another_type(
    dtype: Any, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are converted at each call, so that a change in place is seen; by a spare net or not."""
    monkeypatch.setattr(base, "FEW", few)
    model = classifier().fit(X, LABELS)
    model.coefs_ = [(4 * w).astype(dtype) for w in model.coefs_]
    first = model.predict_proba(X)
    hidden = np.maximum(X @ model.coefs_[0].astype(float) + model.intercepts_[0], 0)
    z = hidden @ model.coefs_[1].astype(float) + model.intercepts_[1]
    e = np.exp(z - z.max(1, keepdims=True))
    np.testing.assert_allclose(first, e / e.sum(1, keepdims=True), rtol=1e-5, atol=1e-7)
    model.coefs_[1][:] = 0
    assert (model.predict_proba(X) != first).any()


def test_weights_replaced_between_parts() -> None:
    """The optimizer goes on with its state on the new arrays."""
    one, other = (classifier(solver="sgd", momentum=0.9) for _ in "ab")
    for model in (one, other):
        model.partial_fit(X, LABELS, classes=np.unique(LABELS))
    other.coefs_ = [w.copy() for w in other.coefs_]
    other.intercepts_ = [b.copy() for b in other.intercepts_]
    for model in (one, other):
        model.partial_fit(X, LABELS)
    for a, b in zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_]):
        np.testing.assert_array_equal(a, b)


REFUSED: dict[str, tuple[Any, str]] = {
    "two rows held out": (
        lambda: MLPRegressor(early_stopping=True, validation_fraction=0.2).fit(X[:5], X[:5, 0]),
        "The validation set is too small",
    ),
    "other classes": (
        lambda: classifier(warm_start=True).fit(X, LABELS).fit(X[Y > 0], LABELS[Y > 0]),
        "warm_start can only be used where `y` has the same classes",
    ),
    "a new class": (
        lambda: classifier().partial_fit(X, LABELS, classes=["low", "mid"]),
        "`y` has classes not in",
    ),
    "no units": (lambda: classifier(hidden_layer_sizes=(3, 0)).fit(X, Y), r"> 0, got \[3, 0\]"),
    "targets of another width": (
        lambda: MLPRegressor(**SHORT).fit(X, X[:, :2], X_val=X, y_val=X[:, 0]),
        r"y_val: expected 90 rows of 2 numbers, got shape \(90,\)",
    ),
    "fewer targets": (
        lambda: MLPRegressor(**SHORT).fit(X, X[:, 0], X_val=X, y_val=X[:9, 0]),
        r"y_val: expected 90 rows of 1 numbers, got shape \(9,\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    run, says = REFUSED[name]
    with pytest.raises(ValueError, match=says):
        run()


def test_a_rate_is_kept_until_there_is_an_optimizer() -> None:
    solver = Solver(classifier(learning_rate_init=0.5))
    assert solver.learning_rate == 0.5
    solver.set_rate(0.125)
    assert solver.learning_rate == 0.125 and solver.optimizer is None


def test_an_optimizer_with_its_own_rate() -> None:
    model = nn.Linear(2, 1)
    for lr, settings, wanted in ((None, {}, 0.001), (None, {"lr": 0.5}, 0.5), (0.25, {}, 0.25)):
        found = optimizer_for(model, "adam", lr, settings)
        assert isinstance(found, optim.Adam) and found.param_groups[0]["lr"] == wanted
    assert isinstance(loss_of(None, {}, nn.MSELoss), nn.MSELoss)


def test_the_kits_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several of one sort the first goes first, and a sort without any is forgotten."""
    monkeypatch.setattr(kits, "KEPT", 3)
    spare = kits.Kits()

    def kit(size: int = 1) -> Any:
        return SimpleNamespace(steps=SimpleNamespace(bytes=lambda: size))

    a, b, c, d = (kit() for _ in range(4))
    keys: list[Any] = ["k", "l", "m"]
    for key, given in zip("kkl", (a, b, c)):
        spare.give(key, given)
    assert spare.take(keys[1]) is c and spare.take(keys[1]) is None
    spare.give(keys[2], c)
    spare.give(keys[2], d)  # one too many: of "k"
    assert spare.take(keys[0]) is a and spare.take(keys[0]) is None
    assert [spare.take(keys[2]) for _ in range(3)] == [d, c, None]
    spare.give(keys[0], kit(kits.KEPT_BYTES + 1))
    assert spare.take(keys[0]) is None


def test_a_sort_without_kits_goes_before_those_with_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kits, "KEPT", 1)
    spare, made = kits.Kits(), [SimpleNamespace(steps=SimpleNamespace(bytes=int)) for _ in "abc"]
    keys: list[Any] = ["k", "l"]
    spare.give(keys[0], made[0])
    assert spare.take(keys[0]) is made[0]
    spare.give(keys[1], made[1])
    spare.give(keys[1], made[2])
    assert list(spare._spare) == ["l"] and spare.take(keys[1]) is made[1]

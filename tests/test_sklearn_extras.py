"""What the estimators have beyond scikit-learn's: each keyword does what it says."""

from __future__ import annotations

import copy
import functools
import pickle
import time
import warnings
from typing import Any

import numpy as np
import pytest
from patience import SOON

pytest.importorskip("sklearn", minversion="1.7")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.class_weight import compute_sample_weight

from fastnn import callbacks as cb, nn, optim
from fastnn.sklearn import MLPClassifier, MLPRegressor
from fastnn.sklearn.scores import accuracy, r2

RNG = np.random.RandomState(0)
X = RNG.randn(90, 5)
Y = np.digitize(X[:, 0] + 0.5 * X[:, 1] ** 2, [0.0, 1.5])
LABELS = np.array(["low", "mid", "top"])[Y]
NUMBERS = X @ RNG.randn(5, 2)
SHORT = {"hidden_layer_sizes": (8, 6), "max_iter": 6, "batch_size": 16, "random_state": 1}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(**{**SHORT, **options})


def assert_equal(a: Any, b: Any) -> None:
    """Two estimators have the same weights, bit for bit."""
    for left, right in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_array_equal(left, right)


# ---- each keyword alone ----


@pytest.mark.parametrize("given", ["balanced", {"low": 3.0, "top": 0.5}])
@pytest.mark.parametrize("weight", [None, RNG.rand(90)])
def test_class_weight(given: Any, weight: Any) -> None:
    mine = classifier(class_weight=given).fit(X, LABELS, weight)
    by_class = compute_sample_weight(given, LABELS)
    product = by_class if weight is None else by_class * weight
    assert_equal(mine, classifier().fit(X, LABELS, product))


def test_class_weight_in_parts() -> None:
    """A part need not have every label."""
    given, labels = {"low": 3.0, "top": 0.5}, ["low", "mid", "top"]
    mine = classifier(class_weight=given).partial_fit(X, LABELS, classes=labels)
    other = classifier().partial_fit(X, LABELS, compute_sample_weight(given, LABELS), labels)
    low = LABELS != "top"
    mine.partial_fit(X[low], LABELS[low])
    assert_equal(mine, other.partial_fit(X[low], LABELS[low], 1 + 2.0 * (LABELS[low] == "low")))


def test_batch_norm_is_there_from_the_first_fit() -> None:
    """Turned on or off later, it takes effect with new weights."""
    mine = classifier(batch_norm=True, warm_start=True).fit(X, LABELS)
    other = classifier(batch_norm=True, warm_start=True).fit(X, LABELS).fit(X, LABELS)
    assert_equal(mine.set_params(batch_norm=False).fit(X, LABELS), other)
    np.testing.assert_array_equal(mine.predict_proba(X), other.predict_proba(X))
    mine.set_params(warm_start=False)
    assert mine.fit(X, LABELS).norms_ is None
    mine.set_params(batch_norm=True, warm_start=True)
    assert mine.fit(X, LABELS).norms_ is None
    assert_equal(mine, classifier(warm_start=True).fit(X, LABELS).fit(X, LABELS))


def test_dropout_depends_on_the_random_state_alone() -> None:
    first, again, other, plain = (
        classifier(dropout=rate, random_state=seed).fit(X, LABELS)
        for rate, seed in [(0.5, 1), (0.5, 1), (0.5, 2), (0.0, 1)]
    )
    assert_equal(first, again)
    assert first.loss_ != other.loss_ and first.loss_ > plain.loss_
    np.testing.assert_array_equal(first.predict_proba(X), first.predict_proba(X))
    by_layer = classifier(dropout=[0.0, 0.5]).fit(X, LABELS)
    assert len({first.loss_, by_layer.loss_, plain.loss_}) == 3


def test_dropout_goes_on_after_a_pickle() -> None:
    one = classifier(dropout=0.3)
    for _ in range(2):
        one.partial_fit(X, LABELS, classes=["low", "mid", "top"])
    two = pickle.loads(pickle.dumps(one))
    assert_equal(one.partial_fit(X, LABELS), two.partial_fit(X, LABELS))


@pytest.mark.parametrize("early", [False, True])
def test_batch_norm(early: bool) -> None:
    rows = 81  # with early stopping too, a last batch of one row joins the batch before it
    mine = classifier(batch_norm=True, early_stopping=early, batch_size=20).fit(X[:rows], Y[:rows])
    assert mine.norms_ is not None and len(mine.norms_) == 2
    z = X
    for i, state in enumerate(mine.norms_):
        z = z @ mine.coefs_[i] + mine.intercepts_[i]
        z = (z - state["running_mean"]) / np.sqrt(state["running_var"] + 1e-5)
        z = np.maximum(z * state["weight"] + state["bias"], 0)
    z = z @ mine.coefs_[2] + mine.intercepts_[2]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    np.testing.assert_allclose(mine.predict_proba(X), p, rtol=1e-9)
    copy = pickle.loads(pickle.dumps(mine))
    np.testing.assert_array_equal(copy.predict_proba(X), mine.predict_proba(X))
    assert not np.allclose(mine.norms_[0]["running_mean"], 0)


def test_activations_by_layer() -> None:
    mine = classifier(activation=["tanh", "relu"]).fit(X, LABELS)
    z = np.maximum(np.tanh(X @ mine.coefs_[0] + mine.intercepts_[0]) @ mine.coefs_[1]
                   + mine.intercepts_[1], 0)  # fmt: skip
    z = z @ mine.coefs_[2] + mine.intercepts_[2]
    np.testing.assert_array_equal(mine.classes_[z.argmax(1)], mine.predict(X))
    assert_equal(classifier(activation=["relu", "relu"]).fit(X, LABELS),
                 classifier(activation="relu").fit(X, LABELS))  # fmt: skip
    gelu = [classifier(activation=a).fit(X, LABELS) for a in (nn.GELU, [nn.GELU, nn.GELU])]
    assert_equal(*gelu)
    steep = functools.partial(nn.LeakyReLU, 0.3)
    assert classifier(activation=steep).fit(X, LABELS).loss_ != gelu[0].loss_


@pytest.mark.every(5)
@pytest.mark.parametrize(
    "given",
    [
        "adam", "adamw", "lion", "rmsprop", "radam", optim.AdamW, optim.SGD,
        functools.partial(optim.AdamW, weight_decay=0.3),
        functools.partial(optim.Adam, lr=0.01, compat="sklearn"),
        lambda params: optim.SGD(params, lr=0.1, momentum=0.5),
    ],
)  # fmt: skip
def test_optimizers(given: Any) -> None:
    mine = MLPRegressor(**SHORT, optimizer=given, learning_rate_init=0.01).fit(X, NUMBERS)
    assert mine.loss_ < mine.loss_curve_[0]
    again = MLPRegressor(**SHORT, optimizer=given, learning_rate_init=0.01)
    for _ in range(3):  # moments go on, also through a pickle
        again.partial_fit(X, NUMBERS)
    copy = again
    if given.__class__.__name__ != "function":
        copy = pickle.loads(pickle.dumps(again))
        assert_equal(copy.partial_fit(X, NUMBERS), again.partial_fit(X, NUMBERS))


def test_own_optimizer_has_the_penalty_too() -> None:
    own = functools.partial(optim.Adam, compat="sklearn")
    for weight in (None, RNG.rand(90)):
        a = classifier(optimizer=own, alpha=2.0).fit(X, LABELS, weight)
        b = classifier(alpha=2.0).fit(X, LABELS, weight)
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-9)


def test_lr_schedule() -> None:
    seen: list[float] = []
    mine = classifier(
        solver="sgd",
        momentum=0.0,
        learning_rate_init=0.1,
        lr_schedule=lambda optimizer: optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
    )
    for _ in range(3):
        mine.partial_fit(X, LABELS, classes=np.unique(LABELS))
        seen.append(mine._optimizer.learning_rate)
    np.testing.assert_allclose(seen, [0.05, 0.025, 0.0125])
    flat = classifier(solver="sgd", momentum=0.0, learning_rate_init=0.1)
    flat.partial_fit(X, LABELS, classes=np.unique(LABELS))
    flat._optimizer.set_rate(0.05)
    flat.partial_fit(X, LABELS)
    flat._optimizer.set_rate(0.025)
    assert_equal(flat.partial_fit(X, LABELS), mine)
    cosine = functools.partial(optim.lr_scheduler.CosineAnnealingLR, T_max=4)
    whole, parted = (classifier(lr_schedule=cosine, optimizer="adamw") for _ in range(2))
    for _ in range(4):  # a schedule goes on after a pickle
        whole.partial_fit(X, LABELS, classes=np.unique(LABELS))
        parted.partial_fit(X, LABELS, classes=np.unique(LABELS))
        parted = pickle.loads(pickle.dumps(parted))
    assert_equal(whole, parted)
    assert whole._optimizer.learning_rate == pytest.approx(0.0, abs=1e-12)
    plateau = functools.partial(optim.lr_scheduler.ReduceLROnPlateau, patience=0, threshold=10.0)
    stuck = classifier(lr_schedule=plateau).fit(X, LABELS)
    assert stuck._optimizer.learning_rate < stuck.learning_rate_init


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_schedule_that_ends_too_soon(kind: Any) -> None:
    cycle = functools.partial(optim.lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=3)
    y = LABELS if kind is MLPClassifier else NUMBERS
    mine = kind(hidden_layer_sizes=(4,), max_iter=3, tol=0.0, lr_schedule=cycle, warm_start=True)
    before = copy.deepcopy(mine.fit(X, y).coefs_)
    mine.set_params(max_iter=4)
    with pytest.raises(ValueError, match=r"lr_schedule: .* 4 more times, .*OneCycleLR with 3 "):
        mine.fit(X, y)
    assert all(map(np.array_equal, before, mine.coefs_)) and mine.n_iter_ == 3
    mine = kind(hidden_layer_sizes=(4,), lr_schedule=cycle)
    for _ in range(3):
        mine.partial_fit(X, y, **({"classes": np.unique(y)} if kind is MLPClassifier else {}))
    before = copy.deepcopy(mine.coefs_)
    with pytest.raises(ValueError, match=r"lr_schedule: .* 1 more times, .*OneCycleLR with 0 "):
        mine.partial_fit(X, y)
    assert all(map(np.array_equal, before, mine.coefs_))


def test_own_validation_set() -> None:
    train, held = slice(0, 60), slice(60, 90)
    weight = RNG.rand(30)
    mine = classifier(max_iter=20).fit(X[train], LABELS[train], X_val=X[held], y_val=LABELS[held])
    assert mine.validation_scores_ is not None and len(mine.validation_scores_) == mine.n_iter_
    assert mine.validation_scores_[-1] == mine.score(X[held], LABELS[held])
    assert_equal(mine, classifier(max_iter=20).fit(X[train], LABELS[train]))
    best = classifier(max_iter=20, early_stopping=True, learning_rate_init=0.05).fit(
        X[train], LABELS[train], X_val=X[held], y_val=LABELS[held], sample_weight_val=weight
    )
    assert best.best_validation_score_ == max(best.validation_scores_ or [])
    assert best.score(X[held], LABELS[held], weight) == best.best_validation_score_
    numbers = MLPRegressor(**SHORT).fit(
        X[train], NUMBERS[train], X_val=X[held], y_val=NUMBERS[held]
    )
    assert numbers.validation_scores_ is not None
    assert numbers.validation_scores_[-1] == pytest.approx(numbers.score(X[held], NUMBERS[held]))


def test_callbacks() -> None:
    seen: list[tuple[int, list[str]]] = []

    class Watch(cb.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            assert self.params == {"epochs": 6, "steps": 6, "metrics": ["loss"]}

        def on_epoch_end(self, epoch: int, logs: Any = None) -> object:
            seen.append((epoch, sorted(logs)))
            return epoch == 2

    mine = classifier(callbacks=[Watch()]).fit(X, LABELS)
    assert seen == [(epoch, ["loss"]) for epoch in range(3)] and mine.n_iter_ == 3
    assert_equal(mine, classifier(max_iter=3).fit(X, LABELS))
    assert classifier(callbacks=[lambda epoch, logs: epoch == 1]).fit(X, LABELS).n_iter_ == 2


def test_a_callback_may_change_the_training() -> None:
    """What it sets, a rate or weights, counts in the next epoch."""

    def zero_rate(epoch: int, logs: Any) -> None:
        rates.param_groups[0]["lr"] = rates.param_groups[1]["lr"] = 0.0

    class Take(cb.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            nonlocal rates
            rates = self.trainer.optimizer

    rates: Any = None
    mine = classifier(callbacks=[Take(), zero_rate], shuffle=False).fit(X, LABELS)
    assert_equal(mine, classifier(max_iter=1, shuffle=False).fit(X, LABELS))
    assert len(set(mine.loss_curve_[1:])) == 1


@pytest.mark.long
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_time_limit(solver: str) -> None:
    big = RNG.randn(4000, 50)
    mine = MLPRegressor(
        hidden_layer_sizes=(100, 100), solver=solver, max_iter=10**6, tol=0.0, random_state=0,
        n_iter_no_change=10**6, max_fun=10**9, time_limit=0.3,
    )  # fmt: skip
    began = time.monotonic()
    mine.fit(big, big[:, 0])
    assert 0.2 < time.monotonic() - began < SOON
    assert np.isfinite(mine.loss_) and mine.n_iter_ >= 1


def test_number_of_threads_changes_no_bit() -> None:
    big = RNG.randn(2000, 40)
    one, two, free = (
        MLPRegressor("squared_error", (90, 90), max_iter=2, random_state=0, n_threads=n).fit(
            big, big[:, 0]
        )
        for n in (1, 2, None)
    )
    assert_equal(one, two)
    assert_equal(one, free)


# ---- what holds for all ----


def test_defaults_do_nothing() -> None:
    extras = {
        "class_weight": None, "dropout": 0.0, "batch_norm": False, "optimizer": None,
        "lr_schedule": None, "callbacks": None, "time_limit": None, "n_threads": None,
        "precision": "float32",
    }  # fmt: skip
    found = MLPClassifier().get_params()
    assert {name: found[name] for name in extras} == extras
    del extras["class_weight"]
    found = MLPRegressor().get_params()
    assert {name: found[name] for name in extras} == extras


def test_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        mine = classifier(callbacks=[stop]).fit(X, LABELS)
    assert_equal(mine, classifier(max_iter=2).fit(X, LABELS))


def test_divergence() -> None:
    options = {**SHORT, "max_iter": 10**6, "activation": "identity"}
    mine = MLPRegressor(**options, solver="sgd", learning_rate_init=10.0)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        mine.fit(1e3 * X, NUMBERS)
    assert mine.n_iter_ < 1000  # it does not go on for nothing


def test_warns_where_it_did_not_converge() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning, match=r"Maximum iterations \(6\) reached"):
            classifier().fit(X, LABELS)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"activation": ["relu"]}, "activation: expected one for each of 2 hidden layers, got 1"),
    ({"activation": ["relu", "gelu"]}, "activation: expected .*'relu'.* got 'gelu'"),
    ({"activation": "gelu"}, "The 'activation' parameter of MLPClassifier must be"),
    ({"dropout": [0.5]}, "dropout: expected a rate in .* for each of 2 hidden layers"),
    ({"dropout": [0.5, 1.0]}, "dropout: expected a rate"),
    ({"dropout": 1.0}, "The 'dropout' parameter"),
    ({"optimizer": "adamm"}, "optimizer: expected"),
    ({"optimizer": optim.LBFGS}, "optimizer: expected the name or class"),
    ({"optimizer": lambda params: 3}, "optimizer: expected the name or class"),
    ({"time_limit": 0.0}, "The 'time_limit' parameter"),
    ({"n_threads": 0}, "The 'n_threads' parameter"),
    ({"callbacks": [3]}, "callbacks: expected"),
    ({"callbacks": [cb.EarlyStopping("val_loss")]}, "monitor: expected"),
    ({"class_weight": "even"}, "The 'class_weight' parameter"),
    ({"class_weight": {"else": 2.0}}, "class_weight: expected labels of"),
    *(({"solver": "lbfgs", name: value}, f"{name}: is for solver 'adam' or 'sgd'")
      for name, value in {
          "dropout": 0.1, "batch_norm": True, "optimizer": "adamw", "lr_schedule": len,
          "callbacks": [print]}.items()),
    ({"solver": "sgd", "learning_rate": "adaptive", "lr_schedule": len}, "lr_schedule: expected"),
]  # fmt: skip


@pytest.mark.parametrize("options, message", REFUSED, ids=range(len(REFUSED)))
def test_refusals(options: dict[str, Any], message: str) -> None:
    mine = classifier(**options)
    with pytest.raises((ValueError, TypeError), match=message):
        mine.fit(X, LABELS)
    assert clone(mine).get_params().keys() == mine.get_params().keys()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"X_val": X}, "X_val: expected it with y_val"),
        ({"sample_weight_val": Y}, "X_val: expected it with y_val"),
        ({"X_val": X, "y_val": ["else"] * 90}, "y_val: expected 90 labels"),
        ({"X_val": X, "y_val": LABELS[:3]}, "y_val: expected 90 labels"),
        ({"X_val": X[:, :2], "y_val": LABELS}, "X has 2 features"),
    ],
)
def test_refused_validation_sets(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, LABELS, **given)


def test_scores_are_those_of_scikit_learn() -> None:
    for weight in (None, RNG.rand(90)):
        z = RNG.randn(90, 3)
        assert accuracy(z, Y, weight) == pytest.approx(
            accuracy_score(Y, z.argmax(1), sample_weight=weight)
        )
        many = (RNG.rand(90, 3) > 0.5).astype(float)
        assert accuracy(z, many, weight) == pytest.approx(
            accuracy_score(many, z > 0, sample_weight=weight)
        )
        flat = np.column_stack([z[:, 0] + 0.1, np.ones(90), np.ones(90)])
        guess = np.column_stack([z[:, 0], np.ones(90), z[:, 1]])
        assert r2(guess, flat, weight) == pytest.approx(r2_score(flat, guess, sample_weight=weight))
    assert np.isnan(r2(np.full((3, 1), np.nan), np.ones((3, 1)), None))

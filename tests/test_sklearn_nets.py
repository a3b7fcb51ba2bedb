"""NetClassifier and NetRegressor: Modules as estimators."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastnn
from fastnn import Tensor, nn, optim
from fastnn.sklearn import MLPClassifier, NetClassifier, NetRegressor

RNG = np.random.RandomState(0)
X = RNG.randn(120, 5).astype(np.float32)
Y = np.array(["low", "mid", "top"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
TWO = np.where(X[:, 0] > 0, "yes", "no")
MANY = (X[:, :3] > 0).astype(int)
NUMBERS = X[:, :2] @ np.array([[1.0, 0.5], [-1.0, 2.0]])
SHORT: dict[str, Any] = {"epochs": 40, "lr": 0.03, "random_state": 0}


class Skip(nn.Module):
    """A net that is no stack of layers."""

    def __init__(self, in_features: int, out_features: int, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Linear(in_features, width)
        self.last = nn.Linear(width + in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(fastnn.cat([fastnn.tanh(self.first(x)), x], 1))


class Double:
    """Makes a net of float64. Tests are named after it, and its repr has no address."""

    def __call__(self, in_features: int, out_features: int) -> nn.Module:
        return Skip(in_features, out_features, 30).double()

    def __repr__(self) -> str:
        return "Double()"


double = Double()


def ending(layer: type[nn.Module], *args: Any) -> Callable[..., nn.Module]:
    """A function that makes a net with this last layer."""

    def make(in_features: int, out_features: int) -> nn.Module:
        return nn.Sequential(nn.Linear(in_features, out_features), layer(*args))

    return make


# With all rows in a batch and in float64, weights equal repeated rows, as a check wants.
@pytest.mark.every(8)
@parametrize_with_checks(
    [kind(double, batch_size=200, epochs=60, lr=0.01) for kind in (NetClassifier, NetRegressor)]
)
def test_scikit_learns_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


MODULES: dict[str, tuple[Any, dict[str, Any]]] = {
    "default": (None, {}),
    "default, wider": (None, {"module__hidden": 30}),
    "class": (Skip, {}),
    "class with a keyword": (Skip, {"module__width": 3}),
    "layer": (nn.Linear, {}),
    "layer, no bias": (nn.Linear, {"module__bias": False}),
    "function": (lambda in_features, out_features: Skip(in_features, out_features), {}),
    "function without sizes": (lambda: nn.Linear(5, 3), {}),
    "instance": (Skip(5, 3), {}),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str) -> None:
    module, more = MODULES[name]
    before = copy.deepcopy(module)
    found = NetClassifier(module, **SHORT, **more).fit(X, Y)
    assert found.score(X, Y) > (0.7 if "no bias" in name else 0.85)
    if "module__width" in more:
        assert found.module_.first.out_features == more["module__width"]
    if "module__bias" in more:
        assert found.module_.bias is None
    if isinstance(module, nn.Module):  # the one given is left alone
        for a, b in zip(module.parameters(), before.parameters(), strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


LOSSES: dict[str, tuple[Any, Any, Any]] = {
    "cross-entropy": (nn.Linear, nn.CrossEntropyLoss(label_smoothing=0.1), Y),
    "two classes": (nn.Linear, None, TWO),
    "one column": (nn.Linear, nn.BCEWithLogitsLoss, TWO),
    "probabilities": (ending(nn.Sigmoid), nn.BCELoss, TWO),
    "log-probabilities": (ending(nn.LogSoftmax, 1), nn.NLLLoss, Y),
    "several labels": (nn.Linear, None, MANY),
    "one-hot": (nn.Linear, nn.BCEWithLogitsLoss, Y),
    "function": (nn.Linear, lambda z, y: nn.functional.cross_entropy(z, y), Y),
    "margin": (nn.Linear, nn.MultiMarginLoss, Y),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    module, loss, y = LOSSES[name]
    found = NetClassifier(module, loss=loss, **SHORT).fit(X, y)
    assert found.score(X, y) > 0.85
    p = found.predict_proba(X)
    assert p.shape == ((120, 3) if y is MANY else (120, len(np.unique(y))))
    assert (p >= 0).all() and (p <= 1).all()
    if y is not MANY and name != "one-hot":
        np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    assert found.predict(X).dtype == y.dtype


@pytest.mark.parametrize("y", [NUMBERS, NUMBERS[:, 0]], ids=["two outputs", "one"])
@pytest.mark.parametrize("loss", [None, nn.SmoothL1Loss, nn.HuberLoss(delta=2.0)])
def test_regressor(y: Any, loss: Any) -> None:
    found = NetRegressor(nn.Linear, loss=loss, **SHORT).fit(X, y)
    assert found.score(X, y) > 0.95 and found.predict(X).shape == y.shape


def test_equals_a_trainer() -> None:
    """From the same seed, the estimator is what a Trainer does."""
    fastnn.manual_seed(5)
    mine = NetClassifier(nn.Linear, optimizer=optim.SGD, lr=0.1, epochs=3, optimizer__momentum=0.9)
    mine.fit(X, Y, np.linspace(0, 1, 120))
    fastnn.manual_seed(5)
    model = nn.Linear(5, 3)
    trainer = fastnn.Trainer(
        model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    )
    labels = np.searchsorted(["low", "mid", "top"], Y)
    history = trainer.fit(X, labels, epochs=3, sample_weight=np.linspace(0, 1, 120), verbose=0)
    assert mine.history_ == history.history and mine.n_epochs_ == 3
    np.testing.assert_array_equal(
        mine.module_.weight.detach().numpy(), model.weight.detach().numpy()
    )


def test_random_state() -> None:
    state = fastnn.get_rng_state()
    one, two, other = (
        NetClassifier(Skip, epochs=3, random_state=seed).fit(X, Y) for seed in (1, 1, 2)
    )
    assert one.history_ == two.history_ != other.history_
    np.testing.assert_array_equal(fastnn.get_rng_state(), state)


def test_trainers_keywords() -> None:
    seen: list[int] = []
    found = NetRegressor(
        nn.Linear,
        epochs=6,
        lr=0.1,
        validation_split=0.25,
        metrics=["mae"],
        callbacks=[lambda epoch, logs: seen.append(epoch) or epoch == 3],
        lr_schedule=lambda optimizer: optim.lr_scheduler.StepLR(optimizer, 2),
        clip_norm=0.5,
        accumulate_steps=2,
    ).fit(X, NUMBERS)
    assert seen == [0, 1, 2, 3]
    assert set(found.history_) == {"loss", "mae", "val_loss", "val_mae", "lr"}
    assert found.history_["lr"] == pytest.approx([0.1, 0.1, 0.01, 0.01])
    held = NetRegressor(nn.Linear, epochs=2).fit(X[:80], NUMBERS[:80], X_val=X[80:],
                                                 y_val=NUMBERS[80:])  # fmt: skip
    assert len(held.history_["val_loss"]) == 2


@pytest.mark.parametrize("given", ["balanced", {"low": 5.0, "top": 0.0}])
def test_class_weight(given: Any) -> None:
    mine = NetClassifier(nn.Linear, class_weight=given, **SHORT).fit(X, Y)
    factor = {k: given.get(k, 1.0) for k in ("low", "mid", "top")} if given != "balanced" else {
        k: 120 / (3 * (k == Y).sum()) for k in ("low", "mid", "top")}  # fmt: skip
    weight = np.array([factor[label] for label in Y])
    by_row = NetClassifier(nn.Linear, **SHORT).fit(X, Y, weight)
    np.testing.assert_allclose(mine.predict_proba(X), by_row.predict_proba(X), rtol=1e-4)


def test_goes_on() -> None:
    """partial_fit and warm_start train the same module and optimizer; a copy goes on alike."""
    found = NetClassifier(Skip, **{**SHORT, "epochs": 2, "warm_start": True}).fit(X, Y)
    module = found.module_
    found.fit(X, Y).partial_fit(X, Y)
    assert found.module_ is module and found.n_epochs_ == 5
    assert len(found.history_["loss"]) == 5
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict_proba(X), found.predict_proba(X))
    for one in (again, found):
        one.partial_fit(X, Y)
    assert again.history_ == found.history_
    first = NetClassifier(Skip).partial_fit(X[:2], Y[:2], classes=["low", "mid", "top"])
    assert first.predict_proba(X).shape == (120, 3)
    with pytest.raises(ValueError, match=r"y: expected labels of .* got \['else'\] too"):
        first.partial_fit(X[:2], ["low", "else"])


@pytest.mark.long
def test_search_and_clone() -> None:
    grid = {"net__module__width": [2, 6], "net__optimizer__weight_decay": [0.0, 0.1]}
    pipe = make_pipeline(StandardScaler(), NetClassifier(Skip, **SHORT, optimizer="adamw"))
    pipe.steps[1] = ("net", pipe.steps[1][1])
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2).fit(X, Y)
    assert search.best_score_ > 0.8
    made = NetClassifier(Skip, module__width=3, loss__label_smoothing=0.1)
    assert clone(made).get_params() == made.get_params()
    assert made.set_params(module__width=4).get_params()["module__width"] == 4
    with pytest.raises(ValueError, match="Invalid parameter"):
        made.set_params(other__width=4)


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"module": 3}, TypeError, "module: expected a Module, its class"),
    ({"module": lambda: 3}, TypeError, "module: expected it to make a Module"),
    ({"module": Skip(5, 3), "module__width": 3}, TypeError, "module__width: expected a class"),
    ({"modul": Skip}, TypeError, "modul: expected one of NetClassifier's parameters, or module__x"),
    ({"loss": nn.CrossEntropyLoss(), "loss__weight": 3}, TypeError, "loss__weight: expected"),
    ({"optimizer": "adamm"}, ValueError, "optimizer: expected"),
    ({"optimizer": 3}, TypeError, "optimizer: expected a name, a class"),
    ({"class_weight": {"else": 1.0}}, ValueError, "class_weight: expected labels of"),
    ({"epochs": 0}, ValueError, "epochs: expected"),
]


@pytest.mark.parametrize("options, kind, message", REFUSED, ids=range(len(REFUSED)))
def test_refusals(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        NetClassifier(**options).fit(X, Y)


@pytest.mark.parametrize("kind", [MLPClassifier, NetClassifier])
@pytest.mark.parametrize("given", [lambda optimizer: 0.01, lambda epoch, rate: rate])
def test_what_makes_no_schedule(given: Any, kind: Any) -> None:
    with pytest.raises(TypeError) as caught:
        kind(lr_schedule=given).fit(X, Y)
    assert "lr_schedule: expected a function of the optimizer" in "".join(
        [str(caught.value), *getattr(caught.value, "__notes__", ())]
    )

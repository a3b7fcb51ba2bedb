"""Annotations that cannot be computed, such as names imported under TYPE_CHECKING: Python 3.14
computes them when they are asked for, and earlier ones keep those that are texts."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import Trainer, fit_many, nn, optim

X = np.random.default_rng(0).standard_normal((40, 3)).astype("f")
Y = X.sum(1, keepdims=True)
CLASSES = (Y[:, 0] > 0).astype(int)

SOURCE = """
def weighted(z: Missing, y: Missing, w: Missing) -> Missing:
    return ((z - y) ** 2 * w.reshape(-1, 1)).sum() / w.sum()

class Net(nn.Module):
    width: Missing

    def __init__(self, in_features: Missing, out_features: Missing = 1, **rest: Missing) -> Missing:
        super().__init__()
        self.a = nn.Linear(in_features, out_features)

    def forward(self, x: Missing) -> Missing:
        return self.a(x)

def build(lr: Missing = 0.1) -> Missing:
    return Net(3)

def optimizer(params: Missing, lr: Missing = 0.1) -> Missing:
    return optim.SGD(params, lr=lr)

def halve(x: Missing) -> Missing:
    return x / 2
"""
names: dict[str, Any] = {"nn": nn, "optim": optim}
EARLIER = sys.version_info < (3, 14)
code = SOURCE.replace("Missing", "'Missing'") if EARLIER else SOURCE
exec(compile(code, __file__, "exec", dont_inherit=True), names)


def fit(y: Any = Y, **options: Any) -> None:
    model = names["Net"](3)
    trainer = Trainer(model, loss=names["weighted"], optimizer=optim.SGD(model.parameters()))
    trainer.fit(X, y, sample_weight=np.ones(40, "f"), epochs=2, verbose=0, **options)


def batches() -> None:
    model = names["Net"](3)
    trainer = Trainer(model, loss="mse", optimizer=names["optimizer"](model.parameters()))
    trainer.fit([(X[:20], Y[:20]), (X[20:], Y[20:])], epochs=2, verbose=0)


def many() -> None:
    fit_many(names["build"], X, Y, configs=[{"lr": 0.1}, {"lr": 0.2}], epochs=2, loss=nn.MSELoss(),
             optimizer=names["optimizer"], verbose=0)  # fmt: skip


def net_classifier() -> None:
    from fastnn.sklearn import NetClassifier

    found = NetClassifier(names["Net"], epochs=2, optimizer=optim.SGD).fit(X, CLASSES)
    assert found.predict(X).shape == (40,)


def mlp_classifier() -> None:
    from fastnn.sklearn import MLPClassifier

    MLPClassifier((4,), max_iter=2, optimizer=names["optimizer"]).fit(X, CLASSES)


def rows() -> None:
    from fastnn.mindspore import dataset

    table = dataset.NumpySlicesDataset({"x": X}, shuffle=False).map(names["halve"], ["x"])
    assert len(list(table)) == 40


def replays() -> None:
    """To ask a class for them changes it (its cache); what it computes stays the same."""

    class Shift:
        by: int

        def __add__(self, x: fastnn.Tensor) -> fastnn.Tensor:
            return x + 1

    shift = Shift()
    step = fastnn.compile(lambda x: shift + x)
    step(fastnn.tensor(X))
    assert Shift.__annotations__ == {"by": int}
    step(fastnn.tensor(X))
    assert step.recordings == 1


DOORS = [fit, batches, many, net_classifier, mlp_classifier, rows, replays]


@pytest.mark.filterwarnings("ignore:.*ConvergenceWarning|.*iterations")
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_what_cannot_be_computed_is_not_asked_for(door: Callable[[], None]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*runs in Python")  # a step stays a replay
        door()

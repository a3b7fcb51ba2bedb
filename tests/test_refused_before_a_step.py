"""What would spoil the weights at the first step is refused before it, and all is as before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import callbacks, nn, optim

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X[:, :1].copy()


def trainer_of(make: Callable[..., Any]) -> fastnn.Trainer:
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False))
    return fastnn.Trainer(model, "mse", make(model.parameters()))


def numbers(value: Any) -> Any:
    """A state as bytes and texts, which can be compared."""
    if isinstance(value, dict):
        return {key: numbers(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [numbers(part) for part in value]
    return value.detach().numpy().tobytes() if isinstance(value, fastnn.Tensor) else repr(value)


def state(t: fastnn.Trainer) -> list[Any]:
    own = t.model.state_dict(), t.optimizer.state_dict(), fastnn.get_rng_state()
    return [numbers(list(own)), t.history, t.seed, t.stop_training, t.validation_rows]


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.01, momentum=0.9), "Adam": optim.Adam,
    "AdamW": optim.AdamW, "NAdam": optim.NAdam, "RAdam": optim.RAdam, "Adamax": optim.Adamax,
    "Adagrad": optim.Adagrad, "Adadelta": optim.Adadelta, "RMSprop": optim.RMSprop,
    "Rprop": optim.Rprop, "ASGD": optim.ASGD, "Lion": optim.Lion, "Muon": optim.Muon,
    "LBFGS": optim.LBFGS,
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_moments_that_are_not_finite_are_refused(name: str, value: float) -> None:
    t = trainer_of(OPTIMIZERS[name])
    t.fit(X, Y, batch_size=24, epochs=3, verbose=0)
    saved = t.optimizer.state_dict()
    moments = [
        part
        for part in saved["state"][0].values()
        if isinstance(part, fastnn.Tensor) and part.numel() > 1
    ]
    moments[0].data[(0,) * moments[0].ndim] = value
    before = state(t)
    with pytest.raises(ValueError, match="state_dict: expected finite numbers in its state, got"):
        t.optimizer.load_state_dict(saved)
    assert state(t) == before


def test_moments_that_became_nan_are_refused_before_the_first_step() -> None:
    t = trainer_of(optim.Adam)
    t.fit(X, Y, verbose=0)
    first = next(iter(t.model.parameters()))
    t.optimizer.state[first]["exp_avg"].data[0] = np.nan
    before = state(t)
    with pytest.raises(ValueError, match="optimizer: expected finite numbers in its state, got"):
        t.fit(X[:12], Y[:12], verbose=0)
    assert state(t) == before


class Raises(callbacks.Callback):
    def __init__(self, where: str, error: Exception) -> None:
        self.where, self.error = where, error

    def on_train_begin(self, logs: Any = None) -> None:
        self._perhaps("on_train_begin")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._perhaps("on_epoch_begin")

    def _perhaps(self, where: str) -> None:
        if where == self.where:
            raise self.error


ERRORS = (ValueError, OSError, KeyError, RuntimeError, ZeroDivisionError, AssertionError)


@pytest.mark.parametrize("where", ["on_train_begin", "on_epoch_begin"])
@pytest.mark.parametrize("kind", ERRORS)
def test_whatever_a_callback_raises_before_the_first_step(kind: Any, where: str) -> None:
    t = trainer_of(optim.Adam)
    for _ in range(3):  # as a first fit, and as one like an earlier one
        before = state(t)
        with pytest.raises(kind, match="mine"):
            asked = [callbacks.EarlyStopping("loss"), Raises(where, kind("mine"))]
            t.fit(X, Y, epochs=2, verbose=0, callbacks=asked)
        assert state(t) == before
        t.fit(X, Y, verbose=0)


def test_an_in_place_form_takes_no_out() -> None:
    x, other = fastnn.tensor([-1.0]), fastnn.zeros(1)
    with pytest.raises(TypeError, match="out: expected None in abs_, which writes into its tensor"):
        x.abs_(out=other)
    assert x.tolist() == [-1.0]

"""Every optimizer trains in a program: the bits of the eager loop, for any number of threads,
without an allocation and without Python.

An optimizer that fastnn.optim exports and that is in none of the tables here fails the first test.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import optimizer_cases as cases
import pytest
from test_compile import bits, mlp

import fastnn
from fastnn import nn, optim
from fastnn._core import engine
from fastnn.tensor import Tensor
from fastnn.train import Trainer, batch_order

Settings = dict[str, Any]

# Beside the settings that are held against torch: those that torch has not.
OURS: dict[str, tuple[str, Settings]] = {
    "sgd_keras": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "compat": "keras"}),
    "sgd_l1": ("SGD", {"lr": 0.05, "l1": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "ema_momentum": ("EMAMomentum", {"lr": 0.1, "weight_decay": 0.01}),
    "adagrad_keras": ("Adagrad", {"lr": 0.05, "compat": "keras"}),
    "rmsprop_keras": (
        "RMSprop",
        {"lr": 0.01, "momentum": 0.5, "centered": True, "compat": "keras"},
    ),
    "adam_sklearn": ("Adam", {"lr": 0.01, "compat": "sklearn", "l1": 0.3}),
    "lion": ("Lion", {"lr": 0.005, "weight_decay": 0.1}),
    "lion_maximize": ("Lion", {"lr": 0.001, "maximize": True}),
}
ALL = cases.CASES | OURS
CLOSURES = {"LBFGS", "LevenbergMarquardt"}  # test_optim_closures.py
ROWS, BATCH = 21, 8
X = np.random.RandomState(0).standard_normal((ROWS, 6))
Y = np.arange(ROWS) % 3


@pytest.fixture
def threads() -> Iterator[None]:
    before = fastnn.num_threads()
    yield
    fastnn.set_num_threads(before)


def optimizers() -> set[str]:
    found = {name: getattr(optim, name) for name in optim.__all__}
    kinds = (n for n, v in found.items() if isinstance(v, type) and issubclass(v, optim.Optimizer))
    return set(kinds) - {"Optimizer"}


def test_every_optimizer_is_here() -> None:
    assert optimizers() == {kind for kind, _ in ALL.values()} | CLOSURES & optimizers()


def trainer_of(name: str, real: str, widths: tuple[int, ...] = (6, 8, 3)) -> Trainer:
    fastnn.manual_seed(3)
    model = mlp(real, list(widths), "tanh")
    kind, settings = ALL[name]
    optimizer = getattr(optim, kind)(model.parameters(), **settings)
    return Trainer(model, nn.CrossEntropyLoss(), optimizer)


def everything(trainer: Trainer) -> Any:
    """The bits of weights, moments and counts."""
    state = trainer.optimizer.state_dict()["state"]
    counts = [[v for v in s.values() if not isinstance(v, Tensor)] for s in state.values()]
    moments = [[v for v in s.values() if isinstance(v, Tensor)] for s in state.values()]
    return bits([list(trainer.model.parameters()), moments]), counts


@pytest.mark.parametrize("name", ALL)
def test_fit_is_the_eager_loop(name: str, real: str) -> None:
    fitted, looped = trainer_of(name, real), trainer_of(name, real)
    fitted.fit(X.astype(real), Y, epochs=2, batch_size=BATCH, verbose=0)
    for epoch in range(2):
        order = batch_order(ROWS, fitted.seed, epoch)
        for rows in np.split(order, range(BATCH, ROWS, BATCH)):
            looped.optimizer.zero_grad()
            z = looped.model(Tensor(X[rows].astype(real)))
            nn.functional.cross_entropy(z, Tensor(Y[rows])).backward()
            looped.optimizer.step()
    assert everything(fitted) == everything(looped)
    before = trainer_of(name, real)
    assert everything(fitted)[0] != everything(before)[0]


def loop_of(trainer: Trainer, real: str, epochs: int) -> Any:
    loop = trainer._loop(X.astype(real), Y, BATCH, True, {}, training=True)
    loop.start(0, epochs)
    return loop


@pytest.mark.parametrize("name", ALL)
def test_no_allocation_and_no_python_between_steps(name: str) -> None:
    counts = []
    for epochs in (1, 20):
        loop = loop_of(trainer_of(name, "float32"), "float32", epochs)
        events = [0]

        def seen(*_: Any, events: list[int] = events) -> None:
            events[0] += 1

        before = engine.allocations()
        sys.setprofile(seen)
        try:
            more = loop._loop.run(-1.0)
        finally:
            sys.setprofile(None)
        assert not more and engine.allocations() == before
        counts.append(events[0])
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ALL)
def test_the_same_bits_for_any_number_of_threads(name: str, threads: None) -> None:
    """A flat vector of several tiles, in teams that are larger than the work is worth."""
    results = []
    for team in (1, 2, 4):
        trainer = trainer_of(name, "float32", (6, 900, 20, 3))
        loop = loop_of(trainer, "float32", 1)
        fastnn.set_num_threads(team)
        loop._loop.run(-1.0, team)
        results.append(everything(trainer))
    assert results[0] == results[1] == results[2]


SWITCHES: list[tuple[str, Settings, Settings]] = [
    ("SGD", {"lr": 0.1}, {"momentum": 0.9, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.5}, {"nesterov": True, "weight_decay": 0.1, "lr": 0.05}),
    ("Adam", {"lr": 0.1}, {"amsgrad": True, "betas": [0.5, 0.9]}),
    ("Adam", {"lr": 0.1}, {"decoupled_weight_decay": True, "weight_decay": 0.2, "maximize": True}),
    ("Adam", {"lr": 0.1}, {"l1": 0.5, "compat": "keras"}),
    ("RMSprop", {"lr": 0.1}, {"centered": True, "momentum": 0.5}),
]


@pytest.mark.parametrize(("kind", "settings", "later"), SWITCHES)
def test_settings_assigned_later(kind: str, settings: Settings, later: Settings) -> None:
    """They take effect at the next step, in a compiled one too, recorded anew if need be."""
    weights = []
    for compiled in (False, True):
        model = mlp("float32", [6, 8, 3], "tanh")
        optimizer = getattr(optim, kind)(model.parameters(), **settings)

        def step(x: Tensor, y: Tensor, model: Any = model, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = fastnn.compile(step) if compiled else step
        x, y = Tensor(X.astype(np.float32)), Tensor(Y)
        for key, value in [("lr", settings["lr"]), *later.items()]:
            optimizer.param_groups[0][key] = value
            for _ in range(3):
                run(x, y)
        weights.append(bits(list(model.parameters())))
    assert weights[0] == weights[1]

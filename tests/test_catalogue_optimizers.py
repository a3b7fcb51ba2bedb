"""Every optimizer trains in a program: the bits of the eager loop, for any number of threads,
without an allocation and without Python.

One without an entry in cases/optimizers.py is tried with its defaults and with each switch on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from cases.optimizers import Optimizer, taken, tries
from catalogue import check_costs, check_fit, described_in, everything, optimizers, tried_optimizers
from test_compile import bits, mlp

import fastnn
from fastnn import nn, optim
from fastnn.tensor import Tensor, of_array
from fastnn.train import Trainer
from fastnn.train.loop import Loop

Settings = dict[str, Any]

ALL = tried_optimizers()
ROWS, BATCH = 21, 8
X = np.random.RandomState(0).standard_normal((ROWS, 6))
Y = np.arange(ROWS) % 3


@pytest.fixture
def threads() -> Iterator[None]:
    before = fastnn.num_threads()
    yield
    fastnn.set_num_threads(before)


def test_every_optimizer_is_tried() -> None:
    closures = {kind for kind, entry in optimizers().items() if entry.closure}
    assert closures == {"LBFGS", "LevenbergMarquardt"}  # test_optim_closures.py
    assert {kind for kind, _ in ALL.values()} | closures == set(optimizers())


def test_one_without_an_entry_is_tried_with_each_switch() -> None:
    found = tries("Adam", Optimizer(), optim.Adam)
    switches = ("amsgrad", "maximize", "decoupled_weight_decay")
    assert found == {
        "adam": {}, "adam_weight_decay": {"weight_decay": 0.1}, "adam_l1": {"l1": 0.1},
        **{f"adam_{key}": {key: True} for key in switches},
    }  # fmt: skip


def trainer_of(name: str, real: str, widths: tuple[int, ...] = (6, 8, 3)) -> Trainer:
    fastnn.manual_seed(3)
    model = mlp(real, list(widths), "tanh")
    kind, settings = ALL[name]
    with described_in("optimizers.py"):
        optimizer = getattr(optim, kind)(taken(kind, model.parameters()), **settings)
    return Trainer(model, nn.CrossEntropyLoss(), optimizer)


@pytest.mark.every(8)
@pytest.mark.parametrize("name", ALL)
def test_fit_is_the_eager_loop(name: str, real: str) -> None:
    x = X.astype(real)
    fitted, _ = check_fit(lambda: trainer_of(name, real), x, Y, BATCH)
    check_costs(fitted, x, Y, BATCH)


@pytest.mark.every(8)
@pytest.mark.parametrize("name", ALL)
def test_the_same_bits_for_any_number_of_threads(name: str, threads: None) -> None:
    """A flat vector of several tiles, in teams that are larger than the work is worth."""
    results = []
    for team in (1, 3):
        trainer = trainer_of(name, "float32", (6, 900, 20, 3))
        fastnn.set_num_threads(team)
        with patch.object(Loop, "run", lambda loop, team=team: loop._loop.run(-1.0, team)):
            trainer.fit(X, Y, batch_size=BATCH, verbose=0)
        results.append(everything(trainer))
    assert results[0] == results[1]


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
        x, y = of_array(X.astype(np.float32)), of_array(Y)
        for key, value in [("lr", settings["lr"]), *later.items()]:
            optimizer.param_groups[0][key] = value
            for _ in range(3):
                run(x, y)
        weights.append(bits(list(model.parameters())))
    assert weights[0] == weights[1]

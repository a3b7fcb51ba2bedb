"""What the tests of `fit_many` share: data, models, and the single run that a net has to equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastnn
from fastnn import nn

N, D = 150, 6
RNG = np.random.default_rng(7)
X = RNG.standard_normal((N, D)).astype(np.float32)
CLASSES = (X @ RNG.standard_normal((D, 3))).argmax(1)
NUMBERS = np.sin(X[:, :2]) + 0.1 * RNG.standard_normal((N, 2)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(np.float32)
WEIGHTS = RNG.random(N).astype(np.float32)
ROWS = [np.sort(RNG.permutation(N)[: 90 + i]) for i in range(5)]
HELD = [np.setdiff1d(np.arange(N), rows) for rows in ROWS]

Config = dict[str, Any]
Build = Callable[..., nn.Module]


def mlp(width: int = 8, p: float = 0.0, outputs: int = 3) -> nn.Module:
    layers: list[nn.Module] = [nn.Linear(D, width), nn.ReLU()]
    layers += [nn.Dropout(p)] if p else []
    return nn.Sequential(*layers, nn.Linear(width, width), nn.Tanh(), nn.Linear(width, outputs))


def normed(width: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Linear(D, width), nn.BatchNorm1d(width), nn.ReLU(), nn.LayerNorm(width),
        nn.Dropout(0.2), nn.Linear(width, 3),
    )  # fmt: skip


def alone(
    build: Build,
    config: Config,
    optimizer: Any,
    loss: Any,
    y: Any,
    rows: Any = None,
    x: Any = X,
    **options: Any,
) -> fastnn.Trainer:
    """The run that a net of `fit_many` has to equal."""
    given = dict(config)
    fastnn.manual_seed(given.pop("seed"))
    batch = given.pop("batch_size", options.pop("batch_size", 32))
    names = build.__code__.co_varnames[: build.__code__.co_argcount]
    model = build(**{k: v for k, v in given.items() if k in names})
    rest = {k: v for k, v in given.items() if k not in names}
    trainer = fastnn.Trainer(model, loss, optimizer(model.parameters(), **rest))
    if rows is not None:
        x, y = x[rows], y[rows]
    trainer.fit(x, y, batch_size=batch, verbose=0, **options)
    return trainer


def same(population: fastnn.Population, i: int, trainer: fastnn.Trainer) -> None:
    """Net i has the weights and the figures of this trainer."""
    want, got = trainer.model.state_dict(), population.models[i].state_dict()
    assert list(want) == list(got)
    for name in want:
        a, b = got[name].double().numpy(), want[name].double().numpy()  # without rounding
        np.testing.assert_array_equal(a, b, f"{i}: {name}")
    history = trainer.history.history
    assert set(history) == set(population.history)
    for name, values in history.items():
        row = population.history[name][i]
        np.testing.assert_array_equal(row[~np.isnan(row)], values, f"{i}: {name}")

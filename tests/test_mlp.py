"""nn.MLP: the layers it stands for, its files and copies, what it refuses."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_it_is_the_sequential_of_its_layers() -> None:
    fastnn.manual_seed(0)
    net = nn.MLP(4, [8, 5], 3, nn.Tanh, dropout=0.5, batch_norm=True)
    fastnn.manual_seed(0)
    by_hand = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5),
        nn.Linear(8, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5),
        nn.Linear(5, 3),
    )  # fmt: skip
    assert list(map(repr, net)) == list(map(repr, by_hand))
    assert np.array_equal(net.predict(X), by_hand.predict(X))
    assert list(net.state_dict()) == list(by_hand.state_dict())


@pytest.mark.parametrize(
    ("hidden", "activation", "kinds"),
    [
        (7, "gelu", [nn.Linear, nn.GELU, nn.Linear]),
        ([], "relu", [nn.Linear]),
        ((3, 2), lambda: nn.LeakyReLU(0.2),
         [nn.Linear, nn.LeakyReLU, nn.Linear, nn.LeakyReLU, nn.Linear]),
    ],
    ids=["number", "none", "function"],
)  # fmt: skip
def test_widths_and_activations(hidden: Any, activation: Any, kinds: list[type]) -> None:
    net = nn.MLP(4, hidden, 2, activation, bias=False, dtype=np.float64)
    assert [type(layer) for layer in net] == kinds
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}
    assert all(layer.bias is None for layer in net if isinstance(layer, nn.Linear))


def test_copies_and_files() -> None:
    net = nn.MLP(4, [8], 3)
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    loaded = fastnn.load(file)
    assert type(loaded) is nn.Sequential
    for other in (loaded, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert np.array_equal(other.predict(X), net.predict(X))
    nested = nn.Sequential(nn.MLP(4, 8, 3), nn.Softmax(dim=1))
    file = io.BytesIO()
    nested.save(file)
    file.seek(0)
    assert np.array_equal(fastnn.load(file).predict(X), nested.predict(X))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, [8, 0], 3), r"hidden\[1\]: "),
        ((4, "8", 3), r"hidden\[0\]: "),
        ((0, [8], 3), "in_features: "),
        ((4, [8], 3.5), "out_features: "),
        ((4, [8], 3, "rellu"), "activation: expected one of "),
        ((4, [8], 3, nn.ReLU()), r"activation: .* give its class, nn.ReLU"),
        ((4, [8], 3, int), "activation: expected a class of modules, got int"),
    ],
)
def test_what_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        nn.MLP(*arguments)

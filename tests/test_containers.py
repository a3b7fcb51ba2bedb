"""Sequential and ModuleList change like lists, and `repr` shows equal modules once, as in torch."""

from __future__ import annotations

import operator
from typing import Any

import pytest

import fastnn
from fastnn import nn


def kinds(modules: Any) -> list[str]:
    assert list(modules._modules) == [str(i) for i in range(len(modules))]
    return [type(module).__name__ for module in modules]


def test_sequential_changes_as_a_list() -> None:
    net = nn.Sequential(nn.Linear(3, 4))
    assert net.append(nn.ReLU()).insert(1, nn.Tanh()).extend([nn.Linear(4, 1)]) is net
    assert kinds(net) == ["Linear", "Tanh", "ReLU", "Linear"]
    assert isinstance(net.pop(2), nn.ReLU) and isinstance(net.pop(-2), nn.Tanh)
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    both = net + nn.Sequential(nn.Sigmoid())
    assert kinds(both) == ["Linear", "Linear", "Sigmoid"] and both[0] is net[0]
    assert kinds(2 * nn.Sequential(nn.ReLU())) == kinds(nn.Sequential(nn.ReLU()) * 2)
    net += nn.Sequential(nn.ReLU())
    assert kinds(net) == ["Linear", "Linear", "ReLU"]
    net *= 2
    assert kinds(net) == ["Linear", "Linear", "ReLU"] * 2


def test_a_compiled_net_notices_an_insertion() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    run, x = fastnn.compile(lambda x: net(x)), fastnn.ones(3, 2)
    assert run(x).tolist() == net(x).tolist()
    net.insert(1, nn.Tanh())
    assert run(x).tolist() == net(x).tolist() and kinds(net)[1] == "Tanh"


def test_bad_changes_leave_it_as_it_was() -> None:
    net = nn.Sequential(nn.ReLU())
    for call, error in (
        (lambda: net.insert(3, nn.ReLU()), IndexError),
        (lambda: net.insert(0, 3), TypeError),
        (lambda: net.append("relu"), TypeError),
        (lambda: net * 0, ValueError),
        (lambda: operator.add(net, [nn.ReLU()]), TypeError),
        (lambda: net.pop(1), IndexError),
    ):
        with pytest.raises(error):
            call()
    assert kinds(net) == ["ReLU"]


def test_module_list_shows_alike_modules_once() -> None:
    assert repr(nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.Tanh(), nn.ReLU()])) == (
        "ModuleList(\n  (0): ReLU()\n  (1-2): 2 x Tanh()\n  (3): ReLU()\n)"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


@pytest.mark.parametrize("layer", [nn.Softshrink(), nn.Hardshrink(), nn.Threshold(0.5, 3.0)])
def test_nan_is_not_hidden(layer: Any) -> None:
    """Not by an activation that is constant around 0, or below a limit."""
    x = fastnn.tensor([float("nan"), 0.1, -0.0, 2.0, float("inf")])
    y = layer(x).numpy()
    assert y[0] != y[0] and (y[1:] == y[1:]).all() and y[4] == float("inf")


def test_a_module_that_is_none_is_named() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    net.add_module("last", None)
    for use in (lambda: net(fastnn.ones(1, 2)), lambda: net.predict([[1.0, 2.0]]), lambda: net[1]):
        with pytest.raises(TypeError, match="modules: expected a Module, got None as 'last'"):
            use()

"""Layers and initialisers against torch: outputs, gradients and buffers, in both real types.

What torch has not is held to its equation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import inits, stored
from cases.layers import POINTS, Golden, numbers
from catalogue import layers

import fastnn
from fastnn import nn
from fastnn.tensor import Tensor

GOLDENS = stored.read("layers")
KNOWN = layers()
CASES = {golden.key: golden for entry in KNOWN.values() for golden in entry.torch}
EQUATIONS = {text: each for entry in KNOWN.values() for text, each in entry.equations.items()}
RTOL = {"float32": 1e-5, "float64": 1e-10}


def close(got: Tensor, want: list[float], rtol: float, what: str) -> None:
    """To a relative error of the largest element: sums may cancel."""
    a, b = got.detach().numpy().ravel().astype(np.float64), np.array(want)
    assert a.shape == b.shape, what
    if a.size:
        np.testing.assert_allclose(a, b, rtol, rtol * np.abs(b).max(), err_msg=what)


def layer_of(golden: Golden, real: str) -> Any:
    layer = eval(golden.expression, vars(nn)).to(real)
    for i, p in enumerate(layer.parameters()):
        p._array[...] = numbers(50 + i, *p.shape)
    return layer


def test_goldens_are_of_these_cases() -> None:
    assert len(CASES) == sum(len(entry.torch) for entry in KNOWN.values())
    assert GOLDENS["layers"].keys() == CASES.keys()
    assert list(GOLDENS["inits"]) == list(inits.INITS)


@pytest.mark.parametrize("name", KNOWN)
def test_values_of_every_layer_are_known(name: str) -> None:
    entry = KNOWN[name]
    elsewhere = entry.tested_in and Path(__file__).with_name(entry.tested_in).read_text()
    assert entry.torch or entry.equations or f"nn.{name}" in elsewhere, (
        f"nn.{name}: add torch's values or an equation to tests/cases/activations.py or layers.py"
    )


@pytest.mark.parametrize("key", CASES)
def test_layer_as_torch_s(key: str, real: str) -> None:
    golden, given = CASES[key], CASES[key].calls
    layer = layer_of(golden, real)
    for i, (args, wants) in enumerate(zip(given, GOLDENS["layers"][key], strict=True)):
        if i and i == len(given) - 1:
            layer.eval()
        tensors = [
            fastnn.tensor(a.astype(real), requires_grad=True) if a.dtype.kind == "f"
            else fastnn.tensor(a) for a in args
        ]  # fmt: skip
        y = layer(*tensors)
        layer.zero_grad()
        weights = fastnn.tensor(numbers(99, *y.shape).astype(real))
        if y.requires_grad:
            (y * weights).sum().backward()
        grads = [t.grad for t in tensors if t.grad is not None]
        grads += [p.grad for p in layer.parameters()]
        got = [y, *grads, *layer.buffers()]
        assert len(got) == len(wants)
        for place, (a, b) in enumerate(zip(got, wants)):
            close(a, b, max(RTOL[real], golden.rtol), f"{key}, call {i}, value {place}")


@pytest.mark.parametrize("text", EQUATIONS)
def test_layer_as_its_equation(text: str, real: str) -> None:
    """Its gradients are held to differences in test_catalogue_layers.py."""
    y = eval(text, vars(nn)).to(real)(fastnn.tensor(POINTS.astype(real)))
    want = EQUATIONS[text](POINTS)
    assert y.shape == want.shape
    close(y, want.ravel().tolist(), RTOL[real], text)


@pytest.mark.parametrize("text", GOLDENS["inits"])
def test_initialiser(text: str) -> None:
    for shape, want in zip(inits.shapes_of(text), GOLDENS["inits"][text], strict=True):
        fastnn.manual_seed(7)
        t = fastnn.zeros(*shape)
        assert eval(text, {**vars(nn.init), "t": t}) is t
        np.testing.assert_allclose(t.numpy().ravel(), want, rtol=2e-6, atol=1e-6)


def test_gains() -> None:
    for name, param in inits.GAINS:
        want = GOLDENS["gains"][f"{name} {param}"]
        assert nn.init.calculate_gain(name, param) == pytest.approx(want, rel=1e-15)


def test_layers_start_as_torch_s() -> None:
    fastnn.manual_seed(7)
    for text, wanted in GOLDENS["starts"].items():
        parameters = eval(text, vars(nn)).parameters()
        for p, want in zip(parameters, wanted, strict=True):
            np.testing.assert_allclose(p.detach().numpy().ravel(), want, 1e-6, 1e-7, err_msg=text)

"""Layers and initialisers against torch: outputs, gradients and buffers, in both real types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import layers_cases
import numpy as np
import pytest
from catalogue import public_classes

import fastnn
from fastnn import nn
from fastnn.tensor import Tensor

GOLDENS = json.loads((Path(__file__).parent / "goldens/layers.json").read_text())
INPUTS = layers_cases.inputs()
RTOL = {"float32": 1e-5, "float64": 1e-10}
ROUGH = {"Hardsigmoid()": 1e-7}  # torch's gradient takes 1/6 in float32


def close(got: Tensor, want: list[float], rtol: float, what: str) -> None:
    """To a relative error of the largest element: sums may cancel."""
    a, b = got.detach().numpy().ravel().astype(np.float64), np.array(want)
    assert a.shape == b.shape, what
    if a.size:
        np.testing.assert_allclose(a, b, rtol, rtol * np.abs(b).max(), err_msg=what)


def layer_of(name: str, real: str) -> Any:
    expression = name.partition(" (")[0] if ") (" in name else name
    layer = eval(expression, vars(nn)).to(real)
    for i, p in enumerate(layer.parameters()):
        p._array[...] = layers_cases.numbers(50 + i, *p.shape)
    return layer


def test_goldens_are_of_these_cases() -> None:
    assert list(GOLDENS["layers"]) == list(INPUTS)
    assert list(GOLDENS["inits"]) == [text.strip() for text in layers_cases.INITS.split(";")]


# Containers do what their layers do; LazyLinear becomes a Linear; MindSpore has the others.
NO_GOLDEN = set(
    "Sequential ModuleList ModuleDict ParameterList ParameterDict LazyLinear "
    "Cell CellList SequentialCell Dense".split()
)


def test_every_layer_has_a_golden() -> None:
    layers = {name for name in public_classes(nn, nn.Module) if not name.endswith("Loss")}
    assert layers == {name.partition("(")[0] for name in INPUTS} | NO_GOLDEN


@pytest.mark.parametrize("name", INPUTS)
def test_layer(name: str, real: str) -> None:
    layer, given = layer_of(name, real), INPUTS[name]
    for i, (args, wants) in enumerate(zip(given, GOLDENS["layers"][name], strict=True)):
        if i and i == len(given) - 1:
            layer.eval()
        tensors = [
            fastnn.tensor(a.astype(real), requires_grad=True) if a.dtype.kind == "f"
            else fastnn.tensor(a) for a in args
        ]  # fmt: skip
        y = layer(*tensors)
        layer.zero_grad()
        weights = fastnn.tensor(layers_cases.numbers(99, *y.shape).astype(real))
        if y.requires_grad:
            (y * weights).sum().backward()
        grads = [t.grad for t in tensors if t.grad is not None]
        grads += [p.grad for p in layer.parameters()]
        got = [y, *grads, *layer.buffers()]
        assert len(got) == len(wants)
        for place, (a, b) in enumerate(zip(got, wants)):
            close(a, b, max(RTOL[real], ROUGH.get(name, 0)), f"{name}, call {i}, value {place}")


@pytest.mark.parametrize("text", GOLDENS["inits"])
def test_initialiser(text: str) -> None:
    for shape, want in zip(layers_cases.shapes_of(text), GOLDENS["inits"][text], strict=True):
        fastnn.manual_seed(7)
        t = fastnn.zeros(*shape)
        assert eval(text, {**vars(nn.init), "t": t}) is t
        np.testing.assert_allclose(t.numpy().ravel(), want, rtol=2e-6, atol=1e-6)


def test_gains() -> None:
    for name, param in layers_cases.GAINS:
        want = GOLDENS["gains"][f"{name} {param}"]
        assert nn.init.calculate_gain(name, param) == pytest.approx(want, rel=1e-15)


def test_layers_start_as_torch_s() -> None:
    fastnn.manual_seed(7)
    for text, wanted in GOLDENS["starts"].items():
        parameters = eval(text, vars(nn)).parameters()
        for p, want in zip(parameters, wanted, strict=True):
            np.testing.assert_allclose(p.detach().numpy().ravel(), want, 1e-6, 1e-7, err_msg=text)

"""Muon is torch's, which computes the orthogonal matrix in bfloat16: the same roundings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases.optimizers import OPTIMIZERS

import fastnn
from fastnn import nn, optim
from fastnn.nn import Parameter
from fastnn.tensor import Tensor, of_array

Array = Any
RNG = np.random.default_rng(4)


def rounded(x: Array) -> Array:
    """To the 8 digits of bfloat16, halves to even."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    up = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return up.view(np.float32)


def orthogonal(g: Array, coefficients: Any, steps: int, eps: float) -> Array:
    a, b, c = (np.float32(v) for v in coefficients)
    x = rounded(g)
    x = x.T if x.shape[0] > x.shape[1] else x
    x = rounded(x / np.maximum(rounded(np.sqrt((x * x).sum())), rounded(eps)))
    for _ in range(steps):
        gram = rounded(x @ x.T)
        x = rounded(a * x + rounded(b * gram + c * (gram @ gram)) @ x)
    return x.T if g.shape[0] > g.shape[1] else x


def step(w: Array, m: Array, g: Array, given: dict[str, Any]) -> tuple[Array, Array]:
    """torch's `_single_tensor_muon`."""
    known = {
        "momentum": 0.95, "weight_decay": 0.1, "nesterov": True, "ns_steps": 5, "eps": 1e-7,
        "ns_coefficients": (3.4445, -4.775, 2.0315), "adjust_lr_fn": None, "l1": 0.0, **given,
    }  # fmt: skip
    mu, lr = known["momentum"], known["lr"]
    m = mu * m + (1 - mu) * g
    mean = mu * m + (1 - mu) * g if known["nesterov"] else m
    update = orthogonal(mean, known["ns_coefficients"], known["ns_steps"], known["eps"])
    rows, columns = w.shape
    scale = 0.2 * max(rows, columns) ** 0.5 if known["adjust_lr_fn"] == "match_rms_adamw" else \
        max(1.0, rows / columns) ** 0.5  # fmt: skip
    w = w * (1 - lr * known["weight_decay"]) - lr * scale * update
    return np.sign(w) * np.maximum(np.abs(w) - lr * known["l1"], 0), m


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 7), (1, 5), (5, 1)])
@pytest.mark.parametrize("name", OPTIMIZERS["Muon"].ours)
def test_steps(name: str, shape: tuple[int, int]) -> None:
    settings = OPTIMIZERS["Muon"].ours[name]
    want, m = RNG.standard_normal(shape), np.zeros(shape)
    w = Parameter(want.copy())
    optimizer = optim.Muon([w], **settings)
    for t in range(6):
        g = RNG.standard_normal(shape)
        w.grad = of_array(g)
        if t == 3:
            saved, optimizer = optimizer.state_dict(), optim.Muon([w], lr=9.0)
            optimizer.load_state_dict(saved)
        optimizer.step()
        want, m = step(want, m, g, settings)
        np.testing.assert_allclose(w.detach().numpy(), want, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(optimizer.state[w]["momentum_buffer"].numpy(), m, rtol=1e-12)


def test_a_zero_gradient_moves_nothing() -> None:
    w = Parameter(np.ones((2, 3)))
    w.grad = fastnn.zeros(2, 3, dtype=fastnn.float64)
    optim.Muon([w], weight_decay=0.0).step()
    assert w.tolist() == [[1.0] * 3] * 2


def test_settings_assigned_later_reach_a_compiled_step() -> None:
    found, x = [], fastnn.tensor(RNG.standard_normal((5, 4)).astype("f4"))
    for compiled in (False, True):
        fastnn.manual_seed(0)
        net = nn.Linear(4, 3, bias=False)
        optimizer = optim.Muon(net.parameters(), lr=0.1)

        def update(x: Tensor, net: Any = net, optimizer: Any = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = net(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        run = fastnn.compile(update) if compiled else update
        for settings in ({}, {"lr": 0.02}, {"ns_steps": 2, "momentum": 0.5}, {"nesterov": False}):
            optimizer.param_groups[0].update(settings)
            for _ in range(2):
                run(x)
        found.append(net.weight.detach().numpy().tobytes())
    assert found[0] == found[1]


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "vector": ({"params": [Parameter(np.ones(3))]}, ValueError, "Muon only supports 2D parameters"),
    "lr": ({"lr": -1.0}, ValueError, "lr: expected"),
    "momentum": ({"momentum": -0.1}, ValueError, "momentum: expected"),
    "weight_decay": ({"weight_decay": -0.1}, ValueError, "weight_decay: expected"),
    "adjust_lr_fn": ({"adjust_lr_fn": "rms"}, ValueError, "adjust_lr_fn: expected one of"),
    "ns_steps": ({"ns_steps": 100}, ValueError, "ns_steps: expected"),
    "ns_coefficients": ({"ns_coefficients": (1, 2)}, ValueError, "ns_coefficients: expected three"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    given, kind, text = REFUSED[name]
    with pytest.raises(kind, match=text):
        optim.Muon(**{"params": [Parameter(np.ones((2, 2)))], **given})

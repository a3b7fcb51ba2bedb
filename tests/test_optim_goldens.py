"""Optimizers against torch 2.13 and scikit-learn: 50 steps of a small net, with each option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import descent, stored
from cases.optimizers import OF_TORCH, SKLEARN

import fastnn
from fastnn import nn, optim
from fastnn.nn import Parameter
from fastnn.tensor import of_array

GOLDEN = stored.read("optimizers")


def trained(kind: str, settings: dict[str, Any], real: str) -> tuple[float, optim.Optimizer]:
    """The loss before the last step, and the optimizer after it."""
    parameters = [Parameter(w.astype(real)) for w in descent.weights()]
    x, y = (of_array(a.astype(real)) for a in descent.data())
    w1, b1, w2, b2 = parameters
    optimizer = getattr(optim, kind)(parameters, **settings)
    for i in range(descent.STEPS):
        if i == descent.HALVED_AT:
            optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(fastnn.tanh(x @ w1.T + b1) @ w2.T + b2, y)
        loss.backward()
        optimizer.step()
    return loss.item(), optimizer


def close(got: Any, want: Any, real: str) -> None:
    """To 1e-10 in float64, and 1e-5 in float32, of the largest: weights are sums of steps."""
    want = np.asarray(want)
    atol = (1e-10 if real == "float64" else 1e-5) * np.abs(want).max(initial=1e-300)
    np.testing.assert_allclose(got, want, rtol=0, atol=atol)


def weights_of(optimizer: optim.Optimizer) -> list[float]:
    return descent.summary([p.detach().numpy() for p in optimizer.param_groups[0]["params"]])


def test_goldens_are_of_these_cases() -> None:
    assert GOLDEN["cases"].keys() == OF_TORCH.keys()
    assert GOLDEN["sklearn"].keys() == SKLEARN.keys()


@pytest.mark.every(5)
@pytest.mark.parametrize("name", OF_TORCH)
def test_torch(name: str, real: str) -> None:
    loss, optimizer = trained(*OF_TORCH[name], real)
    want = GOLDEN["cases"][name]
    close(loss, want["loss"], real)
    close(weights_of(optimizer), want["weights"], real)
    state = list(optimizer.state_dict()["state"].values())
    assert set(want["state"]) <= set(state[0])
    for key, value in want["state"].items() if real == "float64" else ():
        got = [s[key] for s in state]
        if isinstance(value, list):
            close(descent.summary([m.numpy() for m in got]), value, real)
        else:
            close(got[0], value, real)


@pytest.mark.parametrize("name", SKLEARN)
def test_sklearn(name: str, real: str) -> None:
    _, _, kind, settings = SKLEARN[name]
    loss, optimizer = trained(kind, settings, real)
    close(loss, GOLDEN["sklearn"][name]["loss"], real)
    close(weights_of(optimizer), GOLDEN["sklearn"][name]["weights"], real)

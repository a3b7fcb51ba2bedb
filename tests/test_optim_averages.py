"""Averages of weights: torch's values, compiled as eager, buffers, update_bn, SWALR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import descent
from test_compile import bits
from test_optim_goldens import close

import fastnn
from fastnn import nn, optim
from fastnn.nn import Parameter
from fastnn.optim import swa_utils
from fastnn.tensor import Tensor, of_array

GOLDEN = json.loads((Path(__file__).parent / "goldens" / "optimizers.json").read_text())


def doubled(averaged: Any, current: Any, n: Tensor) -> None:
    """A function of a user's, which changes the averages in place."""
    for a, p in zip(averaged, current, strict=True):
        a.copy_((a * n + p) / (n + 1))


OF_OURS = {"own_multi": lambda swa: {"multi_avg_fn": doubled}}


def averaged(name: str, real: str, compiled: bool) -> nn.Module:
    model = nn.ParameterList([Parameter(w.astype(real)) for w in descent.weights()])
    x, y = (of_array(a.astype(real)) for a in descent.data())
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    kept = swa_utils.AveragedModel(model, **(descent.AVERAGES | OF_OURS)[name](swa_utils))

    def step(x: Tensor, y: Tensor) -> Tensor:
        w1, b1, w2, b2 = model
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(fastnn.tanh(x @ w1.T + b1) @ w2.T + b2, y)
        loss.backward()
        optimizer.step()
        kept.update_parameters(model)
        return loss

    run = fastnn.compile(step) if compiled else step
    for _ in range(descent.STEPS):
        run(x, y)
    assert kept.n_averaged.item() == descent.STEPS
    return kept.module


@pytest.mark.every(5)
@pytest.mark.parametrize("name", [*descent.AVERAGES, *OF_OURS])
def test_torch_and_compiled(name: str, real: str) -> None:
    eager, compiled = (list(averaged(name, real, c).parameters()) for c in (False, True))
    assert bits(eager) == bits(compiled)
    want = GOLDEN["averages"].get(name, GOLDEN["averages"]["swa"])
    close(descent.summary([p.detach().numpy() for p in eager]), want, real)


def test_buffers() -> None:
    """Copied, or averaged with the weights."""
    for use_buffers in (False, True):
        model = nn.BatchNorm1d(2)
        kept = swa_utils.AveragedModel(model, use_buffers=use_buffers)
        for value in (1.0, 4.0):
            model.running_mean.fill_(value)
            model.num_batches_tracked.fill_(int(value))
            kept.update_parameters(model)
        assert kept.module.running_mean.tolist() == [2.5 if use_buffers else 4.0] * 2
        assert kept.module.num_batches_tracked.item() == (2 if use_buffers else 4)
        assert kept.n_averaged.item() == 2
        assert {"n_averaged", "module.weight"} <= set(kept.state_dict())


def test_the_average_is_a_model_of_its_own() -> None:
    model = nn.Linear(2, 1)
    kept = swa_utils.AveragedModel(model)
    kept.update_parameters(model)
    x = fastnn.ones(3, 2)
    before = kept(x).tolist()
    assert before == model(x).tolist()
    model.weight.detach().fill_(7.0)
    assert kept(x).tolist() == before


def test_update_bn() -> None:
    """Means over the batches of moments, whatever the layer had; it is left as it was."""
    layer = nn.BatchNorm1d(3, momentum=0.3)
    layer(of_array(np.full((4, 3), 9.0, np.float32) * np.arange(4, dtype=np.float32)[:, None]))
    model = nn.Sequential(layer).eval()
    batches = np.random.RandomState(0).standard_normal((5, 8, 3)).astype(np.float32)
    swa_utils.update_bn([(of_array(b), None) for b in batches], model)
    np.testing.assert_allclose(
        layer.running_mean.numpy(), batches.mean((0, 1)), rtol=1e-5, atol=1e-6
    )
    variances = batches.var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(layer.running_var.numpy(), variances, rtol=1e-5)
    assert layer.momentum == 0.3 and not layer.training


def test_swalr() -> None:
    for settings, want in zip(descent.SWALR, GOLDEN["swa_rates"], strict=True):
        w = Parameter(np.zeros(1))
        optimizer = optim.SGD([w], lr=0.3)
        scheduler: Any = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        rates = []
        for epoch in range(20):
            w.grad = of_array(np.zeros(1))
            optimizer.step()
            if epoch == 4:
                scheduler = swa_utils.SWALR(optimizer, **settings)
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        np.testing.assert_allclose(rates, want, rtol=1e-12)


def test_bad_input() -> None:
    model = nn.Linear(2, 1)
    with pytest.raises(ValueError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(model, avg_fn=max, multi_avg_fn=max)
    with pytest.raises(ValueError, match=r"Invalid decay value: 1\.5"):
        swa_utils.get_ema_multi_avg_fn(1.5)
    kept = swa_utils.AveragedModel(model)
    with pytest.raises(ValueError, match="model: expected shape"):
        kept.update_parameters(nn.Linear(3, 1))
    assert kept.n_averaged.item() == 0
    with pytest.raises(ValueError, match="anneal_strategy: expected one of 'cos', 'linear'"):
        swa_utils.SWALR(optim.SGD(model.parameters()), 0.1, anneal_strategy="x")


def test_swalr_without_epochs_to_anneal_is_there_at_once() -> None:
    optimizer = optim.SGD([Parameter(np.ones(1))], lr=0.3)
    swa_utils.SWALR(optimizer, 0.05, anneal_epochs=0)
    assert optimizer.param_groups[0]["lr"] == 0.05

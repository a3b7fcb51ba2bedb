"""Every loss: trained by one program as by the eager loop, and its gradient through every layer.

A loss without an entry in cases/losses.py is trained on numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from cases.layers import WIDTH
from cases.loss import SAMPLES, C, X, plainly
from catalogue import Array, check_costs, check_fit, described_in, losses
from hypothesis import given, settings
from test_catalogue_layers import NETS, net

import fastnn
from fastnn import nn, optim, tensor
from fastnn.tensor import Tensor

KNOWN = losses()
FITS = {
    f"{name} {what}".strip(): (name, fit)
    for name, entry in KNOWN.items()
    for what, fit in entry.fits.items()
}


def loss_of(name: str, dtype: str = "float64", **more: Any) -> Any:
    """A loss with its options, and with its weights in the dtype that it is for."""
    kind, fit = FITS[name]
    given = {
        k: tensor(v.astype(dtype)) if isinstance(v, np.ndarray) else v
        for k, v in fit.options.items()
    }
    with described_in("losses.py"):
        return getattr(nn, kind)(**given, **more)


def net_through(layer: str, dtype: str) -> nn.Module:
    fastnn.manual_seed(5)
    model = net(layer, C)
    model(tensor(X, dtype=fastnn.float32))  # for what is lazy
    return model.to(dtype)


def trainer_of(name: str, dtype: str) -> fastnn.Trainer:
    loss, call, model = loss_of(name, dtype), FITS[name][1].call, net_through("Tanh()", dtype)
    function = loss if call is plainly else lambda z, y: call(loss, z, y)
    return fastnn.Trainer(model, function, optim.Adam(model.parameters(), lr=0.01))


@pytest.mark.every(8)
@pytest.mark.parametrize("name", FITS)
def test_fit_is_the_eager_loop(name: str, real: str) -> None:
    fit = FITS[name][1]
    x, y = X.astype(real), fit.targets
    y = y.astype(real) if y.dtype.kind == "f" else y
    fitted, _ = check_fit(lambda: trainer_of(name, real), x, y, 8, fit.every_row)
    check_costs(fitted, x, y, 8)


@cache
def parts_of(layer: str) -> tuple[nn.Module, list[Tensor]]:
    """A net in float64, and its parameters."""
    model = net_through(layer, "float64")
    return model, list(model.parameters())


def check_slope(value: Callable[[], Tensor], leaves: list[Tensor], way: list[Array]) -> None:
    """The derivative along a way that gradients give is that of central differences.

    A kink that is passed on the way changes the difference by as much as it bends.
    """
    for p in leaves:
        p.grad = None
    here = value()
    here.backward()
    slope = sum(
        float((p.grad.numpy() * w).sum()) for p, w in zip(leaves, way) if p.grad is not None
    )
    step, found = 1e-7, []  # seldom two kinks
    for side in (step, -step):
        before = [p.detach().numpy().copy() for p in leaves]
        for p, w in zip(leaves, way):
            p._array[...] += side * w
        with fastnn.no_grad():
            found.append(value().item())
        for p, kept in zip(leaves, before):
            p._array[...] = kept
    difference = (found[0] - found[1]) / (2 * step)
    bent = abs(found[0] - 2 * here.item() + found[1]) / (2 * step)
    assert abs(slope - difference) < 2e-6 * (1 + abs(here.item()) + abs(slope)) + bent


REDUCED = [(name, reduction) for name, (_, fit) in FITS.items() for reduction in fit.reductions]


@pytest.mark.every(7)
@pytest.mark.parametrize(("name", "reduction"), REDUCED)
@settings(max_examples=max(2, settings.default.max_examples // 10))
@given(seed=st.integers(0, 2**31 - 1), rows=st.integers(2, SAMPLES))
def test_gradients_through_every_layer(name: str, reduction: str, seed: int, rows: int) -> None:
    """Of all parameters and the input, along a random direction; options through one layer."""
    fit, draw = FITS[name][1], np.random.RandomState(seed)
    loss, y = loss_of(name, reduction=reduction), tensor(fit.targets[:rows])
    for layer in NETS if fit.every_layer else ["Tanh()"]:
        model, parameters = parts_of(layer)
        x = tensor(draw.randn(rows, WIDTH), requires_grad=True)
        leaves = [x, *parameters]
        way = [draw.randn(*p.shape) for p in leaves]
        if "Embedding" in layer:  # what stands before it chooses rows, and jumps; none is padding
            leaves, way = leaves[3:], way[3:]
            way[0][0] = 0.0

        def value(model: Any = model, x: Tensor = x) -> Tensor:
            fastnn.manual_seed(seed)  # of dropout
            each = fit.call(loss, model(x), y)
            weights = np.cos(np.arange(each.numel())).reshape(each.shape)
            return (each * tensor(weights)).sum()

        try:
            check_slope(value, leaves, way)
        except AssertionError as error:
            error.add_note(f"through {layer}")
            raise

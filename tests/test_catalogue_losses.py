"""Every loss: trained by one program as by the eager loop, and its gradient through every layer.

A loss class of `nn` that is not in LOSSES fails here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from catalogue import Array, check_costs, check_fit, public_classes
from hypothesis import given, settings
from test_catalogue_layers import LAYERS, WIDTH

import fastnn
from fastnn import nn, optim, tensor
from fastnn.nn import functional as F
from fastnn.tensor import Tensor

ROWS, OUT = 22, 4
RNG = np.random.RandomState(1)
X = RNG.randn(ROWS, WIDTH)
NUMBERS, SIGNS = RNG.randn(ROWS, OUT), np.where(RNG.rand(ROWS, OUT) < 0.5, -1.0, 1.0)
SHARES, LABELS = RNG.uniform(0.1, 0.9, (ROWS, OUT)), RNG.randint(0, OUT, ROWS)
LISTS = np.array([RNG.permutation(OUT) for _ in range(ROWS)])
LISTS[RNG.rand(ROWS, OUT) < 0.3] = -1  # a list ends there

# name -> (class, its call on what a model gives and the targets, targets); extra names: options
Call = Callable[[Any, Tensor, Tensor], Tensor]


def plainly(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    return loss(z, y)  # type: ignore[no-any-return]


def probably(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    return loss(fastnn.sigmoid(z), y)  # type: ignore[no-any-return]


def logarithmically(loss: Any, z: Tensor, y: Tensor) -> Tensor:
    return loss(fastnn.log_softmax(z, 1), y)  # type: ignore[no-any-return]


LOSSES: dict[str, tuple[Callable[..., Any], Call, Array]] = {
    "MSELoss": (nn.MSELoss, plainly, NUMBERS),
    "L1Loss": (nn.L1Loss, plainly, NUMBERS),
    "SmoothL1Loss": (nn.SmoothL1Loss, plainly, NUMBERS),
    "HuberLoss": (nn.HuberLoss, plainly, NUMBERS),
    "HalfSquaredErrorLoss": (nn.HalfSquaredErrorLoss, plainly, NUMBERS),
    "LogCoshLoss": (nn.LogCoshLoss, plainly, NUMBERS),
    "QuantileLoss": (
        lambda **k: nn.QuantileLoss([0.1, 0.4, 0.6, 0.9], **k), plainly, NUMBERS[:, 0]
    ),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, plainly, SHARES),
    "BCELoss": (nn.BCELoss, probably, SHARES),
    "CrossEntropyLoss": (nn.CrossEntropyLoss, plainly, LABELS),
    "CrossEntropyLoss smooth": (
        lambda **k: nn.CrossEntropyLoss(label_smoothing=0.2, **k), plainly, LABELS
    ),
    "CrossEntropyLoss rows": (
        nn.CrossEntropyLoss, plainly, SHARES / SHARES.sum(1, keepdims=True)
    ),
    "NLLLoss": (nn.NLLLoss, logarithmically, LABELS),
    "FocalLoss": (nn.FocalLoss, plainly, LABELS),
    "SigmoidFocalLoss": (nn.SigmoidFocalLoss, plainly, np.round(SHARES)),
    "KLDivLoss": (nn.KLDivLoss, logarithmically, SHARES),
    "PoissonNLLLoss": (nn.PoissonNLLLoss, plainly, np.round(4 * SHARES)),
    "GaussianNLLLoss": (
        nn.GaussianNLLLoss,
        lambda loss, z, y: loss(z[:, :2], y, F.softplus(z[:, 2:]) + 0.1),
        NUMBERS[:, :2],
    ),
    "GammaDevianceLoss": (nn.GammaDevianceLoss, plainly, SHARES),
    "TweedieDevianceLoss": (nn.TweedieDevianceLoss, plainly, np.round(SHARES)),
    "HingeLoss": (nn.HingeLoss, plainly, SIGNS),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss, plainly, SIGNS),
    "SoftMarginLoss": (nn.SoftMarginLoss, plainly, SIGNS),
    "MultiMarginLoss": (nn.MultiMarginLoss, plainly, LABELS),
    "MultiLabelMarginLoss": (nn.MultiLabelMarginLoss, plainly, LISTS),
    "MultiLabelSoftMarginLoss": (nn.MultiLabelSoftMarginLoss, plainly, SHARES),
    "MarginRankingLoss": (
        nn.MarginRankingLoss, lambda loss, z, y: loss(z, z.flip(1), y), SIGNS
    ),
    "CosineEmbeddingLoss": (
        nn.CosineEmbeddingLoss, lambda loss, z, y: loss(z[:, :2], z[:, 2:], y), SIGNS[:, 0]
    ),
    "TripletMarginLoss": (
        nn.TripletMarginLoss, lambda loss, z, y: loss(z, y, z.flip(1)), NUMBERS
    ),
}  # fmt: skip

# The same with their options, through one net. Weights are made for the dtype.
ROW, COLUMN = np.array([0.5, 1.0, 2.0, 0.3]), np.array([2.0, 0.5, 1.0, 3.0])
IGNORED = np.where(np.arange(ROWS) % 3 == 1, -100, LABELS)


def of(name: str, **options: Any) -> Callable[..., Any]:
    """A loss with options; with its weights in the dtype that it is made for."""

    def make(dtype: str = "float64", **more: Any) -> Any:
        given = {
            k: tensor(v.astype(dtype)) if isinstance(v, np.ndarray) else v
            for k, v in options.items()
        }
        return getattr(nn, name)(**given, **more)

    return make


OPTIONS: dict[str, tuple[Callable[..., Any], Call, Array]] = {
    "SmoothL1Loss beta": (of("SmoothL1Loss", beta=0.3), plainly, NUMBERS),
    "SmoothL1Loss 0": (of("SmoothL1Loss", beta=0.0), plainly, NUMBERS),
    "HuberLoss delta": (of("HuberLoss", delta=0.4), plainly, NUMBERS),
    "QuantileLoss one": (of("QuantileLoss", quantiles=0.8), plainly, NUMBERS),
    "BCEWithLogitsLoss weight": (of("BCEWithLogitsLoss", weight=ROW), plainly, SHARES),
    "BCEWithLogitsLoss positive": (of("BCEWithLogitsLoss", pos_weight=COLUMN), plainly, SHARES),
    "BCEWithLogitsLoss both": (
        of("BCEWithLogitsLoss", weight=ROW, pos_weight=COLUMN), plainly, SHARES
    ),
    "BCELoss weight": (of("BCELoss", weight=ROW), probably, SHARES),
    "CrossEntropyLoss weight": (of("CrossEntropyLoss", weight=ROW), plainly, LABELS),
    "CrossEntropyLoss ignored": (of("CrossEntropyLoss"), plainly, IGNORED),
    "CrossEntropyLoss all": (
        of("CrossEntropyLoss", weight=ROW, ignore_index=2, label_smoothing=0.1), plainly, LABELS
    ),
    "CrossEntropyLoss rows all": (
        of("CrossEntropyLoss", weight=ROW, label_smoothing=0.1),
        plainly,
        SHARES / SHARES.sum(1, keepdims=True),
    ),
    "NLLLoss all": (of("NLLLoss", weight=ROW, ignore_index=1), logarithmically, LABELS),
    "FocalLoss all": (of("FocalLoss", weight=ROW, gamma=0.5), plainly, LABELS),
    "SigmoidFocalLoss all": (
        of("SigmoidFocalLoss", alpha=-1.0, gamma=1.5), plainly, np.round(SHARES)
    ),
    "KLDivLoss log": (of("KLDivLoss", log_target=True), logarithmically, np.log(SHARES)),
    "KLDivLoss zeros": (of("KLDivLoss"), logarithmically, np.round(SHARES)),
    "PoissonNLLLoss full": (of("PoissonNLLLoss", full=True), plainly, np.round(4 * SHARES)),
    "PoissonNLLLoss rate": (
        of("PoissonNLLLoss", log_input=False, eps=0.1), probably, np.round(4 * SHARES)
    ),
    "GaussianNLLLoss all": (
        of("GaussianNLLLoss", full=True, eps=1e-3),
        lambda loss, z, y: loss(z[:, :2], y, F.softplus(z[:, 2:3])),
        NUMBERS[:, :2],
    ),
    "TweedieDevianceLoss 1": (of("TweedieDevianceLoss", power=1.0), plainly, SHARES),
    "TweedieDevianceLoss 2": (of("TweedieDevianceLoss", power=2.0), plainly, SHARES),
    "HingeLoss squared": (of("HingeLoss", squared=True), plainly, SIGNS),
    "HingeEmbeddingLoss margin": (of("HingeEmbeddingLoss", margin=0.3), plainly, SIGNS),
    "MultiMarginLoss all": (
        of("MultiMarginLoss", p=2, margin=0.7, weight=ROW), plainly, LABELS
    ),
    "MultiLabelSoftMarginLoss weight": (
        of("MultiLabelSoftMarginLoss", weight=ROW), plainly, SHARES
    ),
    "MarginRankingLoss margin": (
        of("MarginRankingLoss", margin=0.5), lambda loss, z, y: loss(z, z.flip(1), y), SIGNS
    ),
    "CosineEmbeddingLoss margin": (
        of("CosineEmbeddingLoss", margin=0.2),
        lambda loss, z, y: loss(z[:, :2], z[:, 2:], y),
        SIGNS[:, 0],
    ),
    "TripletMarginLoss all": (
        of("TripletMarginLoss", margin=0.5, p=1.5, eps=1e-3, swap=True),
        lambda loss, z, y: loss(z, y, z.flip(1)),
        NUMBERS,
    ),
}  # fmt: skip
# Of these 'none' is refused.
SUMS_ONLY: dict[str, tuple[Callable[..., Any], Call, Array]] = {
    "QuantileLoss crossing": (
        of("QuantileLoss", quantiles=[0.1, 0.4, 0.6, 0.9], crossing=2.0), plainly, NUMBERS[:, 0]
    ),
}  # fmt: skip
ALL = LOSSES | OPTIONS | SUMS_ONLY


def test_every_loss_is_here() -> None:
    losses = {name for name in public_classes(nn, nn.Module) if name.endswith("Loss")}
    assert losses - {"ZeroOneLoss"} == {name.split()[0] for name in LOSSES}


def net(layer: str, dtype: str) -> nn.Module:
    fastnn.manual_seed(5)
    layers, width = LAYERS[layer]
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), *layers(), nn.Linear(width, OUT))
    model(tensor(X, dtype=fastnn.float32))  # for what is lazy
    return model.to(dtype)


def trainer_of(name: str, dtype: str) -> fastnn.Trainer:
    make, call, _ = ALL[name]
    loss, model = make() if name in LOSSES else make(dtype), net("Tanh", dtype)
    function = loss if call is plainly else lambda z, y: call(loss, z, y)
    return fastnn.Trainer(model, function, optim.Adam(model.parameters(), lr=0.01))


@pytest.mark.parametrize("name", ALL)
def test_fit_is_the_eager_loop(name: str, real: str) -> None:
    y = ALL[name][2]
    x, y = X.astype(real), y.astype(real) if y.dtype.kind == "f" else y
    over_rows = name not in ("CrossEntropyLoss ignored", "CrossEntropyLoss all")
    fitted, _ = check_fit(lambda: trainer_of(name, real), x, y, 8, over_rows)
    check_costs(fitted, x, y, 8)


@cache
def parts_of(layer: str) -> tuple[nn.Module, list[Tensor]]:
    """A net in float64, and its parameters."""
    model = net(layer, "float64")
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


def reductions(name: str) -> list[str]:
    """Those of a loss."""
    some = ["mean", "sum"] if name in SUMS_ONLY else ["none", "mean", "sum"]
    return [*some, "batchmean"] if name.startswith("KLDiv") else some


@pytest.mark.parametrize(("name", "reduction"), [(n, r) for n in ALL for r in reductions(n)])
@settings(max_examples=max(2, settings.default.max_examples // 10))
@given(seed=st.integers(0, 2**31 - 1), rows=st.integers(2, ROWS))
def test_gradients_through_every_layer(name: str, reduction: str, seed: int, rows: int) -> None:
    """Of all parameters and the input, along a random direction; options through one layer."""
    make, call, targets = ALL[name]
    loss, draw, y = make(reduction=reduction), np.random.RandomState(seed), tensor(targets[:rows])
    for layer in LAYERS if name in LOSSES else ["Tanh"]:
        model, parameters = parts_of(layer)
        x = tensor(draw.randn(rows, WIDTH), requires_grad=True)
        leaves = [x, *parameters]
        way = [draw.randn(*p.shape) for p in leaves]
        if layer == "Embedding":  # what stands before it chooses rows, and jumps; none is padding
            leaves, way = leaves[3:], way[3:]
            way[0][0] = 0.0

        def value(model: Any = model, x: Tensor = x) -> Tensor:
            fastnn.manual_seed(seed)  # of dropout
            each = call(loss, model(x), y)
            weights = np.cos(np.arange(each.numel())).reshape(each.shape)
            return (each * tensor(weights)).sum()

        try:
            check_slope(value, leaves, way)
        except AssertionError as error:
            error.add_note(f"through {layer}")
            raise

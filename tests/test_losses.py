"""Losses against torch's stored values, differences, and by themselves where torch has none."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import stored
from cases.loss import LABELS, NORMAL, OTHER, VARIANCE, WEIGHT, C, summary
from catalogue import losses

import fastnn
import fastnn.nn.functional as F
from fastnn import nn
from fastnn.autograd import gradcheck
from fastnn.tensor import Tensor

GOLDEN = stored.read("losses")
KNOWN = losses()
CASES = {name: (kind, v) for kind, entry in KNOWN.items() for name, v in entry.torch.items()}
OURS = {name: (kind, v) for kind, entry in KNOWN.items() for name, v in entry.equations.items()}
RTOL = {"float64": 1e-10, "float32": 1e-5}


def test_goldens_are_of_these_cases() -> None:
    assert len(CASES) == sum(len(entry.torch) for entry in KNOWN.values())
    each = {f"{name} {r}" for name, (kind, _) in CASES.items() for r in KNOWN[kind].reductions}
    assert GOLDEN.keys() == each


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_torchs_values(name: str, real: str) -> None:
    """Value and gradients, projected, and their first entries."""
    kind, values = CASES[name]
    rtol = values.rtol if real == "float64" else RTOL[real]
    for reduction in KNOWN[kind].reductions:
        found = summary(fastnn, kind, values, reduction, getattr(fastnn, real))
        for got, want in zip(found, GOLDEN[f"{name} {reduction}"], strict=True):
            scale = 1.0 if real == "float64" else max(1e-3, *np.abs(np.nan_to_num(want)))
            np.testing.assert_allclose(
                got, want, rtol=rtol, atol=5 * rtol * scale, err_msg=f"{name} {reduction}"
            )


def test_functions_take_torchs_arguments_in_torchs_order() -> None:
    x, y, w = fastnn.tensor(NORMAL), fastnn.tensor(OTHER), fastnn.tensor(VARIANCE)
    labels, per_class = fastnn.tensor(LABELS), fastnn.tensor(WEIGHT)
    square, weight = (NORMAL - OTHER) ** 2, VARIANCE
    for got, want in (
        (F.mse_loss(x, y, None, None, "sum"), square.sum()),
        (F.mse_loss(x, y, weight=w), (square * weight).sum() / weight.sum()),
        (F.l1_loss(x, y, weight=w, reduction="sum"), (square**0.5 * weight).sum()),
        (F.huber_loss(x, y, "mean", 100.0, w), (square * weight / 2).mean()),
        (F.nll_loss(x, labels, per_class, None, 2), nn.NLLLoss(per_class, None, 2)(x, labels)),
        (
            F.cross_entropy(x, labels, per_class, None, 2, None, "sum", 0.1),
            nn.CrossEntropyLoss(per_class, None, 2, None, "sum", 0.1)(x, labels),
        ),
    ):
        np.testing.assert_allclose(got.numpy(), getattr(want, "_array", want), rtol=1e-12)
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.soft_margin_loss(x, y, reduce=False).shape == x.shape


def tensor(a: Any) -> Tensor:
    return fastnn.tensor(np.asarray(a))


@pytest.mark.parametrize("name", OURS)
def test_equations(name: str) -> None:
    """Each element, mean and sum, and the gradient against differences."""
    kind, values = OURS[name]
    given = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in values.options.items()}
    make, each = partial(getattr(nn, kind), **given), values.each
    assert each is not None
    inputs = [tensor(a) for a in values.inputs]
    np.testing.assert_allclose(make(reduction="none")(*inputs).numpy(), each, rtol=1e-11)
    assert make()(*inputs).item() == pytest.approx(each.mean(), rel=1e-12)
    assert make(reduction="sum")(*inputs).item() == pytest.approx(each.sum(), rel=1e-12)
    for reduction in ("none", "mean", "sum"):
        loss = make(reduction=reduction)
        x = fastnn.tensor(values.inputs[0], requires_grad=True)
        assert gradcheck(lambda z, loss=loss: loss(z, *inputs[1:]), (x,))


@pytest.mark.parametrize("kind", KNOWN)
def test_values_of_every_loss_are_known(kind: str) -> None:
    entry = KNOWN[kind]
    elsewhere = entry.tested_in and Path(__file__).with_name(entry.tested_in).read_text()
    assert entry.torch or entry.equations or f"nn.{kind}" in elsewhere, (
        f"nn.{kind}: add torch's values or an equation to tests/cases/losses.py"
    )


def test_zero_one_counts_and_refuses_to_be_trained() -> None:
    z = fastnn.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]], requires_grad=True)
    y = fastnn.tensor([0, 0, 1])
    assert nn.ZeroOneLoss()(z, y).item() == pytest.approx(2 / 3)
    assert nn.ZeroOneLoss(reduction="sum")(z, y).item() == pytest.approx(2.0)
    assert nn.ZeroOneLoss()(z[:, 0], fastnn.tensor([1.0, 1.0, 0.0])).item() == pytest.approx(2 / 3)
    with pytest.raises(RuntimeError, match=r"ZeroOneLoss: it is a metric.*CrossEntropyLoss"):
        nn.ZeroOneLoss()(z, y).backward()


def test_quantiles_that_cross_are_punished() -> None:
    x, y = fastnn.tensor([[1.5, 0.0], [0.0, 1.0]]), fastnn.tensor([0.5, 0.5])
    plain = nn.QuantileLoss([0.2, 0.8])(x, y)
    assert nn.QuantileLoss([0.2, 0.8], crossing=3.0)(x, y).item() == pytest.approx(
        plain.item() + 3.0 * 0.75
    )


def test_older_names_of_reductions() -> None:
    x, y = tensor(NORMAL), tensor(OTHER)
    for given, want in (
        ({"size_average": False}, "sum"),
        ({"size_average": True}, "mean"),
        ({"reduce": False}, "none"),
        ({"reduce": True}, "mean"),
    ):
        with pytest.warns(UserWarning, match=f"use reduction='{want}'"):
            loss = nn.MSELoss(**given)
        assert loss(x, y).tolist() == nn.MSELoss(reduction=want)(x, y).tolist()
    with pytest.warns(UserWarning, match="deprecated"):
        assert nn.KLDivLoss(False).reduction == "sum"


def test_far_logits_stay_finite() -> None:
    far = fastnn.tensor([[1e4, -1e4], [-1e4, 1e4]], dtype="float32", requires_grad=True)
    y, signs = fastnn.tensor([1, 1]), fastnn.tensor([[1.0, -1.0], [1.0, -1.0]])
    losses = {
        "focal": F.focal_loss(far, y),
        "sigmoid_focal": F.sigmoid_focal_loss(far, (signs + 1) / 2, reduction="mean"),
        "soft_margin": F.soft_margin_loss(far, signs),
        "log_cosh": F.log_cosh_loss(far, signs),
        "multilabel": F.multilabel_soft_margin_loss(far, (signs + 1) / 2),
    }
    for name, loss in losses.items():
        assert math.isfinite(loss.item()), name
        (gradient,) = fastnn.autograd.grad(loss, far, retain_graph=True)
        assert np.isfinite(gradient.numpy()).all(), name


def test_focal_loss_of_sure_answers() -> None:
    """(1 - p)**gamma -log p to the last digits where 1 - p is next to nothing."""
    gap = np.array([8.0, 14.0, 20.0])
    z = fastnn.tensor(np.stack([gap, 0 * gap], 1), requires_grad=True)
    loss = F.focal_loss(z, fastnn.tensor([0, 0, 0]), gamma=0.5, reduction="none")
    miss = 1 / (1 + np.exp(gap))  # 1 - p
    np.testing.assert_allclose(loss.detach().numpy(), -np.sqrt(miss) * np.log1p(-miss), rtol=1e-6)
    loss.sum().backward()
    assert z.grad is not None
    slope = (0.5 * np.log1p(-miss) * (1 - miss) - miss) * np.sqrt(miss)
    np.testing.assert_allclose(z.grad.numpy()[:, 0], slope, rtol=1e-6)


def test_bad_input() -> None:
    x, y = fastnn.ones(3, 2), fastnn.ones(3, 2)
    labels = fastnn.tensor([0, 1, 2])
    refused: list[tuple[Any, type[Exception], str]] = [
        (lambda: nn.LogCoshLoss()(x, y[:2]), ValueError, "^target: expected shape"),
        (lambda: nn.QuantileLoss(1.0), ValueError, "^quantiles"),
        (lambda: nn.QuantileLoss([0.9, 0.1]), ValueError, "^quantiles: expected increasing"),
        (lambda: nn.QuantileLoss([0.1, 0.5, 0.9])(x, y[:, 0]), ValueError, r"\(rows, 3\)"),
        (
            lambda: nn.GammaDevianceLoss()(x, y * 0),
            ValueError,
            r"than 0, got 0 at \[0, 0\]",
        ),
        (lambda: nn.TweedieDevianceLoss()(x, -y), ValueError, r"at least 0, got -1"),
        (lambda: nn.TweedieDevianceLoss(2.5), ValueError, "^power"),
        (lambda: nn.GaussianNLLLoss()(x, y, -y), ValueError, "at least 0, got -1"),
        (lambda: nn.GaussianNLLLoss()(x, y, fastnn.ones(2)), ValueError, "^var: expected shape"),
        (lambda: nn.MultiMarginLoss()(x, labels), ValueError, "got 2 at row 2"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "^p: expected one of 1, 2"),
        (lambda: nn.FocalLoss()(x, labels), ValueError, "got 2 at row 2"),
        (lambda: nn.MultiLabelMarginLoss()(x, y), TypeError, r"use \.long\(\)"),
        (lambda: nn.CosineEmbeddingLoss()(x, y, x), ValueError, "^target: expected shape"),
        (lambda: nn.TripletMarginLoss(margin=0.0), ValueError, "^margin"),
        (lambda: nn.ZeroOneLoss(reduction="none"), ValueError, "^reduction"),
        (lambda: nn.MSELoss(reduction="average"), ValueError, "^reduction: expected one of"),
    ]
    for call, error, text in refused:
        with pytest.raises(error, match=text):
            call()


def test_checks_of_targets_are_made_at_every_replay() -> None:
    step = fastnn.compile(lambda x, y: nn.GammaDevianceLoss()(x, y))
    x = fastnn.ones(C)
    step(x, x)
    with pytest.raises(ValueError, match="greater than 0, got 0"):
        step(x, x * 0)

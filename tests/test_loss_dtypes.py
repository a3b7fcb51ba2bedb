"""Losses of targets whose dtype is not the input's: promoted as torch does, or refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fastnn
from fastnn.nn import functional as F
from fastnn.tensor import Tensor

X = np.array([[0.25, -0.5, 1.5], [0.75, 2.0, -1.25]], np.float32)
SIGNS = np.array([[1, -1, 1], [-1, 1, -1]], np.int64)

Loss = Callable[[Tensor, Tensor], Tensor]


def ranked(x: Tensor, y: Tensor) -> Tensor:
    return F.margin_ranking_loss(x, x.detach() * 2 + 1, y, margin=0.5)


def gaussian(x: Tensor, y: Tensor) -> Tensor:
    return F.gaussian_nll_loss(x, y, fastnn.ones(2, 3))


# name: the loss, and the dtype that a float64 target gives (torch 2.13's)
PROMOTED: dict[str, tuple[Loss, str]] = {
    "mse": (F.mse_loss, "float64"),
    "l1": (F.l1_loss, "float64"),
    "smooth_l1": (F.smooth_l1_loss, "float64"),
    "huber": (F.huber_loss, "float32"),
    "hinge_embedding": (F.hinge_embedding_loss, "float32"),
    "soft_margin": (F.soft_margin_loss, "float32"),
    "multilabel_soft_margin": (F.multilabel_soft_margin_loss, "float64"),
    "poisson_nll": (F.poisson_nll_loss, "float64"),
    "gaussian_nll": (gaussian, "float64"),
    "margin_ranking": (ranked, "float64"),
    "triplet": (lambda x, y: F.triplet_margin_loss(x, y, x * 2), "float64"),
    "cosine": (lambda x, y: F.cosine_embedding_loss(x, y, fastnn.ones(2)), "float64"),
    "quantile": (F.quantile_loss, "float64"),
    "log_cosh": (F.log_cosh_loss, "float64"),
    "hinge": (F.hinge_loss, "float64"),
    "half_squared_error": (F.half_squared_error, "float64"),
}


@pytest.mark.parametrize("name", PROMOTED)
@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_a_target_of_another_dtype_is_promoted(name: str, kind: str) -> None:
    loss, wide = PROMOTED[name]
    x = fastnn.tensor(X, requires_grad=True)
    found = loss(x, fastnn.tensor(SIGNS.astype(kind)))
    assert found.dtype == (wide if kind == "float64" else "float32")
    [gradient] = fastnn.autograd.grad(found, x)
    assert gradient.dtype == "float32"

    same = fastnn.tensor(X.astype(wide), requires_grad=True)  # as with both of one dtype
    value = loss(same, fastnn.tensor(SIGNS.astype(wide)))
    tolerance = 1e-6 if kind == "int64" or wide == "float32" else 1e-7
    np.testing.assert_allclose(found.item(), value.item(), rtol=tolerance)
    [other] = fastnn.autograd.grad(value, same)
    np.testing.assert_allclose(gradient.numpy(), other.numpy(), rtol=1e-5, atol=1e-7)


def test_integers_alone_are_no_input() -> None:
    y = fastnn.tensor(SIGNS)
    for loss in (F.mse_loss, F.soft_margin_loss, F.hinge_embedding_loss):
        with pytest.raises(TypeError, match="floating-point"):
            loss(y, y)


def test_binary_cross_entropy_keeps_refusing_integers() -> None:
    x, y = fastnn.tensor(X).sigmoid(), fastnn.tensor(SIGNS.clip(0))
    with pytest.raises(TypeError, match=r"target: expected dtype float32 like input, got int64"):
        F.binary_cross_entropy(x, y)
    with pytest.raises(TypeError, match="target: expected dtype float32 like input, got int64"):
        F.binary_cross_entropy_with_logits(x, y)
    assert F.binary_cross_entropy_with_logits(x, y.double()).dtype == "float64"


def test_probabilities_of_another_dtype_are_promoted() -> None:
    p = fastnn.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], dtype=fastnn.float64)
    found = F.cross_entropy(fastnn.tensor(X), p)
    assert found.dtype == "float64"
    exact = F.cross_entropy(fastnn.tensor(X.astype(np.float64)), p)
    np.testing.assert_allclose(found.item(), exact.item(), rtol=1e-15)


def test_what_torch_refuses_is_refused() -> None:
    x, p = fastnn.tensor(X), fastnn.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    with pytest.raises(ValueError, match="ignore_index: expected a number below 0 for a target"):
        F.cross_entropy(x, p, ignore_index=1)
    for margin in (0.0, -1.0):
        with pytest.raises(ValueError, match="margin: expected a finite number > 0"):
            F.triplet_margin_loss(x, x, x, margin=margin)
    with pytest.raises(ValueError, match=r"var: expected numbers at least 0, got -1 at \[0, 0\]"):
        F.gaussian_nll_loss(x, x, fastnn.full((2, 3), -1.0))
    with pytest.raises(ValueError, match=r"var: expected shape \(2, 3\), the same with one axis"):
        F.gaussian_nll_loss(x, x, fastnn.ones(3, 3))


def test_a_variance_may_lack_any_one_axis() -> None:
    x, y = fastnn.tensor(X), fastnn.tensor(SIGNS)
    for shape, full in (((1, 3), (2, 3)), ((2, 1), (2, 3)), ((2,), (2, 3))):
        v = np.arange(1.0, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
        whole = np.broadcast_to(v.reshape(2, 1) if len(shape) == 1 else v, full)
        found = F.gaussian_nll_loss(x, y, fastnn.tensor(v))
        want = (np.log(whole) + (X - SIGNS) ** 2 / whole).mean() / 2
        np.testing.assert_allclose(found.item(), want, rtol=1e-6)


def test_margin_losses_of_one_row() -> None:
    x = fastnn.tensor([0.1, 0.2, 0.4])
    one = fastnn.tensor(1)
    alone = F.multi_margin_loss(x, one, reduction="none")
    listed = F.multi_margin_loss(x, one.reshape(1), reduction="none")
    assert alone.shape == () and listed.shape == (1,)
    np.testing.assert_allclose(alone.item(), (0.9 + 1.2) / 3, rtol=1e-6)
    zero = fastnn.tensor(0)
    assert F.multilabel_margin_loss(fastnn.tensor(0.5), zero, reduction="none").item() == 0.0
    assert F.multi_margin_loss(fastnn.tensor(0.5), zero).item() == 0.0

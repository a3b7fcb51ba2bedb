"""The worked examples of golden.json that the reference can compute, from the ops' references."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from families import reference

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())


def logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-np.asarray(p))


def test_backprop_two_layer_sigmoid() -> None:
    g = GOLDEN["backprop_two_layer_sigmoid"]
    x, target = np.array([g["inputs"]]), np.array([g["targets"]])
    w1, w2 = np.array(g["W1"]), np.array(g["W2"])  # (out, in)
    b1, b2 = np.full(2, g["b1"]), np.full(2, g["b2"])
    lr = np.array([g["lr"], 0, 0, 1, *[0] * 8])
    close = {"rtol": 1e-14, "atol": 0}

    def forward(w1: Any, w2: Any) -> tuple[Any, Any]:
        h = reference.matmul(x, w1.T, b1, activation="sigmoid")
        return h, reference.matmul(h, w2.T, b2, activation="sigmoid")

    np.testing.assert_allclose(reference.matmul(x, w1.T, b1)[0], g["net_h"], **close)
    h, o = forward(w1, w2)
    np.testing.assert_allclose(h[0], g["out_h"], **close)
    np.testing.assert_allclose(reference.matmul(h, w2.T, b2)[0], g["net_o"], **close)
    np.testing.assert_allclose(o[0], g["out_o"], **close)
    loss, d_o = reference.mse(o[0], target[0])
    np.testing.assert_allclose(loss[0], g["E"], **close)
    each = reference.mse(o[0], target[0], reduction="none")[0] / 2
    np.testing.assert_allclose(each, g["E_o"], **close)
    np.testing.assert_allclose(d_o, g["dE_dout_o"], **close)
    slope = reference.sigmoid_grad(np.ones(2), o[0])
    np.testing.assert_allclose(slope, g["dout_dnet_o"], **close)

    delta_o = reference.sigmoid_grad(d_o[None], o)
    np.testing.assert_allclose(delta_o[0], g["delta_o"], **close)
    delta_h = reference.matmul(delta_o, w2, y=h, derivative="sigmoid")
    np.testing.assert_allclose(delta_h[0], g["delta_h"], rtol=1e-13)
    dw1, dw2 = reference.matmul(delta_h.T, x), reference.matmul(delta_o.T, h)
    grads = np.concatenate([dw1.ravel(), dw2.ravel()])
    np.testing.assert_allclose(grads, g["grad_w1_to_w8"], rtol=1e-13)
    np.testing.assert_allclose(reference.sum(delta_o[None])[0], g["grad_b2_per_unit"], **close)
    np.testing.assert_allclose(reference.sum(delta_h[None])[0], g["grad_b1_per_unit"], rtol=1e-13)

    weights = np.concatenate([w1.ravel(), w2.ravel()])
    for step in range(10_000):
        w1, w2 = weights[:4].reshape(2, 2), weights[4:].reshape(2, 2)
        h, o = forward(w1, w2)
        if step == 1:
            np.testing.assert_allclose(weights, g["new_w1_to_w8"], rtol=1e-14)
            e = reference.mse(o[0], target[0])[0][0]
            np.testing.assert_allclose(e, g["E_after_1_step_biases_frozen"], rtol=1e-13)
        delta_o = reference.sigmoid_grad(reference.mse(o[0], target[0])[1][None], o)
        delta_h = reference.matmul(delta_o, w2, y=h, derivative="sigmoid")
        grads = np.concatenate([(delta_h.T @ x).ravel(), (delta_o.T @ h).ravel()])
        weights, _, _ = reference.sgd_step(weights, lr, None, grads)
    _, o = forward(weights[:4].reshape(2, 2), weights[4:].reshape(2, 2))
    e = reference.mse(o[0], target[0])[0][0]
    np.testing.assert_allclose(e, g["E_after_10000_steps_biases_frozen"], rtol=1e-9)


def test_functional_grad_bce_logits() -> None:
    g = GOLDEN["functional_grad_bce_logits"]
    loss, dz = reference.bce_with_logits(g["z"], np.zeros(3))
    np.testing.assert_allclose(loss[0], g["loss_exact"], rtol=1e-14)
    np.testing.assert_allclose(dz, g["grad_b_printed"], rtol=g["rtol"])
    with_z = [1 + d for d in dz]
    np.testing.assert_allclose(with_z, g["grad_with_z_output_printed"], rtol=g["rtol"])
    loss, dz = reference.bce_with_logits(g["first_run_implied_z"], np.zeros(3))
    np.testing.assert_allclose(loss[0], g["first_run_implied_loss"], rtol=1e-9)
    np.testing.assert_allclose(dz, g["first_run_grad_b"], rtol=g["rtol"])


@pytest.mark.parametrize("name", ["bce_three", "bce_multilabel", "bce"])
def test_bce_of_probabilities(name: str) -> None:
    g = GOLDEN[name]
    for reduction in {"mean", "sum"} & g.keys():
        loss, dz = reference.bce_with_logits(logit(g["p"]), g["y"], reduction=reduction)
        np.testing.assert_allclose(loss[0], g[reduction], rtol=1e-12)
    each = reference.bce_with_logits(logit(g["p"]), g["y"], reduction="none")[0]
    if "each" in g:
        np.testing.assert_allclose(each, g["each"], rtol=1e-9)
    if "grad_mean" in g:  # by p, not by the logit: dp/dz = p (1 - p)
        dz = reference.bce_with_logits(logit(g["p"]), g["y"])[1]
        slope = reference.sigmoid_grad(np.ones(len(dz)), g["p"])
        np.testing.assert_allclose(dz / slope, g["grad_mean"], rtol=1e-8)


def test_ce_one_hot_and_kl() -> None:
    g = GOLDEN["ce_one_hot"]
    z = np.log([g["p"]])
    np.testing.assert_allclose(reference.soft_cross_entropy(z, [g["y"]])[0][0], g["loss"])
    label = reference.argmax(np.array([g["y"]]).reshape(1, 3, 1))[0]
    np.testing.assert_allclose(reference.softmax_cross_entropy(z, label)[0][0], g["loss"])
    g = GOLDEN["kl_one_hot"]  # the entropy of a one-hot p is 0, so KL is the cross-entropy
    np.testing.assert_allclose(reference.soft_cross_entropy(np.log([g["q"]]), [g["p"]])[0], g["kl"])


def test_nll_table() -> None:
    g = GOLDEN["nll_table"]
    labels = np.array(g["labels_1based"]) - 1
    for reduction, want in (("none", g["nll"]), ("sum", g["sum"]), ("mean", g["mean"])):
        got = reference.softmax_cross_entropy(np.log(g["P"]), labels, reduction=reduction)[0]
        np.testing.assert_allclose(got, want, rtol=1e-9)


def test_ce_logits() -> None:
    g = GOLDEN["ce_logits"]
    z, y = np.array(g["x"]), np.array(g["y"])
    for reduction, want in (("none", g["each"]), ("sum", g["sum"]), ("mean", g["mean"])):
        got = reference.softmax_cross_entropy(z, y, reduction=reduction)[0]
        np.testing.assert_allclose(got, want, rtol=1e-9)
    smooth = np.eye(3)[y] * 0.9 + 0.1 / 3
    weight = np.array([1.0, 2, 3])
    norm = weight[y].sum()
    total = reference.soft_cross_entropy
    np.testing.assert_allclose(total(z, smooth)[0][0], g["mean_ls01"])
    weighted = total(z, np.eye(3)[y] * weight, reduction="sum")[0][0] / norm
    np.testing.assert_allclose(weighted, g["mean_w123"])
    weighted = total(z, smooth * weight, reduction="sum")[0][0] / norm
    np.testing.assert_allclose(weighted, g["mean_w123_ls01"])
    np.testing.assert_allclose(
        reference.softmax_cross_entropy(z[:1], y[:1])[0][0], g["mean_ignore2"]
    )
    wrong = -np.mean(reference.log(z[np.arange(2), y]))
    np.testing.assert_allclose(wrong, g["if_wrongly_treated_as_probabilities"])


def test_mse_and_softmax_ten() -> None:
    g = GOLDEN["mse"]
    for reduction in ("mean", "sum"):
        loss = reference.mse(g["p"], g["y"], reduction=reduction)[0]
        np.testing.assert_allclose(loss, g[reduction], rtol=1e-14)
    np.testing.assert_allclose(reference.mse(g["p"], g["y"])[1], g["grad"], rtol=1e-14)
    g = GOLDEN["softmax_ten"]
    p = reference.softmax([g["x"]])
    np.testing.assert_allclose(p[0], g["p"], rtol=1e-14)
    assert reference.argmax(p[:, :, None])[0, 0] == g["argmax"]
    assert reference.accuracy(p, [g["argmax"]])[0] == 1


@pytest.mark.parametrize(
    ("name", "hyper", "keywords"),  # decoupled decay, then the row's own
    [
        ("sgd_mom09_torch", [0, 0.9], {}),
        ("sgd_nesterov09_torch", [0, 0.9], {"nesterov": True}),
        ("momentum_ema_beta09", [0, 0.9], {"form": 2}),
        ("adagrad_torch", [0, 0, 0, 1e-10], {}),
        ("rmsprop_torch_default", [0, 0.99, 1e-8], {}),
        ("adam_betas_09_099_torch", [0, 0.9, 0.99, 1e-8], {}),
        ("adam_betas_09_0999_torch", [0, 0.9, 0.999, 1e-8], {}),
        ("adam_betas_09_099_keras_eps1e7", [0, 0.9, 0.99, 1e-7], {"scaled": True}),
        ("adam_betas_09_099_sklearn_eps1e8", [0, 0.9, 0.99, 1e-8], {"scaled": True}),
        ("adamw_wd001_torch", [0.01, 0.9, 0.999, 1e-8], {}),
    ],
)
def test_optim_half_w_squared(name: str, hyper: list[float], keywords: dict[str, Any]) -> None:
    """The gradient of w^2 / 2 is w; each entry is (w before, w after)."""
    kind = re.match("(?:momentum|[a-z]+)", name)[0].replace("momentum", "sgd")
    step = getattr(reference, f"{kind.replace('adamw', 'adam')}_step")
    moments = {"sgd": [0], "adagrad": [0], "rmsprop": [0, None, None]}.get(kind, [0, 0, None])
    state = np.zeros(12)
    state[[0, 2, 3]] = 0.01, hyper[0], 1
    state[5 : 4 + len(hyper)] = hyper[1:]
    w, kept = np.ones(1), [None if m is None else np.zeros(1) for m in moments]
    for before, after in GOLDEN["optim_half_w_squared"][name]:
        assert w[0] == pytest.approx(before, rel=1e-14)
        w, state, *kept = step(w, state, *kept, w, **keywords)
        assert w[0] == pytest.approx(after, rel=1e-13)


def test_ce_seed520_rows_are_log_probabilities() -> None:
    """The part that needs no random numbers of torch: log_softmax leaves such rows as they are."""
    g = GOLDEN["ce_seed520_3000"]["logsigma_first2"]
    np.testing.assert_allclose(np.exp(g).sum(axis=1), 1, rtol=1e-6)
    again = reference.log_softmax(g)
    np.testing.assert_allclose(again, g, rtol=1e-6)

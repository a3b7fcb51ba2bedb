"""Plots of losses, paths, gradients and probabilities: what is drawn, against equations."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
import pytest

import fastnn
from fastnn import nn, optim, plot

matplotlib.use("Agg")


def curve(ax: Any, i: int = 0) -> np.ndarray:
    return np.asarray(ax.lines[i].get_ydata(), float)


# ---- losses ----


def test_losses_of_an_error() -> None:
    ax = plot.losses(nn.MSELoss(), nn.HuberLoss(reduction="sum"), nn.L1Loss(), derivatives=True)
    x = np.linspace(-3, 3, 241)
    np.testing.assert_allclose(curve(ax, 0), x**2)
    np.testing.assert_allclose(curve(ax, 1), 2 * x)
    huber = np.where(abs(x) < 1, x**2 / 2, abs(x) - 0.5)
    np.testing.assert_allclose(curve(ax, 2), huber, atol=1e-15)
    np.testing.assert_allclose(curve(ax, 5), np.sign(x))
    assert ax.get_xlabel() == "error"
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[:3] == ["MSELoss", "MSELoss, derivative", "HuberLoss"]


def test_losses_of_a_margin() -> None:
    bce = nn.BCEWithLogitsLoss()
    ax = plot.losses(bce, nn.HingeLoss(), nn.CrossEntropyLoss(), target=1, span=(-2, 2), points=41)
    x = np.linspace(-2, 2, 41)
    np.testing.assert_allclose(curve(ax, 0), np.log1p(np.exp(-x)))
    np.testing.assert_allclose(curve(ax, 1), np.maximum(1 - x, 0))
    np.testing.assert_allclose(curve(ax, 2), np.log1p(np.exp(-x)))  # of the logits (0, x)
    assert ax.get_xlabel() == "output, where the target is 1"


def test_losses_refuse() -> None:
    with pytest.raises(TypeError, match="functions: expected at least one loss"):
        plot.losses()
    with pytest.raises(TypeError, match=r"functions\[1\]: expected a loss, got 'mse'"):
        plot.losses(nn.MSELoss(), "mse")
    with pytest.raises(ValueError, match=r"functions\[0\]: expected a loss of one output and one"):
        plot.losses(lambda z, y: fastnn.cat([z, y]))


# ---- optimizers ----


def bowl(x: Any, y: Any) -> Any:
    return x**2 + 10 * y**2


def test_paths_of_gradient_descent() -> None:
    """w <- w - lr (2 x, 20 y), and momentum beside it."""
    ax = plot.optimizer_paths(
        bowl,
        {
            "SGD": lambda w: optim.SGD(w, lr=0.04),
            "momentum": lambda w: optim.SGD(w, lr=0.04, momentum=0.5),
        },
        (2.0, 1.0),
        steps=12,
        minimum=(0, 0),
    )
    factor = np.array([1 - 0.08, 1 - 0.8])
    want = np.array([2.0, 1.0]) * factor ** np.arange(13)[:, None]
    np.testing.assert_allclose(ax.lines[0].get_xydata(), want)
    w, v = np.array([2.0, 1.0]), np.zeros(2)
    for point in ax.lines[1].get_xydata():
        np.testing.assert_allclose(point, w)
        v = 0.5 * v + w * [2, 20]
        w = w - 0.04 * v
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["SGD", "momentum", "start", "minimum"]
    low, high = ax.get_xlim()
    assert low < 0 < 2 < high < 4


def test_paths_that_leave_and_those_that_need_a_closure() -> None:
    rivals = {
        "too fast": lambda w: optim.SGD(w, lr=1.0),
        "L-BFGS": lambda w: optim.LBFGS(w, line_search_fn="strong_wolfe"),
    }
    ax = plot.optimizer_paths(bowl, rivals, (2.0, 1.0), steps=50)
    lost, found = (line.get_xydata() for line in ax.lines[:2])
    assert len(lost) < 20 and np.isfinite(lost).all()
    assert len(found) == 51 and abs(found[-1]).max() < 1e-5
    assert max(np.abs([*ax.get_xlim(), *ax.get_ylim()])) < 5  # what is lost does not set the range


def test_paths_refuse() -> None:
    make = {"SGD": lambda w: optim.SGD(w, lr=0.1)}
    with pytest.raises(TypeError, match="optimizers: expected names and functions"):
        plot.optimizer_paths(bowl, {}, (0.0, 0.0))
    with pytest.raises(ValueError, match="function: expected one number for one point"):
        plot.optimizer_paths(lambda x, y: fastnn.stack([x, y]), make, (0.0, 0.0))
    with pytest.raises(ValueError, match="start: expected a pair"):
        plot.optimizer_paths(bowl, make, 3)
    with pytest.raises(ValueError, match=r"xlim: expected .*low < high"):
        plot.optimizer_paths(bowl, make, (1.0, 1.0), xlim=(1, 1))


# ---- gradients ----


def test_norms_of_gradients() -> None:
    """Of y = W x, E = mean((y - t)**2): dE/dW = 2/(n m) (y - t)' x."""
    net = nn.Linear(3, 2).double()
    draw = np.random.default_rng(0)
    x, t = draw.standard_normal((5, 3)), draw.standard_normal((5, 2))
    ax = plot.gradient_norms(net, x, t, nn.MSELoss(), biases=True)
    off = x @ net.weight.detach().numpy().T + net.bias.detach().numpy() - t
    want = [np.linalg.norm(2 / 10 * off.T @ x), np.linalg.norm(2 / 10 * off.sum(0))]
    np.testing.assert_allclose(curve(ax), want)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["weight", "bias"]
    assert net.weight.grad is None and net.training


def test_norms_of_gradients_that_vanish() -> None:
    _ = fastnn.manual_seed(0)
    deep = nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(8, 8), nn.Sigmoid())))
    x = np.random.default_rng(0).standard_normal((20, 8)).astype(np.float32)
    ax = plot.gradient_norms(deep, x, x, nn.MSELoss(), label="sigmoid")
    assert ax.get_yscale() == "log" and curve(ax)[0] < 1e-2 * curve(ax)[-1]
    again = plot.gradient_norms(deep, x, x, nn.MSELoss(), label="again", ax=ax)
    assert again is ax and [text.get_text() for text in ax.get_legend().get_texts()] == [
        "sigmoid",
        "again",
    ]
    with pytest.raises(ValueError, match="model: expected trainable weights"):
        plot.gradient_norms(nn.ReLU(), x, x, nn.MSELoss())


# ---- probabilities ----

ROWS = np.array([[-2.0, 0.0], [2.0, 1.0]])


def shares(ax: Any, classes: int) -> np.ndarray:
    """The probability of the class that wins, from the meshes of the classes."""
    meshes = [np.ma.filled(ax.collections[k].get_array(), np.nan) for k in range(classes)]
    covered = np.isfinite(meshes).sum(axis=0)
    assert (covered == 1).all()
    return np.nansum(meshes, axis=0)


@pytest.mark.parametrize("kind", ["logit", "probability", "logits", "probabilities"])
def test_shades_are_probabilities(kind: str) -> None:
    def p(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-3 * x[:, 0]))

    model = {
        "logit": lambda x: 3 * x[:, :1],
        "probability": p,
        "logits": lambda x: np.stack([5 + 0 * x[:, 0], 5 + 3 * x[:, 0]], 1),
        "probabilities": lambda x: np.stack([1 - p(x), p(x)], 1),
    }[kind]
    threshold = 0.5 if kind == "probability" else 0.0
    ax = plot.decision_boundary(
        model, ROWS, [0, 1], points=6, threshold=threshold, shade="probability", classes=["a", "b"]
    )
    x = np.linspace(-2.2, 2.2, 6)
    want = np.tile(1 / (1 + np.exp(-3 * np.abs(x))), (6, 1))
    np.testing.assert_allclose(shares(ax, 2), want, rtol=1e-6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_shades_of_three_classes() -> None:
    ax = plot.decision_boundary(
        lambda x: np.stack([x[:, 0], x[:, 1], 0 * x[:, 0]], 1), ROWS, points=7, shade="probability"
    )
    x, y = np.meshgrid(np.linspace(-2.2, 2.2, 7), np.linspace(-0.05, 1.05, 7))
    z = np.exp([x, y, 0 * x])
    np.testing.assert_allclose(shares(ax, 3), z.max(0) / z.sum(0), rtol=1e-6)
    assert math.isclose(ax.collections[0].norm.vmin, 1 / 3)
    with pytest.raises(ValueError, match="shade"):
        plot.decision_boundary(lambda x: x, ROWS, shade="dark")

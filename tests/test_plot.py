"""Plots: the plotted data, not their looks."""

from __future__ import annotations

import io
import math
import operator
import sys
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import fastnn
from fastnn import nn, optim, plot
from fastnn.optim import lr_scheduler

matplotlib.use("Agg")


def lines(ax: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(line.get_xdata(), line.get_ydata()) for line in ax.lines]


def mesh(ax: Any) -> np.ndarray:
    found = ax.collections[0]
    assert isinstance(found, QuadMesh)
    return np.asarray(found.get_array())


def small_net() -> nn.Sequential:
    _ = fastnn.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))


# ---- activations and schedules ----


def test_activations_and_their_derivatives() -> None:
    ax = plot.activations(nn.ReLU(), fastnn.tanh, nn.LeakyReLU(0.1), points=401)
    (x, relu), (_, relu_slope), (_, tanh), (_, tanh_slope), _, (_, leaky_slope) = lines(ax)
    np.testing.assert_array_equal(x, np.linspace(-4, 4, 401))
    np.testing.assert_array_equal(relu, np.maximum(x, 0))
    np.testing.assert_array_equal(relu_slope, x > 0)  # 0 at 0, as in training
    np.testing.assert_allclose(tanh, np.tanh(x), rtol=1e-14)
    np.testing.assert_allclose(tanh_slope, 1 - np.tanh(x) ** 2, rtol=1e-12)
    np.testing.assert_allclose(leaky_slope, np.where(x > 0, 1, 0.1))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:3] == ["ReLU", "ReLU, derivative", "tanh"]
    given = Figure().add_subplot()
    prelu = nn.PReLU()
    assert plot.activations(prelu, span=(0, 1), points=3, derivatives=False, ax=given) is given
    [(x, y)] = lines(given)
    assert x.tolist() == [0, 0.5, 1] == y.tolist() and prelu.weight.grad is None


def test_every_activation_can_be_drawn() -> None:
    names = "ELU SELU CELU GELU SiLU Mish Softplus Hardtanh Hardsigmoid Hardswish Sigmoid"
    names += " LogSigmoid Softsign Tanhshrink Softshrink Hardshrink ReLU6"
    functions = [getattr(nn, name)() for name in names.split()]
    drawn = lines(plot.activations(*functions, span=(-8, 8), points=161))
    for name, (x, y), (_, slope) in zip(names.split(), drawn[::2], drawn[1::2]):
        numeric = (y[2:] - y[:-2]) / (x[2:] - x[:-2])
        smooth = np.abs(np.diff(slope, 2)) < 0.02  # off the kinks
        off = np.abs(numeric - slope[1:-1])[smooth]
        assert smooth.mean() > 0.8 and off.max() < 0.01, name


def test_activations_refuse() -> None:
    for mixing in (nn.Softmax(-1), nn.Dropout(), fastnn.sum):
        with pytest.raises(ValueError, match=r"functions\[1\]: expected a function of each elem"):
            plot.activations(nn.ReLU(), mixing)
    with pytest.raises(TypeError, match=r"functions\[0\]: expected a function or module, got 'r"):
        plot.activations("relu")
    with pytest.raises(TypeError, match="functions: expected at least one"):
        plot.activations()
    with pytest.raises(ValueError, match="span: expected a pair"):
        plot.activations(nn.ReLU(), span=3)
    with pytest.raises(ValueError, match=r"span: expected .*low < high"):
        plot.activations(nn.ReLU(), span=(1, 1))


def test_schedules_are_drawn_from_where_they_are() -> None:
    def made(lr: float) -> optim.SGD:
        return optim.SGD(nn.Linear(2, 1).parameters(), lr=lr)

    cosine = lr_scheduler.CosineAnnealingLR(made(0.1), T_max=50)
    first = made(1.0)
    warm = lr_scheduler.LinearLR(first, 0.5, total_iters=2)
    chain = lr_scheduler.SequentialLR(first, [warm, lr_scheduler.ExponentialLR(first, 0.5)], [2])
    ax = plot.schedules(cosine, chain, steps=51)
    (x, rates), (_, chained) = lines(ax)
    assert x.tolist() == list(range(51))
    np.testing.assert_allclose(rates, [0.05 * (1 + math.cos(math.pi * e / 50)) for e in x])
    np.testing.assert_allclose(chained[:5], [0.5, 0.75, 1, 0.5, 0.25])
    assert cosine.last_epoch == 0 and chain.get_last_lr() == [0.5]
    assert cosine.optimizer.param_groups[0]["lr"] == 0.1
    with pytest.raises(TypeError, match=r"schedulers\[0\]: .*got ReduceLROnPlateau"):
        plot.schedules(lr_scheduler.ReduceLROnPlateau(first), steps=3)
    with pytest.raises(ValueError, match="group"):
        plot.schedules(cosine, steps=3, group=1)


# ---- loss landscape ----


def test_landscape_of_a_linear_model_is_the_parabola() -> None:
    """E along normalised directions, against the sums written out."""
    _ = fastnn.manual_seed(3)
    net = nn.Linear(3, 2).double()
    draw = np.random.RandomState(0)
    x, y = draw.randn(7, 3), draw.randn(7, 2)
    ax = plot.loss_landscape(net, x, y, nn.MSELoss(), span=0.5, points=5, seed=4)
    weight, bias = net.weight.detach().numpy(), net.bias.detach().numpy()
    random = np.random.default_rng(4)
    d1, d2 = (random.standard_normal((2, 3)) for _ in range(2))
    for d in (d1, d2):
        d *= np.linalg.norm(weight, axis=1, keepdims=True) / np.linalg.norm(d, axis=1)[:, None]
    places = np.linspace(-0.5, 0.5, 5)
    want = [[((x @ (weight + a * d1 + b * d2).T + bias - y) ** 2).mean() for a in places]
            for b in places]  # fmt: skip
    np.testing.assert_allclose(mesh(ax), want, rtol=1e-12)
    again = plot.loss_landscape(net, x, y, nn.MSELoss(), span=0.5, points=5, seed=5)
    assert not np.allclose(mesh(again), want)


def test_landscape_leaves_the_model_as_it_was() -> None:
    net = small_net()
    net[0].requires_grad_(False)
    draw = np.random.RandomState(0)
    x, y = draw.randn(6, 2).astype(np.float32), draw.randint(0, 3, 6)
    loss = nn.CrossEntropyLoss()
    pending = loss(net(fastnn.tensor(x)), fastnn.tensor(y))  # a tape that is still needed
    before = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    state, numpys = fastnn.get_rng_state(), np.random.get_state()[1].copy()
    ax = plot.loss_landscape(net, x, y, loss, points=3)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name], err_msg=name)
    np.testing.assert_array_equal(fastnn.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpys)
    assert net.training and all(p.grad is None for p in net.parameters())
    pending.backward()
    net.eval()
    centre = loss(net(fastnn.tensor(x)), fastnn.tensor(y)).item()
    np.testing.assert_allclose(mesh(ax)[1, 1], centre)

    def broken(output: Any, target: Any) -> Any:
        raise KeyError("loss")

    with pytest.raises(KeyError):
        plot.loss_landscape(net, x, y, broken)
    np.testing.assert_array_equal(net[3].weight.detach().numpy(), before["3.weight"])


def test_landscape_refuses() -> None:
    x = y = np.zeros((2, 2))
    net = nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="model: expected trainable weights"):
        plot.loss_landscape(net, x, y, nn.MSELoss())
    with pytest.raises(TypeError, match="model: expected a Module"):
        plot.loss_landscape(abs, x, y, nn.MSELoss())
    with pytest.raises(ValueError, match="loss: expected a function that gives a tensor of one"):
        plot.loss_landscape(nn.Linear(2, 2), x, y, nn.MSELoss(reduction="none"))
    with pytest.raises(ValueError, match="span"):
        plot.loss_landscape(nn.Linear(2, 2), x, y, nn.MSELoss(), span=0)


def test_landscape_leaves_out_what_is_not_finite() -> None:
    net = nn.Linear(1, 1, bias=False)
    _ = nn.init.constant_(net.weight, 1.0)
    ax = plot.loss_landscape(
        net, [[1.0]], [[0.0]], lambda out, y: (out - y).log().sum(), span=2.0, points=5
    )
    values = ax.collections[0].get_array()
    assert values.mask.any() and np.isfinite(values.compressed()).all()
    ax.figure.savefig(io.BytesIO())


# ---- decisions and weights ----


@pytest.mark.parametrize("form", ["module", "function"])
def test_decision_boundary_of_classes(form: str) -> None:
    net = nn.Linear(3, 3)
    _ = net.weight.detach().copy_(fastnn.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, 0]]))
    _ = net.bias.detach().fill_(0)
    x = np.array([[-1, 9, -1], [1, 11, 1]], np.float32)
    model = net if form == "module" else lambda rows: rows @ np.array(net.weight.tolist()).T
    ax = plot.decision_boundary(model, x, [2, 0], columns=(0, 2), points=11)
    ticks = np.linspace(-1.1, 1.1, 11)
    across, up = np.meshgrid(ticks, ticks)
    want = np.stack([across, up, np.zeros_like(up)]).astype(np.float32).argmax(axis=0)
    off_ties = (np.abs(across) > 1e-6) & (np.abs(up) > 1e-6) & (np.abs(across - up) > 1e-6)
    np.testing.assert_array_equal(mesh(ax)[off_ties], want[off_ties])
    rows = [part.get_offsets() for part in ax.collections[1:]]  # of class 0, of class 2
    np.testing.assert_array_equal(np.concatenate(rows), x[[1, 0]][:, [0, 2]])
    assert ax.get_xlabel() == "feature 0" and ax.get_ylabel() == "feature 2"


def test_decision_boundary_of_one_output() -> None:
    x = np.array([[0, 0], [4, 2]])  # integers, too
    for last in ([0], 0):
        ax = plot.decision_boundary(operator.itemgetter((..., last)), x, threshold=1.0, points=5)
        np.testing.assert_array_equal(mesh(ax), [[0, 0, 1, 1, 1]] * 5)


def test_decision_boundary_refuses() -> None:
    x = np.zeros((3, 2))
    for wrong in (x[:, :1], x[0], x[:0]):
        with pytest.raises(ValueError, match="x: expected rows of at least 2 features"):
            plot.decision_boundary(abs, wrong)
    with pytest.raises(ValueError, match="y: expected 3 classes like rows of x, got 2"):
        plot.decision_boundary(abs, x, [0, 1])
    for wrong in ([0, -1, 1], [0.5, 1, 1]):
        with pytest.raises(ValueError, match="y: expected integer classes from 0 on"):
            plot.decision_boundary(abs, x, wrong)
    with pytest.raises(ValueError, match=r"columns\[1\]"):
        plot.decision_boundary(abs, x, columns=(0, 2))


def test_weight_histograms() -> None:
    net = small_net()
    ax = plot.weight_histograms(net, bins=7)
    names = [patch.get_label() for patch in ax.patches]
    assert names == ["0.weight", "3.weight"]
    both = [net[i].weight.detach().numpy().ravel() for i in (0, 3)]
    edges = np.histogram_bin_edges(np.concatenate(both), 7)
    for patch, values in zip(ax.patches, both):
        density, drawn, _ = patch.get_data()
        np.testing.assert_array_equal(drawn, edges)
        np.testing.assert_array_equal(density, np.histogram(values, edges, density=True)[0])
        assert np.sum(density * np.diff(edges)) == pytest.approx(1)
    assert len(plot.weight_histograms(net, biases=True).patches) == 6
    with pytest.raises(ValueError, match="model: expected parameters"):
        plot.weight_histograms(nn.ReLU())
    net[0].weight.detach().numpy()[0, 0] = math.nan
    with pytest.raises(ValueError, match=r"0\.weight: expected finite values"):
        plot.weight_histograms(net)


# ---- runs ----


def test_learning_curves_of_a_history() -> None:
    net = nn.Linear(2, 1)
    trainer = fastnn.Trainer(net, loss=nn.MSELoss(), optimizer=optim.SGD(net.parameters(), lr=0.1))
    x, y = np.eye(2, dtype=np.float32), np.ones((2, 1), np.float32)
    history = trainer.fit(x, y, epochs=4, validation_data=(x, y), verbose=0)
    (epochs, train), _, (_, val), _ = lines(plot.learning_curves(history))
    assert epochs.tolist() == [1, 2, 3, 4]
    assert train.tolist() == history.history["loss"]
    assert val.tolist() == history.history["val_loss"]


def test_runs_and_where_they_err(tmp_path: Any) -> None:
    history = {"loss": [2.0, 0.01], "val_loss": [2.0, 0.5], "accuracy": [0.1, 1.0]}
    ax = plot.learning_curves(history)
    assert ax.get_yscale() == "log" and len(ax.get_legend().get_texts()) == 2
    assert plot.learning_curves(history, ax, metric="accuracy") is ax
    with pytest.raises(ValueError, match=r"metric: expected one of loss.*got 'mse'"):
        plot.learning_curves(history, metric="mse")
    ax = plot.confusion_matrix([0, 1, 1], [0, 1, 0], ["no", "yes"])
    assert [text.get_text() for text in ax.texts] == ["1", "1", "1"]
    assert "66.7% right of 3" in ax.get_title()
    with pytest.raises(ValueError, match=r"y_pred: expected classes in 0\.\.1, got 2"):
        plot.confusion_matrix([0, 1], [0, 2], ["no", "yes"])
    ax = plot.predicted_against_true([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert "R² = 1.000" in ax.get_title()
    with pytest.raises(ValueError, match="y_pred: expected 2 predictions"):
        plot.predicted_against_true([1.0, 2.0], [1.0])
    path = tmp_path / "r.png"
    plot.training_report(history, [0, 1], [0, 1], path, classes=["no", "yes"], title="t")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_is_shown() -> None:
    for ax in (
        plot.activations(nn.ReLU()),
        plot.decision_boundary(lambda rows: rows, np.eye(2), [0, 1], points=9),
        plot.weight_histograms(nn.Linear(2, 2)),
        plot.loss_landscape(nn.Linear(1, 1), [[1.0]], [[0.0]], nn.MSELoss(), points=3),
    ):
        ax.figure.savefig(io.BytesIO(), format="svg")
        assert ax.figure.canvas.manager is None


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (
        lambda: plot.learning_curves({"loss": [1.0]}),
        lambda: plot.activations(nn.ReLU()),
        lambda: plot.weight_histograms(nn.Linear(2, 2)),
    ):
        with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[plot\]'"):
            draw()


def test_a_title_of_the_user_takes_the_place_of_ours() -> None:
    ax = plot.activations(nn.ReLU())
    ax.set_title("Mine")
    titles = [ax.get_title(loc=place) for place in ("left", "center", "right")]
    assert [title for title in titles if title] == ["Mine"]


def test_a_legend_of_many_stands_beside_the_curves() -> None:
    ax = plot.activations(nn.ReLU(), nn.GELU(), nn.Tanh())
    ax.figure.draw_without_rendering()  # lays it out
    legend = ax.get_legend().get_window_extent()
    assert legend.x0 >= ax.get_window_extent().x1
    assert legend.x1 <= ax.figure.bbox.x1  # and within the picture

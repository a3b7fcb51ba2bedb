"""Pictures and explanations of nets and histories in rarer forms, and of none."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from fastnn import explain, nn, optim, plot
from fastnn.explain.curves import quantile_grid
from fastnn.playground import Playground, columns_of, server, table
from fastnn.plot import legends
from fastnn.plot.axes import new_figure
from fastnn.plot.live import LiveCurves
from fastnn.plot.training import histories

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)


# ---- training ----


def test_a_history_of_one_metric() -> None:
    """One panel, which is the axes themselves."""
    ax = histories({"mae": [3.0, 2.0], "val_mae": [4.0, 3.0]})
    assert ax.get_title() == "Mae" and len(ax.figure.axes) == 1
    assert [list(line.get_ydata()) for line in ax.lines[::2]] == [[3.0, 2.0], [4.0, 3.0]]


@pytest.mark.parametrize("classes", [30, 31])
def test_a_confusion_matrix_of_many_classes(classes: int) -> None:
    """Beyond 30 it has no numbers, names or lines."""
    ax = plot.confusion_matrix(np.arange(classes), np.arange(classes))
    few = classes == 30
    assert len(ax.texts) == (30 if few else 0)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert (names == [str(i) for i in range(30)]) == few
    grid = {tick.gridline.get_linewidth() for tick in ax.xaxis.get_minor_ticks()}
    assert grid == {1.5 if few else 0}


def test_live_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A legend when there is something to name; validation only where there is some."""
    monkeypatch.setattr("fastnn.plot.live._window", lambda *size: None)
    for history, names, scale in (
        ({"loss": [100.0, 1.0]}, ["training"], "log"),
        ({"loss": [2.0, 1.0], "val_loss": [3.0, 2.0]}, ["training", "validation"], "linear"),
        ({"loss": [2.0, 1.0], "val_loss": [90.0, 3.0]}, ["training", "validation"], "log"),
    ):
        curves = LiveCurves(["loss"], 5)
        curves.draw({})
        assert not curves.figure.legends
        for _ in range(2):
            curves.draw(history)
        (legend,) = curves.figure.legends
        assert [text.get_text() for text in legend.get_texts()] == names
        assert curves.figure.axes[0].get_yscale() == scale


# ---- legends ----


def test_a_legend_of_nothing() -> None:
    figure = new_figure(4, 3)
    ax = figure.subplots()
    ax.plot([1, 2])
    legends.shared(figure, ax)
    assert not figure.legends
    ax.plot([1, 2], label="b")
    legends.shared(figure, ax)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["b"]


@pytest.mark.parametrize("length", [1, 300])
def test_a_legend_wider_than_its_axes(length: int) -> None:
    """In one column, above the curves all the same."""
    from matplotlib import pyplot

    figure, ax = pyplot.subplots(figsize=(3, 3))
    for name in "ab":
        ax.plot([0, 1], [0, 1], label=name * length)
    legends.legend(ax)
    assert ax.get_legend()._ncols == (2 if length == 1 else 1)
    assert ax.get_ylim()[1] > 1.1
    pyplot.close(figure)


# ---- losses, schedules, landscapes, paths ----


def test_a_loss_without_a_slope() -> None:
    """Of what no gradient goes through: it lies at 0."""
    ax = plot.losses(lambda z, y: (z.detach() - y) ** 2, points=7, derivatives=True)
    value, slope = (np.asarray(line.get_ydata()) for line in ax.lines[:2])
    np.testing.assert_allclose(value, np.linspace(-3, 3, 7) ** 2)
    assert slope.tolist() == [0.0] * 7


@pytest.mark.parametrize("spread", [False, True])
def test_a_flat_landscape_has_no_contours(spread: bool) -> None:
    model = nn.Linear(3, 1)
    scale = 1.0 if spread else 0.0
    ax = plot.loss_landscape(
        model, X, X[:, :1], lambda z, y: ((z - y) ** 2).mean() * scale, points=5
    )
    from matplotlib.contour import ContourSet

    assert any(isinstance(part, ContourSet) for part in ax.collections) == spread
    ax.figure.savefig(io.BytesIO())


@pytest.mark.parametrize("spread", [False, True])
def test_a_flat_valley_has_no_contours(spread: bool) -> None:
    def valley(x: Any, y: Any) -> Any:
        return (x**2 + y**2) * float(spread)

    ax = plot.optimizer_paths(valley, {"SGD": lambda w: optim.SGD(w, lr=0.1)}, (2.0, 1.0), steps=3)
    from matplotlib.contour import ContourSet

    assert any(isinstance(part, ContourSet) for part in ax.collections) == spread
    assert len(ax.lines[0].get_xdata()) == 4


# ---- explanations ----


def one_number(model: nn.Module) -> nn.Module:
    return nn.Sequential(model, nn.Flatten(0))


def test_gradients_of_a_net_of_one_number_a_row() -> None:
    """Whose output has one axis: those of the same net with two."""
    net = nn.Linear(3, 1)
    flat = one_number(net)
    for how in (explain.input_gradients, explain.integrated_gradients):
        np.testing.assert_array_equal(how(flat, X), how(net, X))
    np.testing.assert_allclose(
        explain.input_gradients(flat, X), np.tile(net.weight.detach().numpy(), (12, 1))
    )


def trace_of(model: nn.Module) -> Any:
    return explain.trace(model, X, np.zeros((12, 2), np.float32), nn.MSELoss())


class Pair(nn.Module):
    """Gives two tensors."""

    def forward(self, x: Any) -> Any:
        return x, x * 2


class Twice(nn.Module):
    """Uses the first of two, and an activation of something else than the layer's output."""

    def __init__(self, turned: bool) -> None:
        super().__init__()
        self.pair, self.linear, self.tanh, self.turned = Pair(), nn.Linear(3, 2), nn.Tanh(), turned

    def forward(self, x: Any) -> Any:
        x, _ = self.pair(x)
        z = self.linear(x)
        return z + self.tanh(z * 2) if self.turned else self.tanh(z)


def test_a_trace_without_what_is_no_layer() -> None:
    """Activations count with the layer whose output they took as it was."""
    net = nn.Sequential(nn.Tanh(), nn.Linear(3, 2), nn.Sigmoid())
    (layer,) = trace_of(net).layers
    z = np.tanh(X) @ net[1].weight.detach().numpy().T + net[1].bias.detach().numpy()
    np.testing.assert_allclose(layer.net, z, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.out, 1 / (1 + np.exp(-z)), rtol=1e-5)
    for turned in (False, True):
        model = Twice(turned)
        (layer,) = trace_of(model).layers
        z = X @ model.linear.weight.detach().numpy().T + model.linear.bias.detach().numpy()
        np.testing.assert_allclose(layer.net, z, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer.out, z if turned else np.tanh(z), rtol=1e-5, atol=1e-6)


# ---- what is refused ----


def rows_of_one_axis() -> Any:
    return explain.integrated_gradients(nn.Linear(3, 1), X[0])


def of_no_grid() -> Any:
    return explain.partial_dependence(lambda x: x[:, 0], X, 1, grid=[])


def too_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr(table, "MOST_BYTES", 5)
    (tmp_path / "t.csv").write_text("a,b,c\n1,2,3\n")
    return columns_of(str(tmp_path / "t.csv"))


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "rows of one axis": (rows_of_one_axis, ValueError, r"x: expected shape \(rows, features\)"),
    "no values": (of_no_grid, ValueError, r"grid: expected a list of values, got shape \(0,\)"),
    "a column of nan": (
        lambda: quantile_grid(np.full(3, np.nan)), ValueError, "x: expected a number in this col"
    ),
    "no schedules": (lambda: plot.schedules(steps=3), TypeError, "schedulers: expected at least"),
    "a valley of sums": (
        lambda: plot.optimizer_paths(
            lambda x, y: (x * y).sum(), {"SGD": lambda w: optim.SGD(w, lr=0.1)}, (2.0, 1.0), steps=2
        ),
        ValueError,
        r"function: expected a number for each point of arrays x and y, got shape \(\) for \(3,\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    run, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        run()


def test_a_table_too_large_for_the_playground(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"--data: expected at most 5 bytes, .*t.csv has 12"):
        too_large(monkeypatch, tmp_path)


# ---- the playground's server ----


@pytest.mark.parametrize("code", [errno.EADDRINUSE, errno.EACCES])
def test_a_port_that_cannot_be_had(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any) -> Any:
        raise OSError(code, "no")

    monkeypatch.setattr(server, "Playground", fails)
    with pytest.raises(OSError) as caught:
        server.serve(80, browser=False)
    hint = "; --port 0 takes any that is free" if code == errno.EADDRINUSE else ""
    assert str(caught.value) == f"[Errno {code}] no{hint}: '--port 80'"


@pytest.mark.parametrize("browser", [False, True])
def test_the_browser_is_opened_where_it_is_wanted(
    browser: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[Any] = []

    class Thread:
        def __init__(self, target: Any, args: Any, daemon: bool) -> None:
            opened.append((args, daemon))

        def start(self) -> None:
            opened.append("started")

    monkeypatch.setattr(server.threading, "Thread", Thread)
    monkeypatch.setattr(Playground, "serve_forever", lambda self: None)
    server.serve(0, browser=browser)
    url = capsys.readouterr().err.split()[1]
    assert url.startswith("http://127.0.0.1:")
    assert opened == ([((url,), True), "started"] if browser else [])

"""LivePlot and pictures in Jupyter, by a stand-in for IPython; test_kernel.py has a real kernel."""

from __future__ import annotations

import base64
import sys
import types
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import fastnn
from fastnn import nn, optim, plot
from fastnn._support import jupyter
from fastnn.callbacks import LambdaCallback, LivePlot
from fastnn.plot import notebook
from fastnn.train import live

matplotlib.use("Agg")

PNG = b"\x89PNG"


class Kernel:
    """What of IPython is used: events, displays, and updates of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ends: list[Any] = []
        self.shown: list[tuple[str, dict[str, str]]] = []
        events = types.SimpleNamespace(register=self.register)
        shell = types.SimpleNamespace(kernel=object(), events=events)
        module: Any = types.ModuleType("IPython")
        module.get_ipython, module.version_info = lambda: shell, (9, 0)  # matplotlib looks
        display: Any = types.ModuleType("IPython.display")
        display.display = lambda data, raw, display_id="new": self.show(display_id, data, raw)
        display.update_display = lambda data, raw, display_id: self.show(display_id, data, raw)
        monkeypatch.setitem(sys.modules, "IPython", module)
        monkeypatch.setitem(sys.modules, "IPython.display", display)
        monkeypatch.setattr(notebook, "_waiting", [])
        monkeypatch.setattr(notebook, "png", lambda figure: PNG)  # drawing takes its time

    def register(self, event: str, function: Any) -> None:
        assert event == "post_execute"
        if function not in self.ends:
            self.ends.append(function)

    def show(self, where: str, data: dict[str, str], raw: bool) -> None:
        assert raw and base64.b64decode(data["image/png"]).startswith(PNG)
        self.shown.append((where, data))

    def end_cell(self, result: Any = None) -> int:
        """What IPython does with the value of a cell; the number of pictures below it."""
        before = len(self.shown)
        pictures = 0
        if hasattr(result, "_ipython_display_"):
            result._ipython_display_()
        elif hasattr(result, "_repr_png_"):
            assert result._repr_png_().startswith(PNG)
            pictures = 1
        for function in self.ends:
            function()
        return pictures + len(self.shown) - before


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


# ---- plots ----


def test_a_plot_is_shown_once(kernel: Kernel) -> None:
    ax = plot.activations(nn.ReLU())
    assert kernel.end_cell(ax) == 1
    assert kernel.end_cell() == 0
    assert kernel.end_cell(ax) == 1  # asked for once more, in another cell
    assert kernel.end_cell(ax.figure) == 1


def test_the_picture_is_that_of_the_figure() -> None:
    ax = plot.activations(nn.ReLU())
    data = notebook.axes_png(ax)
    assert data.startswith(PNG) and data == base64.b64decode(
        notebook.bundle(ax.figure)["image/png"]
    )


def test_a_plot_that_is_not_the_last_value_is_shown_too(kernel: Kernel) -> None:
    ax = plot.activations(nn.ReLU())
    _ = plot.schedules(
        optim.lr_scheduler.StepLR(optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1), 2), steps=4
    )
    assert kernel.end_cell(ax.set_title("mine")) == 2
    figure = Figure()
    for place in figure.subplots(1, 2):
        _ = plot.weight_histograms(nn.Linear(3, 3), ax=place)
    assert kernel.end_cell() == 1


def test_panels_and_reports_are_pictures(kernel: Kernel, tmp_path: Any) -> None:
    history = fastnn.History()
    history.add(0, {"loss": 1.0, "accuracy": 0.5})
    assert kernel.end_cell(history.plot()) == 1
    report = plot.training_report(history, [0, 1], [0, 1], tmp_path / "r.png", classes=["a", "b"])
    assert kernel.end_cell(report) == 1


def test_figures_of_pyplot_are_left_to_it(kernel: Kernel) -> None:
    from matplotlib import pyplot

    figure, place = pyplot.subplots()
    assert kernel.end_cell(plot.activations(nn.ReLU(), ax=place)) == 0
    pyplot.close(figure)


def test_nothing_of_it_without_a_kernel() -> None:
    assert jupyter.kernel() is None
    ax = plot.activations(nn.ReLU())
    assert not hasattr(ax, "_repr_png_") and not notebook._waiting


# ---- live curves ----

X = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def fitted(*callbacks: Any, epochs: int = 6, **options: Any) -> fastnn.History:
    _ = fastnn.manual_seed(0)
    model = nn.MLP(2, [4], 2)
    trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.1))
    return trainer.fit(
        X, Y, epochs=epochs, verbose=0, metrics=["accuracy"], validation_split=0.25,
        callbacks=list(callbacks), **options,
    )  # fmt: skip


def drawn(figure: Any) -> dict[str, list[list[float]]]:
    return {
        ax.get_title().lower(): [list(map(float, line.get_ydata())) for line in ax.lines]
        for ax in figure.axes
    }


def test_curves_in_jupyter_are_updated_in_place(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = [0.0]
    monkeypatch.setattr(live, "now", lambda: time[0])

    def tick(epoch: int, logs: Any) -> None:
        time[0] += 0.25

    curves = LivePlot(seconds=0.5)
    history = fitted(LambdaCallback(on_epoch_end=tick), curves).history
    assert len(kernel.shown) == 4  # every other epoch, and the end
    assert len({where for where, _ in kernel.shown}) == 1  # one display, updated
    found = drawn(curves.figure)
    for name in ("loss", "accuracy"):
        assert found[name] == [history[name], history[f"val_{name}"]]
    (legend,) = curves.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]
    assert kernel.end_cell() == 0  # it stands there already
    low, high = curves.figure.axes[0].get_ylim()
    assert low <= min(history["loss"]) and high >= max(history["loss"])


def test_curves_in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    draws, shows = [], []
    monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "a test")
    monkeypatch.setattr(Figure, "show", lambda figure: shows.append(figure))
    monkeypatch.setattr(FigureCanvasAgg, "draw_idle", lambda canvas: draws.append(canvas))
    monkeypatch.setattr(FigureCanvasAgg, "flush_events", lambda canvas: None)
    curves = LivePlot(["accuracy"], seconds=0)
    history = fitted(curves, epochs=3).history
    assert shows == [curves.figure] and len(draws) == 4
    assert drawn(curves.figure) == {"accuracy": [history["accuracy"], history["val_accuracy"]]}
    matplotlib.pyplot.close(curves.figure)


def test_without_a_window_the_curves_are_kept() -> None:
    curves = LivePlot()
    with pytest.warns(UserWarning, match="LivePlot: no window can be opened .*backend is [Aa]gg"):
        history = fitted(curves, epochs=2).history
    assert drawn(curves.figure)["loss"][0] == history["loss"]


def test_a_fit_draws_the_same_with_curves() -> None:
    with pytest.warns(UserWarning, match="LivePlot"):
        watched = fitted(LivePlot()).history
    assert watched == fitted().history


def test_live_plot_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match=r'metrics: expected a list such as \["loss"\]'):
        LivePlot("loss")
    with pytest.raises(ValueError, match="seconds"):
        LivePlot(seconds=-1)
    with pytest.raises(ValueError, match="metrics: expected one of 'loss', 'accuracy', got 'f1'"):
        fitted(LivePlot(["f1"]))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pip install"):
        fitted(LivePlot())

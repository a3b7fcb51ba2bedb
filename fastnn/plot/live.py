"""Curves that are updated in place, in Jupyter or in a window: `fastnn.callbacks.LivePlot`."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import jupyter
from fastnn.plot.axes import TRAIN, VALIDATION, dress, new_figure, wide_range
from fastnn.plot.legends import shared
from fastnn.plot.notebook import bundle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class LiveCurves:
    """A panel for each metric, with a line for the training and one for the validation data.

    Args:
        names: the metrics.
        epochs: how many there will be at most.
    """

    def __init__(self, names: Sequence[str], epochs: int) -> None:
        size = 4.4 * max(len(names), 1.3), 3.8
        self._in_jupyter, self._shown = jupyter.kernel() is not None, ""
        window = None if self._in_jupyter else _window(*size)
        self.figure: Figure = new_figure(*size) if window is None else window
        self._in_window = window is not None
        axes = self.figure.subplots(1, len(names), squeeze=False)[0]
        self._panels = {name: (ax, _lines(ax, name)) for ax, name in zip(axes, names, strict=True)}
        for ax in axes:
            ax.set_xlim(0.5, epochs + 0.5)
            ax.locator_params(axis="x", integer=True)
        self._has_legend = False

    def draw(self, history: Mapping[str, Sequence[float]]) -> None:
        """Take over the history so far, and show it."""
        for name, (ax, lines) in self._panels.items():
            for key, line in zip((name, f"val_{name}"), lines, strict=True):
                values = np.asarray(history.get(key, ()), float)
                line.set_data(np.arange(1, len(values) + 1), values)
            _rescale(ax, name, lines)
        self._name_lines()
        if self._in_jupyter:
            self._update_output()
        elif self._in_window:
            self.figure.canvas.draw_idle()
            self.figure.canvas.flush_events()

    def _name_lines(self) -> None:
        """One legend for all panels, once there is something to name."""
        ax, lines = next(iter(self._panels.values()))
        train, validation = (np.size(line.get_xdata()) for line in lines)
        if not self._has_legend and train:
            lines[0].set_label("training")
            if validation:
                lines[1].set_label("validation")
            shared(self.figure, ax)
            self._has_legend = True

    def _update_output(self) -> None:
        from IPython.display import display, update_display

        if not self._shown:
            self._shown = uuid.uuid4().hex
            display(bundle(self.figure), raw=True, display_id=self._shown)
        else:
            update_display(bundle(self.figure), raw=True, display_id=self._shown)


def _lines(ax: Axes, name: str) -> tuple[Line2D, Line2D]:
    dress(ax, name.replace("_", " ").capitalize(), "epoch", "")
    train, validation = (
        ax.plot([], [], color=color, linewidth=1.8)[0] for color in (TRAIN, VALIDATION)
    )
    return train, validation


def _rescale(ax: Axes, name: str, lines: tuple[Line2D, Line2D]) -> None:
    values = [np.asarray(line.get_ydata(), float) for line in lines]
    if name == "loss" and wide_range(*values):
        ax.set_yscale("log")
    ax.relim()
    ax.autoscale_view(scalex=False)


def _window(width: float, height: float) -> Figure | None:
    """A figure in a window of its own; None, with a warning, where none can be opened."""
    try:
        from matplotlib import pyplot
    except ImportError:
        return None  # `new_figure` says what to install
    figure = pyplot.figure(figsize=(width, height), layout="constrained", facecolor="white")
    canvas: Any = figure.canvas
    if canvas.required_interactive_framework is not None:
        figure.show()
        return figure
    pyplot.close(figure)
    warnings.warn(
        f"LivePlot: no window can be opened (matplotlib's backend is {pyplot.get_backend()}); the "
        "curves are in its attribute figure after the fit",
        stacklevel=2,
    )
    return None

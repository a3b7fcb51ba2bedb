"""Curves that grow while a fit runs."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter as now
from typing import Any

from fastnn._support import check
from fastnn._support.late import late
from fastnn.train.callbacks import Callback, Logs


class LivePlot(Callback):
    """Learning curves that are updated in place during a fit; needs matplotlib.

    In Jupyter below the cell, elsewhere in a window, if matplotlib can open one (a script over SSH
    usually cannot: a warning says so, and the curves are in `figure` afterwards).

    Args:
        metrics: the metrics to draw, such as ["loss", "accuracy"], each with its "val_" beside it;
            default: all that the fit computes.
        seconds: between two updates, default 0.5.

    Attributes:
        figure: the matplotlib figure, None before the first fit; `figure.savefig(path)` saves it.

    Raises:
        ImportError: at the beginning of a fit, if matplotlib is not installed.
        ValueError: at the beginning of a fit that does not compute a metric of the list.

    Example:
        >>> from fastnn.callbacks import LivePlot
        >>> curves = LivePlot(["loss"], seconds=1.0)  # trainer.fit(x, y, callbacks=[curves])
    """

    def __init__(self, metrics: Sequence[str] | None = None, seconds: float = 0.5) -> None:
        if isinstance(metrics, str) or not (metrics is None or isinstance(metrics, Sequence)):
            raise TypeError(f'metrics: expected a list such as ["loss"], got {check.show(metrics)}')
        self.metrics: list[str] | None = None if metrics is None else list(metrics)
        self.seconds: float = check.real("seconds", seconds, 0.0)
        self.figure: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the figure."""
        known = [n for n in self.params["metrics"] if n != "lr" and not n.startswith("val_")]
        names = known if self.metrics is None else self.metrics
        for name in names:
            check.choice("metrics", name, known)
        self._curves = late("fastnn.train.live", "LiveCurves")(names, self.params["epochs"])
        self.figure = self._curves.figure
        self._drawn = now()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Update the curves, if it is time."""
        if now() - self._drawn >= self.seconds:
            self._curves.draw(self.trainer.history.history)
            self._drawn = now()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Draw all epochs."""
        self._curves.draw(self.trainer.history.history)

"""History: the record of a fit."""

from __future__ import annotations

from typing import Any

from fastnn._support.late import late


class History:
    """The loss and metrics of each epoch.

    Attributes:
        history: name ("loss", "val_loss", "accuracy", ...) -> one number per epoch; nan for what an
            epoch that was cut off by Ctrl-C has not. With `validation_freq` above 1 the "val_"
            lists have one number per evaluation: columns of one length for a DataFrame are those of
            `{name: pandas.Series(values) for name, values in history.history.items()}`, or of
            epochs by `index=history.epoch[freq - 1 :: freq][: len(values)]` for a "val_" list.
        epoch: the numbers of the epochs, from 0.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """Append the metrics of one epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def plot(self, metric: str | None = None, ax: Any = None) -> Any:
        """Plot learning curves, for training and validation data; needs matplotlib.

        Args:
            metric: "loss", "accuracy" or another key of `history`; default: all of them, side by
                side.
            ax: the axes to draw one metric on; a new figure by default.

        Returns:
            The axes; of several metrics an array of axes. `axes.figure.savefig(path)` saves them.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: the history does not hold the metric, or is empty.

        Example:
            >>> import fastnn
            >>> history = fastnn.History()
            >>> history.add(0, {"loss": 1.0, "val_loss": 1.2})
            >>> ax = history.plot("loss")
        """
        return late("fastnn.train.history", "histories")(self, metric, ax)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.history.items())
        return f"History({len(self.epoch)} epochs{': ' if last else ''}{last})"

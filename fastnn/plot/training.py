"""Plots of a training run: learning curves, confusion matrix, predictions against targets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastnn._support import check, maps
from fastnn.plot.axes import (
    GUIDE,
    INK,
    TRAIN,
    VALIDATION,
    axes_or_new,
    dress,
    new_figure,
    wide_range,
)
from fastnn.plot.legends import legend, shared
from fastnn.plot.notebook import Panels, shown
from fastnn.plot.rows import class_indices, finite_numbers
from fastnn.train.either_name import either_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Mapping[str, Sequence[float]]


def learning_curves(history: Any, ax: Axes | None = None, *, metric: str = "loss") -> Axes:
    """Plot learning curves: one metric over the epochs, for training and validation data.

    Args:
        history: what `Trainer.fit` returned, or a dict of lists, one value per epoch.
        ax: the axes to draw on; a new figure by default.
        metric: "loss", "accuracy" or another key of the history; "val_" + metric is plotted too
            if present.

    Returns:
        The axes.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the history does not hold the metric.

    Example:
        >>> from fastnn import plot
        >>> ax = plot.learning_curves({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]})
    """
    values = _metrics_of(history)
    if metric not in values:
        raise ValueError(f"metric: expected one of {', '.join(values)}, got {metric!r}")
    ax = axes_or_new(ax, 6.4)
    draw_curves(values, ax, metric)
    legend(ax)
    return ax


def _metrics_of(history: Any) -> History:
    values = getattr(history, "history", history)
    if not isinstance(values, Mapping) or not values:
        raise ValueError(
            f"history: expected what fit returned, or a dict of lists such as {{'loss': [1.0]}}, "
            f"got {check.show(history)}"
        )
    return values


def draw_curves(values: History, ax: Axes, metric: str) -> None:
    """Learning curves without their legend."""
    validation = "val_" + metric
    both = [(metric, "training", TRAIN), (validation, "validation", VALIDATION)]
    drawn = [(np.asarray(values[key], float), label, color) for key, label, color in both
             if len(values.get(key, ()))]  # fmt: skip
    for numbers, label, color in drawn:
        epochs = np.arange(1, len(numbers) + 1)
        marker = "o" if len(numbers) < 3 else None
        ax.plot(epochs, numbers, color=color, linewidth=1.8, label=label, marker=marker)
        ax.plot(epochs[-1:], numbers[-1:], "o", color=color, markersize=4.5)
    dress(ax, metric.replace("_", " ").capitalize(), "epoch", "")
    ax.locator_params(axis="x", integer=True)
    if metric == "loss" and wide_range(*(numbers for numbers, _, _ in drawn)):
        ax.set_yscale("log")


def histories(history: Any, metric: str | None = None, ax: Axes | None = None) -> Any:
    """`History.plot`: one metric on the given axes, or all that the history holds side by side."""
    values: History = getattr(history, "history", history)
    if metric is not None or ax is not None:
        return learning_curves(history, ax, metric="loss" if metric is None else metric)
    found = [name for name in values if not name.startswith("val_")]
    if not found:
        raise ValueError("history: expected at least one epoch, got none")
    if len(found) == 1:
        return learning_curves(history, metric=found[0])
    figure = new_figure(4.4 * len(found), 3.8)
    axes = figure.subplots(1, len(found))
    for place, name in zip(axes, found, strict=True):
        draw_curves(values, shown(place), name)
    shared(figure, most_labels(axes))
    return axes.view(Panels)


def most_labels(axes: Any) -> Any:
    """Of several axes, those with the most entries of a legend."""
    return max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[1]))


@either_name(classes=True)
def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    classes: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot a confusion matrix of true and predicted classes.

    Args:
        y_true: class indices, integers of shape (n,), or labels; or by name `target`.
        y_pred: predicted ones, of the same shape; or by name `output`. `metrics` have the other
            order, (output, target).
        classes: class names, in the order of the indices. Default None: 0, 1, ... up to the
            largest index, or the labels that occur, sorted.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; rows are the true classes, the shade is the fraction of the row.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the shapes differ, there is no row, or an index is out of range.

    Example:
        >>> from fastnn import plot
        >>> ax = plot.confusion_matrix([0, 1, 1], [0, 1, 0], ["no", "yes"])
        >>> ax = plot.confusion_matrix(["no", "yes", "yes"], ["no", "yes", "no"])
    """
    true, pred, classes = class_indices(y_true, y_pred, classes)
    counts = count_confusion(true, pred, len(classes))
    ax = axes_or_new(ax)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1.15)
    size = len(classes)
    if size <= 30:
        font = 10 if size <= 12 else 6
        for row, column in np.argwhere(counts > 0):
            color = "white" if share[row, column] > 0.6 else INK
            text = str(counts[row, column])
            ax.text(column, row, text, ha="center", va="center", color=color, fontsize=font)
    hits = np.trace(counts) / max(counts.sum(), 1)
    title = f"Confusion matrix, {hits:.1%} right of {counts.sum()}"
    dress(ax, title, "predicted", "true", grid=False)
    ax.spines[:].set_visible(False)
    if size <= 30:
        long = max(len(name) for name in classes) > 4 and size > 3
        rotation: dict[str, Any] = {"rotation": 40, "ha": "right"} if long else {}
        ax.set_xticks(range(size), list(classes), **rotation)
        ax.set_yticks(range(size), list(classes))
    ax.set_xticks(np.arange(size - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(size - 1) + 0.5, minor=True)
    ax.grid(True, which="minor", color="white", linewidth=1.5 if size <= 30 else 0)
    ax.tick_params(which="both", length=0)
    return ax


def count_confusion(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int) -> Any:
    """Confusion matrix: counts by true class (row) and predicted class (column), int64 (C, C)."""
    true = maps.array_of(y_true, "y_true").ravel()
    pred = maps.array_of(y_pred, "y_pred").ravel()
    if true.shape != pred.shape:
        raise ValueError(f"y_pred: expected {true.size} classes as in y_true, got {pred.size}")
    for name, values in (("y_true", true), ("y_pred", pred)):
        if values.size and not (values.min() >= 0 and values.max() < n_classes):
            worst = values[(values < 0) | (values >= n_classes)][0]
            raise ValueError(f"{name}: expected classes in 0..{n_classes - 1}, got {worst}")
    flat = true.astype(np.int64) * n_classes + pred.astype(np.int64)
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes)


@either_name(classes=False)
def predicted_against_true(y_true: ArrayLike, y_pred: ArrayLike, ax: Axes | None = None) -> Axes:
    """Plot predictions of a regression against the true values.

    Args:
        y_true: true values, n of them; or by name `target`.
        y_pred: predictions, n of them; or by name `output`.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; the dashed line marks perfect predictions.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the sizes differ, or are 0; a value is no finite number.

    Example:
        >>> from fastnn import plot
        >>> ax = plot.predicted_against_true([1.0, 2.0], [1.1, 1.8])
    """
    true, predicted = finite_numbers("y_true", y_true), finite_numbers("y_pred", y_pred)
    if true.shape != predicted.shape:
        raise ValueError(f"y_pred: expected {true.size} predictions, got {predicted.size}")
    ax = axes_or_new(ax)
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    pad = 0.04 * (high - low or 1.0)
    ends = [low - pad, high + pad]
    ax.plot(ends, ends, color=GUIDE, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    alpha = 0.65 if true.size < 2000 else 0.25
    ax.scatter(true, predicted, s=20, color=TRAIN, alpha=alpha, linewidths=0, zorder=2)
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.set_aspect("equal")
    spread = ((true - true.mean()) ** 2).sum()
    r2 = f", R² = {1 - ((true - predicted) ** 2).sum() / spread:.3f}" if spread > 0 else ""
    dress(ax, f"Predicted against true{r2}", "true", "predicted")
    return ax


@either_name(classes=False)  # the confusion matrix looks
def training_report(
    history: Any,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    path: str | os.PathLike[str],
    *,
    classes: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Save a report of a training run: loss and accuracy curves, and an evaluation plot.

    The last plot is a confusion matrix, or predictions against true values for a regression.

    Args:
        history: what `Trainer.fit` returned, or a dict of lists, one value per epoch.
        y_true, y_pred: n class indices, or n values if `classes` is empty; or by name `target` and
            `output`.
        path: the file to write; its suffix selects the format (.png, .pdf, .svg).
        classes: class names; empty for a regression.
        title: title of the figure.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.

    Example:
        >>> import io
        >>> from fastnn import plot
        >>> h, file = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]}, io.BytesIO()
        >>> figure = plot.training_report(h, [1.0, 2.0], [1.1, 1.8], file)  # or "run.png"
    """
    values: History = getattr(history, "history", history)
    curves = ["loss"] + (["accuracy"] if "accuracy" in values else [])
    size = 4.3 if len(classes) <= 12 else 5.4
    figure = new_figure(4.4 * len(curves) + size, size)
    axes = figure.subplots(1, len(curves) + 1, width_ratios=[1.0] * len(curves) + [1.05])
    for ax, metric in zip(axes, curves):
        draw_curves(values, shown(ax), metric)
    shared(figure, axes[0])
    if classes:
        confusion_matrix(y_true, y_pred, classes, axes[-1])
    else:
        predicted_against_true(y_true, y_pred, axes[-1])
    if title:
        figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    figure.savefig(path)
    return figure

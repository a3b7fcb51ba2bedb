"""Plots of explanations: importance, partial dependence, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, maps
from fastnn.explain.curves import Calibration, Dependence, calibration as calibration_of
from fastnn.plot.axes import FAINT, GUIDE, INK, PALETTE, TRAIN, axes_or_new, dress
from fastnn.plot.legends import legend
from fastnn.train.either_name import either_name
from fastnn.train.metrics.classification import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


def importance(
    values: ArrayLike | Mapping[str, float],
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    most: int = 20,
) -> Axes:
    """Plot the importance of columns as bars, the highest at the top.

    Args:
        values: what `fastnn.tabular.importance` gives; or one number for each column, or several,
            (columns, repeats), as from `explain.permutation_importance`: a line spans them; or a
            dict of numbers by name.
        names: of the columns; default x0, x1, ..., or those that `values` has.
        ax: the axes to draw on; a new figure by default.
        most: bars at most, default 20.

    Returns:
        The axes.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: not as many names as values.

    Example:
        >>> from fastnn import plot
        >>> ax = plot.importance([0.1, 0.7], ["width", "kind"])
    """
    unit = str(getattr(values, "unit", "importance"))
    if names is None and hasattr(values, "names"):
        names = values.names
    if isinstance(values, Mapping):
        names, values = list(values) if names is None else names, list(values.values())
    maps.refuse_closed(getattr(values, "values", values), "values")
    try:
        numbers = np.asarray(getattr(values, "values", values), float)
    except (TypeError, ValueError):
        kind = type(values).__name__
        raise TypeError(f"values: expected numbers for names, got {kind}") from None
    if not numbers.size:
        raise ValueError("values: expected a number at least, got none")
    table = numbers.reshape(len(numbers), -1) if numbers.ndim in (1, 2) else numbers
    names = [f"x{i}" for i in range(len(table))] if names is None else list(names)
    if table.ndim != 2 or not table.size or len(names) != len(table):
        raise ValueError(
            f"values: expected a number for each of {len(names)} names, got shape {numbers.shape}"
        )
    mean = table.mean(axis=1)
    order = np.argsort(mean, kind="stable")[-check.integer("most", most, 1) :]
    ax = axes_or_new(ax, 5.2, 1.4 + 0.28 * len(order))
    place = np.arange(len(order))
    ax.barh(place, mean[order], color=TRAIN, height=0.7)
    if table.shape[1] > 1:
        ax.hlines(place, table[order].min(axis=1), table[order].max(axis=1), color=INK, lw=1.2)
    ax.set_yticks(place, [names[i] for i in order])
    dress(ax, "Importance", unit, "", grid=False)
    ax.axvline(0, color=FAINT, linewidth=1)
    return ax


def partial_dependence(
    found: Dependence,
    name: str = "",
    ax: Axes | None = None,
    *,
    classes: Sequence[str] = (),
    target: str = "prediction",
) -> Axes:
    """Plot how the mean prediction depends on a feature; the band has half of the rows.

    Args:
        found: what `explain.partial_dependence` or `fastnn.tabular.dependence` gives.
        name: of the feature.
        ax: the axes to draw on; a new figure by default.
        classes: names of the outputs, where there are several; then there is no band.
        target: what is predicted.

    Returns:
        The axes: lines over numbers and dates, points over texts.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> from fastnn import explain, plot
        >>> found = explain.partial_dependence(lambda x: x[:, 0] ** 2, [[0.0], [1.0], [2.0]], 0)
        >>> ax = plot.partial_dependence(found, "width")
    """
    ax = axes_or_new(ax)
    texts = found.grid.dtype.kind not in "iufM"
    at = np.arange(len(found.grid)) if texts else found.grid
    if found.mean.ndim == 1:
        if texts:
            ax.vlines(at, found.low, found.high, color=TRAIN, alpha=0.35, linewidth=6)
        else:
            ax.fill_between(at, found.low, found.high, color=TRAIN, alpha=0.15, linewidth=0)
    for k, line in enumerate(found.mean.reshape(len(at), -1).T):
        label = classes[k] if k < len(classes) else None
        style: dict[str, Any] = {"linestyle": "none", "marker": "o"} if texts else {}
        ax.plot(at, line, color=PALETTE[k % len(PALETTE)], linewidth=1.8, label=label, **style)
    if texts:
        long = max(len(str(text)) for text in found.grid) > 4
        ax.set_xticks(at, [str(t) for t in found.grid], rotation=40 if long else 0,
                      ha="right" if long else "center")  # fmt: skip
    dress(ax, "Partial dependence", name, target)
    if len(classes):
        legend(ax)
    return ax


@either_name(classes=True)
def calibration(y_true: Any, y_prob: Any = None, ax: Axes | None = None, **options: Any) -> Axes:
    """Plot how often what is predicted with a probability comes true.

    Args:
        y_true, y_prob, options: as y, p and options of `explain.calibration`; or y_true is what it
            gives, without y_prob. `target` and `output` are other names for them.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; the dashed line marks perfect calibration, a point's area the rows of its bin.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: as of `explain.calibration`.

    Example:
        >>> from fastnn import plot
        >>> ax = plot.calibration([0, 0, 1, 1], [0.1, 0.2, 0.9, 0.7])
    """
    given = isinstance(y_true, Calibration)
    if not given:
        y_true, y_prob = numbers("y_true", y_true), numbers("y_prob", y_prob)
    found = y_true if given else calibration_of(y_true, y_prob, **options)
    ax = axes_or_new(ax)
    ax.plot([0, 1], [0, 1], color=GUIDE, linewidth=1.2, linestyle=(0, (4, 3)))
    ax.plot(found.predicted, found.observed, color=TRAIN, linewidth=1.8)
    area = 20 + 120 * found.rows / found.rows.max()
    ax.scatter(found.predicted, found.observed, s=area, color=TRAIN, alpha=0.8, linewidths=0)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_aspect("equal")
    title = f"Calibration, error {found.error:.3f}"
    dress(ax, title, "predicted probability", "share that came true")
    return ax

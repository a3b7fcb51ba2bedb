"""Plots of a classifier over two features: where it decides for which class, and how surely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, maps
from fastnn._support.columns import in_order
from fastnn.guards import looks_like_probabilities
from fastnn.nn import Module
from fastnn.plot.axes import INK, PALETTE, axes_or_new, dress, two
from fastnn.plot.legends import legend
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]

MARKERS = "osD^vPX*<>"  # one for each class, so that colour alone does not tell them apart


def decision_boundary(
    model: Module | Callable[[Any], Any],
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    columns: tuple[int, int] = (0, 1),
    threshold: float = 0.0,
    points: int = 200,
    shade: str = "class",
    classes: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Plot the decision boundary of a classifier over two features, and the data.

    Args:
        model: a classifier, or a function that maps rows to outputs: one score per class, the
            highest of which wins, or one number, class 1 where it is above `threshold`. Of an
            estimator pass its method, such as `estimator.predict_proba`.
        x: (rows, features); features other than the two are held at their mean.
        y: classes of the rows, integers of shape (rows,), shown as colours and marks; optional.
        columns: indices of the two features, default the first two.
        threshold: default 0, for logits; use 0.5 for probabilities.
        points: mesh points per feature, default 200.
        shade: "class" (default), one shade a class; "probability": the surer the model is of the
            class, the darker its colour. Outputs are logits, unless they are probabilities: rows
            that sum to 1, or with `threshold` between 0 and 1 numbers in 0..1.
        classes: names of the classes for a legend, in the order of the indices; default none.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; its first collection is the mesh of classes, rows along the second feature; with
        shades of probability the first collections are, class by class, the meshes of probabilities
        where that class wins.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: x is not a table of at least two features, y has another length.

    Example:
        >>> import numpy as np
        >>> from fastnn import nn, plot
        >>> x = np.random.RandomState(0).randn(50, 2).astype(np.float32)
        >>> ax = plot.decision_boundary(nn.Linear(2, 3), x, shade="probability")
    """
    table = maps.array_of(in_order(model, x), "x")
    if table.ndim != 2 or table.shape[1] < 2 or not len(table):
        raise ValueError(f"x: expected rows of at least 2 features, got shape {table.shape}")
    i, j = (check.integer(f"columns[{k}]", c, 0, table.shape[1] - 1)
            for k, c in enumerate(two("columns", columns)))  # fmt: skip
    labels = None if y is None else _labels(y, len(table))
    points, sure = check.integer("points", points, 2), _is_sure(shade)
    across, up = (_ticks(table[:, k], points) for k in (i, j))
    outputs = _outputs(model, _mesh(table, (i, j), across, up))
    won = _classes(outputs, threshold).reshape(points, points)
    ax = axes_or_new(ax, 6.2 if len(classes) else 5.2)
    count = int(1 + max(won.max(), 1, 0 if labels is None else labels.max()))
    if sure:
        share = _probabilities(outputs, threshold).reshape(points, points)
        _draw_shades(ax, across, up, won, share, count)
    else:
        _draw_decisions(ax, across, up, won, count)
    _draw_rows(ax, table[:, [i, j]], labels, classes)
    dress(ax, "Decisions", f"feature {i}", f"feature {j}", grid=False)
    legend(ax)
    return ax


def _is_sure(shade: str) -> bool:
    return bool(check.choice("shade", shade, ("class", "probability")) == "probability")


def _labels(y: Any, n: int) -> Array:
    labels = maps.array_of(y, "y").reshape(-1)
    if len(labels) != n:
        raise ValueError(f"y: expected {n} classes like rows of x, got {len(labels)}")
    if labels.dtype.kind not in "iub" or labels.min() < 0:
        number = "; np.unique(y, return_inverse=True)[1] numbers labels"
        raise ValueError(f"y: expected integer classes from 0 on, got {check.show(y)}{number}")
    return labels


def _ticks(column: Array, points: int) -> Array:
    low, high = float(column.min()), float(column.max())
    pad = 0.05 * (high - low) or 1.0
    return np.linspace(low - pad, high + pad, points)


def _mesh(table: Array, columns: tuple[int, int], across: Array, up: Array) -> Array:
    """Rows at each point of the mesh, the other features at their mean."""
    i, j = columns
    rows = np.tile(table.mean(axis=0), (len(across) * len(up), 1))
    rows[:, i], rows[:, j] = np.tile(across, len(up)), np.repeat(up, len(across))
    return rows.astype(np.result_type(table.dtype, np.float32))


def _outputs(model: Any, rows: Array) -> Array:
    found = (model.predict if isinstance(model, Module) else model)(rows)
    return found.detach().numpy() if isinstance(found, Tensor) else np.asarray(found)


def _classes(outputs: Array, threshold: float) -> Array:
    """Convert outputs, (rows, classes) or one number per row, to class indices."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        found: Array = outputs.argmax(axis=1)
        return found
    return np.array(outputs.reshape(-1) > threshold, np.int64)


def _probabilities(outputs: Array, threshold: float) -> Array:
    """The probability of the class that wins."""
    z = outputs.astype(np.float64)
    if z.ndim == 2 and z.shape[1] > 1:
        if looks_like_probabilities(z):
            return np.asarray(z.max(axis=1))
        return np.asarray(1 / np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1))
    z = z.reshape(-1)
    if 0 < threshold < 1 and z.min() >= 0 and z.max() <= 1:
        return np.asarray(np.where(z > threshold, z, 1 - z))
    return np.asarray(1 / (1 + np.exp(-np.abs(z - threshold))))


def _draw_decisions(ax: Axes, across: Array, up: Array, won: Array, count: int) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    colors = ListedColormap([PALETTE[k % len(PALETTE)] for k in range(count)])
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    ax.pcolormesh(across, up, won, cmap=colors, norm=norm, alpha=0.3, shading="nearest")


def _draw_shades(ax: Axes, across: Array, up: Array, won: Array, share: Array, count: int) -> None:
    """For each class, where it wins, the darker the surer; a line where the decision changes."""
    for k in range(count):
        part = np.ma.masked_where(won != k, share)
        ax.pcolormesh(across, up, part, cmap=_shades(PALETTE[k % len(PALETTE)]), vmin=1 / count,
                      vmax=1, shading="nearest")  # fmt: skip
    for k in range(1, count):
        inside = (won == k).astype(float)
        if 0 < inside.mean() < 1:
            ax.contour(across, up, inside, [0.5], colors=INK, linewidths=0.8)


def _shades(color: str) -> ListedColormap:
    """From white to a light form of a colour."""
    from matplotlib.colors import ListedColormap, to_rgb

    depth = np.linspace(0.04, 0.45, 128)[:, None]
    return ListedColormap(1 - depth + depth * np.array(to_rgb(color)))


def _draw_rows(ax: Axes, places: Array, labels: Array | None, classes: Sequence[str]) -> None:
    style: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.5}
    style["s"] = 18 if len(places) > 20 else 70  # few are hard to see
    if labels is None:
        ax.scatter(places[:, 0], places[:, 1], c=INK, **style)
        return
    for k in np.unique(labels):
        name = classes[k] if k < len(classes) else None
        color, marker = PALETTE[k % len(PALETTE)], MARKERS[k % len(MARKERS)]
        x, y = places[labels == k].T
        ax.scatter(x, y, c=color, marker=marker, label=name, **style)

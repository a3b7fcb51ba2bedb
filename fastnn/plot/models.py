"""Plots of a model: loss landscape, decision boundary, weight histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn._support.columns import in_order
from fastnn.explain.inputs import a_module, leaf_for, one_number
from fastnn.nn import Module
from fastnn.nn.modes import evaluating
from fastnn.plot.axes import INK, PALETTE, axes_or_new, dress, legend, two, wide_range
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]


# ---- loss landscape ----


def loss_landscape(
    model: Module,
    x: Any,
    y: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    span: float = 1.0,
    points: int = 21,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Plot the loss landscape around the weights, along two random directions.

    E(a, b) = loss(model with weights w + a d1 + b d2 at x, y) for -span <= a, b <= span.

    The directions d1, d2 are normal random and filter-normalised: the weights into each unit have
    the norm of the model's, |d_i| = |w_i|. So the plot does not change if one layer is scaled up
    and the next down, and plots of two nets are comparable. Parameters with one axis (biases,
    scales of norms) and frozen ones are not moved.

    Args:
        model: runs points**2 times in evaluation mode, and is left unchanged.
        x: rows, an array or Tensor; an array takes the model's dtype.
        y: the target.
        loss: maps output and y to a tensor of one element.
        span: distance along each direction, default 1: the norm of the weights.
        points: points per direction, default 21; an odd number includes the model itself.
        seed: seed of the directions, default 0.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; its first collection is the mesh of E, rows along d2. The scale is logarithmic
        if E is positive and spans more than a factor of 20; values that are not finite are masked.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: invalid input, a loss of more than one element, no trainable weight
            with at least two axes.

    Source: Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, section 4.

    Example:
        >>> import numpy as np
        >>> from fastnn import nn, plot
        >>> x, y = np.eye(3, dtype=np.float32), np.arange(3)
        >>> ax = plot.loss_landscape(nn.Linear(3, 3), x, y, nn.CrossEntropyLoss())
    """
    a_module(model)
    span = check.real("span", span, 0.0, open_low=True)
    places = np.linspace(-span, span, check.integer("points", points, 2))
    directions = _directions(model, check.seed(seed))
    x, y = leaf_for(model, x), leaf_for(model, y)
    ax = axes_or_new(ax, 5.6, 4.4)
    found = np.empty((len(places), len(places)))
    with evaluating(model), _moved(model) as move:
        for row, column in np.ndindex(*found.shape):
            move(*((p, places[column] * d1 + places[row] * d2) for p, d1, d2 in directions))
            found[row, column] = one_number(loss(model(x), y)).item()
    _draw_landscape(ax, places, np.ma.masked_invalid(found))
    return ax


def _directions(model: Module, seed: int) -> list[tuple[Tensor, Array, Array]]:
    """Each weight to move, with its part of both directions in float64."""
    weights = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    if not weights:
        raise ValueError("model: expected trainable weights of at least two axes, got none")
    draw = np.random.default_rng(seed)
    parts = []
    for _ in range(2):
        parts.append([_like_filters(p.detach().numpy(), draw) for p in weights])
    return list(zip(weights, *parts, strict=True))


def _like_filters(weight: Array, draw: np.random.Generator) -> Array:
    direction = draw.standard_normal(weight.shape)
    axes = tuple(range(1, weight.ndim))
    own = np.sqrt(np.square(direction).sum(axis=axes, keepdims=True))
    wanted = np.sqrt(np.square(weight, dtype=np.float64).sum(axis=axes, keepdims=True))
    scaled: Array = direction * (wanted / own)
    return scaled


@contextmanager
def _moved(model: Module) -> Iterator[Callable[..., None]]:
    """Yield a function that shifts weights from their current values; restore them on exit."""
    arrays = {id(p): p.detach().numpy() for p in model.parameters()}
    before = {key: array.copy() for key, array in arrays.items()}

    def move(*steps: tuple[Tensor, Array]) -> None:
        for p, step in steps:
            arrays[id(p)][...] = before[id(p)] + step

    try:
        yield move
    finally:
        for key, array in arrays.items():
            array[...] = before[key]


def _draw_landscape(ax: Axes, places: Array, error: Any) -> None:
    logarithmic = wide_range(error.compressed())
    norm = "log" if logarithmic else None
    mesh = ax.pcolormesh(places, places, error, cmap="viridis", norm=norm, shading="nearest")
    low, high = (error.min(), error.max()) if error.count() else (0, 0)
    if low < high:
        levels = np.geomspace(low, high, 12) if logarithmic else np.linspace(low, high, 12)
        ax.contour(places, places, error, levels[1:-1], colors="white", linewidths=0.6, alpha=0.6)
    ax.plot([0], [0], "o", color="white", markeredgecolor=INK, markersize=5)
    ax.set_aspect("equal")
    ax.figure.colorbar(mesh, ax=ax, label="loss")
    dress(ax, "Loss around the weights", "direction 1", "direction 2", grid=False)


# ---- decision boundary ----


def decision_boundary(
    model: Module | Callable[[Any], Any],
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    columns: tuple[int, int] = (0, 1),
    threshold: float = 0.0,
    points: int = 200,
    ax: Axes | None = None,
) -> Axes:
    """Plot the decision boundary of a classifier over two features, and the data.

    Args:
        model: a classifier, or a function that maps rows to outputs: one score per class, the
            highest of which wins, or one number, class 1 where it is above `threshold`.
        x: (rows, features); features other than the two are held at their mean.
        y: classes of the rows, integers of shape (rows,), shown as colours; optional.
        columns: indices of the two features, default the first two.
        threshold: default 0, for logits; use 0.5 for probabilities.
        points: mesh points per feature, default 200.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; its first collection is the mesh of classes, rows along the second feature.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: x is not a table of at least two features, y has another length.

    Example:
        >>> import numpy as np
        >>> from fastnn import nn, plot
        >>> x = np.random.RandomState(0).randn(50, 2).astype(np.float32)
        >>> ax = plot.decision_boundary(nn.Linear(2, 3), x)
    """
    table = np.asarray(in_order(model, x))
    if table.ndim != 2 or table.shape[1] < 2 or not len(table):
        raise ValueError(f"x: expected rows of at least 2 features, got shape {table.shape}")
    i, j = (check.integer(f"columns[{k}]", c, 0, table.shape[1] - 1)
            for k, c in enumerate(two("columns", columns)))  # fmt: skip
    labels = None if y is None else _labels(y, len(table))
    points = check.integer("points", points, 2)
    across, up = (_ticks(table[:, k], points) for k in (i, j))
    rows = np.tile(table.mean(axis=0), (points * points, 1))
    rows[:, i], rows[:, j] = np.tile(across, points), np.repeat(up, points)
    predict = model.predict if isinstance(model, Module) else model
    rows = rows.astype(np.result_type(table.dtype, np.float32))
    classes = _classes(predict(rows), threshold).reshape(points, points)
    ax = axes_or_new(ax)
    count = 1 + max(classes.max(), 1, 0 if labels is None else labels.max())
    _draw_decisions(ax, across, up, classes, int(count))
    color = INK if labels is None else [PALETTE[c % len(PALETTE)] for c in labels]
    ax.scatter(table[:, i], table[:, j], s=16, c=color, edgecolors="white", linewidths=0.5)
    dress(ax, "Decisions", f"feature {i}", f"feature {j}", grid=False)
    return ax


def _labels(y: Any, n: int) -> Array:
    labels = np.asarray(y).reshape(-1)
    if len(labels) != n:
        raise ValueError(f"y: expected {n} classes like rows of x, got {len(labels)}")
    if labels.dtype.kind not in "iub" or labels.min() < 0:
        raise ValueError(f"y: expected integer classes from 0 on, got {check.show(y)}")
    return labels


def _ticks(column: Array, points: int) -> Array:
    low, high = float(column.min()), float(column.max())
    pad = 0.05 * (high - low) or 1.0
    return np.linspace(low - pad, high + pad, points)


def _classes(outputs: Any, threshold: float) -> Array:
    """Convert outputs, (rows, classes) or one number per row, to class indices."""
    array = outputs.detach().numpy() if isinstance(outputs, Tensor) else np.asarray(outputs)
    if array.ndim == 2 and array.shape[1] > 1:
        found: Array = array.argmax(axis=1)
        return found
    return np.array(array.reshape(-1) > threshold, np.int64)


def _draw_decisions(ax: Axes, across: Array, up: Array, classes: Array, count: int) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    colors = ListedColormap([PALETTE[k % len(PALETTE)] for k in range(count)])
    norm = BoundaryNorm(np.arange(count + 1) - 0.5, count)
    ax.pcolormesh(across, up, classes, cmap=colors, norm=norm, alpha=0.3, shading="nearest")


# ---- weights ----


def weight_histograms(
    model: Module, *, bins: int = 50, biases: bool = False, ax: Axes | None = None
) -> Axes:
    """Plot a histogram of each layer's weights, as densities over the same bins.

    Args:
        model: its parameters with at least two axes are shown.
        bins: number of bins from the smallest weight of all to the largest, default 50.
        biases: include parameters with one axis, default False.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes, with one outline (a StepPatch) for each parameter.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: invalid input, no such parameter, values that are not finite.

    Example:
        >>> from fastnn import nn, plot
        >>> ax = plot.weight_histograms(nn.Bilinear(3, 4, 5))
    """
    a_module(model)
    bins = check.integer("bins", bins, 1)
    low = 1 if check.flag("biases", biases) else 2
    named = [(name, p.detach().numpy()) for name, p in model.named_parameters() if p.ndim >= low]
    if not named:
        raise ValueError("model: expected parameters of at least two axes, got none")
    for name, values in named:
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: expected finite values, got some that are not")
    everything = np.concatenate([values.ravel() for _, values in named])
    edges = np.histogram_bin_edges(everything, bins)
    ax = axes_or_new(ax, 6.2)
    for i, (name, values) in enumerate(named):
        density, _ = np.histogram(values, edges, density=True)
        ax.stairs(density, edges, color=PALETTE[i % len(PALETTE)], linewidth=1.5, label=name)
    dress(ax, "Weights", "value", "density")
    legend(ax)
    return ax

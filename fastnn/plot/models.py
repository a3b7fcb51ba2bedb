"""Plots of a model: loss landscape, weight histograms, norms of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import autograd
from fastnn._support import check
from fastnn.explain.inputs import a_module, leaf_for, one_number
from fastnn.nn import Module
from fastnn.nn.modes import evaluating
from fastnn.plot.axes import INK, PALETTE, axes_or_new, dress, wide_range
from fastnn.plot.legends import legend
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

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


def gradient_norms(
    model: Module,
    x: Any,
    y: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    biases: bool = False,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the norm of the gradient of each layer's weights, from the input on.

    A line that falls by orders of magnitude towards the input shows gradients that vanish; one that
    rises shows gradients that explode. Further calls on the same axes add lines, to compare.

    Args:
        model: is run and differentiated once, in evaluation mode, and left unchanged.
        x: rows, an array or Tensor; an array takes the model's dtype.
        y: the target.
        loss: maps output and y to a tensor of one element.
        biases: include parameters with one axis, default False.
        label: of the line, in a legend; default none.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; the last line is that of this model. The scale is logarithmic where all norms of
        the axes are above 0 and span more than a factor of 20.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: invalid input, a loss of more than one element, no such parameter.

    Example:
        >>> import numpy as np
        >>> from fastnn import nn, plot
        >>> x, y = np.eye(3, dtype=np.float32), np.arange(3)
        >>> ax = plot.gradient_norms(nn.MLP(3, [8, 8], 3), x, y, nn.CrossEntropyLoss())
    """
    a_module(model)
    low = 1 if check.flag("biases", biases) else 2
    named = [(n, p) for n, p in model.named_parameters() if p.ndim >= low and p.requires_grad]
    if not named:
        raise ValueError("model: expected trainable weights of at least two axes, got none")
    with evaluating(model), autograd.enable_grad():
        value = one_number(loss(model(leaf_for(model, x)), leaf_for(model, y)))
        gradients = autograd.grad(
            value, [p for _, p in named], allow_unused=True, materialize_grads=True
        )
    norms = np.array([np.linalg.norm(g.numpy().astype(float)) for g in gradients if g is not None])
    ax = axes_or_new(ax, 6.2)
    color = PALETTE[len(ax.lines) % len(PALETTE)]
    ax.plot(np.arange(len(norms)), norms, "o-", color=color, linewidth=1.6, label=label)
    _dress_norms(ax, [name for name, _ in named])
    return ax


def _dress_norms(ax: Axes, names: list[str]) -> None:
    all_norms = [np.asarray(line.get_ydata(), float) for line in ax.lines]
    ax.set_yscale("log" if wide_range(*all_norms) else "linear")
    long = len(names) > 6 or max(map(len, names)) > 8
    ax.set_xticks(np.arange(len(names)), names, rotation=40 if long else 0,
                  ha="right" if long else "center")  # fmt: skip
    dress(ax, "Gradients", "parameter", "norm")
    legend(ax)

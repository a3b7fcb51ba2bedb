"""Plots of optimizers on a function of two numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import autograd
from fastnn._support import check
from fastnn.plot.axes import INK, PALETTE, axes_or_new, dress, ends, two
from fastnn.plot.legends import legend
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[Any]

Valley = Callable[[Tensor, Tensor], Tensor]
FARTHEST = 1e6  # a path that is farther away than this has diverged, and ends


def optimizer_paths(
    function: Valley,
    optimizers: Mapping[str, Callable[[list[Tensor]], Any]],
    start: tuple[float, float],
    *,
    steps: int = 100,
    minimum: tuple[float, float] | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the paths of optimizers down a function of two numbers, over its contours.

    Args:
        function: f(x, y) of two tensors, elementwise, such as Rosenbrock's
            `lambda x, y: (1 - x)**2 + 20 * (y - x**2)**2`.
        optimizers: name -> a function that makes an optimizer of a list of parameters, such as
            {"Adam": lambda w: optim.Adam(w, lr=0.1)}. Each gets one tensor of shape (2,), float64.
        start: where all of them begin.
        steps: of each, default 100.
        minimum: where the lowest point is, to be marked; default none.
        xlim, ylim: ranges of x and y; default: around where the paths are no higher than the start.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; its first lines are the paths, in the order of `optimizers`, each of `steps` + 1
        points, or fewer where one leaves for infinity.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no optimizer, a function that does not give one number.

    Example:
        >>> from fastnn import optim, plot
        >>> valley = lambda x, y: x**2 + 10 * y**2
        >>> ax = plot.optimizer_paths(valley, {"SGD": lambda w: optim.SGD(w, lr=0.05)}, (2.0, 1.0))
    """
    if not isinstance(optimizers, Mapping) or not optimizers:
        raise TypeError(
            'optimizers: expected names and functions such as {"Adam": lambda w: '
            f"optim.Adam(w, lr=0.1)}}, got {check.show(optimizers)}"
        )
    steps = check.integer("steps", steps, 1)
    first = np.array([check.real(f"start[{i}]", v) for i, v in enumerate(two("start", start))])
    paths = [_path(function, make, first, steps) for make in optimizers.values()]
    seen = _worth_showing(function, paths, minimum)
    across = ends("xlim", xlim) if xlim is not None else _around(seen[:, 0])
    up = ends("ylim", ylim) if ylim is not None else _around(seen[:, 1])
    ax = axes_or_new(ax, 7.2, 4.8)
    for i, (name, path) in enumerate(zip(optimizers, paths, strict=True)):
        color = PALETTE[i % len(PALETTE)]
        ax.plot(*path.T, ".-", color=color, markersize=3.5, linewidth=1.3, label=name, zorder=3)
    _draw_valley(ax, function, across, up)
    ax.plot(*first, "o", color="white", markeredgecolor=INK, markersize=6, label="start", zorder=4)
    if minimum is not None:
        ax.plot(*minimum, "*", color=INK, markersize=12, label="minimum", zorder=4)
    ax.set_xlim(*across)
    ax.set_ylim(*up)
    dress(ax, f"{steps} steps", "x", "y", grid=False)
    legend(ax)
    return ax


def _path(function: Valley, make: Any, start: Array, steps: int) -> Array:
    """Where an optimizer goes, from the start on, (points, 2)."""
    w = of_array(start.copy()).requires_grad_()
    optimizer = make([w])

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = function(w[0], w[1])
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise ValueError("function: expected one number for one point (x, y)")
        value.backward()
        return value

    path = [start]
    with autograd.enable_grad():
        for _ in range(steps):
            optimizer.step(closure)
            path.append(w.detach().numpy().copy())
            if not np.isfinite(path[-1]).all() or np.abs(path[-1]).max() > FARTHEST:
                break
    return np.array(path)


def _values(function: Valley, points: Array) -> Array:
    with autograd.no_grad():
        found = function(of_array(points[..., 0].copy()), of_array(points[..., 1].copy()))
    values = np.asarray(found, np.float64)
    if values.shape != points.shape[:-1]:
        raise ValueError(
            "function: expected a number for each point of arrays x and y, got shape "
            f"{values.shape} for {points.shape[:-1]}"
        )
    return values


def _worth_showing(function: Valley, paths: list[Array], minimum: Any) -> Array:
    """The points of all paths that are no higher than the start, and the minimum."""
    points = np.concatenate(paths)
    points = points[np.isfinite(points).all(axis=1)]
    values = _values(function, points)
    kept = points[values <= values[0]]
    return kept if minimum is None else np.concatenate([kept, [minimum]])


def _around(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    pad = 0.15 * (high - low) or 1.0
    return low - pad, high + pad


def _draw_valley(
    ax: Axes, function: Valley, across: tuple[float, float], up: tuple[float, float]
) -> None:
    """Contours at equal shares of the area, so that a flat valley has as many as its walls."""
    grid = np.stack(np.meshgrid(np.linspace(*across, 160), np.linspace(*up, 160)), axis=-1)
    height = _values(function, grid)
    levels = np.unique(np.quantile(height[np.isfinite(height)], np.linspace(0.01, 0.98, 16)))
    if len(levels) > 1:
        x, y = grid[..., 0], grid[..., 1]
        ax.contourf(x, y, height, levels, cmap="Greys", alpha=0.25, extend="both")
        ax.contour(x, y, height, levels, colors="#9aa1ab", linewidths=0.6)

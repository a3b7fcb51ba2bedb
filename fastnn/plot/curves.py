"""Plots of curves: activation functions with derivatives, learning-rate schedules."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import autograd
from fastnn._support import check
from fastnn.nn import Module
from fastnn.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from fastnn.plot.axes import PALETTE, axes_or_new, dress, legend, two
from fastnn.tensor import Tensor, of_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[Any]


def activations(
    *functions: Callable[[Tensor], Tensor],
    span: tuple[float, float] = (-4.0, 4.0),
    points: int = 401,
    derivatives: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Plot activation functions f(x) and, dashed, their derivatives f'(x).

    Derivatives come from autograd: at a kink the value that training uses, such as 0 for ReLU at 0.

    Args:
        functions: elementwise functions, such as `nn.GELU()` or `fastnn.tanh`.
        span: range of x, default (-4, 4).
        points: number of points, default 401; an odd number includes the midpoint.
        derivatives: plot f' too, default True.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; its lines are f and f' of the first function, then of the next.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no function, a function that is not elementwise, an empty span.

    Example:
        >>> from fastnn import nn, plot
        >>> ax = plot.activations(nn.ReLU(), nn.Tanh())
    """
    if not functions:
        raise TypeError("functions: expected at least one, such as nn.ReLU()")
    low, high = (check.real(f"span[{i}]", end) for i, end in enumerate(two("span", span)))
    if not low < high:
        raise ValueError(f"span: expected (low, high) with low < high, got {(low, high)}")
    x = np.linspace(low, high, check.integer("points", points, 2))
    curves = [_value_and_slope(f"functions[{i}]", f, x) for i, f in enumerate(functions)]
    ax = axes_or_new(ax, 6.8)
    for i, (f, (y, slope)) in enumerate(zip(functions, curves, strict=True)):
        name, color = _name(f), PALETTE[i % len(PALETTE)]
        ax.plot(x, y, color=color, linewidth=1.8, label=name)
        if derivatives:
            ax.plot(x, slope, "--", color=color, linewidth=1.3, label=f"{name}, derivative")
    dress(ax, "Activations", "x", "")
    legend(ax)
    return ax


def _name(f: Any) -> str:
    return repr(f) if isinstance(f, Module) else getattr(f, "__name__", type(f).__name__)


def _value_and_slope(argument: str, f: Any, x: Array) -> tuple[Array, Array]:
    """f and f' at x, in float64 unless f has parameters of another type."""
    if not callable(f):
        raise TypeError(f"{argument}: expected a function or module, got {check.show(f)}")
    parameters = f.parameters() if isinstance(f, Module) else iter(())
    leaf = of_array(x.astype(next((p.dtype for p in parameters), np.float64))).requires_grad_()
    with autograd.enable_grad():
        y = f(leaf)
        half = f(leaf[: len(x) // 2])
        same = isinstance(y, Tensor) and y.shape == leaf.shape
        if not same or not np.array_equal(y.detach().numpy()[: len(x) // 2], half.detach().numpy()):
            raise ValueError(
                f"{argument}: expected a function of each element alone, such as nn.ReLU(), got "
                f"{_name(f)}"
            )
        (slope,) = autograd.grad(y.sum(), leaf, allow_unused=True, materialize_grads=True)
    assert slope is not None
    return y.detach().numpy(), slope.numpy()


def schedules(*schedulers: LRScheduler, steps: int, group: int = 0, ax: Axes | None = None) -> Axes:
    """Plot the learning rates of the next steps.

    Args:
        schedulers: each starts from its current state; they and their optimizers are unchanged.
        steps: number of rates; a `scheduler.step()` separates two.
        group: index of the parameter group, default 0.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes, with a line for each scheduler.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no scheduler, `ReduceLROnPlateau` (it depends on a metric), a group
            that does not exist.

    Example:
        >>> from fastnn import nn, optim, plot
        >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1)
        >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
        >>> ax = plot.schedules(scheduler, steps=50)
    """
    if not schedulers:
        raise TypeError("schedulers: expected at least one")
    steps = check.integer("steps", steps, 1)
    rates = [_rates(f"schedulers[{i}]", s, steps, group) for i, s in enumerate(schedulers)]
    ax = axes_or_new(ax, 6.8)
    for i, (scheduler, lr) in enumerate(zip(schedulers, rates, strict=True)):
        color, label = PALETTE[i % len(PALETTE)], type(scheduler).__name__
        ax.plot(np.arange(steps), lr, color=color, linewidth=1.8, label=label)
    dress(ax, "Learning rate", "step", "")
    legend(ax)
    return ax


def _rates(argument: str, scheduler: Any, steps: int, group: int) -> Array:
    if not isinstance(scheduler, LRScheduler) or isinstance(scheduler, ReduceLROnPlateau):
        raise TypeError(
            f"{argument}: expected a scheduler whose step takes no figure, got "
            f"{type(scheduler).__name__}"
        )
    scheduler = copy.deepcopy(scheduler)
    groups = scheduler.optimizer.param_groups
    chosen = groups[check.integer("group", group, 0, len(groups) - 1)]
    rates = [chosen["lr"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the optimizer does not step here
        for _ in range(steps - 1):
            scheduler.step()
            rates.append(chosen["lr"])
    return np.array(rates, np.float64)

"""Plots of curves: activation functions, losses, learning-rate schedules."""

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
from fastnn.plot.axes import PALETTE, axes_or_new, dress, ends, name_of
from fastnn.plot.legends import legend
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
    x = np.linspace(*ends("span", span), check.integer("points", points, 2))
    curves = [_value_and_slope(f"functions[{i}]", f, x) for i, f in enumerate(functions)]
    ax = axes_or_new(ax, 6.8)
    _draw(ax, x, functions, curves, derivatives)
    dress(ax, "Activations", "x", "")
    legend(ax)
    return ax


def _draw(
    ax: Axes, x: Array, functions: Any, curves: list[tuple[Array, Array]], derivatives: bool
) -> None:
    """Functions, and dashed their derivatives."""
    for i, (f, (y, slope)) in enumerate(zip(functions, curves, strict=True)):
        name, color = name_of(f), PALETTE[i % len(PALETTE)]
        ax.plot(x, y, color=color, linewidth=1.8, label=name)
        if derivatives:
            ax.plot(x, slope, "--", color=color, linewidth=1.3, label=f"{name}, derivative")


def _value_and_slope(argument: str, f: Any, x: Array) -> tuple[Array, Array]:
    """f and f' at x, in float64 unless f has parameters of another type."""
    if not callable(f):
        raise TypeError(f"{argument}: expected a function or module, got {check.show(f)}")
    _refuse_class(argument, f)
    parameters = f.parameters() if isinstance(f, Module) else iter(())
    leaf = of_array(x.astype(next((p.dtype for p in parameters), np.float64))).requires_grad_()
    with autograd.enable_grad():
        y = f(leaf)
        half = f(leaf[: len(x) // 2])
        same = isinstance(y, Tensor) and y.shape == leaf.shape
        if not same or not np.array_equal(y.detach().numpy()[: len(x) // 2], half.detach().numpy()):
            raise ValueError(
                f"{argument}: expected a function of each element alone, such as nn.ReLU(), got "
                f"{name_of(f)}"
            )
        (slope,) = autograd.grad(y.sum(), leaf, allow_unused=True, materialize_grads=True)
    assert slope is not None
    return y.detach().numpy(), slope.numpy()


def losses(
    *functions: Callable[[Tensor, Tensor], Tensor],
    target: float = 0.0,
    span: tuple[float, float] = (-3.0, 3.0),
    points: int = 241,
    derivatives: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot what losses charge for one output, as it moves away from its target.

    With `target=0` the output is the error of a regression; with `target=1` the logit of the right
    class. For a loss whose targets are classes, such as `nn.CrossEntropyLoss`, the outputs are the
    logits (0, x) of two classes, and the target is the class.

    Args:
        functions: losses of (output, target), such as `nn.HuberLoss()`, with any reduction: each
            value is that of one output alone.
        target: default 0; -1 or 1 for losses of a margin, such as `nn.HingeLoss`.
        span: range of the output, default (-3, 3); within (0, 1) for `nn.BCELoss`.
        points: number of points, default 241.
        derivatives: plot the slopes too, dashed, default False.
        ax: the axes to draw on; a new figure by default.

    Returns:
        The axes; a line for each loss, with derivatives two.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no loss, a loss that does not take one output and one target.

    Example:
        >>> from fastnn import nn, plot
        >>> ax = plot.losses(nn.MSELoss(), nn.L1Loss(), nn.HuberLoss())
    """
    if not functions:
        raise TypeError("functions: expected at least one loss, such as nn.MSELoss()")
    x = np.linspace(*ends("span", span), check.integer("points", points, 2))
    target = check.real("target", target)
    curves = [_charged(f"functions[{i}]", f, x, target) for i, f in enumerate(functions)]
    ax = axes_or_new(ax, 6.8)
    _draw(ax, x, functions, curves, derivatives)
    x_label = "error" if target == 0 else f"output, where the target is {target:g}"
    dress(ax, "Losses", x_label, "loss")
    legend(ax)
    return ax


def _refuse_class(argument: str, f: Any) -> None:
    if isinstance(f, type):
        name = f.__name__
        raise TypeError(
            f"{argument}: expected one that is made, got the class {name}; call it, {name}()"
        )


def _charged(argument: str, f: Any, x: Array, target: float) -> tuple[Array, Array]:
    """The loss of each output alone, and its slope."""
    if not callable(f):
        raise TypeError(f"{argument}: expected a loss, got {check.show(f)}")
    _refuse_class(argument, f)
    classes = getattr(f, "targets", "") == "classes"
    y = of_array(np.array([int(target)] if classes else [[target]]))
    found = []
    with autograd.enable_grad():
        for value in x:
            z = of_array(np.array([[0.0, value]] if classes else [[value]])).requires_grad_()
            loss = f(z, y)
            if not isinstance(loss, Tensor) or loss.numel() != 1:
                raise ValueError(
                    f"{argument}: expected a loss of one output and one target, such as "
                    f"nn.MSELoss(), got {name_of(f)}"
                )
            slope = 0.0
            if loss.requires_grad:
                (by,) = autograd.grad(loss.sum(), z, allow_unused=True, materialize_grads=True)
                slope = by.numpy()[0, -1] if by is not None else 0.0
            found.append((loss.item(), slope))
    values = np.array(found)
    return values[:, 0], values[:, 1]


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

"""Activations, losses and optimizers of tabular models, by their names on the command line."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastnn import nn, optim
from fastnn._support.signatures import signature
from fastnn.nn.activations.base import ACTIVATIONS as _ACTIVATIONS
from fastnn.nn.losses.base import LOSSES as _LOSSES, Loss as _Loss
from fastnn.optim import lbfgs as lbfgs, levenberg_marquardt as levenberg_marquardt  # named there
from fastnn.optim.block_optimizer import OPTIMIZERS as _OPTIMIZERS, BlockOptimizer

__all__ = ["ACTIVATIONS", "LOSSES", "OPTIMIZERS", "Loss", "loss_of", "rate_of", "takes_all_rows"]


def _with_rate(kind: type[BlockOptimizer], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with the optimizer's default learning rate."""
    lr = signature(kind).parameters.get("lr")
    return settings if lr is None else {"lr": lr.default, **settings}


ACTIVATIONS: dict[str, type[nn.Module]] = {
    name: preset.kind
    for name, preset in _ACTIVATIONS.items()
    if preset.settings.get("hidden", True)
}

OPTIMIZERS: dict[str, tuple[type[BlockOptimizer], dict[str, Any]]] = {
    name: (preset.kind, _with_rate(preset.kind, preset.settings))
    for name, preset in sorted(_OPTIMIZERS.items(), key=lambda e: e[0])
}
"""Optimizers by name: class, and settings (the learning rate, and overridden defaults)."""


class Loss(NamedTuple):
    """A loss, its task, and whether the net predicts the logarithm of a positive target."""

    kind: type[nn.Module]
    task: str
    log: bool = False


DEFAULTS = {"classification": "cross_entropy", "regression": "mse"}


def _task(kind: type[_Loss]) -> str:
    return "classification" if kind.targets == "classes" else "regression"


LOSSES = {
    name: Loss(preset.kind, _task(preset.kind), preset.settings.get("log", False))
    for name, preset in sorted(_LOSSES.items(), key=lambda e: e[0] not in DEFAULTS.values())
}
"""Losses by name, of one number or one class per row."""


def loss_of(name: str | None, task: str) -> Loss:
    """Look up a loss by name; None gives the default of the task.

    Raises:
        ValueError: the loss is unknown, or for another task.

    >>> from fastnn.tabular.presets import loss_of
    >>> loss_of(None, "regression").kind.__name__
    'MSELoss'
    """
    fits = [known for known, loss in LOSSES.items() if loss.task == task]
    if name is not None and name not in fits:
        raise ValueError(f"loss: expected one of {', '.join(fits)} for a {task}, got {name!r}")
    return LOSSES[DEFAULTS[task] if name is None else name]


def rate_of(optimizer: str, lr: float | None) -> float | None:
    """The given learning rate, else the optimizer's default; None if it has no learning rate.

    Raises:
        ValueError: lr is given, but the optimizer has no learning rate.
    """
    own: float | None = OPTIMIZERS[optimizer][1].get("lr")
    if own is None and lr is not None:
        raise ValueError(f"lr: {optimizer} finds its steps by itself; leave it out")
    return own if lr is None else lr


def takes_all_rows(optimizer: str) -> bool:
    """Whether an optimizer takes full-batch steps instead of one step per batch."""
    return issubclass(OPTIMIZERS[optimizer][0], optim.LBFGS | optim.LevenbergMarquardt)

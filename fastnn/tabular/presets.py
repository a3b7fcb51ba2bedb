"""What a net for a table may be made of, by the names that the command line takes."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from fastnn import nn, optim
from fastnn.nn.activations.base import ACTIVATIONS as _ACTIVATIONS
from fastnn.nn.losses.base import LOSSES as _LOSSES, Loss as _Loss
from fastnn.optim.optimizer import OPTIMIZERS as _OPTIMIZERS

__all__ = ["ACTIVATIONS", "LOSSES", "OPTIMIZERS", "Loss", "loss_of", "rate_of", "takes_all_rows"]


def _with_rate(kind: type[optim.Optimizer], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with the learning rate that the optimizer has by default."""
    lr = inspect.signature(kind).parameters.get("lr")
    return settings if lr is None else {"lr": lr.default, **settings}


ACTIVATIONS: dict[str, type[nn.Module]] = {
    name: preset.kind
    for name, preset in _ACTIVATIONS.items()
    if preset.settings.get("hidden", True)
}

OPTIMIZERS: dict[str, tuple[type[optim.Optimizer], dict[str, Any]]] = {
    name: (preset.kind, _with_rate(preset.kind, preset.settings))
    for name, preset in sorted(_OPTIMIZERS.items(), key=lambda e: e[0])
}
"""The optimizers, each with settings that differ from its own, and with its lr."""


class Loss(NamedTuple):
    """A loss, what it is for, and whether the net gives the logarithm of a target above 0."""

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
"""The losses of one number or one class a row."""


def loss_of(name: str | None, task: str) -> Loss:
    """The loss of this name, or of none the default of the task.

    Raises:
        ValueError: it is not for this task.

    >>> loss_of(None, "regression").kind.__name__
    'MSELoss'
    """
    fits = [known for known, loss in LOSSES.items() if loss.task == task]
    if name is not None and name not in fits:
        raise ValueError(f"loss: expected one of {', '.join(fits)} for a {task}, got {name!r}")
    return LOSSES[DEFAULTS[task] if name is None else name]


def rate_of(optimizer: str, lr: float | None) -> float | None:
    """The learning rate; None for an optimizer that has none.

    Raises:
        ValueError: one is given to an optimizer that has none.
    """
    own: float | None = OPTIMIZERS[optimizer][1].get("lr")
    if own is None and lr is not None:
        raise ValueError(f"lr: {optimizer} finds its steps by itself; leave it out")
    return own if lr is None else lr


def takes_all_rows(optimizer: str) -> bool:
    """Whether it makes one step of all rows instead of one of each batch."""
    return issubclass(OPTIMIZERS[optimizer][0], optim.LBFGS | optim.LevenbergMarquardt)

"""What a net for a table may be made of, by the names that the command line takes."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastnn import nn, optim

__all__ = ["ACTIVATIONS", "LOSSES", "OPTIMIZERS", "Loss", "loss_of", "rate_of", "takes_all_rows"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}

OPTIMIZERS: dict[str, tuple[type[optim.Optimizer], dict[str, Any]]] = {
    "adadelta": (optim.Adadelta, {"lr": 1.0}),
    "adagrad": (optim.Adagrad, {"lr": 1e-2}),
    "adam": (optim.Adam, {"lr": 1e-3}),
    "adamax": (optim.Adamax, {"lr": 2e-3}),
    "adamw": (optim.AdamW, {"lr": 1e-3}),
    "asgd": (optim.ASGD, {"lr": 1e-2}),
    "ema_momentum": (optim.EMAMomentum, {"lr": 0.5, "momentum": 0.9}),
    "lbfgs": (optim.LBFGS, {"lr": 1.0, "line_search_fn": "strong_wolfe"}),
    "levenberg_marquardt": (optim.LevenbergMarquardt, {}),
    "lion": (optim.Lion, {"lr": 1e-4}),
    "nadam": (optim.NAdam, {"lr": 2e-3}),
    "radam": (optim.RAdam, {"lr": 1e-3}),
    "rmsprop": (optim.RMSprop, {"lr": 1e-2}),
    "rprop": (optim.Rprop, {"lr": 1e-2}),
    "sgd": (optim.SGD, {"lr": 0.05, "momentum": 0.9}),
}
"""The optimizers, each with settings that differ from its own, and with its lr."""


class Loss(NamedTuple):
    """A loss, what it is for, and whether the net gives the logarithm of a target above 0."""

    kind: type[nn.Module]
    task: str
    log: bool = False


LOSSES = {
    "cross_entropy": Loss(nn.CrossEntropyLoss, "classification"),
    "focal": Loss(nn.FocalLoss, "classification"),
    "multi_margin": Loss(nn.MultiMarginLoss, "classification"),
    "mse": Loss(nn.MSELoss, "regression"),
    "half_squared_error": Loss(nn.HalfSquaredErrorLoss, "regression"),
    "l1": Loss(nn.L1Loss, "regression"),
    "smooth_l1": Loss(nn.SmoothL1Loss, "regression"),
    "huber": Loss(nn.HuberLoss, "regression"),
    "log_cosh": Loss(nn.LogCoshLoss, "regression"),
    "poisson": Loss(nn.PoissonNLLLoss, "regression", log=True),
    "gamma": Loss(nn.GammaDevianceLoss, "regression", log=True),
    "tweedie": Loss(nn.TweedieDevianceLoss, "regression", log=True),
}
"""The losses of one number or one class a row; the first of a task is its default."""


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
    return LOSSES[fits[0] if name is None else name]


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

"""What a training step does with each batch: how gradients update the weights, and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastnn._support import check
from fastnn.nn import Module, ZeroOneLoss
from fastnn.nn.losses.zero_one import REFUSAL
from fastnn.optim import Optimizer
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.train.metrics import Metric


@dataclass(frozen=True)
class Update:
    """How gradients update the weights: accumulation and clipping.

    accumulate: batches whose gradients are accumulated for one update.
    clip_norm, clip_value: bounds of the gradients, or None.
    """

    accumulate: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None

    @classmethod
    def checked(cls, accumulate: Any, clip_norm: Any, clip_value: Any) -> Update:
        """From arguments of `fit`, whose names appear in error messages."""
        count = check.integer("accumulate_steps", accumulate, 1)
        bounds = {"clip_norm": clip_norm, "clip_value": clip_value}
        found = [None if b is None else check.real(n, b, 0.0) for n, b in bounds.items()]
        return cls(count, *found)


@dataclass(frozen=True)
class Asked:
    """What a step does with each batch besides forward and backward."""

    metrics: dict[str, Metric]
    update: Update = Update()


def check_optimizer(optimizer: Any, update: Update) -> None:
    """Whether a program can run the optimizer, and with these settings.

    Raises:
        TypeError: it is Python code, or calls a function several times a step.
        ValueError: a setting that it does not take.
    """
    closes = getattr(optimizer, "closure_gives_loss", False)
    if closes and update != Update():
        raise ValueError("optimizer: LBFGS takes no clip_norm, clip_value or accumulate_steps")
    if getattr(optimizer, "calls_closure", False) and not closes:
        raise TypeError(
            f"optimizer: {type(optimizer).__name__} calls a function several times a step; "
            "expected one that does not, or write the loop, with optimizer.step(closure)"
        )
    if isinstance(optimizer, Optimizer) and not isinstance(optimizer, BlockOptimizer):
        raise TypeError(
            f"optimizer: {type(optimizer).__name__} is Python code, which a program cannot run; "
            "expected one of fastnn.optim, or write the loop, with optimizer.step()"
        )
    if update.accumulate > 1 and not isinstance(optimizer, BlockOptimizer):
        raise TypeError("accumulate_steps: expected an optimizer of fastnn.optim")


def check_parts(model: Module, loss: Any, optimizer: Any, update: Update) -> None:
    """Check that loss, optimizer and update suit the model.

    Raises:
        RuntimeError: the 0-1 loss, which has no gradient.
        ValueError: an optimizer over none of the model's parameters.
    """
    if isinstance(loss, ZeroOneLoss):
        raise RuntimeError(REFUSAL)
    mine = {id(p) for p in model.parameters()}
    groups = getattr(optimizer, "param_groups", [])
    if mine and groups and not any(id(p) in mine for g in groups for p in g["params"]):
        raise ValueError(
            "optimizer: expected one over parameters of the model, got one that has none of "
            "them; make it by optim.Adam(model.parameters())"
        )
    check_optimizer(optimizer, update)

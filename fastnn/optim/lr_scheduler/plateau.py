"""ReduceLROnPlateau: a schedule driven by a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnn._support import check
from fastnn.optim.lr_scheduler.base import (
    LRScheduler,
    checked_optimizer,
    each_rate,
)
from fastnn.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Reduce lr by `factor` when a metric has not improved for more than `patience` epochs.

    A value a improves on the best b, in mode "min", if a < b * (1 - threshold) ("rel") or
    a < b - threshold ("abs"); in mode "max", if a > b * (1 + threshold) or a > b + threshold.

    Args:
        optimizer: whose groups it sets.
        mode: "min" or "max".
        factor: less than 1, default 0.1.
        patience: default 10.
        threshold: default 1e-4.
        threshold_mode: "rel" or "abs".
        cooldown: epochs after a reduction that are not counted, default 0.
        min_lr: the lowest learning rate, one value or one for each group.
        eps: skip reductions of at most this, default 1e-8.

    Raises:
        ValueError: a setting out of range.

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.1]
    """

    min_lrs: list[float]
    best: float
    cooldown_counter: int
    num_bad_epochs: int

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.factor: float = check.real("factor", factor, 0.0, 1.0, open_high=True)
        self.optimizer: Optimizer = checked_optimizer(optimizer)
        self.min_lrs = each_rate("min_lr", min_lr, optimizer)
        self.default_min_lr: float | int | Sequence[float] | None = (
            None if isinstance(min_lr, list | tuple) else min_lr
        )
        self.mode: Any = check.choice("mode", mode, ("min", "max"))
        self.threshold_mode: Any = check.choice("threshold_mode", threshold_mode, ("rel", "abs"))
        self.patience: int = check.integer("patience", patience, 0)
        self.cooldown: int = check.integer("cooldown", cooldown, 0)
        self.threshold: float = check.real("threshold", threshold)
        self.eps: float = check.real("eps", eps)
        self.last_epoch = 0
        self._last_lr = self._rates()
        self._reset()

    def _reset(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = 0

    def get_lr(self) -> list[float]:
        return self._rates()

    @property
    def in_cooldown(self) -> bool:
        """Whether the cooldown after a reduction is still running."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether `a` improves on `best` by more than the threshold."""
        sign = -1.0 if self.mode == "min" else 1.0
        relative = self.threshold_mode == "rel"
        bound = best * (1.0 + sign * self.threshold) if relative else best + sign * self.threshold
        return a < bound if self.mode == "min" else a > bound

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take this epoch's metric, and reduce the learning rates if it is time."""
        current = float(metrics)
        self.last_epoch: int = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(current, self.best):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._set(self._reduced())
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._rates()

    def _reduced(self) -> list[float]:
        groups = len(self.optimizer.param_groups)
        if groups != len(self.min_lrs):  # groups were added since
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"min_lr: expected one for each of {groups} parameter groups, got "
                    f"{len(self.min_lrs)}; extend `min_lrs` when a group is added"
                )
            self.min_lrs = each_rate("min_lr", self.default_min_lr, self.optimizer)
        lowered = []
        for rate, least in zip(self._rates(), self.min_lrs, strict=True):
            new = max(rate * self.factor, least)
            lowered.append(new if rate - new > self.eps else rate)
        return lowered

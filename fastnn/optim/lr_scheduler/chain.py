"""Schedulers composed of other schedulers."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastnn._support import check
from fastnn.optim.lr_scheduler.base import LRScheduler, milestones_of, set_rate
from fastnn.optim.lr_scheduler.plateau import ReduceLROnPlateau
from fastnn.optim.optimizer import Optimizer


def _same_optimizer(schedulers: Any, optimizer: Optimizer | None) -> list[LRScheduler]:
    """Check that all schedulers have the same optimizer."""
    if isinstance(schedulers, str) or not isinstance(schedulers, Iterable):
        raise TypeError(f"schedulers: expected a list of schedulers, got {check.show(schedulers)}")
    found = list(schedulers)
    if not found:
        raise ValueError("schedulers: expected at least one scheduler, got none")
    for i, scheduler in enumerate(found):
        if not isinstance(scheduler, LRScheduler):
            raise TypeError(f"schedulers[{i}]: expected a scheduler, got {check.show(scheduler)}")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(
                f"schedulers[{i}]: expected one whose step takes no figure, got ReduceLROnPlateau"
            )
        if scheduler.optimizer is not (optimizer or found[0].optimizer):
            raise ValueError(
                f"schedulers[{i}]: expected all schedulers to belong to the same optimizer"
            )
    return found


class _Composed(LRScheduler):
    """Saving and loading for schedulers that contain others."""

    _schedulers: list[LRScheduler]

    def _initial_step(self) -> None:
        self._step_count = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the optimizer need not have stepped
            self.step()

    def get_lr(self) -> list[float]:
        return self._rates()

    def state_dict(self) -> dict[str, Any]:
        """The state, with that of each scheduler under "_schedulers"."""
        states = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": states}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict`."""
        states = state_dict.get("_schedulers", []) if isinstance(state_dict, Mapping) else []
        if len(states) != len(self._schedulers):
            raise ValueError(
                f"state_dict: expected {len(self._schedulers)} schedulers, got {len(states)}"
            )
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """Run schedulers one after the other; each begins at its own epoch 0.

    Args:
        optimizer: that of all schedulers.
        schedulers: in order.
        milestones: the epochs at which the next one takes over, one fewer than schedulers.
        last_epoch: as for LRScheduler.

    Raises:
        ValueError: another number of milestones, another optimizer, ReduceLROnPlateau.

    Source: torch.optim.lr_scheduler.SequentialLR.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=1.0)
    >>> warm = optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=9)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = optim.lr_scheduler.SequentialLR(optimizer, [warm, decay], milestones=[2])
    >>> [table] = optim.lr_scheduler.settings_by_step(scheduler, optimizer, 5)
    >>> table[:, 0].tolist()
    [0.5, 0.5, 1.0, 0.5, 0.25]
    """

    last_epoch: int

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self._schedulers = _same_optimizer(schedulers, optimizer)
        milestones = milestones_of(milestones)
        if len(milestones) != len(self._schedulers) - 1:
            raise ValueError(
                f"milestones: expected one fewer than the {len(self._schedulers)} schedulers, got "
                f"{len(milestones)}"
            )
        self._milestones = milestones
        self.optimizer = optimizer
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        for scheduler in self._schedulers:
            _undo_first_step(scheduler)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next epoch."""
        if epoch is not None:
            raise ValueError("epoch: SequentialLR goes epoch by epoch; call step() without it")
        self.last_epoch += 1
        index = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[index]
        if index > 0 and self._milestones[index - 1] == self.last_epoch:
            scheduler._update(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def _steps_left(self) -> float:
        """Until one of those that are still to come has no more."""
        now = bisect_right(self._milestones, self.last_epoch)
        for index in range(now, len(self._schedulers)):
            scheduler, begin = self._schedulers[index], self.last_epoch
            if index > now:  # it begins anew
                begin = self._milestones[index - 1]
            left = scheduler._steps_left() + (scheduler.last_epoch if index > now else 0)
            end = self._milestones[index] if index < len(self._milestones) else math.inf
            if begin + left < end - 1:
                return begin + left - self.last_epoch
        return math.inf


def _undo_first_step(scheduler: LRScheduler) -> None:
    """Undo the first learning rates, which each scheduler set when it was made."""
    if isinstance(scheduler, _Composed):
        for inner in scheduler._schedulers:
            _undo_first_step(inner)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Composed):
    """Apply all schedulers at every step, each to the result of the one before.

    Args:
        schedulers: in order.
        optimizer: that of all of them; default: that of the first.

    Raises:
        ValueError: another optimizer, ReduceLROnPlateau, no scheduler.

    Source: torch.optim.lr_scheduler.ChainedScheduler.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._schedulers = _same_optimizer(schedulers, optimizer)
        self.optimizer: Optimizer = self._schedulers[0].optimizer
        self._last_lr = self._rates()

    def _steps_left(self) -> float:
        """Of that which ends first."""
        return min(scheduler._steps_left() for scheduler in self._schedulers)

    def step(self, epoch: int | None = None) -> None:
        """Step each scheduler."""
        for scheduler in self._schedulers:
            scheduler.step() if epoch is None else scheduler.step(epoch)
        self._last_lr = self._rates()

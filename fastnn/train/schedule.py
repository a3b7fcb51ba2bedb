"""Learning rate schedules within a fit: stepped per epoch, or as tables with a row per step."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn.optim import loop
from fastnn.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau, settings_by_step

if TYPE_CHECKING:
    from fastnn.optim.block_optimizer import BlockOptimizer
    from fastnn.train.loop import Rates


class Schedule:
    """Steps a scheduler of `optim.lr_scheduler`, if there is one, during a fit.

    Args:
        scheduler: the scheduler, or None.
        optimizer: the optimizer that it has to belong to.
        unit: "epoch" or "step": when it steps; a step is an update of the weights.
        accumulate: batches per update.
        monitor: the metric to monitor, if given.

    Raises:
        TypeError, ValueError: not a scheduler, or one of another optimizer; "step" for a scheduler
            that monitors a metric, or a metric for one that does not.
    """

    scheduler: Any
    optimizer: BlockOptimizer

    def __init__(
        self,
        scheduler: Any,
        optimizer: BlockOptimizer,
        unit: str,
        accumulate: int,
        monitor: str | None = None,
    ) -> None:
        check.choice("schedule", unit, ("epoch", "step"))
        if scheduler is not None:
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(
                    f"scheduler: expected one of optim.lr_scheduler, got {check.show(scheduler)}"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError("scheduler: expected one of the trainer's optimizer")
            if unit == "step" and isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    "schedule: expected 'epoch' for ReduceLROnPlateau, which looks at the figures "
                    "of an epoch"
                )
        self.scheduler, self.optimizer = scheduler, optimizer
        self.by_step: bool = scheduler is not None and unit == "step"
        self.looks: bool = isinstance(scheduler, ReduceLROnPlateau)
        if monitor is not None and not self.looks:
            raise ValueError(
                f"monitor: expected None without a ReduceLROnPlateau as scheduler, got "
                f"{monitor!r}; callbacks have a monitor of their own"
            )
        self._accumulate = accumulate
        self._before: tuple[Any, list[dict[str, Any]]] | None = None

    def rates(self, step: int, steps: int) -> Rates | None:
        """The optimizer's hyperparameters at each step from `step` to the end of the epoch.

        Scheduler and optimizer advance to the end of the epoch; `settle` takes them back.
        """
        if not self.by_step:
            return None
        self._before = self.scheduler.state_dict(), self._settings()
        self._span = step, steps
        update = np.arange(step, steps) // self._accumulate - step // self._accumulate
        tables = settings_by_step(self.scheduler, self.optimizer, self._updates(steps - step))
        return loop.rates(self.optimizer, [table[update] for table in tables])

    def settle(self, done: int) -> None:
        """Set scheduler and optimizer to their state after this many of the steps of `rates`."""
        if self._before is None:
            return
        state, settings = self._before
        self._before = None
        loop.forget_numbers(self.optimizer)
        first, steps = self._span
        if first + done == steps:
            return
        for group, kept in zip(self.optimizer.param_groups, settings, strict=True):
            group.update(kept)
        self.scheduler.load_state_dict(state)
        settings_by_step(self.scheduler, self.optimizer, self._updates(done))

    def _updates(self, done: int) -> int:
        """Weight updates within this many steps; the last step of an epoch always updates."""
        first, steps = self._span
        last = first + done
        ended = -(-last // self._accumulate) if last == steps else last // self._accumulate
        return ended - first // self._accumulate

    def check_steps(self, epoch: int, step: int, epochs: int, steps: int) -> None:
        """Check that the scheduler has steps for the rest of a fit, from this epoch and step on.

        steps: batches of an epoch.

        Raises:
            ValueError: it would have no more before the last one.
        """
        if self.scheduler is None or epoch >= epochs:
            return
        needed, each = epochs - epoch, -(-steps // self._accumulate)
        if self.by_step:
            done = each if step == steps else step // self._accumulate
            needed = needed * each - done
        left = self.scheduler._steps_left()
        if needed > left:
            unit = f" of {each} updates each" if self.by_step else ""
            raise ValueError(
                f"scheduler: expected one that can be stepped {needed} more times, for "
                f"{epochs - epoch} epochs{unit}, got {type(self.scheduler).__name__} with {left} "
                "steps left"
            )

    def after_epoch(self, logs: dict[str, float], monitor: str) -> None:
        """Step the scheduler after an epoch with these metrics."""
        if self.scheduler is None or self.by_step:
            return
        if not self.looks:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # all steps may have been skipped
                self.scheduler.step()
        elif monitor in logs:
            self.scheduler.step(logs[monitor])

    def _settings(self) -> list[dict[str, Any]]:
        groups = self.optimizer.param_groups
        return [{k: v for k, v in group.items() if k != "params"} for group in groups]

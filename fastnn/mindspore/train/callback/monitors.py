"""Callbacks that print and keep what happens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from fastnn._support import check
from fastnn.mindspore.train.callback.base import Callback, RunContext, loss_of


class LossMonitor(Callback):
    """Print the loss every so many steps, and stop where it is not finite.

    Args:
        per_print_times: steps, default 1; 0: never.

    Raises:
        ValueError: while training: a loss that is not finite.
    """

    def __init__(self, per_print_times: int = 1) -> None:
        self._per_print_times = check.integer("per_print_times", per_print_times, 0)
        self._last_print_time = 0

    def on_train_begin(self, run_context: RunContext) -> None:
        """Begin to count."""
        self._last_print_time = 0

    def on_train_step_end(self, run_context: RunContext) -> None:
        """Print the loss, if it is time."""
        known, loss = run_context.original_args(), loss_of(run_context)
        step = (known.cur_step_num - 1) % known.batch_num + 1
        epoch = known.get("cur_epoch_num", 1)
        if not math.isfinite(loss):
            raise ValueError(f"In epoch: {epoch} step: {step}, loss is NAN or INF: {loss}")
        every = self._per_print_times
        if every and known.cur_step_num - self._last_print_time >= every:
            self._last_print_time = known.cur_step_num
            print(f"epoch: {epoch} step: {step}, loss is {loss}", flush=True)

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        """Print the metrics of a validation, if there was one."""
        known = run_context.original_args()
        if known.get("metrics"):
            print(f"Eval result: epoch {known.cur_epoch_num}, metrics: {known.metrics}", flush=True)


class TimeMonitor(Callback):
    """Print the time of each epoch.

    Args:
        data_size: steps in an epoch; default: those of the data set.
        data_time: without effect.
    """

    epoch_time: float

    def __init__(self, data_size: int | None = None, data_time: bool = False) -> None:
        self.data_size = data_size
        self.epoch_time = time.time()

    def epoch_begin(self, run_context: RunContext) -> None:
        """Look at the clock."""
        self.epoch_time = time.time()

    def epoch_end(self, run_context: RunContext) -> None:
        """Print the time."""
        known = run_context.original_args()
        spent = (time.time() - self.epoch_time) * 1000
        each = spent / max(1, known.get("batch_num") or self.data_size or 1)
        print(
            f"{str(known.get('mode', '')).title()} epoch time: {spent:5.3f} ms, "
            f"per step time: {each:5.3f} ms",
            flush=True,
        )


class History(Callback):
    """The losses and metrics of the epochs: `epoch`, a dict of lists by name."""

    def __init__(self) -> None:
        self.epoch: dict[str, list[Any]] = {}

    def on_train_begin(self, run_context: RunContext) -> None:
        """Forget an earlier run."""
        self.epoch = {}

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        """Add the last loss of the epoch, and its metrics."""
        known = run_context.original_args()
        found = {"net_output": loss_of(run_context), **(known.get("eval_results") or {})}
        for name, value in found.items():
            self.epoch.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """A callback of functions: `LambdaCallback(on_train_epoch_end=lambda context: ...)`."""

    def __init__(self, **functions: Callable[[RunContext], Any] | None) -> None:
        known = [name for name in dir(Callback) if name.startswith("on_")]
        for name, function in functions.items():
            check.choice("event", name, known)
            if function is not None:
                setattr(self, name, function)

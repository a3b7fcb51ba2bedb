"""Callbacks that change the learning rate or end the training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastnn._support import check
from fastnn.mindspore.train.callback.base import Callback, RunContext, loss_of


class LearningRateScheduler(Callback):
    """After each step set the rate to `learning_rate_function(rate, step)`."""

    def __init__(self, learning_rate_function: Callable[[float, int], float]) -> None:
        self.learning_rate_function = learning_rate_function

    def on_train_step_end(self, run_context: RunContext) -> None:
        """Set the rate."""
        known = run_context.original_args()
        optimizer = known.optimizer
        rate = self.learning_rate_function(optimizer.learning_rate, known.cur_step_num)
        if rate != optimizer.learning_rate:
            optimizer.learning_rate = rate


class _Watching(Callback):
    """What EarlyStopping and ReduceLROnPlateau have in common: a value that ought to improve."""

    best: float
    wait: int

    def __init__(self, monitor: str, mode: str, min_delta: float, patience: int) -> None:
        self.monitor = monitor
        self.mode: Any = check.choice("mode", mode, ("auto", "min", "max"))
        self.min_delta: float = abs(check.real("min_delta", min_delta))
        self.patience: int = check.integer("patience", patience, 0)
        grows = mode == "max" or (mode == "auto" and ("acc" in monitor or monitor == "precision"))
        self._sign = 1.0 if grows else -1.0
        self.best, self.wait = -math.inf, 0

    def _value(self, run_context: RunContext) -> float | None:
        """The value, where larger is better; None where there is none this epoch."""
        known = run_context.original_args()
        found = {"loss": loss_of(run_context), **(known.get("eval_results") or {})}
        evaluated = {f"eval_{name}": value for name, value in (known.get("metrics") or {}).items()}
        value = {**found, **evaluated}.get(self.monitor)
        return None if value is None else self._sign * float(value)


class EarlyStopping(_Watching):
    """End the training when a value has not improved for some epochs.

    Args:
        monitor: 'loss', 'eval_loss' (default), or 'eval_' and the name of a metric.
        min_delta: the least improvement, default 0.
        patience: epochs without, default 0.
        verbose: print when it ends.
        mode: 'min', 'max' or 'auto' (default), by the name.
        baseline: a value to be better than.
        restore_best_weights: go back to the best weights, default False.
    """

    verbose: bool
    baseline: float | None
    best: float
    wait: int

    def __init__(
        self,
        monitor: str = "eval_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: bool = False,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta, patience)
        self.verbose, self.baseline = verbose, baseline
        self.restore_best_weights = restore_best_weights
        self._weights: dict[str, Any] | None = None

    def on_train_begin(self, run_context: RunContext) -> None:
        """Begin to watch."""
        self.wait, self._weights = 0, None
        self.best = -math.inf if self.baseline is None else self._sign * self.baseline

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        """Look at the value, and stop if it is time."""
        value, known = self._value(run_context), run_context.original_args()
        if value is None:
            return
        if value - self.min_delta > self.best:
            self.best, self.wait = value, 0
            if self.restore_best_weights:
                state = known.network.state_dict()
                self._weights = {name: t.asnumpy().copy() for name, t in state.items()}
            return
        self.wait += 1
        if self.wait > self.patience:
            run_context.request_stop()
            if self._weights is not None:
                known.network.load_state_dict(self._weights)
            if self.verbose:
                print(f"Epoch {known.cur_epoch_num}: early stopping", flush=True)


class ReduceLROnPlateau(_Watching):
    """Multiply the rate by `factor` when a value has not improved for some epochs.

    Args:
        monitor, mode, min_delta (default 1e-4), patience (default 10): as of EarlyStopping.
        factor: below 1, default 0.1.
        verbose: print the new rate.
        cooldown: epochs to wait after, default 0.
        min_lr: the least rate, default 0.
    """

    verbose: bool
    min_lr: float
    cooldown: int
    best: float
    wait: int

    def __init__(
        self,
        monitor: str = "eval_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: bool = False,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta, patience)
        self.factor: float = check.real("factor", factor, 0.0, 1.0, open_high=True)
        self.verbose, self.min_lr = verbose, min_lr
        self.cooldown, self._cooling = check.integer("cooldown", cooldown, 0), 0

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        """Look at the value, and lower the rate if it is time."""
        value, known = self._value(run_context), run_context.original_args()
        if value is None:
            return
        if self._cooling:
            self._cooling, self.wait = self._cooling - 1, 0
        if value - self.min_delta > self.best:
            self.best, self.wait = value, 0
        elif not self._cooling:
            self.wait += 1
            rate = known.optimizer.learning_rate
            if self.wait >= self.patience and rate > self.min_lr:
                known.optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self._cooling, self.wait = self.cooldown, 0
                if self.verbose:
                    rate = known.optimizer.learning_rate
                    print(f"Epoch {known.cur_epoch_num}: learning rate {rate}", flush=True)

"""Cyclic and one-cycle schedules, with momentum cycled inversely."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fastnn._support import check
from fastnn.optim.lr_scheduler.base import LRScheduler, each_rate, set_rate
from fastnn.optim.optimizer import Group, Optimizer

Rates = float | Sequence[float]


def _uses_betas(optimizer: Optimizer) -> bool:
    """Whether this optimizer's momentum is the first of its betas."""
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            "cycle_momentum: expected an optimizer with momentum or betas, got "
            f"{type(optimizer).__name__}; use cycle_momentum=False"
        )
    return "betas" in optimizer.defaults


def _set_momentum(group: Group, value: float, betas: bool) -> None:
    if betas:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


class CyclicLR(LRScheduler):
    """Cyclic learning rate: lr rises from base_lr to max_lr and falls again, repeatedly.

    s = 1 .. 0 .. 1 is the distance to the top within a cycle of step_size_up + step_size_down:
    lr = base_lr + (max_lr - base_lr) * (1 - s) * scale, and with cycle_momentum
    momentum = max_momentum - (max_momentum - base_momentum) * (1 - s) * scale.
    scale: 1 ("triangular"), 2**-(cycles done) ("triangular2"), gamma**t ("exp_range").

    Args:
        optimizer: whose groups it sets; one step per batch.
        base_lr, max_lr: one value, or one for each group.
        step_size_up: steps of the rise, default 2000.
        step_size_down: steps of the fall, default step_size_up.
        mode: "triangular", "triangular2" or "exp_range"; ignored when scale_fn is given.
        gamma: for "exp_range", at least 0, default 1.
        scale_fn: a function of the cycle (1, 2, ...) or of the step instead of a mode.
        scale_mode: "cycle" or "iterations": what scale_fn is a function of.
        cycle_momentum: default True.
        base_momentum, max_momentum: defaults 0.8 and 0.9.
        last_epoch: as for LRScheduler.

    Raises:
        ValueError: an unknown mode; an optimizer without momentum.

    Source: Smith 2017; torch.optim.lr_scheduler.CyclicLR.
    """

    mode: str
    gamma: float

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Rates,
        max_lr: Rates,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.8,
        max_momentum: Rates = 0.9,
        last_epoch: int = -1,
    ) -> None:
        base_lrs = each_rate("base_lr", base_lr, optimizer)
        self.max_lrs: list[float] = each_rate("max_lr", max_lr, optimizer)
        up = float(check.integer("step_size_up", step_size_up, 1))
        down = up
        if step_size_down is not None:
            down = float(check.integer("step_size_down", step_size_down, 1))
        self.total_size: float = up + down
        self.step_ratio: float = up / self.total_size
        check.choice("scale_mode", scale_mode, ("cycle", "iterations"))
        if scale_fn is not None and not callable(scale_fn):
            raise TypeError(f"scale_fn: expected a function, got {check.show(scale_fn)}")
        if scale_fn is None:
            check.choice("mode", mode, ("triangular", "triangular2", "exp_range"))
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.mode, self.gamma = mode, check.real("gamma", gamma, 0.0)
        self.scale_mode = scale_mode
        self._scale_fn = scale_fn
        self.cycle_momentum: bool = check.flag("cycle_momentum", cycle_momentum)
        self._betas = _uses_betas(optimizer) if cycle_momentum else False
        self.base_momentums: list[float] = each_rate("base_momentum", base_momentum, optimizer, 1.0)
        self.max_momentums: list[float] = each_rate("max_momentum", max_momentum, optimizer, 1.0)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                set_rate(group, rate)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs
        self._set(self.get_lr())

    def _callables(self) -> list[tuple[str, list[Any]]]:
        return [("_scale_fn", [] if self._scale_fn is None else [self._scale_fn])]

    def scale(self, x: float) -> float:
        """The amplitude of a cycle, as a function of the cycle x or the step x."""
        if self._scale_fn is not None:
            return self._scale_fn(x)
        if self.mode == "triangular2":
            return float(2.0 ** (1 - x))
        return float(self.gamma**x) if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        cycle = math.floor(1 + t / self.total_size)
        x = 1.0 + t / self.total_size - cycle
        ratio = self.step_ratio
        rise = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = self.scale(cycle if self.scale_mode == "cycle" else t)
        if self.cycle_momentum:
            pairs = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, pairs, strict=True):
                _set_momentum(group, high - (high - low) * rise * scale, self._betas)
        rates = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * rise * scale for low, high in rates]


class OneCycleLR(LRScheduler):
    """One-cycle policy: lr rises to max_lr, then falls to almost 0; momentum moves inversely.

    From max_lr / div_factor up to max_lr over pct_start of the steps, then down to
    max_lr / (div_factor * final_div_factor); with three_phase down to the first rate in as many
    steps as up, and then further over the remaining steps.

    Args:
        optimizer: whose groups it sets; one step per batch.
        max_lr: one value, or one for each group.
        total_steps: of the cycle; or else
        epochs, steps_per_epoch: their product is total_steps.
        pct_start: share of the rise, 0 .. 1, default 0.3.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: default True.
        base_momentum, max_momentum: defaults 0.85 and 0.95.
        div_factor, final_div_factor: defaults 25 and 1e4.
        three_phase: default False.
        last_epoch: as for LRScheduler.

    Raises:
        ValueError: no number of steps; a setting out of range; a step more than total_steps.

    Source: Smith & Topin 2018; torch.optim.lr_scheduler.OneCycleLR.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=1.0, momentum=0.9)
    >>> scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> [table] = optim.lr_scheduler.settings_by_step(scheduler, optimizer, 9)
    >>> table[[0, 2], 0].round(3).tolist()
    [0.04, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Rates,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.85,
        max_momentum: Rates = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.total_steps: int = _total_steps(total_steps, epochs, steps_per_epoch)
        self.pct_start: float = check.real("pct_start", pct_start, 0.0, 1.0)
        self.anneal_strategy: Any = check.choice(
            "anneal_strategy", anneal_strategy, ("cos", "linear")
        )
        self.three_phase: bool = check.flag("three_phase", three_phase)
        self.cycle_momentum: bool = check.flag("cycle_momentum", cycle_momentum)
        self.max_lrs: list[float] = each_rate("max_lr", max_lr, optimizer)
        div_factor = check.real("div_factor", div_factor, 0.0, open_low=True)
        final = check.real("final_div_factor", final_div_factor, 0.0, open_low=True)
        self.initial_lrs: list[float] = [high / div_factor for high in self.max_lrs]
        self.min_lrs: list[float] = [first / final for first in self.initial_lrs]
        self._betas = _uses_betas(optimizer) if cycle_momentum else False
        self.base_momentums: list[float] = each_rate("base_momentum", base_momentum, optimizer, 1.0)
        self.max_momentums: list[float] = each_rate("max_momentum", max_momentum, optimizer, 1.0)
        if check.integer("last_epoch", last_epoch, -1) == -1:
            for group, rate in zip(optimizer.param_groups, self.initial_lrs, strict=True):
                group["initial_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def _phases(self, i: int) -> list[tuple[float, float, float, float, float]]:
        """(last step, rate at its begin and end, momentum at its begin and end) for a group."""
        first, high, last = self.initial_lrs[i], self.max_lrs[i], self.min_lrs[i]
        low_m, high_m = self.base_momentums[i], self.max_momentums[i]
        top = self.pct_start * self.total_steps - 1
        end = float(self.total_steps - 1)
        if not self.three_phase:
            return [(top, first, high, high_m, low_m), (end, high, last, low_m, high_m)]
        down = 2 * self.pct_start * self.total_steps - 2
        return [
            (top, first, high, high_m, low_m),
            (down, high, first, low_m, high_m),
            (end, first, last, high_m, high_m),
        ]

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def _steps_left(self) -> float:
        """Of the cycle."""
        return self.total_steps - self.last_epoch

    def get_lr(self) -> list[float]:
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(
                f"Tried to step {t} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        rates = []
        for i, group in enumerate(self.optimizer.param_groups):
            phases = self._phases(i)
            over = sum(t > end for end, *_ in phases[:-1])
            begin, phase = phases[over - 1][0] if over else 0.0, phases[over]
            steps = phase[0] - begin
            share = (t - begin) / steps if steps else 1.0  # a phase of no steps is at its end
            rates.append(self._between(phase[1], phase[2], share))
            if self.cycle_momentum:
                _set_momentum(group, self._between(phase[3], phase[4], share), self._betas)
        return rates


def _total_steps(total: int | None, epochs: int | None, each: int | None) -> int:
    for name, value in (("epochs", epochs), ("steps_per_epoch", each)):
        if value is not None:
            check.integer(name, value, 1)
    if total is not None:
        return check.integer("total_steps", total, 1)
    if epochs is None or each is None:
        raise ValueError(
            "total_steps: You must define either total_steps OR (epochs AND steps_per_epoch)"
        )
    return epochs * each

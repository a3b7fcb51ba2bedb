"""Learning rates by step: lists of them, and schedules as cells of the number of steps done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn.mindspore.nn.cell import Cell
from fastnn.mindspore.tensor import Tensor

# ---- lists ----


def _epochs(total_step: int, step_per_epoch: int) -> list[int]:
    """The epoch of each step."""
    check.integer("total_step", total_step, 1)
    check.integer("step_per_epoch", step_per_epoch, 1)
    return [i // step_per_epoch for i in range(total_step)]


def piecewise_constant_lr(milestone: Sequence[int], learning_rates: Sequence[float]) -> list[float]:
    """learning_rates[i] for the steps before milestone[i].

    Raises:
        ValueError: lists of different lengths, milestones that go down.

    >>> from fastnn.mindspore import nn
    >>> nn.piecewise_constant_lr([2, 3], [0.1, 0.05])
    [0.1, 0.1, 0.05]
    """
    if len(milestone) != len(learning_rates):
        raise ValueError(
            f"learning_rates: expected {len(milestone)}, one for each milestone, got "
            f"{len(learning_rates)}"
        )
    rates: list[float] = []
    for end, rate in zip(milestone, learning_rates):
        if check.integer("milestone", end, 1) < len(rates):
            raise ValueError(f"milestone: expected steps that go up, got {list(milestone)}")
        rates += [check.learning_rate(rate)] * (end - len(rates))
    return rates


def exponential_decay_lr(
    learning_rate: float,
    decay_rate: float,
    total_step: int,
    step_per_epoch: int,
    decay_epoch: int,
    is_stair: bool = False,
) -> list[float]:
    """learning_rate * decay_rate^(epoch / decay_epoch), with is_stair the power rounded down."""
    check.integer("decay_epoch", decay_epoch, 1)
    powers = [e / decay_epoch for e in _epochs(total_step, step_per_epoch)]
    return [learning_rate * decay_rate ** (math.floor(p) if is_stair else p) for p in powers]


def natural_exp_decay_lr(
    learning_rate: float,
    decay_rate: float,
    total_step: int,
    step_per_epoch: int,
    decay_epoch: int,
    is_stair: bool = False,
) -> list[float]:
    """learning_rate * exp(-decay_rate * epoch), with is_stair the epoch in steps of decay_epoch."""
    check.integer("decay_epoch", decay_epoch, 1)
    size = decay_epoch if is_stair else 1
    epochs = _epochs(total_step, step_per_epoch)
    return [learning_rate * math.exp(-decay_rate * (e // size * size)) for e in epochs]


def inverse_decay_lr(
    learning_rate: float,
    decay_rate: float,
    total_step: int,
    step_per_epoch: int,
    decay_epoch: int,
    is_stair: bool = False,
) -> list[float]:
    """learning_rate / (1 + decay_rate * epoch / decay_epoch), with is_stair rounded down."""
    check.integer("decay_epoch", decay_epoch, 1)
    ages = [e / decay_epoch for e in _epochs(total_step, step_per_epoch)]
    return [learning_rate / (1 + decay_rate * (math.floor(a) if is_stair else a)) for a in ages]


def cosine_decay_lr(
    min_lr: float, max_lr: float, total_step: int, step_per_epoch: int, decay_epoch: int
) -> list[float]:
    """min_lr + (max_lr - min_lr) * (1 + cos(pi * epoch / decay_epoch)) / 2, then min_lr.

    Raises:
        ValueError: min_lr >= max_lr, counts below 1.

    >>> from fastnn.mindspore import nn
    >>> [round(rate, 3) for rate in nn.cosine_decay_lr(0.01, 0.1, 4, 1, 2)]
    [0.1, 0.055, 0.01, 0.01]
    """
    check.integer("decay_epoch", decay_epoch, 1)
    if min_lr >= max_lr:
        raise ValueError(f"max_lr: expected more than min_lr = {min_lr}, got {max_lr}")
    ages = [min(e, decay_epoch) / decay_epoch for e in _epochs(total_step, step_per_epoch)]
    half = 0.5 * (max_lr - min_lr)
    return [min_lr + half * (1 + math.cos(math.pi * age)) for age in ages]


def polynomial_decay_lr(
    learning_rate: float,
    end_learning_rate: float,
    total_step: int,
    step_per_epoch: int,
    decay_epoch: int,
    power: float,
    update_decay_epoch: bool = False,
) -> list[float]:
    """(learning_rate - end) * (1 - epoch / decay_epoch)^power + end, then end.

    update_decay_epoch: decay_epoch doubles, triples ... instead of the rate staying at the end.
    """
    check.integer("decay_epoch", decay_epoch, 1)
    rates = []
    for epoch in _epochs(total_step, step_per_epoch):
        whole = decay_epoch
        if update_decay_epoch:
            whole = decay_epoch * max(math.ceil(epoch / decay_epoch), 1)
        left = 1 - min(epoch, whole) / whole
        rates.append((learning_rate - end_learning_rate) * left**power + end_learning_rate)
    return rates


def warmup_lr(
    learning_rate: float, total_step: int, step_per_epoch: int, warmup_epoch: int
) -> list[float]:
    """learning_rate * epoch / warmup_epoch, then learning_rate."""
    check.integer("warmup_epoch", warmup_epoch, 1)
    epochs = _epochs(total_step, step_per_epoch)
    return [learning_rate * min(epoch, warmup_epoch) / warmup_epoch for epoch in epochs]


# ---- schedules ----


class LearningRateSchedule(Cell):
    """The base of schedules: `construct(global_step)` gives the rate after so many steps."""

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        raise NotImplementedError(f"{type(self).__name__}: expected a construct() method")


def _real(step: Any) -> Any:
    return (step if isinstance(step, Tensor) else Tensor(step)).to(np.float32)


class _Decay(LearningRateSchedule):
    """What three schedules have in common: their arguments."""

    def __init__(
        self, learning_rate: float, decay_rate: float, decay_steps: int, is_stair: bool = False
    ) -> None:
        super().__init__()
        self.learning_rate: float = check.learning_rate(learning_rate)
        self.decay_rate: float = check.real("decay_rate", decay_rate, 0.0)
        self.decay_steps: int = check.integer("decay_steps", decay_steps, 1)
        self.is_stair: bool = check.flag("is_stair", is_stair)

    def _age(self, global_step: Any) -> Any:
        age = _real(global_step) / self.decay_steps
        return ops.floor(age) if self.is_stair else age


class ExponentialDecayLR(_Decay):
    """learning_rate * decay_rate^(step / decay_steps), with is_stair the power rounded down."""

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        return self.learning_rate * ops.pow(self.decay_rate, self._age(global_step))


class NaturalExpDecayLR(_Decay):
    """learning_rate * exp(-decay_rate * step), with is_stair the step in units of decay_steps."""

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        step = self._age(global_step) * self.decay_steps if self.is_stair else _real(global_step)
        return self.learning_rate * ops.exp(-self.decay_rate * step)


class InverseDecayLR(_Decay):
    """learning_rate / (1 + decay_rate * step / decay_steps), with is_stair rounded down."""

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        return self.learning_rate / (1 + self.decay_rate * self._age(global_step))


class CosineDecayLR(LearningRateSchedule):
    """min_lr + (max_lr - min_lr) * (1 + cos(pi * step / decay_steps)) / 2, then min_lr."""

    min_lr: float
    max_lr: float

    def __init__(self, min_lr: float, max_lr: float, decay_steps: int) -> None:
        super().__init__()
        if min_lr >= max_lr:
            raise ValueError(f"max_lr: expected more than min_lr = {min_lr}, got {max_lr}")
        self.min_lr, self.max_lr = check.learning_rate(min_lr), check.learning_rate(max_lr)
        self.decay_steps: int = check.integer("decay_steps", decay_steps, 1)

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        age = ops.smaller(_real(global_step), float(self.decay_steps)) / self.decay_steps
        half = 0.5 * (self.max_lr - self.min_lr)
        return self.min_lr + half * (1.0 + ops.cos(math.pi * age))


class PolynomialDecayLR(LearningRateSchedule):
    """(learning_rate - end) * (1 - step / decay_steps)^power + end, then end.

    update_decay_steps: decay_steps doubles, triples ... instead of the rate staying at the end.
    """

    def __init__(
        self,
        learning_rate: float,
        end_learning_rate: float,
        decay_steps: int,
        power: float,
        update_decay_steps: bool = False,
    ) -> None:
        super().__init__()
        self.learning_rate: float = check.learning_rate(learning_rate)
        self.end_learning_rate: float = check.learning_rate(end_learning_rate)
        self.decay_steps: int = check.integer("decay_steps", decay_steps, 1)
        self.power: float = check.real("power", power, 0.0)
        self.update_decay_steps: bool = check.flag("update_decay_steps", update_decay_steps)

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        step, whole = _real(global_step), float(self.decay_steps)
        if self.update_decay_steps:
            left = 1.0 - step / (whole * ops.larger(ops.ceil(step / whole), 1.0))
        else:
            left = 1.0 - ops.smaller(step, whole) / whole
        rise = self.learning_rate - self.end_learning_rate
        return rise * ops.pow(left, self.power) + self.end_learning_rate


class WarmUpLR(LearningRateSchedule):
    """learning_rate * step / warmup_steps, then learning_rate."""

    def __init__(self, learning_rate: float, warmup_steps: int) -> None:
        super().__init__()
        self.learning_rate: float = check.learning_rate(learning_rate)
        self.warmup_steps: int = check.integer("warmup_steps", warmup_steps, 1)

    def construct(self, global_step: Any) -> Any:
        """The learning rate."""
        whole = float(self.warmup_steps)
        return self.learning_rate * (ops.smaller(_real(global_step), whole) / whole)


__all__ = [
    "CosineDecayLR", "ExponentialDecayLR", "InverseDecayLR", "LearningRateSchedule",
    "NaturalExpDecayLR", "PolynomialDecayLR", "WarmUpLR", "cosine_decay_lr",
    "exponential_decay_lr", "inverse_decay_lr", "natural_exp_decay_lr", "piecewise_constant_lr",
    "polynomial_decay_lr", "warmup_lr",
]  # fmt: skip

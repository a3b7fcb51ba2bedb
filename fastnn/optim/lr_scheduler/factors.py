"""Schedulers that scale the learning rate: by functions, at steps, linearly, by powers."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from fastnn._support import check
from fastnn.optim.lr_scheduler.base import LRScheduler, each_group, milestones_of
from fastnn.optim.optimizer import Optimizer

Factor = Callable[[int], float]


def _functions(name: str, given: Any, optimizer: Optimizer) -> list[Factor]:
    found = each_group(name, given, optimizer)
    for function in found:
        if not callable(function):
            raise TypeError(f"{name}: expected a function, got {check.show(function)}")
    return found


class LambdaLR(LRScheduler):
    """Scale the initial learning rate by a function: lr_t = initial_lr * lr_lambda(t).

    Args:
        optimizer: whose groups it sets.
        lr_lambda: a function of the epoch, or one for each group.
        last_epoch: as for LRScheduler.

    Raises:
        TypeError: not a function. ValueError: not one for each group.

    Source: torch.optim.lr_scheduler.LambdaLR.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.param_groups[0]["lr"]
    1.0
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas: list[Factor] = _functions("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def _callables(self) -> list[tuple[str, list[Any]]]:
        return [("lr_lambdas", self.lr_lambdas)]

    def get_lr(self) -> list[float]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * factor(self.last_epoch) for base, factor in pairs]


class MultiplicativeLR(LRScheduler):
    """Multiply the learning rate by a function: lr_t = lr_{t-1} * lr_lambda(t), t = 1, 2, ...

    Args:
        optimizer, lr_lambda, last_epoch: as for LambdaLR.

    Source: torch.optim.lr_scheduler.MultiplicativeLR.
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas: list[Factor] = _functions("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def _callables(self) -> list[tuple[str, list[Any]]]:
        return [("lr_lambdas", self.lr_lambdas)]

    def get_lr(self) -> list[float]:
        if self._initial:
            return self._rates()
        pairs = zip(self._rates(), self.lr_lambdas, strict=True)
        return [rate * factor(self.last_epoch) for rate, factor in pairs]


class StepLR(LRScheduler):
    """Step decay: lr_t = initial_lr * gamma**floor(t / step_size).

    Args:
        optimizer: whose groups it sets.
        step_size: epochs between two decays, at least 1.
        gamma: the factor, at least 0, default 0.1.
        last_epoch: as for LRScheduler.

    Source: torch.optim.lr_scheduler.StepLR.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=1.0)
    >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> [table] = optim.lr_scheduler.settings_by_step(scheduler, optimizer, 5)
    >>> table[:, 0].tolist()
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size: int = check.integer("step_size", step_size, 1)
        self.gamma: float = check.real("gamma", gamma, 0.0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        decays = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return [rate * self.gamma if decays else rate for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [base * factor for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Decay at milestones: lr_t = initial_lr * gamma**(milestones up to t).

    Args:
        optimizer: whose groups it sets.
        milestones: epochs at which the rate is multiplied; repeated ones count repeatedly.
        gamma: the factor, at least 0, default 0.1.
        last_epoch: as for LRScheduler.

    Source: torch.optim.lr_scheduler.MultiStepLR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Sequence[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones: list[int] = sorted(milestones_of(milestones))
        self.gamma: float = check.real("gamma", gamma, 0.0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        times = Counter(self.milestones)[self.last_epoch]
        return [rate * self.gamma**times if times else rate for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        times = bisect_right(self.milestones, self.last_epoch)
        return [base * self.gamma**times for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """Constant factor at first: lr_t = initial_lr * factor for t < total_iters, then initial_lr.

    Args:
        optimizer: whose groups it sets.
        factor: 0 .. 1, default 1/3.
        total_iters: default 5.
        last_epoch: as for LRScheduler.

    Raises:
        ValueError: factor outside of 0 .. 1.

    Source: torch.optim.lr_scheduler.ConstantLR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.factor: float = check.real("factor", factor, 0.0, 1.0)
        self.total_iters: int = check.integer("total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [rate * self.factor for rate in self._rates()]
        ends = self.last_epoch == self.total_iters
        return [rate * (1.0 / self.factor) if ends else rate for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        factor = self.factor if self.last_epoch < self.total_iters else 1.0
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """Linear ramp, as for a warm-up.

    lr_t = initial_lr * (start_factor + (end_factor - start_factor) * min(t, T) / T),
    T = total_iters. For a warm-up, follow it by another scheduler in a SequentialLR.

    Args:
        optimizer: whose groups it sets.
        start_factor: greater than 0, at most 1, default 1/3.
        end_factor: 0 .. 1, default 1.
        total_iters: T, default 5.
        last_epoch: as for LRScheduler.

    Raises:
        ValueError: a factor out of range.

    Source: torch.optim.lr_scheduler.LinearLR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor: float = check.real("start_factor", start_factor, 0.0, 1.0)
        if self.start_factor == 0:
            raise ValueError("start_factor: expected more than 0 and at most 1, got 0")
        self.end_factor: float = check.real("end_factor", end_factor, 0.0, 1.0)
        self.total_iters: int = check.integer("total_iters", total_iters, 0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        start, t = self.start_factor, self.last_epoch
        if t == 0:
            return [rate * start for rate in self._rates()]
        if self._initial or t > self.total_iters:
            return self._rates()
        rise = self.end_factor - start
        factor = 1.0 + rise / (self.total_iters * start + (t - 1) * rise)
        return [rate * factor for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        share = min(self.total_iters, self.last_epoch) / self.total_iters
        factor = self.start_factor + (self.end_factor - self.start_factor) * share
        return [base * factor for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Exponential decay: lr_t = initial_lr * gamma**t.

    Args:
        optimizer: whose groups it sets.
        gamma: the factor of every epoch, at least 0.
        last_epoch: as for LRScheduler.

    Source: torch.optim.lr_scheduler.ExponentialLR.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma: float = check.real("gamma", gamma, 0.0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [rate if self._initial else rate * self.gamma for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """Polynomial decay: lr_t = initial_lr * (1 - min(t, T) / T)**power, T = total_iters.

    Args:
        optimizer: whose groups it sets.
        total_iters: T, default 5.
        power: at least 0, default 1.
        last_epoch: as for LRScheduler.

    Source: torch.optim.lr_scheduler.PolynomialLR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters: int = check.integer("total_iters", total_iters, 1)
        self.power: float = check.real("power", power, 0.0)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, last = self.last_epoch, self.total_iters
        if self._initial or t > last:
            return self._rates()
        factor = ((1.0 - t / last) / (1.0 - (t - 1) / last)) ** self.power
        return [rate * factor for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left**self.power for base in self.base_lrs]

"""Cosine annealing, without and with warm restarts."""

from __future__ import annotations

import math

from fastnn._support import check
from fastnn.optim.lr_scheduler.base import LRScheduler
from fastnn.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """Cosine annealing: lr_t = eta_min + (initial_lr - eta_min) * (1 + cos(pi * t / T_max)) / 2.

    Args:
        optimizer: whose groups it sets.
        T_max: epochs to the minimum, at least 1; from there the rate rises again.
        eta_min: the lowest rate, default 0; below 0 too, as in torch.
        last_epoch: as for LRScheduler.

    Source: Loshchilov & Hutter 2017, without restarts; the recursive form of
    torch.optim.lr_scheduler.CosineAnnealingLR.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1)
    >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    >>> [table] = optim.lr_scheduler.settings_by_step(scheduler, optimizer, 51)
    >>> table[[0, 10, 25, 50], 0].round(10).tolist()
    [0.1, 0.0904508497, 0.05, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max: int = check.integer("T_max", T_max, 1)
        self.eta_min: float = check.real("eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, half = self.last_epoch, self.T_max
        if self._initial:
            return self._rates()
        if self._step_count == 1 and t > 0:
            return self._closed_form()
        if (t - 1 - half) % (2 * half) == 0:  # from the minimum there is nothing to scale
            rise = (1 - math.cos(math.pi / half)) / 2
            pairs = zip(self.base_lrs, self._rates(), strict=True)
            return [rate + (base - self.eta_min) * rise for base, rate in pairs]
        ratio = (1 + math.cos(math.pi * t / half)) / (1 + math.cos(math.pi * (t - 1) / half))
        return [ratio * (rate - self.eta_min) + self.eta_min for rate in self._rates()]

    def _closed_form(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Cosine annealing with warm restarts.

    lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2.
    T_cur counts from 0; at T_i it starts again, and T_i is multiplied by T_mult.

    Args:
        optimizer: whose groups it sets.
        T_0: the first T_i, at least 1.
        T_mult: at least 1, default 1.
        eta_min: the lowest rate, default 0; below 0 too, as in torch.
        last_epoch: as for LRScheduler.

    Source: Loshchilov & Hutter 2017; torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """

    T_i: int

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_0 = self.T_i = check.integer("T_0", T_0, 1)
        self.T_mult: int = check.integer("T_mult", T_mult, 1)
        self.eta_min: float = check.real("eta_min", eta_min)
        self.T_cur: float = check.integer("last_epoch", last_epoch, -1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the learning rates of the next epoch, or of `epoch`, also fractional: t + i / n."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._jump(check.real("epoch", epoch, 0.0))
        self.last_epoch: int = math.floor(epoch)
        self._set(self.get_lr())

    def _update(self, epoch: int | None = None) -> None:
        self.step(epoch)

    def _jump(self, epoch: float) -> None:
        self.T_i, self.T_cur = self.T_0, epoch
        if epoch < self.T_0:
            return
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
            return
        n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
        self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
        self.T_i = self.T_0 * self.T_mult**n

"""Weight averaging over training (SWA, EMA), torch's `optim.swa_utils`."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn.nn import BatchNorm1d, Module
from fastnn.optim.lr_scheduler.base import LRScheduler, each_group
from fastnn.optim.optimizer import Optimizer
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor, float32, of_array

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Tensor], Tensor]
MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], None]


class _Towards:
    """Moves averages towards the current values, by a weight computed from the count as a float."""

    def __init__(self, weight: Callable[[Tensor], Tensor]) -> None:
        self.weight = weight

    def __call__(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], n_averaged: Tensor
    ) -> None:
        _move(averaged, current, n_averaged, self.weight)


def _move(
    averaged: Sequence[Tensor],
    current: Sequence[Tensor],
    n_averaged: Tensor,
    weight: Callable[[Tensor], Tensor],
) -> None:
    with no_grad():
        for a, p in zip(averaged, current, strict=True):
            n = ops.cast(n_averaged, a.dtype if a.is_floating_point() else float32)
            _towards(a, p, weight(n))


def _equal_share(n: Tensor) -> Tensor:
    return ops.div(1.0, ops.add(n, 1.0))


def _towards(averaged: Tensor, current: Tensor, weight: Tensor) -> None:
    if averaged.is_floating_point():
        ops.lerp_(averaged, current, weight)
    else:  # a count among the buffers
        ops.copy_(averaged, ops.lerp(averaged, current, weight))


def _decay(decay: float) -> float:
    return check.real("decay", decay, 0.0, 1.0, torch_says="Invalid decay value")


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """Exponential moving average for `multi_avg_fn`: a += (1 - decay) * (p - a), in place.

    Args:
        decay: 0..1, default 0.999.

    Returns:
        a function of averages, parameters and their count, for `AveragedModel(multi_avg_fn=)`.
    """
    share = 1.0 - _decay(decay)
    return _Towards(lambda n: of_array(dtypes.number(share, n.dtype)))


def get_swa_multi_avg_fn() -> MultiAverage:
    """Equal average for `multi_avg_fn`: a += (p - a) / (n + 1), in place."""
    return _Towards(_equal_share)


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Exponential moving average for `avg_fn`: decay * a + (1 - decay) * p.

    Args:
        decay: 0..1, default 0.999.
    """
    keep = _decay(decay)
    return lambda averaged, current, n: keep * averaged + (1.0 - keep) * current


def get_swa_avg_fn() -> Average:
    """Equal average for `avg_fn`: a + (p - a) / (n + 1)."""
    return lambda averaged, current, n: averaged + (current - averaged) / (n + 1)


class AveragedModel(Module):
    """A copy of a model that holds running averages of its weights.

    The first `update_parameters` copies the weights; each later one averages: the mean of all so
    far, or by avg_fn or multi_avg_fn. It compiles as part of a step: with the functions of this
    module it takes one in-place op per parameter.

    Args:
        model: the model to average; it is copied.
        device: "cpu" or None.
        avg_fn: a function of an average, a parameter and the count n, for each parameter: the new
            average. Default None: the mean.
        multi_avg_fn: a function of all averages, all parameters and the count, which changes the
            averages in place. In a compiled step it is called for the first update too, whose
            result is dropped.
        use_buffers: average the buffers too; else they are copied. Default False.

    Attributes:
        module: the averaged copy.
        n_averaged: the number of averaged models, int64; a buffer.

    Raises:
        ValueError: both avg_fn and multi_avg_fn.

    Source: Izmailov et al. 2018; torch.optim.swa_utils.AveragedModel.

    >>> import fastnn
    >>> from fastnn.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
    >>> model = fastnn.nn.Linear(2, 1)
    >>> averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    >>> averaged.update_parameters(model)
    >>> bool((averaged.module.weight == model.weight).all()), averaged.n_averaged.item()
    (True, 1)
    """

    module: Module
    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("Only one of avg_fn and multi_avg_fn should be provided, got both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", of_array(np.zeros((), np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers: bool = check.flag("use_buffers", use_buffers)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Add the weights of `model` to the average.

        Args:
            model: the one that was copied, or one like it.
        """
        with no_grad():
            averaged, current = (list(self._averaged_of(m)) for m in (self.module, model))
            for a, p in zip(averaged, current, strict=True):
                check.same_shape("model", p.shape, a.shape, "the averaged model's parameter")
            self._average(averaged, current)
            if not self.use_buffers:
                for a, b in zip(self.module.buffers(), model.buffers(), strict=True):
                    ops.copy_(a, b)
            ops.add_(self.n_averaged, 1)

    def _averaged_of(self, model: Module) -> Iterator[Tensor]:
        buffers = model.buffers() if self.use_buffers else ()
        return itertools.chain(model.parameters(), buffers)

    def _average(self, averaged: list[Tensor], current: list[Tensor]) -> None:
        """Average without a branch on the count, whose value a recording does not know."""
        first = ops.eq(self.n_averaged, 0)
        if self.avg_fn is not None:
            for a, p in zip(averaged, current, strict=True):
                ops.copy_(a, ops.where(first, p, self.avg_fn(a, p, self.n_averaged)))
            return
        multi = self.multi_avg_fn
        if multi is None or isinstance(multi, _Towards):
            share = _equal_share if multi is None else multi.weight
            _move(averaged, current, self.n_averaged, lambda n: ops.where(first, 1.0, share(n)))
            return
        multi(averaged, current, self.n_averaged)
        for a, p in zip(averaged, current, strict=True):
            ops.copy_(a, ops.where(first, p, a))


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Recompute the running moments of BatchNorm layers, as means over a pass through the data.

    Args:
        loader: batches: a Tensor, or a tuple or list that begins with one.
        model: called on each batch, in training mode.
        device: "cpu" or None.

    Source: torch.optim.swa_utils.update_bn.
    """
    momenta = {
        m: m.momentum
        for m in model.modules()
        if isinstance(m, BatchNorm1d) and m.running_mean is not None
    }
    if not momenta:
        return
    was_training = model.training
    model.train()
    for layer in momenta:
        layer.reset_running_stats()
        layer.momentum = None
    try:
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """SWA learning rate: anneal lr to swa_lr over anneal_epochs, then keep it.

    lr_t = swa_lr * s(t) + lr_0 * (1 - s(t)), t = epochs / anneal_epochs up to 1;
    s(t) = (1 - cos(pi * t)) / 2, or t. lr_0 is computed from the current lr, so that other
    schedulers may run before.

    Args:
        optimizer: whose groups it sets.
        swa_lr: the last rate, or one for each group.
        anneal_epochs: >= 0, default 10.
        anneal_strategy: "cos" or "linear".
        last_epoch: as for LRScheduler.

    Raises:
        ValueError: an unknown strategy; not one rate for each group.

    Source: torch.optim.swa_utils.SWALR.

    >>> from fastnn import nn, optim
    >>> from fastnn.optim.swa_utils import SWALR
    >>> layer = nn.Linear(2, 1)
    >>> optimizer = optim.SGD(layer.parameters(), lr=1.0)
    >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> layer.weight.sum().backward()
    >>> optimizer.step(); scheduler.step()
    >>> optimizer.param_groups[0]["lr"]
    0.75
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        self.swa_lrs: list[float] = [
            check.learning_rate(rate, "swa_lr") for rate in each_group("swa_lr", swa_lr, optimizer)
        ]
        self.anneal_strategy: Any = check.choice(
            "anneal_strategy", anneal_strategy, ("cos", "linear")
        )
        self.anneal_epochs: int = check.integer("anneal_epochs", anneal_epochs, 0, 2**63 - 1)
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """s after so many steps."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for lr, last in zip(self._rates(), self.swa_lrs, strict=True):
            first = last if before == 1 else (lr - before * last) / (1 - before)
            rates.append(last * now + first * (1 - now))
        return rates

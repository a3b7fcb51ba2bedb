"""LRScheduler: the base of all schedulers, which counts steps, sets lr and saves its state."""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import check
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.settings import number
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

_PLAIN = (int, float, str, bool, type(None))


def checked_optimizer(optimizer: Optimizer) -> Optimizer:
    """The optimizer, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected an Optimizer, got {check.show(optimizer)}")
    return optimizer


def each_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value for each parameter group: `value` for all, or a list of them."""
    groups = checked_optimizer(optimizer).param_groups
    if not isinstance(value, list | tuple):
        return [value] * len(groups)
    if len(value) != len(groups):
        raise ValueError(
            f"{name}: expected one value or one for each of {len(groups)} parameter groups, got "
            f"{len(value)}"
        )
    return list(value)


def each_rate(name: str, value: Any, optimizer: Optimizer, high: float = math.inf) -> list[float]:
    """One rate for each parameter group, a finite number from 0 to `high`."""
    return [check.real(name, rate, 0.0, high) for rate in each_group(name, value, optimizer)]


def milestones_of(value: Any) -> list[int]:
    """Numbers of steps, at least 0."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"milestones: expected a list of integers, got {check.show(value)}")
    return [check.integer("milestones", m, 0) for m in value]


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Set a group's lr; one that is a Tensor is filled."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(number(rate))
    else:
        group["lr"] = rate


class LRScheduler:
    """Base class of schedulers: `get_lr` returns the learning rates of epoch `last_epoch`.

    Args:
        optimizer: whose groups it sets.
        last_epoch: -1 to begin; to resume with a loaded optimizer state, the number of steps done.

    Attributes:
        base_lrs: each group's learning rate before any scheduling, its "initial_lr".
        last_epoch: steps done.

    Raises:
        TypeError: no optimizer.
        KeyError: last_epoch is not -1, and a group has no "initial_lr".

    Source: torch.optim.lr_scheduler.LRScheduler.
    """

    last_epoch: int
    _initial = False  # True during construction: rates loaded from a checkpoint are kept

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer: Optimizer = checked_optimizer(optimizer)
        last_epoch = check.integer("last_epoch", last_epoch, -1)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", number(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    "scheduler with last_epoch >= 0; load the optimizer's state first"
                )
        self.base_lrs: list[float] = [number(g["initial_lr"]) for g in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    @abstractmethod
    def get_lr(self) -> list[float]:
        """The groups' learning rates at `last_epoch`, from those of the epoch before."""

    def _closed_form(self) -> list[float] | None:
        """The learning rates from `last_epoch` and `base_lrs` alone, where a closed form exists."""
        return None

    def _steps_left(self) -> float:
        """How many more times it can be stepped; infinite without a last step.

        >>> from fastnn import nn, optim
        >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1, momentum=0.9)
        >>> optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)._steps_left()
        10
        """
        return math.inf

    def _initial_step(self) -> None:
        self._step_count = 0
        self._initial = True
        try:
            self.step()
        finally:
            del self._initial

    def step(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next epoch; call it after `optimizer.step()`.

        Args:
            epoch: jump there; deprecated in torch, and warned about.
        """
        if self._step_count == 1 and not _has_stepped(self.optimizer):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: call them in "
                "the opposite order, or the first value of the schedule is skipped",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warnings.warn(
                "the epoch parameter of `scheduler.step()` is deprecated; call it without",
                UserWarning,
                stacklevel=2,
            )
        self._update(epoch)

    def _update(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to the given one, and set its learning rates."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else self._closed_form()
        self._set(self.get_lr() if closed is None else closed)

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        """The groups' current learning rates."""
        return [number(group["lr"]) for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The last learning rates set, one for each group."""
        return self._last_lr

    # ---- state ----

    def state_dict(self) -> dict[str, Any]:
        """The state: all numbers and texts, and of callable objects their attributes; functions are
        left out."""
        state = {
            key: value if isinstance(value, _PLAIN) else copy.deepcopy(value)
            for key, value in vars(self).items()
            if _savable(value)
        }
        for name, functions in self._callables():
            state[name] = [_attributes(function) for function in functions]
        return state

    def _callables(self) -> list[tuple[str, list[Any]]]:
        """The attributes that are functions or callable objects, each as a list."""
        return []

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict`; load the optimizer's state too.

        Raises:
            ValueError: names that this scheduler does not have, or a mapping of something else.
        """
        if not isinstance(state_dict, Mapping):
            raise ValueError(f"state_dict: expected a mapping, got {check.show(state_dict)}")
        given = dict(state_dict)
        for name, functions in self._callables():
            for function, attributes in zip(functions, given.pop(name, ()), strict=False):
                if attributes is not None:
                    vars(function).update(copy.deepcopy(attributes))
        unknown = set(given) - set(vars(self))
        if unknown:
            raise ValueError(
                f"state_dict: expected names of a {type(self).__name__}, got {sorted(unknown)}"
            )
        vars(self).update(copy.deepcopy(given))


def _attributes(function: Any) -> dict[str, Any] | None:
    """Those of a callable object, as torch saves them; None of a function."""
    if inspect.isroutine(function) or not hasattr(function, "__dict__"):
        return None
    attributes: dict[str, Any] = copy.deepcopy(vars(function))
    return attributes


def _savable(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_savable, value))
    if isinstance(value, dict):
        return all(map(_savable, value.values()))
    return isinstance(value, _PLAIN)


def _has_stepped(optimizer: Optimizer) -> bool:
    if not isinstance(optimizer, BlockOptimizer):
        return optimizer.has_stepped
    blocks = [block for blocks in optimizer._blocks for block in blocks]
    return any(block.taken is not None or any(block.steps()) for block in blocks)


def settings_by_step(
    scheduler: Any, optimizer: BlockOptimizer, steps: int
) -> list[npt.NDArray[np.float64]]:
    """Each group's hyperparameters as its kernel reads them, for the next steps (steps, width).

    Row i holds the settings before the (i+1)-th `scheduler.step()` from here. Scheduler and
    optimizer are left as after that many steps; take their `state_dict` first to go back.

    >>> from fastnn import nn, optim
    >>> optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=0.8)
    >>> halved = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> [table] = optim.lr_scheduler.settings_by_step(halved, optimizer, 3)
    >>> table[:, 0].tolist(), optimizer.param_groups[0]["lr"]
    ([0.8, 0.4, 0.2], 0.1)
    """
    rows: list[list[tuple[float, ...]]] = [[] for _ in optimizer.param_groups]
    known = [(blocks[0].source, blocks[0].numbers) for blocks in optimizer._blocks]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the optimizer's steps come later
        for _ in range(steps):
            for i, group in enumerate(optimizer.param_groups):
                given = optimizer._settings(group)
                numbers = optimizer._numbers_of(group, given, *known[i])
                known[i] = given, numbers
                rows[i].append(numbers)
            scheduler.step()
    return [np.array(numbers, np.float64) for numbers in rows]

"""Solver: the optimizer of an estimator, with the learning rates of scikit-learn's solvers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn import optim
from fastnn._support import check
from fastnn._support.signatures import signature
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer
from fastnn.optim.lr_scheduler import ReduceLROnPlateau
from fastnn.sklearn.net import Net
from fastnn.tensor import Tensor

SMALLEST_RATE = 1e-6  # "adaptive" stops here


def optimizer_of(estimator: Any, net: Net) -> BlockOptimizer:
    """The optimizer that the estimator's settings describe, over the parameters of a net.

    Those of scikit-learn have the weight matrices in a group of their own, whose weight decay is
    set to alpha / sum s_i for each batch.

    Raises:
        ValueError, TypeError: an optimizer that there is not, or that cannot run in a program.
    """
    if estimator.optimizer is not None:
        rate = float(estimator.learning_rate_init)
        return _own(estimator.optimizer, list(net.parameters()), rate)
    weights: list[Tensor] = [linear.weight for linear in net.linears]
    matrices = set(map(id, weights))
    others = [p for p in net.parameters() if id(p) not in matrices]
    kind = optim.SGD if estimator.solver == "sgd" else optim.Adam
    params = [{"params": weights}, {"params": others}]
    return kind(params, compat="sklearn", **_settings(estimator))


def _settings(estimator: Any) -> dict[str, Any]:
    """The settings of scikit-learn's solver."""
    rate = float(estimator.learning_rate_init)
    if estimator.solver == "sgd":
        momentum = float(estimator.momentum)
        nesterov = bool(estimator.nesterovs_momentum) and momentum > 0
        return {"lr": rate, "momentum": momentum, "nesterov": nesterov}
    betas = float(estimator.beta_1), float(estimator.beta_2)
    return {"lr": rate, "betas": betas, "eps": float(estimator.epsilon)}


def _own(given: Any, params: Sequence[Tensor], rate: float) -> BlockOptimizer:
    """A name, class or factory called with the parameters, and lr where it leaves that open."""
    make: Callable[..., Any] = given
    if isinstance(given, str):
        check.choice("optimizer", given, OPTIMIZERS)
        make = OPTIMIZERS[given].kind
    bound = getattr(make, "keywords", {})  # of a functools.partial
    takes = "lr" in signature(make).parameters and "lr" not in bound
    made = make(params, lr=rate) if takes else make(params)
    if not isinstance(made, BlockOptimizer) or getattr(made, "calls_closure", False):
        raise TypeError(
            f"optimizer: expected the name or class of an optimizer of fastnn.optim that takes one "
            f"gradient a step, such as 'adamw', or a function of parameters that returns one; got "
            f"{check.show(given)}"
        )
    return made


class Solver:
    """An estimator's optimizer and its learning rate; what `partial_fit` continues with.

    It pickles with the moments, and binds to a net's parameters when it is used next.

    Attributes:
        optimizer: over the parameters of the net that it is bound to; None before that.
        scheduler: of `lr_schedule`, or None.
    """

    def __init__(self, estimator: Any) -> None:
        self._rate = float(estimator.learning_rate_init)
        self.optimizer: BlockOptimizer | None = None
        self.scheduler: Any = None
        self._net: Net | None = None
        self._state: Any = None
        self._schedule_state: Any = None
        sgd = estimator.optimizer is None and estimator.solver == "sgd"
        self._policy = estimator.learning_rate if sgd else "constant"

    def bind(self, estimator: Any, net: Net) -> BlockOptimizer:
        """The optimizer over the parameters of a net, in the state that it was in."""
        if self.optimizer is not None:
            if self._net is net:
                return self.optimizer
            self._remember()
        self.optimizer, self._net = optimizer_of(estimator, net), net
        if estimator.lr_schedule is not None:
            self.scheduler = scheduler_of(estimator.lr_schedule, self.optimizer)
        if self._state is not None:
            self.optimizer.load_state_dict(self._state)
        if self._schedule_state is not None and self.scheduler is not None:
            self.scheduler.load_state_dict(self._schedule_state)
        self._state = self._schedule_state = None
        return self.optimizer

    def check_schedule(self, epochs: int) -> None:
        """Check that the scheduler can be stepped after each epoch of a fit.

        Raises:
            ValueError: it would have no step for the last ones.
        """
        left = getattr(self.scheduler, "_steps_left", lambda: np.inf)()
        if epochs > left:
            raise ValueError(
                f"lr_schedule: expected a scheduler that can be stepped {epochs} more times, once "
                f"an epoch, got {type(self.scheduler).__name__} with {left} steps left"
            )

    def borrow(self, estimator: Any, optimizer: BlockOptimizer) -> None:
        """Use this optimizer, whose settings and state become those of a new one."""
        own = {**_settings(estimator), "weight_decay": 0.0}
        groups = [{**group, **own} for group in optimizer.state_dict()["param_groups"]]
        optimizer.load_state_dict({"state": {}, "param_groups": groups})
        self.optimizer = optimizer

    def part(self) -> None:
        """Keep the state of the optimizer, and leave the optimizer itself."""
        self._rate = self.learning_rate
        self._remember()
        self.optimizer = self.scheduler = self._net = None

    def _remember(self) -> None:
        if self.optimizer is not None:
            self._state = _copied(self.optimizer.state_dict())
        if self.scheduler is not None:
            self._schedule_state = self.scheduler.state_dict()

    def __getstate__(self) -> dict[str, Any]:
        """Without the optimizer, whose state is kept."""
        self._rate = self.learning_rate
        self._remember()
        return {**vars(self), "optimizer": None, "scheduler": None, "_net": None}

    # ---- learning rates ----

    @property
    def learning_rate(self) -> float:
        """Of the next epoch."""
        if self.optimizer is not None:
            self._rate = float(self.optimizer.param_groups[0]["lr"])
        return self._rate

    def set_rate(self, rate: float) -> None:
        """Use this learning rate from the next step on."""
        self._rate = rate
        if self.optimizer is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate

    def after_epoch(self, estimator: Any, rows: int, loss: float) -> None:
        """Set the rate of the next epoch. rows: seen so far, `t_`. loss: of the epoch."""
        if self._policy == "invscaling":
            first = float(estimator.learning_rate_init)
            self.set_rate(first / (rows + 1) ** estimator.power_t)
        if self.scheduler is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the optimizer stepped in C
                looks = isinstance(self.scheduler, ReduceLROnPlateau)
                self.scheduler.step(*([loss] if looks else []))

    def stops(self, why: str, verbose: Any) -> bool:
        """No progress any more: whether to stop. An adaptive rate is lowered instead."""
        if self._policy == "adaptive" and self.learning_rate > SMALLEST_RATE:
            self.set_rate(self.learning_rate / 5.0)
            if verbose:
                print(f"{why} Setting learning rate to {self.learning_rate:f}")
            return False
        if verbose:
            small = " Learning rate too small." if self._policy == "adaptive" else ""
            print(f"{why}{small} Stopping.")
        return True


def scheduler_of(make: Callable[[Any], Any], optimizer: BlockOptimizer) -> Any:
    """What `lr_schedule` makes.

    Raises:
        TypeError: no scheduler.
    """
    try:
        made = make(optimizer)
    except TypeError as error:
        error.add_note("lr_schedule: expected a function of the optimizer that returns a scheduler")
        raise
    if not callable(getattr(made, "step", None)):
        raise TypeError(
            "lr_schedule: expected a function of the optimizer that returns a scheduler of "
            f"fastnn.optim.lr_scheduler, it returned {check.show(made)}"
        )
    return made


def _copied(state: Any) -> Any:
    """A state dict with arrays of its own in place of tensors."""
    if isinstance(state, Tensor):
        return np.array(state._array)
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_copied(part) for part in state)
    return state

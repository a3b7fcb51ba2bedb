"""What MindSpore's optimizers have in common: called with gradients, rates by step, loss scale.

A learning rate is a number, a list or tensor with one rate for each step, or a
LearningRateSchedule. Rates by step are looked up by the update itself, so a compiled step needs
nothing recorded anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn.mindspore.plain.optim import Called
from fastnn.mindspore.tensor import Tensor
from fastnn.nn.parameter import ParameterTuple
from fastnn.optim.block import Segment
from fastnn.tensor import Tensor as Plain, of_array

Rule = Callable[[Plain], Any]  # of the number of steps done: the learning rate
Rate = Any  # a number, a list or tensor of numbers, or a LearningRateSchedule
_KEYS = ("params", "lr", "weight_decay", "grad_centralization", "order_params")


class _Table:
    """A rate for each step; the last one from then on."""

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = of_array(np.asarray(rates, np.float64))
        self.last = len(rates) - 1

    def __call__(self, step: Plain) -> Any:
        return ops.take(self.rates, ops.smaller(step, self.last))


def _rule(rate: Rate, name: str) -> tuple[float, Rule | None]:
    """The rate of the first step, and the rule if it changes."""
    if isinstance(rate, Plain | np.ndarray) and rate.ndim == 0:
        rate = float(rate.item())
    if isinstance(rate, Plain | np.ndarray | list | tuple):
        rates = [check.learning_rate(float(r)) for r in np.asarray(rate).tolist()]
        if not rates:
            raise ValueError(f"{name}: expected a rate for each step, got none")
        return rates[0], _Table(rates)
    if callable(rate):
        return float(rate(Tensor(0)).item()), rate
    return check.learning_rate(rate), None


class Optimizer(Called):
    """The base of MindSpore's optimizers.

    `optimizer(gradients)` takes one gradient for each of `optimizer.parameters`.
    """

    _rules: list[Rule | None]
    _order: ParameterTuple
    _scale: float

    def _given(
        self, params: Any, learning_rate: Rate, weight_decay: float, loss_scale: float = 1.0
    ) -> list[dict[str, Any]]:
        """Parameter groups for the engine; notes order, rules and loss scale."""
        self._scale = check.real("loss_scale", loss_scale, 0.0)
        if self._scale == 0:
            raise ValueError("loss_scale: expected a number > 0, got 0")
        groups = list(params) if not isinstance(params, Plain) else [params]
        grouped = bool(groups) and isinstance(groups[0], dict)
        found = [] if grouped else _by_decay(groups, weight_decay)
        order: list[Any] = [] if grouped else groups
        for i, group in enumerate(groups if grouped else ()):
            for key in group:
                check.choice(f"params[{i}] key", key, _KEYS)
            if "order_params" in group:
                order = list(group["order_params"])
                continue
            rest = {k: group[k] for k in ("lr", "weight_decay") if k in group}
            found.append({"weight_decay": weight_decay, **rest, "params": list(group["params"])})
        self._order = ParameterTuple(order or [p for group in found for p in group["params"]])
        rates = [_rule(group.pop("lr", learning_rate), "learning_rate") for group in found]
        self._rules = [rule for _, rule in rates]
        self.global_step: Any = of_array(np.zeros((), np.int64))
        for group, (rate, _) in zip(found, rates, strict=True):
            group["lr"] = rate
            check.real("weight_decay", group["weight_decay"], 0.0)
        return found

    @property
    def parameters(self) -> ParameterTuple:
        """The parameters, in the order in which the gradients are passed."""
        return self._order

    @property
    def dynamic_lr(self) -> bool:
        """Whether the learning rate changes from step to step."""
        return any(rule is not None for rule in self._rules)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, of the first group. It can be set."""
        rule = self._rules[0]
        if rule is not None:
            return float(rule(self.global_step).item())
        return float(self.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        value, rule = _rule(rate, "learning_rate")
        self._rules = [rule] * len(self._rules)
        for group in self.param_groups:
            group["lr"] = value

    def get_lr(self) -> Tensor:  # type: ignore[override]
        """The learning rate of the next step, of the first group."""
        return Tensor(self.learning_rate)

    def get_lr_parameter(self, param: Any) -> Any:
        """The learning rate of a parameter, or of each in a list."""
        if isinstance(param, list | tuple):
            return [self.get_lr_parameter(one) for one in param]
        for group in self.param_groups:
            if any(p is param for p in group["params"]):
                return group["lr"]
        raise ValueError(f"param: expected a parameter of the optimizer, got {check.show(param)}")

    def __call__(self, gradients: Any) -> bool:
        if self._scale != 1.0:
            given = (gradients,) if isinstance(gradients, Plain) else tuple(gradients)
            gradients = tuple(ops.mul(g, 1.0 / self._scale) for g in given)
        super().__call__(gradients)
        if self.dynamic_lr:
            ops.add_(self.global_step, 1)
        return True

    def construct(self, gradients: Any) -> bool:
        """The call."""
        return self(gradients)

    def _update(self, segment: Segment, group: dict[str, Any]) -> None:
        place = next(i for i, known in enumerate(self.param_groups) if known is group)
        rule = self._rules[place]
        if rule is not None:
            rate = rule(self.global_step)
            if not isinstance(rate, Plain):
                raise TypeError(f"learning_rate: expected a tensor, got {check.show(rate)}")
            ops.copy_(_numbers(segment, 0), ops.reshape(rate.to(np.float64), ()))
        self._move(segment, group)

    def _move(self, segment: Segment, group: dict[str, Any]) -> None:
        """The update of a segment by its gradient; default: that of the engine."""
        super()._update(segment, group)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learning_rate={self.learning_rate})"


def _by_decay(parameters: list[Any], weight_decay: float) -> list[dict[str, Any]]:
    """As MindSpore, weight decay leaves out what is named beta or gamma."""
    kept = [
        p
        for p in parameters
        if "beta" not in getattr(p, "name", "") and "gamma" not in getattr(p, "name", "")
    ]
    if not weight_decay or len(kept) == len(parameters):
        return [{"params": parameters, "weight_decay": weight_decay}]
    decayed = {id(p) for p in kept}
    rest = [p for p in parameters if id(p) not in decayed]
    groups = [(kept, weight_decay), (rest, 0.0)]
    return [{"params": own, "weight_decay": decay} for own, decay in groups if own]


def _numbers(segment: Segment, at: int) -> Plain:
    """A number that the kernels read, as a tensor on its memory."""
    return of_array(segment.hyper._array[at : at + 1].reshape(()))


class Composed(Optimizer):
    """An optimizer whose update is composed of ops: `_step` defines it."""

    row = ""

    def _move(self, segment: Segment, group: dict[str, Any]) -> None:
        dtype = segment.values.dtype
        lr, decay, decoupled = (_numbers(segment, i).to(dtype) for i in range(3))
        own = [_numbers(segment, i) for i in range(self.steps_at - 4, self.steps_at)]
        steps = _numbers(segment, self.steps_at)
        ops.add_(steps, 1.0)
        p, g = segment.values, segment.gradients
        if group["weight_decay"] and not group.get("decoupled_weight_decay", False):
            g = ops.add(g, ops.mul(p, decay))
        change = self._step(segment, g, own, steps)
        if group["weight_decay"] and group.get("decoupled_weight_decay", False):
            change = ops.add(change, ops.mul(p, decoupled))
        ops.sub_(p, ops.mul(change, lr))

    def _step(self, segment: Segment, g: Plain, own: list[Plain], steps: Plain) -> Plain:
        """What is taken from the parameters, times the learning rate."""
        raise NotImplementedError

    def _attrs(self, group: dict[str, Any]) -> tuple[int, ...]:
        return (int(bool(group["weight_decay"])),)

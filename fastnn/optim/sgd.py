"""Stochastic gradient descent."""

from __future__ import annotations

from fastnn import _check, ops
from fastnn.optim.block import Segment
from fastnn.optim.optimizer import Group, Optimizer, Params


class SGD(Optimizer):
    """Gradient descent with momentum in torch's form.

    g = grad + weight_decay * p; buf = momentum * buf + (1 - dampening) * g, at first buf = g;
    p -= lr * (nesterov ? g + momentum * buf : momentum ? buf : g).

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-3.
        momentum: >= 0, default 0.
        dampening: default 0.
        weight_decay: >= 0, default 0; added to the gradient, biases too.
        nesterov: default False; wants momentum > 0 and dampening 0.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: torch's `optim.SGD`; Sutskever et al. 2013.

    >>> import fastnn
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.8
    """

    steps_at = 4
    moment_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        self._numbers(defaults)
        super().__init__(params, defaults)

    def _settings(self, group: Group) -> tuple[object, ...]:
        return (
            group["lr"],
            group["momentum"],
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
        )

    def _numbers(self, group: Group) -> tuple[float, ...]:
        lr = _check.learning_rate(group["lr"])
        momentum = _check.real(
            "momentum", group["momentum"], 0.0, torch_says="Invalid momentum value"
        )
        dampening = _check.real("dampening", group["dampening"])
        decay = _check.real(
            "weight_decay", group["weight_decay"], 0.0, torch_says="Invalid weight_decay value"
        )
        if _check.flag("nesterov", group["nesterov"]) and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening: expected momentum > 0 "
                f"and dampening 0, got {momentum} and {dampening}"
            )
        return lr, momentum, dampening, decay

    def _wants(self, group: Group) -> tuple[str, ...]:
        return self.moment_names if group["momentum"] else ()

    def _variant(self, group: Group) -> tuple[object, ...]:
        return bool(group["momentum"]), group["nesterov"]

    def _update(self, segment: Segment, group: Group) -> None:
        buffer = segment.moments["momentum_buffer"] if group["momentum"] else None
        ops.sgd_step(segment.values, buffer, segment.hyper, segment.gradients, group["nesterov"])

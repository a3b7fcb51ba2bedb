"""MindSpore's optimizers, called with the gradients: wrappers of those in fastnn.optim.

`optimizer(grads)` takes one gradient for each of `optimizer.parameters`, as
`value_and_grad(forward, None, optimizer.parameters)` returns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import optim
from fastnn._support import check
from fastnn.nn.parameter import ParameterTuple
from fastnn.optim.block_optimizer import BlockOptimizer, Params
from fastnn.tape import listener
from fastnn.tensor import Tensor


class Called(BlockOptimizer):
    """The interface that MindSpore's optimizers add to ours."""

    @property
    def parameters(self) -> ParameterTuple:
        """The parameters, in the order in which the gradients are passed."""
        return ParameterTuple(p for group in self.param_groups for p in group["params"])

    @property
    def learning_rate(self) -> float:
        """The learning rate of the first group."""
        rate: float = self.param_groups[0]["lr"]
        return rate

    def get_lr(self) -> float:
        """The learning rate of the first group."""
        return self.learning_rate

    def __call__(self, gradients: Tensor | Sequence[Tensor]) -> bool:
        """Update every parameter by its gradient.

        Args:
            gradients: one for each of `parameters`, in their order.

        Returns:
            True, as MindSpore's.

        Raises:
            ValueError: another number of gradients, or one of another shape or dtype.
        """
        given = (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)
        parameters = self.parameters
        if len(given) != len(parameters):
            raise ValueError(
                f"gradients: expected {len(parameters)}, one for each parameter, got {len(given)}"
            )
        for p, gradient in zip(parameters, given, strict=True):
            check.a_tensor("gradients", gradient)
            p.grad = gradient.detach()
            if listener.active is not None:
                listener.active.sets_grad(p)
        self.step()
        self.zero_grad()
        return True


def _renamed(params: Params) -> list[Any]:
    """Parameter groups with "lr" for MindSpore's "learning_rate"."""
    if isinstance(params, Tensor):
        return params  # type: ignore[return-value]  # refused by the optimizer
    return [
        {("lr" if key == "learning_rate" else key): value for key, value in group.items()}
        if isinstance(group, dict)
        else group
        for group in params
    ]


def _only_default(name: str, given: object, default: object) -> None:
    if given != default:
        raise ValueError(f"{name}: expected {default!r}, got {given!r}, which is not offered here")


class SGD(Called, optim.SGD):
    """`fastnn.optim.SGD` under MindSpore's names.

    Args:
        params: parameters, or dicts with "params" and settings.
        learning_rate: >= 0, default 0.1.
        momentum, dampening, weight_decay, nesterov: as of optim.SGD.
        loss_scale: 1 only.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    >>> import fastnn
    >>> from fastnn import nn
    >>> w = nn.Parameter(fastnn.tensor([1.0]), name="w")
    >>> optimizer = nn.SGD([w], learning_rate=0.1)
    >>> optimizer((fastnn.tensor([2.0]),)), round(w.item(), 6)
    (True, 0.8)
    """

    def __init__(
        self,
        params: Params,
        learning_rate: float = 0.1,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        loss_scale: float = 1.0,
    ) -> None:
        _only_default("loss_scale", loss_scale, 1.0)
        super().__init__(
            _renamed(params), learning_rate, momentum, dampening, weight_decay, nesterov
        )


class Momentum(SGD):
    """`SGD` with a required momentum.

    Args:
        params: parameters, or dicts with "params" and settings.
        learning_rate: >= 0.
        momentum: >= 0.
        weight_decay, loss_scale: as of SGD.
        use_nesterov: default False.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Params,
        learning_rate: float,
        momentum: float,
        weight_decay: float = 0.0,
        loss_scale: float = 1.0,
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(
            params, learning_rate, momentum, 0.0, weight_decay, use_nesterov, loss_scale
        )


class Adam(Called, optim.Adam):
    """`fastnn.optim.Adam` under MindSpore's names.

    eps is added as MindSpore does it, to sqrt(v) before the correction of v:
    p -= lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + eps).

    Args:
        params: parameters, or dicts with "params" and settings.
        learning_rate: >= 0, default 1e-3.
        beta1, beta2: each in [0, 1), default 0.9 and 0.999.
        eps: >= 0, default 1e-8.
        weight_decay: >= 0, default 0.
        use_locking: without effect.
        use_amsgrad: the largest v so far instead of v, default False.
        use_nesterov, loss_scale: the defaults only.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Params,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        use_locking: bool = False,
        use_nesterov: bool = False,
        weight_decay: float = 0.0,
        loss_scale: float = 1.0,
        use_amsgrad: bool = False,
    ) -> None:
        _only_default("use_nesterov", use_nesterov, False)
        _only_default("loss_scale", loss_scale, 1.0)
        betas = beta1, beta2
        super().__init__(
            _renamed(params), learning_rate, betas, eps, weight_decay, use_amsgrad, compat="sklearn"
        )


__all__ = ["SGD", "Adam", "Momentum"]

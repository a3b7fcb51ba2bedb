"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from fastnn import _check, ops
from fastnn.optim.block import Segment
from fastnn.optim.optimizer import Group, Optimizer, Params


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square.

    g = grad + weight_decay * p; m = b1*m + (1 - b1)*g; v = b2*v + (1 - b2)*g*g;
    p -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps), t = 1, 2, ...
    With decoupled decay g = grad, and p *= 1 - lr * weight_decay comes first.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-3.
        betas: (b1, b2), each in [0, 1), default (0.9, 0.999).
        eps: >= 0, default 1e-8.
        weight_decay: >= 0, default 0.
        decoupled_weight_decay: default False; True makes it AdamW.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Kingma & Ba 2015, the form of torch's `optim.Adam`.

    >>> import fastnn
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.01)
    >>> (0.5 * w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.99
    """

    steps_at = 5
    moment_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        self._numbers(defaults)
        super().__init__(params, defaults)

    def _settings(self, group: Group) -> tuple[object, ...]:
        if isinstance(group["betas"], list):  # a change inside a list would go unnoticed
            group["betas"] = tuple(group["betas"])
        return group["lr"], group["betas"], group["eps"], group["weight_decay"]

    def _numbers(self, group: Group) -> tuple[float, ...]:
        lr = _check.learning_rate(group["lr"])
        eps = _check.real("eps", group["eps"], 0.0, torch_says="Invalid epsilon value")
        given = group["betas"]
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise ValueError(f"betas: expected two numbers, got {given!r}")
        betas = [
            _check.real(
                f"betas[{i}]",
                beta,
                0.0,
                1.0,
                open_high=True,
                torch_says=f"Invalid beta parameter at index {i}",
            )
            for i, beta in enumerate(given)
        ]
        decay = _check.real(
            "weight_decay", group["weight_decay"], 0.0, torch_says="Invalid weight_decay value"
        )
        _check.flag("decoupled_weight_decay", group["decoupled_weight_decay"])
        return lr, betas[0], betas[1], eps, decay

    def _whole(self, group: Group) -> bool:
        return bool(group["eps"] > 0)  # else the padding would become 0/0

    def _variant(self, group: Group) -> tuple[object, ...]:
        return (group["decoupled_weight_decay"],)

    def _update(self, segment: Segment, group: Group) -> None:
        ops.adam_step(
            segment.values,
            segment.moments["exp_avg"],
            segment.moments["exp_avg_sq"],
            segment.hyper,
            segment.gradients,
            group["decoupled_weight_decay"],
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr * weight_decay before the step.

    Args:
        params, lr, betas, eps: as of Adam.
        weight_decay: >= 0, default 1e-2.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Loshchilov & Hutter 2019, the form of torch's `optim.AdamW`.

    >>> import fastnn
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> AdamW([w]).param_groups[0]["weight_decay"]
    0.01
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decoupled_weight_decay=True)

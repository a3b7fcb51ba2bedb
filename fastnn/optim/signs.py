"""Rprop and ASGD."""

from __future__ import annotations

from fastnn._support import check
from fastnn.optim import settings
from fastnn.optim.optimizer import Group, Optimizer, Params


class Rprop(Optimizer):
    """A step size for each weight, by the signs of its gradients; for full batches.

    size *= etas[1] where grad has the sign it had, etas[0] where it turned; kept in step_sizes;
    p -= sign(grad) * size, but where it turned: there p waits, and the next step counts as even.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-2: the first step size.
        etas: (shrinks, grows), 0 < shrinks < 1 < grows, default (0.5, 1.2).
        step_sizes: (smallest, largest), default (1e-6, 50).
        capturable, foreach: without effect.
        maximize: go up the gradient, default False.
        differentiable: False only.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Riedmiller & Braun 1993, the form of torch's `optim.Rprop`.

    >>> import fastnn
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    row = "rprop_step"
    moment_names = ("prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable)
        given = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        shrinks, grows = settings.pair(group, "etas")
        low, high = settings.pair(group, "step_sizes")
        says = f"Invalid eta values: {shrinks}, {grows}"
        bounds = {"open_low": True, "open_high": True}
        return (
            check.real("etas[0]", shrinks, 0.0, 1.0, torch_says=says, **bounds),
            check.real("etas[1]", grows, 1.0, open_low=True, torch_says=says),
            check.real("step_sizes[0]", low, 0.0),
            check.real("step_sizes[1]", high, check.real("step_sizes[0]", low)),
        )


class ASGD(Optimizer):
    """Gradient descent that keeps the mean of where it has been, in `state_dict` as "ax".

    g = grad + weight_decay * p; p = (1 - lambd * eta) * p - eta * g; ax += mu * (p - ax);
    then eta = lr / (1 + lambd * lr * t)**alpha and mu = 1 / max(1, t - t0), t = 1, 2, ...

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-2.
        lambd: default 1e-4.
        alpha: default 0.75.
        t0: the step after which the mean begins, default 1e6.
        weight_decay: >= 0, default 0.
        foreach, capturable: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Polyak & Juditsky 1992, the form of torch's `optim.ASGD`.

    >>> import fastnn
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = ASGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.79999
    """

    row = "asgd_step"
    moment_names = ("ax",)
    count_names = ("step", "eta", "mu")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
        *,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable)
        given = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        return tuple(check.real(name, group[name]) for name in ("lambd", "alpha", "t0"))

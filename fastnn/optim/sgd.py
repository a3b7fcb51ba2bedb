"""Stochastic gradient descent: with momentum in its forms, and averaged."""

from __future__ import annotations

from fastnn._core import engine
from fastnn._support import check
from fastnn.optim import settings
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params
from fastnn.optim.settings import Default

__all__ = ["ASGD", "EMAMomentum", "SGD"]

_FRAMEWORKS = {"keras": {"lr": 0.01}}


@OPTIMIZERS.named("sgd", lr=0.05, momentum=0.9)
class SGD(BlockOptimizer):
    """SGD: gradient descent with momentum.

    g = grad + weight_decay * p; buf = momentum * buf + (1 - dampening) * g, at first buf = g;
    p -= lr * (nesterov ? g + momentum * buf : momentum ? buf : g).
    With compat "keras" or "sklearn": buf = momentum * buf + lr * g (minus their velocity);
    p -= nesterov ? lr * g + momentum * buf : buf. The two differ when lr changes.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-3; 0.01 with compat "keras".
        momentum: >= 0, default 0.
        dampening: default 0; 0 alone but with compat "torch".
        weight_decay: >= 0, default 0; added to the gradient, biases too.
        nesterov: default False; wants momentum > 0 and dampening 0.
        maximize: go up the gradient, default False; weight decay still shrinks.
        foreach, fused: without effect.
        differentiable: False only.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead, default False.
        l1: >= 0, default 0: see Optimizer.
        compat: "torch", "keras" or "sklearn": whose form of momentum.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: torch's `optim.SGD`; Sutskever et al. 2013; Keras 3 `optimizers.SGD`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.8
    """

    row = "sgd_step"
    moment_names: tuple[str, ...] = ("momentum_buffer",)
    restarts = True  # the buffer begins as the gradient

    def __init__(
        self,
        params: Params,
        lr: float = Default(1e-3),
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
        compat: str = "torch",
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, fused=fused)
        given = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
            "compat": compat,
        }
        super().__init__(params, settings.settled(given, _FRAMEWORKS))

    def _own(self, group: Group) -> tuple[float, ...]:
        momentum = settings.at_least_zero(group, "momentum")
        dampening = check.real("dampening", group["dampening"])
        if check.flag("nesterov", group["nesterov"]) and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening: expected momentum > 0 "
                f"and dampening 0, got {momentum} and {dampening}"
            )
        if settings.framework(group) != "torch" and dampening != 0:
            raise ValueError(f'dampening: expected 0 but with compat="torch", got {dampening}')
        return momentum, dampening

    def _wants(self, group: Group) -> tuple[str, ...]:
        return self.moment_names if group["momentum"] else ()

    def _attrs(self, group: Group) -> tuple[int, ...]:
        form = "sum" if group["compat"] == "torch" else "step"
        return int(group["nesterov"]), engine.MOMENTUM[form]


@OPTIMIZERS.named("ema_momentum", lr=0.5, momentum=0.9)
class EMAMomentum(BlockOptimizer):
    """SGD with momentum as an exponential moving average of the gradients.

    g = grad + weight_decay * p; v = momentum * v + (1 - momentum) * g, v = 0 at first; p -= lr * v.
    SGD's buffer is a sum instead: in the long run its steps are 1 / (1 - momentum) times as long.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-3.
        momentum: 0..1, default 0.9.
        weight_decay: >= 0, default 0.
        maximize, decoupled_weight_decay, l1: as for SGD.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: the momentum of textbooks, such as Ng's Deep Learning Specialization (2017).

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.EMAMomentum([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.98
    """

    row = "sgd_step"
    moment_names: tuple[str, ...] = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
    ) -> None:
        given = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        return (settings.fraction(group, "momentum"),)

    def _attrs(self, group: Group) -> tuple[int, ...]:
        return 0, engine.MOMENTUM["mean"]


@OPTIMIZERS.named("asgd")
class ASGD(BlockOptimizer):
    """Averaged SGD: keeps the mean of past parameters, in `state_dict` as "ax".

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
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.79999
    """

    row = "asgd_step"
    moment_names: tuple[str, ...] = ("ax",)
    count_names: tuple[str, ...] = ("step", "eta", "mu")

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
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
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

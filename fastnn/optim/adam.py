"""Adam and its variants."""

from __future__ import annotations

from fastnn._support import check
from fastnn.optim import settings
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params
from fastnn.optim.settings import Default

__all__ = ["Adam", "Adamax", "AdamW", "NAdam", "RAdam"]

_FRAMEWORKS = {"keras": {"eps": 1e-7}}
_FRAMEWORKS_W = {"keras": {"eps": 1e-7, "weight_decay": 4e-3}}


@OPTIMIZERS.named("adam")
class Adam(BlockOptimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    g = grad + weight_decay * p; m = b1*m + (1 - b1)*g; v = b2*v + (1 - b2)*g*g;
    p -= lr * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps), t = 1, 2, ...
    With decoupled decay g = grad, and p *= 1 - lr * weight_decay comes first. With amsgrad the
    largest v so far takes the place of v, before the correction, as in torch's code.
    With compat "keras" or "sklearn" eps is added to sqrt(v), before the correction:
    p -= lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + eps).

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-3.
        betas: (b1, b2), each in [0, 1), default (0.9, 0.999).
        eps: >= 0, default 1e-8; 1e-7 with compat "keras".
        weight_decay: >= 0, default 0.
        amsgrad: default False.
        foreach, capturable, fused: without effect, but as in torch no Tensor may be lr or beta with
            foreach=True unless capturable.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        decoupled_weight_decay: default False; True makes it AdamW.
        l1: >= 0, default 0: see Optimizer.
        compat: "torch", "keras" or "sklearn": where eps is added.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Kingma & Ba 2015 and Reddi et al. 2018, the form of torch's `optim.Adam`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.01)
    >>> (0.5 * w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.99
    """

    row = "adam_step"
    moment_names: tuple[str, ...] = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    _frameworks = _FRAMEWORKS

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = Default(1e-8),
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
        compat: str = "torch",
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable, fused=fused)
        settings.numbers_if_foreach(foreach, capturable, lr, betas)
        given = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
            "compat": compat,
        }
        super().__init__(params, settings.settled(given, self._frameworks))

    def _own(self, group: Group) -> tuple[float, ...]:
        check.flag("amsgrad", group["amsgrad"])
        settings.framework(group)
        return (*settings.betas(group), settings.eps(group))

    def _wants(self, group: Group) -> tuple[str, ...]:
        return self.moment_names if group["amsgrad"] else self.moment_names[:2]

    def _attrs(self, group: Group) -> tuple[int, ...]:
        return (int(group["compat"] != "torch"),)


@OPTIMIZERS.named("adamw")
class AdamW(Adam):
    """AdamW: Adam with decoupled weight decay, p *= 1 - lr * weight_decay before the step.

    Args:
        params, lr, betas, eps, amsgrad: as for Adam.
        weight_decay: >= 0, default 1e-2; 4e-3 with compat "keras".
        maximize, foreach, capturable, differentiable, fused, l1, compat: as for Adam.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Loshchilov & Hutter 2019, the form of torch's `optim.AdamW`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optim.AdamW([w]).param_groups[0]["weight_decay"]
    0.01
    """

    _frameworks = _FRAMEWORKS_W

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = Default(1e-8),
        weight_decay: float = Default(1e-2),
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        l1: float = 0.0,
        compat: str = "torch",
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
            l1=l1,
            compat=compat,
        )


@OPTIMIZERS.named("nadam")
class NAdam(BlockOptimizer):
    """NAdam: Adam with Nesterov momentum.

    g, m, v: as for Adam; mu_t = b1 * (1 - 0.5 * 0.96**(t * momentum_decay)), M = mu_1 * ... * mu_t;
    p -= lr * (mu_t+1 / (1 - M * mu_t+1) * m + (1 - mu_t) / (1 - M) * g)
    / (sqrt(v / (1 - b2**t)) + eps).

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 2e-3.
        betas: (b1, b2), each in [0, 1), default (0.9, 0.999).
        eps: >= 0, default 1e-8.
        weight_decay: >= 0, default 0.
        momentum_decay: >= 0, default 4e-3.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead of adding it to g, default False.
        foreach, capturable: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Dozat 2016, the form of torch's `optim.NAdam`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 4)
    0.8944
    """

    row = "nadam_step"
    moment_names: tuple[str, ...] = ("exp_avg", "exp_avg_sq")
    count_names: tuple[str, ...] = ("step", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
        given = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        fade = settings.at_least_zero(group, "momentum_decay")
        return (*settings.betas(group), settings.eps(group), fade)


@OPTIMIZERS.named("radam")
class RAdam(BlockOptimizer):
    """RAdam: Adam with a rectified learning rate, a warm-up that needs no schedule.

    g, m, v: as for Adam; rho = r - 2 * t * b2**t / (1 - b2**t), r = 2 / (1 - b2) - 1;
    rho > 5: p -= lr * rect * (m / (1 - b1**t)) * sqrt(1 - b2**t) / (sqrt(v) + eps),
    rect = sqrt((rho - 4) * (rho - 2) * r / ((r - 4) * (r - 2) * rho));
    else: p -= lr * m / (1 - b1**t).

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-3.
        betas: (b1, b2), each in [0, 1), default (0.9, 0.999).
        eps: >= 0, default 1e-8.
        weight_decay: >= 0, default 0.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead of adding it to g, default False.
        foreach, capturable: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Liu et al. 2020, the form of torch's `optim.RAdam`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.8
    """

    row = "radam_step"
    moment_names: tuple[str, ...] = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
        given = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        return (*settings.betas(group), settings.eps(group))


@OPTIMIZERS.named("adamax")
class Adamax(BlockOptimizer):
    """Adamax: Adam scaled by a decaying maximum of |gradient| instead of the mean of squares.

    g, m: as for Adam; v = max(b2 * v, |g| + eps); p -= lr / (1 - b1**t) * m / v.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 2e-3.
        betas: (b1, b2), each in [0, 1), default (0.9, 0.999).
        eps: >= 0, default 1e-8.
        weight_decay: >= 0, default 0.
        foreach, capturable: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead of adding it to g, default False.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Kingma & Ba 2015, algorithm 2, the form of torch's `optim.Adamax`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    row = "adamax_step"
    moment_names: tuple[str, ...] = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
        given = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        return (*settings.betas(group), settings.eps(group))

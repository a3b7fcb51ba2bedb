"""MindSpore's optimizers, with its arguments, defaults and equations."""

from __future__ import annotations

from typing import Any

from fastnn import ops, optim
from fastnn._support import check
from fastnn.mindspore.nn.optimizer import Composed, Optimizer, Rate
from fastnn.optim import settings
from fastnn.optim.block import Segment
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.tensor import Tensor as Plain


def _only(name: str, given: object, expected: object) -> None:
    if given != expected:
        raise ValueError(f"{name}: expected {expected!r}, got {given!r}, which is not offered here")


class SGD(Optimizer, optim.SGD):
    """Gradient descent with momentum.

    g = grad + weight_decay * p; v = momentum * v + (1 - dampening) * g, at first v = g;
    p -= lr * (nesterov ? g + momentum * v : v).

    Args:
        params: parameters, or dicts with "params", "lr" and "weight_decay".
        learning_rate: a number, default 0.1; a list with one for each step; or a schedule.
        momentum, dampening: default 0.
        weight_decay: default 0; not of parameters named beta or gamma.
        nesterov: default False.
        loss_scale: gradients are divided by it, default 1.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> w = mindspore.Parameter([1.0], name="w")
    >>> optimizer = nn.SGD([w], learning_rate=[0.1, 0.01])
    >>> for _ in range(2):
    ...     _ = optimizer((mindspore.Tensor([1.0]),))
    >>> print(w.asnumpy())
    [0.89]
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 0.1,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        loss_scale: float = 1.0,
    ) -> None:
        groups = self._given(params, learning_rate, weight_decay, loss_scale)
        optim.SGD.__init__(self, groups, 0.1, momentum, dampening, 0.0, nesterov)


class Momentum(SGD):
    """`SGD` with a required momentum.

    v = momentum * v + g; p -= lr * (use_nesterov ? g + momentum * v : v).

    Args:
        params, learning_rate, weight_decay, loss_scale: as of SGD.
        momentum: >= 0.
        use_nesterov: default False.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate,
        momentum: float,
        weight_decay: float = 0.0,
        loss_scale: float = 1.0,
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(
            params, learning_rate, momentum, 0.0, weight_decay, use_nesterov, loss_scale
        )


class Adam(Optimizer, optim.Adam):
    """Adam, with eps added to sqrt(v) before the correction of v.

    m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
    p -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps).

    Args:
        params, learning_rate (default 1e-3), weight_decay, loss_scale: as of SGD.
        beta1, beta2: in [0, 1), default 0.9 and 0.999.
        eps: default 1e-8.
        use_locking: without effect.
        use_nesterov: b1 m + (1 - b1) g in the place of m, default False.
        use_amsgrad: the largest v so far, default False.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        use_locking: bool = False,
        use_nesterov: bool = False,
        weight_decay: float = 0.0,
        loss_scale: float = 1.0,
        use_amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        self.use_nesterov: bool = check.flag("use_nesterov", use_nesterov)
        if use_nesterov and use_amsgrad:
            raise ValueError("use_amsgrad: expected False with use_nesterov, got True")
        groups = self._given(params, learning_rate, weight_decay, loss_scale)
        betas = (beta1, beta2)
        optim.Adam.__init__(self, groups, 1e-3, betas, eps, 0.0, use_amsgrad, compat="sklearn")

    def _move(self, segment: Segment, group: dict[str, Any]) -> None:
        if self.use_nesterov:
            Composed._move(self, segment, group)  # type: ignore[arg-type]
        else:
            super()._move(segment, group)

    def _step(self, segment: Segment, g: Plain, own: list[Plain], steps: Plain) -> Plain:
        m, v = _means(segment, g, own)
        beta1, beta2, eps = own[:3]
        rate = ops.div(ops.sqrt(1.0 - ops.pow(beta2, steps)), 1.0 - ops.pow(beta1, steps))
        ahead = ops.lerp(g, m, beta1.to(g.dtype))
        root = ops.add(ops.sqrt(v), eps.to(g.dtype))
        return ops.mul(ops.div(ahead, root), rate.to(g.dtype))


def _means(segment: Segment, g: Plain, own: list[Plain]) -> tuple[Plain, Plain]:
    """Adam's running means of the gradient and of its square, brought up to date."""
    keep1, keep2 = (1.0 - beta for beta in own[:2])
    m = ops.lerp_(segment.moments["exp_avg"], g, keep1.to(g.dtype))
    v = ops.lerp_(segment.moments["exp_avg_sq"], ops.square(g), keep2.to(g.dtype))
    return m, v


class _ByBetas(Composed):
    """What AdamWeightDecay and AdaMax have in common."""

    def _begin(
        self, groups: list[dict[str, Any]], betas: tuple[float, float], eps: float, apart: bool
    ) -> None:
        BlockOptimizer.__init__(
            self,
            groups,
            {
                "lr": 1e-3,
                "betas": betas,
                "eps": eps,
                "weight_decay": 0.0,
                "decoupled_weight_decay": apart,
                "maximize": False,
                "l1": 0.0,
            },
        )

    def _own(self, group: dict[str, Any]) -> tuple[float, ...]:
        return (*settings.betas(group), settings.eps(group))


class AdamWeightDecay(_ByBetas):
    """Adam without correction, with decoupled weight decay.

    m, v: as of Adam; p -= lr * (m / (sqrt(v) + eps) + weight_decay * p).

    Args:
        params, learning_rate (default 1e-3), weight_decay: as of SGD.
        beta1, beta2: in [0, 1), default 0.9 and 0.999.
        eps: default 1e-6.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    moment_names: tuple[str, ...] = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        groups = self._given(params, learning_rate, weight_decay)
        self._begin(groups, (beta1, beta2), eps, True)

    def _step(self, segment: Segment, g: Plain, own: list[Plain], steps: Plain) -> Plain:
        m, v = _means(segment, g, own)
        return ops.div(m, ops.add(ops.sqrt(v), own[2].to(g.dtype)))


class AdaMax(_ByBetas):
    """Adam by the largest gradient: u = max(b2 u, |g|); p -= lr / (1 - b1^t) * m / (u + eps).

    Args:
        params, learning_rate (default 1e-3), weight_decay, loss_scale: as of SGD.
        beta1, beta2: in [0, 1), default 0.9 and 0.999.
        eps: default 1e-8.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    moment_names: tuple[str, ...] = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        loss_scale: float = 1.0,
    ) -> None:
        groups = self._given(params, learning_rate, weight_decay, loss_scale)
        self._begin(groups, (beta1, beta2), eps, False)

    def _step(self, segment: Segment, g: Plain, own: list[Plain], steps: Plain) -> Plain:
        m, u = segment.moments["exp_avg"], segment.moments["exp_inf"]
        ops.lerp_(m, g, (1.0 - own[0]).to(g.dtype))
        ops.copy_(u, ops.maximum(ops.mul(u, own[1].to(g.dtype)), ops.abs(g)))
        rate = 1.0 / (1.0 - ops.pow(own[0], steps))
        return ops.mul(ops.div(m, ops.add(u, own[2].to(g.dtype))), rate.to(g.dtype))


class Adagrad(Optimizer, optim.Adagrad):
    """Steps by the sum of squared gradients: s += g^2; p -= lr * g / sqrt(s).

    Args:
        params, learning_rate (default 1e-3), weight_decay, loss_scale: as of SGD.
        accum: s at the start, default 0.1.
        update_slots: True only.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        accum: float = 0.1,
        learning_rate: Rate = 1e-3,
        update_slots: bool = True,
        loss_scale: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        _only("update_slots", update_slots, True)
        groups = self._given(params, learning_rate, weight_decay, loss_scale)
        optim.Adagrad.__init__(self, groups, 1e-3, 0.0, 0.0, accum, 0.0)


class RMSProp(Optimizer, optim.RMSprop):
    """Steps by a running mean of squared gradients, which starts at 1.

    s = decay * s + (1 - decay) * g^2; centered: a = decay * a + (1 - decay) * g, and s - a^2 in
    the place of s; b = momentum * b + lr * g / sqrt(s + epsilon); p -= b.

    Args:
        params, learning_rate (default 0.1), weight_decay, loss_scale: as of SGD.
        decay: 0..1, default 0.9.
        momentum: default 0.
        epsilon: default 1e-10.
        use_locking: without effect.
        centered: default False.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 0.1,
        decay: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        loss_scale: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        groups = self._given(params, learning_rate, weight_decay, loss_scale)
        optim.RMSprop.__init__(
            self, groups, 0.1, decay, epsilon, 0.0, momentum, centered, compat="keras"
        )

    def _add(self, group: dict[str, Any]) -> None:
        super()._add(group)
        for block in self._blocks[-1]:
            block.moments["square_avg"]._array.fill(1.0)


class Adadelta(Optimizer, optim.Adadelta):
    """Steps rescaled to the unit of the parameters.

    s = rho s + (1 - rho) g^2; q = sqrt(d + epsilon) / sqrt(s + epsilon) g;
    d = rho d + (1 - rho) q^2; p -= lr q.

    Args:
        params, learning_rate (default 1.0), weight_decay, loss_scale: as of SGD.
        rho: 0..1, default 0.9.
        epsilon: default 1e-6.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 1.0,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        loss_scale: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        groups = self._given(params, learning_rate, weight_decay, loss_scale)
        optim.Adadelta.__init__(self, groups, 1.0, rho, epsilon)


class ASGD(Optimizer, optim.ASGD):
    """Averaged gradient descent; see `fastnn.optim.ASGD`.

    Args:
        params, learning_rate (default 0.1), weight_decay: as of SGD.
        lambd, alpha, t0: as of `fastnn.optim.ASGD`.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 0.1,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
    ) -> None:
        groups = self._given(params, learning_rate, weight_decay)
        optim.ASGD.__init__(self, groups, 0.1, lambd, alpha, t0)


class Rprop(Optimizer, optim.Rprop):
    """Step sizes by gradient signs; see `fastnn.optim.Rprop`.

    Args:
        params, learning_rate (default 0.1): as of SGD.
        etas, step_sizes: as of `fastnn.optim.Rprop`.
        weight_decay: 0 only.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.
    """

    def __init__(
        self,
        params: Any,
        learning_rate: Rate = 0.1,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        weight_decay: float = 0.0,
    ) -> None:
        _only("weight_decay", weight_decay, 0.0)
        groups = self._given(params, learning_rate, 0.0)
        for group in groups:
            del group["weight_decay"]
        optim.Rprop.__init__(self, groups, 0.1, etas, step_sizes)


__all__ = [
    "ASGD", "AdaMax", "Adadelta", "Adagrad", "Adam", "AdamWeightDecay", "Momentum", "Optimizer",
    "RMSProp", "Rprop", "SGD",
]  # fmt: skip

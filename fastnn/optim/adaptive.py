"""Adagrad, RMSprop, Adadelta and Adafactor: steps scaled by the squares of past gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn._core import engine
from fastnn._support import check, dtypes
from fastnn._support.dtype_info import finfo
from fastnn.optim import settings
from fastnn.optim.block import Segment
from fastnn.optim.block_optimizer import OPTIMIZERS, BlockOptimizer, Group, Params
from fastnn.optim.settings import Default
from fastnn.tensor import Tensor, of_array

__all__ = ["Adadelta", "Adafactor", "Adagrad", "RMSprop"]

_ADAGRAD = {"keras": {"lr": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7}}
_RMSPROP = {"keras": {"lr": 1e-3, "alpha": 0.9, "eps": 1e-7}}


@OPTIMIZERS.named("adagrad")
class Adagrad(BlockOptimizer):
    """Adagrad: steps scaled by the sum of all squared gradients so far.

    g = grad + weight_decay * p; s = s + g*g, s = initial_accumulator_value at first;
    p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps), t = 1, 2, ...
    With compat "keras" eps is under the root: g / sqrt(s + eps).

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-2; 1e-3 with compat "keras".
        lr_decay: >= 0, default 0.
        weight_decay: >= 0, default 0.
        initial_accumulator_value: >= 0, default 0; 0.1 with compat "keras".
        eps: >= 0, default 1e-10; 1e-7 with compat "keras".
        foreach, fused: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead of adding it to g, default False.
        l1: >= 0, default 0: see Optimizer.
        compat: "torch" or "keras"; "sklearn" has no Adagrad and means "torch".

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Duchi et al. 2011, the form of torch's `optim.Adagrad`; Keras 3 `optimizers.Adagrad`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    row = "adagrad_step"
    moment_names: tuple[str, ...] = ("sum",)

    def __init__(
        self,
        params: Params,
        lr: float = Default(1e-2),
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = Default(0),
        eps: float = Default(1e-10),
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
        compat: str = "torch",
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, fused=fused)
        given = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
            "compat": compat,
        }
        super().__init__(params, settings.settled(given, _ADAGRAD))

    def _own(self, group: Group) -> tuple[float, ...]:
        settings.framework(group)
        lr_decay = settings.at_least_zero(group, "lr_decay")
        initial = settings.at_least_zero(group, "initial_accumulator_value")
        return lr_decay, initial, settings.eps(group)

    def _attrs(self, group: Group) -> tuple[int, ...]:
        return (int(group["compat"] == "keras"),)


@OPTIMIZERS.named("rmsprop")
class RMSprop(BlockOptimizer):
    """RMSprop: steps scaled by a running mean of squared gradients.

    g = grad + weight_decay * p; s = alpha*s + (1 - alpha)*g*g;
    centered: a = alpha*a + (1 - alpha)*g, and s - a*a takes the place of s under the root;
    q = g / (sqrt(s) + eps); p -= lr * q, or with momentum b = momentum*b + q; p -= lr * b.
    With compat "keras" q = g / sqrt(s + eps), and b = momentum*b + lr*q; p -= b.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-2; 1e-3 with compat "keras".
        alpha: 0..1, default 0.99; 0.9 with compat "keras", which calls it rho.
        eps: >= 0, default 1e-8; 1e-7 with compat "keras".
        weight_decay: >= 0, default 0.
        momentum: >= 0, default 0.
        centered: default False.
        capturable, foreach: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead of adding it to g, default False.
        l1: >= 0, default 0: see Optimizer.
        compat: "torch" or "keras"; "sklearn" has no RMSprop and means "torch".

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Tieleman & Hinton 2012 and Graves 2013, the form of torch's `optim.RMSprop`; Keras 3
    `optimizers.RMSprop`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 6)
    0.9
    """

    row = "rmsprop_step"
    moment_names: tuple[str, ...] = ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self,
        params: Params,
        lr: float = Default(1e-2),
        alpha: float = Default(0.99),
        eps: float = Default(1e-8),
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        *,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
        compat: str = "torch",
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
        given = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
            "compat": compat,
        }
        super().__init__(params, settings.settled(given, _RMSPROP))

    def _own(self, group: Group) -> tuple[float, ...]:
        check.flag("centered", group["centered"])
        settings.framework(group)
        momentum = settings.at_least_zero(group, "momentum")
        return settings.fraction(group, "alpha"), settings.eps(group), momentum

    def _wants(self, group: Group) -> tuple[str, ...]:
        wanted = (True, group["centered"], group["momentum"])
        return tuple(name for name, w in zip(self.moment_names, wanted, strict=True) if w)

    def _attrs(self, group: Group) -> tuple[int, ...]:
        return (int(group["compat"] == "keras"),)


@OPTIMIZERS.named("adadelta")
class Adadelta(BlockOptimizer):
    """Adadelta: RMSprop-like steps rescaled to the unit of the parameters.

    g = grad + weight_decay * p; s = rho*s + (1 - rho)*g*g; q = sqrt(d + eps) / sqrt(s + eps) * g;
    d = rho*d + (1 - rho)*q*q; p -= lr * q.

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1.
        rho: 0..1, default 0.9.
        eps: >= 0, default 1e-6.
        weight_decay: >= 0, default 0.
        foreach, capturable: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        differentiable: False only.
        decoupled_weight_decay: p *= 1 - lr * weight_decay instead of adding it to g, default False.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Zeiler 2012, the form of torch's `optim.Adadelta`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adadelta([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> round(w.item(), 5)
    0.99684
    """

    row = "adadelta_step"
    moment_names: tuple[str, ...] = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
        decoupled_weight_decay: bool = False,
        l1: float = 0.0,
    ) -> None:
        settings.without_effect(differentiable, foreach=foreach, capturable=capturable)
        given = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        return settings.fraction(group, "rho"), settings.eps(group)


def _factor_shape(name: str, p: Tensor) -> tuple[int, ...] | None:
    """Of a moment of Adafactor: sums over rows and over columns, or all squares of a vector."""
    if p.ndim < 2:
        return p.shape if name == "variance" else None
    return {"row_var": (*p.shape[:-1], 1), "col_var": (*p.shape[:-2], 1, p.shape[-1])}.get(name)


@OPTIMIZERS.named("adafactor")
class Adafactor(BlockOptimizer):
    """Steps relative to the size of the parameter, with squares kept by row and by column.

    rho = min(lr, 1/sqrt(t)); alpha = max(eps[1], rms(p)) * rho; w = t**beta2_decay, t = 1, 2, ...;
    p *= 1 - lr * weight_decay; r += w * (mean(g*g over columns) - r), c += w * (mean(g*g over rows)
    - c); v = r * c / max(mean(r), eps[0]); of a vector v += w * (g*g - v);
    u = g / sqrt(max(v, eps[0]**2)); p -= alpha / max(1, rms(u) / d) * u; rms(x) = sqrt(mean(x*x)).
    A matrix of m x n keeps m + n numbers: r (..., m, 1) and c (..., 1, n), in `state_dict` as
    "row_var" and "col_var"; a vector keeps "variance".

    Args:
        params: parameters, or dicts with "params" and settings.
        lr: >= 0, default 1e-2, the largest relative step.
        beta2_decay: <= 0, default -0.8.
        eps: (None or >= 0, >= 0), default (None, 1e-3): the least of the squares and of the size
            of a parameter; None is the machine epsilon of its type.
        d: >= 1, default 1: the size of u above which it is scaled down.
        weight_decay: >= 0, default 0; decoupled.
        foreach: without effect.
        maximize: go up the gradient, default False; weight decay still shrinks.
        l1: >= 0, default 0: see Optimizer.

    Raises:
        TypeError, ValueError: a setting out of range, no parameters.

    Source: Shazeer & Stern 2018, the form of torch's `optim.Adafactor`.

    >>> import fastnn
    >>> from fastnn import optim
    >>> w = fastnn.tensor([[1.0, 1.0]], requires_grad=True)
    >>> optimizer = optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> [round(v, 4) for v in w.tolist()[0]]
    [0.9, 0.9]
    """

    row = ""  # composed of ops
    moment_names: tuple[str, ...] = ("row_var", "col_var", "variance")
    moment_shape: Any = staticmethod(_factor_shape)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        l1: float = 0.0,
    ) -> None:
        check.flags_or_none(foreach=foreach)
        given = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "l1": l1,
        }
        super().__init__(params, given)

    def _own(self, group: Group) -> tuple[float, ...]:
        least, smallest = settings.pair(group, "eps")
        return (
            check.real("beta2_decay", group["beta2_decay"], high=0.0),
            check.real("eps[0]", 0.0 if least is None else least, 0.0),
            check.real("eps[1]", smallest, 0.0),
            check.real("d", group["d"], 1.0),
        )

    def _attrs(self, group: Group) -> tuple[int, ...]:
        return (int(group["eps"][0] is None),)

    def _whole(self, group: Group) -> bool:
        return False  # each parameter has means of its own

    def _update(self, segment: Segment, group: Group) -> None:
        numbers = segment.hyper._array
        lr, decay, _, sign, _, beta2_decay, least, smallest, d, step = (
            of_array(numbers[i : i + 1].reshape(())) for i in range(engine.HYPER_STEPS + 1)
        )
        (p, gradient), dtype = segment.views[0], segment.values.dtype
        ops.add_(step, 1.0)
        rho = ops.smaller(lr, ops.rsqrt(step))
        alpha = ops.mul(ops.larger(smallest, _rms(p)), rho)
        keep = ops.sub(1.0, ops.mul(lr, decay))
        ops.mul_(p, keep.to(dtype))
        g = ops.mul(gradient, sign.to(dtype))
        if group["eps"][0] is None:
            least = of_array(dtypes.number(finfo(dtype).eps, dtype))
        variance = self._variance(segment.moments, ops.square(g), ops.pow(step, beta2_decay), least)
        u = ops.mul(g, ops.rsqrt(ops.larger(variance, ops.square(least).to(dtype))))
        rate = ops.div(alpha, ops.larger(1.0, ops.div(_rms(u), d)))
        ops.sub_(p, ops.mul(u, rate.to(dtype)))
        if group["l1"]:
            ops.update_step("shrink_step", segment.values, segment.hyper)

    @staticmethod
    def _variance(
        moments: dict[str, Tensor], squares: Tensor, weight: Tensor, least: Tensor
    ) -> Tensor:
        """The mean of squares after this step, for each element."""
        weight = weight.to(squares.dtype)
        if "variance" in moments:
            return ops.lerp_(moments["variance"], squares, weight)
        rows, columns = moments["row_var"], moments["col_var"]
        ops.lerp_(rows, ops.mean(squares, -1, True), weight)
        ops.lerp_(columns, ops.mean(squares, -2, True), weight)
        below = ops.maximum(ops.mean(rows, -2, True), least.to(squares.dtype))
        return ops.div(ops.mul(rows, columns), below)


def _rms(x: Tensor) -> Tensor:
    """sqrt(mean(x*x)), float64."""
    return ops.sqrt(ops.mean(ops.square(x)).to(np.float64))

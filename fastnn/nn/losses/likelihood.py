"""Negative log-likelihoods, deviances and divergences."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn.losses.base import (
    LOSSES,
    Loss,
    Reduction,
    alike,
    legacy,
    promoted,
    reduced,
    spread,
)
from fastnn.nn.module import Module
from fastnn.ops.promote import real
from fastnn.tape import listener
from fastnn.tensor import Tensor, of_array

__all__ = [
    "GammaDevianceLoss",
    "GaussianNLLLoss",
    "KLDivLoss",
    "PoissonNLLLoss",
    "TweedieDevianceLoss",
    "gaussian_nll_loss",
    "kl_div",
    "poisson_nll_loss",
    "tweedie_deviance_loss",
]


def _at_least(target: Tensor, low: float, open_low: bool, name: str = "target") -> None:
    """Check now, and at every replay, that no number is below `low` (or at it)."""

    def check(y: Tensor) -> None:
        wrong = ~(y._array > low if open_low else y._array >= low)
        if wrong.any():
            bound = "greater than" if open_low else "at least"
            at = np.argwhere(wrong)[0].tolist()
            value = y._array[wrong][0]
            raise InvalidValueError(
                f"{name}: expected numbers {bound} {low:g}, got {value:g} at {at}"
            )

    listener.checked(target.detach(), check)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | str | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Poisson NLL: exp(x) - y x of the logarithm x of a rate; see `nn.PoissonNLLLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    check.a_tensor("input", input)
    input, target = alike(real(input), target, chosen)
    if check.flag("log_input", log_input):
        each = ops.sub(ops.exp(input), ops.mul(target, input))
    else:
        each = ops.sub(input, ops.mul(target, ops.log(ops.add(input, eps))))
    if check.flag("full", full):
        counted = ops.gt(target.detach(), 1.0)
        y = ops.where(counted, target, 1.0)
        stirling = ops.sub(ops.mul(y, ops.log(y)), y)
        stirling = ops.add(stirling, ops.mul(ops.log(ops.mul(y, 2 * math.pi)), 0.5))
        each = ops.add(each, ops.where(counted, stirling, 0.0))
    return reduced(each, chosen)


@LOSSES.named("poisson", log=True)
class PoissonNLLLoss(Loss):
    """Poisson NLL: l = exp(x) - y x, x the logarithm of the rate; else l = x - y log(x + eps).

    Args:
        log_input: x is the logarithm of the rate (default), else the rate.
        full: add Stirling's y log y - y + log(2 pi y) / 2 where y > 1. Default False.
        size_average, reduce: torch's older names of a reduction.
        eps: default 1e-8.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ.

    Source: torch's `nn.PoissonNLLLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> round(nn.PoissonNLLLoss()(fastnn.tensor([0.0]), fastnn.tensor([2.0])).item(), 4)
    1.0
    """

    log_input: bool
    full: bool

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | str | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full = check.flag("log_input", log_input), check.flag("full", full)
        self.eps: float = check.real("eps", eps, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return poisson_nll_loss(
            input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> Tensor:
    """Gaussian NLL: (log v + (x - y)**2 / v) / 2; see `nn.GaussianNLLLoss`."""
    check.a_tensor("input", input)
    input, target = alike(input, spread("target", target, input, True), reduction)
    check.real("eps", eps, 0.0, open_low=True)
    v = _variance(var, input)
    _at_least(v, 0.0, False, "var")
    input, v = promoted(input, v, "var")
    held = ops.add(v, ops.sub(ops.clamp(v.detach(), eps), v.detach()))  # its gradient passes
    each = ops.add(ops.log(held), ops.div(ops.square(ops.sub(input, target)), held))
    each = ops.mul(each, 0.5)
    if check.flag("full", full):
        each = ops.add(each, 0.5 * math.log(2 * math.pi))
    return reduced(each, reduction)


def _variance(var: Tensor | float, input: Tensor) -> Tensor:
    """As a tensor that broadcasts: of the input's shape, with one axis of 1 or without the last."""
    if not isinstance(var, Tensor):
        var = of_array(dtypes.filled(input.shape, var, input.dtype))
    if var.dtype.kind != "f":
        raise InvalidTypeError(
            f"var: expected floating-point numbers, got {var.dtype}; use .float()"
        )
    if var.shape == input.shape[:-1] and input.ndim:
        return ops.reshape(var, (*var.shape, 1))
    others = [n for n, m in zip(var.shape, input.shape, strict=False) if n != m]
    if var.ndim != input.ndim or others not in ([], [1]):
        raise InvalidValueError(
            f"var: expected shape {input.shape}, the same with one axis of size 1, or "
            f"{input.shape[:-1]}, got {var.shape}"
        )
    return var


class GaussianNLLLoss(Loss):
    """Gaussian negative log-likelihood loss.

    l = (log max(v, eps) + (x - y)**2 / max(v, eps)) / 2, v the variance that the model gives.

    Args:
        full: add log(2 pi) / 2. Default False.
        eps: the least variance, above 0, default 1e-6.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x, y and v; v may have one value for each row, y a shape that broadcasts to x's.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a negative variance.

    Source: torch's `nn.GaussianNLLLoss`; Nix & Weigend 1994.

    >>> import fastnn
    >>> from fastnn import nn
    >>> x = fastnn.tensor([[1.0]])
    >>> nn.GaussianNLLLoss()(x, x + 2, fastnn.tensor([[1.0]])).item()
    2.0
    """

    full: bool
    eps: float

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.full, self.eps = check.flag("full", full), check.real("eps", eps, 0.0)

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """The loss."""
        return gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


def tweedie_deviance_loss(
    input: Tensor, target: Tensor, *, power: float = 1.5, reduction: Reduction = "mean"
) -> Tensor:
    """The Tweedie deviance by the logarithm of the mean; see `nn.TweedieDevianceLoss`."""
    input, target = alike(input, target, reduction)
    p = check.real("power", power, 1.0, 2.0)
    y, log_y = target, ops.log(ops.where(ops.gt(target.detach(), 0.0), target, 1.0))
    if p == 2.0:
        _at_least(target, 0.0, True)
        each = ops.sub(ops.sub(ops.mul(y, ops.exp(ops.neg(input))), 1.0), ops.sub(log_y, input))
        return reduced(ops.mul(each, 2.0), reduction)
    _at_least(target, 0.0, False)
    if p == 1.0:
        each = ops.add(ops.sub(ops.mul(y, ops.sub(log_y, input)), y), ops.exp(input))
        return reduced(ops.mul(each, 2.0), reduction)
    own = ops.div(ops.where(ops.gt(y.detach(), 0.0), ops.exp(ops.mul(log_y, 2 - p)), 0.0),
                  (1 - p) * (2 - p))  # fmt: skip
    by_mean = ops.div(ops.mul(y, ops.exp(ops.mul(input, 1 - p))), 1 - p)
    each = ops.add(ops.sub(own, by_mean), ops.div(ops.exp(ops.mul(input, 2 - p)), 2 - p))
    return reduced(ops.mul(each, 2.0), reduction)


@LOSSES.named("tweedie", log=True)
class TweedieDevianceLoss(Loss):
    """Tweedie deviance d(y, m) of mean m = exp(x), for amounts that may be 0.

    d / 2 = y**(2-p) / ((1-p) (2-p)) - y m**(1-p) / (1-p) + m**(2-p) / (2-p), 1 < p < 2;
    p = 1 is Poisson's y log(y/m) - y + m, p = 2 is Gamma's y/m - 1 - log(y/m).

    Args:
        power: p in 1..2, default 1.5.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x, the logarithm of the mean, and y of one shape; integers are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats; y negative, or 0 with p = 2.

    Source: Jorgensen 1987; scikit-learn's `mean_tweedie_deviance`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.TweedieDevianceLoss()(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item()
    0.0
    """

    def __init__(self, power: float = 1.5, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.power: float = check.real("power", power, 1.0, 2.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return tweedie_deviance_loss(input, target, power=self.power, reduction=self.reduction)


@LOSSES.named("gamma", log=True)
class GammaDevianceLoss(TweedieDevianceLoss):
    """Gamma deviance: l = 2 (y/m - 1 - log(y/m)), m = exp(x) the mean, for positive amounts.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x, the logarithm of the mean, and y > 0 of one shape; integers are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats, y not above 0.

    Source: scikit-learn's `mean_gamma_deviance`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.GammaDevianceLoss()(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item()
    0.0
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(2.0, reduction=reduction)


KLReduction = Literal["none", "mean", "sum", "batchmean"]

KL_REDUCTIONS: tuple[KLReduction, ...] = ("none", "mean", "sum", "batchmean")


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: KLReduction = "mean",
    log_target: bool = False,
) -> Tensor:
    """KL divergence: y (log y - x) of log-probabilities x; see `nn.KLDivLoss`.

    Args:
        input: x, the logarithms of probabilities, any shape.
        target: y, probabilities; their logarithms with `log_target`. Of x's shape.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'batchmean' (the sum divided by the rows: the
            divergence), 'sum' or 'none'.
        log_target: default False.

    Raises:
        TypeError, ValueError: shapes differ, no floats.
    """
    chosen = legacy(size_average, reduce, reduction)
    input, target = alike(input, target, chosen, KL_REDUCTIONS)
    if check.flag("log_target", log_target):
        each = ops.mul(ops.exp(target), ops.sub(target, input))
    else:
        each = ops.sub(ops.xlogy(target, target), ops.mul(target, input))
    if chosen != "batchmean":
        return reduced(each, chosen)
    return ops.div(ops.sum(each), float(input.shape[0] if input.ndim else 1))


class KLDivLoss(Module):
    """KL divergence: l = y (log y - x) of log-probabilities x, and 0 where y is 0.

    Args:
        reduction: 'mean' (default, over elements), 'batchmean' (the sum divided by the rows: the
            divergence), 'sum' or 'none'.
        log_target: True: called with log y in place of y. Default False.

    Called with x and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: torch's `nn.KLDivLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> x = fastnn.tensor([[0.5, 0.5]]).log()
    >>> round(nn.KLDivLoss(reduction="batchmean")(x, fastnn.tensor([[0.0, 1.0]])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: KLReduction = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__()
        chosen = legacy(size_average, reduce, reduction)
        self.reduction: KLReduction = check.choice("reduction", chosen, KL_REDUCTIONS)
        self.log_target: bool = check.flag("log_target", log_target)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return kl_div(input, target, reduction=self.reduction, log_target=self.log_target)

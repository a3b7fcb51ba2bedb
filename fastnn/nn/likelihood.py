"""Losses that are negative log-likelihoods or deviances, and the focal loss."""

from __future__ import annotations

import math

import numpy as np

from fastnn import ops
from fastnn._support import check as _check
from fastnn.nn import weighted
from fastnn.nn.reduction import REDUCTIONS, Loss, Reduction, legacy, reduced, same
from fastnn.tape import listener
from fastnn.tensor import Tensor


def _at_least(target: Tensor, low: float, open_low: bool) -> None:
    """Check now, and at every replay, that no target is below `low` (or at it)."""

    def check(y: Tensor) -> None:
        wrong = ~(y._array > low if open_low else y._array >= low)
        if wrong.any():
            bound = "greater than" if open_low else "at least"
            at = np.argwhere(wrong)[0].tolist()
            value = y._array[wrong][0]
            raise ValueError(f"target: expected numbers {bound} {low:g}, got {value:g} at {at}")

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
    """exp(x) - y x of the logarithm x of a rate; see `nn.PoissonNLLLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    same(input, target, chosen)
    if _check.flag("log_input", log_input):
        each = ops.sub(ops.exp(input), ops.mul(target, input))
    else:
        each = ops.sub(input, ops.mul(target, ops.log(ops.add(input, eps))))
    if _check.flag("full", full):
        counted = ops.gt(target.detach(), 1.0)
        y = ops.where(counted, target, 1.0)
        stirling = ops.sub(ops.mul(y, ops.log(y)), y)
        stirling = ops.add(stirling, ops.mul(ops.log(ops.mul(y, 2 * math.pi)), 0.5))
        each = ops.add(each, ops.where(counted, stirling, 0.0))
    return reduced(each, chosen)


class PoissonNLLLoss(Loss):
    """Counts: l = exp(x) - y x, x the logarithm of the rate; else l = x - y log(x + eps).

    Args:
        log_input: x is the logarithm of the rate (default), else the rate.
        full: add Stirling's y log y - y + log(2 pi y) / 2 where y > 1. Default False.
        size_average, reduce: torch's older names of a reduction.
        eps: default 1e-8.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.

    Source: torch's `nn.PoissonNLLLoss`.

    >>> import fastnn
    >>> round(PoissonNLLLoss()(fastnn.tensor([0.0]), fastnn.tensor([2.0])).item(), 4)
    1.0
    """

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
        self.log_input, self.full = _check.flag("log_input", log_input), _check.flag("full", full)
        self.eps = _check.real("eps", eps, 0.0)

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
    """(log v + (x - y)**2 / v) / 2; see `nn.GaussianNLLLoss`."""
    same(input, target, reduction)
    _check.real("eps", eps, 0.0, open_low=True)
    v = _variance(var, input)
    _at_least(v, 0.0, False)
    held = ops.add(v, ops.sub(ops.clamp(v.detach(), eps), v.detach()))  # its gradient passes
    each = ops.add(ops.log(held), ops.div(ops.square(ops.sub(input, target)), held))
    each = ops.mul(each, 0.5)
    if _check.flag("full", full):
        each = ops.add(each, 0.5 * math.log(2 * math.pi))
    return reduced(each, reduction)


def _variance(var: Tensor | float, input: Tensor) -> Tensor:
    """As a tensor that broadcasts: of the input's shape, with a last axis of 1 or without it."""
    if not isinstance(var, Tensor):
        var = Tensor(np.full(input.shape, var, input.dtype))
    _check.same_dtype("var", var.dtype, input.dtype, "input")
    if var.shape == input.shape[:-1] and input.ndim:
        return ops.reshape(var, (*var.shape, 1))
    if var.shape not in (input.shape, (*input.shape[:-1], 1)):
        raise ValueError(
            f"var: expected shape {input.shape}, {(*input.shape[:-1], 1)} or {input.shape[:-1]}, "
            f"got {var.shape}"
        )
    return var


class GaussianNLLLoss(Loss):
    """l = (log max(v, eps) + (x - y)**2 / max(v, eps)) / 2, v the variance that the model gives.

    Args:
        full: add log(2 pi) / 2. Default False.
        eps: the least variance, above 0, default 1e-6.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x, y and v; v may have one value for each row.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a negative variance.

    Source: torch's `nn.GaussianNLLLoss`; Nix & Weigend 1994.

    >>> import fastnn
    >>> x = fastnn.tensor([[1.0]])
    >>> GaussianNLLLoss()(x, x + 2, fastnn.tensor([[1.0]])).item()
    2.0
    """

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.full, self.eps = _check.flag("full", full), _check.real("eps", eps, 0.0)

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """The loss."""
        return gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


def tweedie_deviance_loss(
    input: Tensor, target: Tensor, *, power: float = 1.5, reduction: Reduction = "mean"
) -> Tensor:
    """The Tweedie deviance by the logarithm of the mean; see `nn.TweedieDevianceLoss`."""
    same(input, target, reduction)
    p = _check.real("power", power, 1.0, 2.0)
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


class TweedieDevianceLoss(Loss):
    """Amounts that may be 0: the deviance d(y, m) of mean m = exp(x).

    d / 2 = y**(2-p) / ((1-p) (2-p)) - y m**(1-p) / (1-p) + m**(2-p) / (2-p), 1 < p < 2;
    p = 1 is Poisson's y log(y/m) - y + m, p = 2 is Gamma's y/m - 1 - log(y/m).

    Args:
        power: p in 1..2, default 1.5.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x, the logarithm of the mean, and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ; y negative, or 0 with p = 2.

    Source: Jorgensen 1987; scikit-learn's `mean_tweedie_deviance`.

    >>> import fastnn
    >>> TweedieDevianceLoss()(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item()
    0.0
    """

    def __init__(self, power: float = 1.5, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.power = _check.real("power", power, 1.0, 2.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return tweedie_deviance_loss(input, target, power=self.power, reduction=self.reduction)


class GammaDevianceLoss(TweedieDevianceLoss):
    """Positive amounts: l = 2 (y/m - 1 - log(y/m)), m = exp(x) the mean.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x, the logarithm of the mean, and y > 0 of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ, y not above 0.

    Source: scikit-learn's `mean_gamma_deviance`.

    >>> import fastnn
    >>> GammaDevianceLoss()(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item()
    0.0
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(2.0, reduction=reduction)


def focal_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """-w_y (1 - p_y)**gamma log p_y of logits; see `nn.FocalLoss`."""
    _check.choice("reduction", reduction, REDUCTIONS)
    _check.real("gamma", gamma, 0.0)
    _check.a_tensor("input", input)
    if input.ndim != 2:
        raise ValueError(f"input: expected logits (rows, classes), got shape {input.shape}")
    each = weighted.nll(ops.log_softmax(input, 1), target, None, -100, "none")
    hard = ops.sub(1.0, ops.exp(ops.neg(each)))  # 1 - p_y
    each = ops.mul(each, _power(hard, gamma))
    if weight is not None:
        each = ops.mul(
            each, ops.reshape(ops.take_rows(ops.reshape(weight, (-1, 1)), target), (-1,))
        )
    return reduced(each, reduction)


def sigmoid_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: Reduction = "none",
) -> Tensor:
    """The focal loss of yes-no answers by logits; torchvision's function of this name.

    l = a (1 - p_t)**gamma BCE, p_t the probability of the right answer, a = alpha where y is 1,
    1 - alpha where it is 0; alpha < 0: a = 1.
    """
    same(input, target, reduction)
    _check.real("gamma", gamma, 0.0)
    _check.real("alpha", alpha, -1.0, 1.0)
    p = ops.sigmoid(input)
    right = ops.add(ops.mul(p, target), ops.mul(ops.sub(1.0, p), ops.sub(1.0, target)))
    each = ops.bce_with_logits(input, target, "none")
    each = ops.mul(each, _power(ops.sub(1.0, right), gamma))
    if alpha >= 0:
        share = ops.add(ops.mul(target, alpha), ops.mul(ops.sub(1.0, target), 1 - alpha))
        each = ops.mul(each, share)
    return reduced(each, reduction)


def _power(x: Tensor, gamma: float) -> Tensor:
    """x**gamma, 0 <= x <= 1, with a finite gradient at 0."""
    if gamma == 0.0:
        return ops.add(ops.mul(x, 0.0), 1.0)
    if gamma == 2.0:
        return ops.square(x)
    return x if gamma == 1.0 else ops.pow(ops.clamp(x, 1e-12), gamma)


class FocalLoss(Loss):
    """Cross-entropy that looks away from what is easy: l = -w_y (1 - p_y)**gamma log p_y.

    Args:
        weight: of each class, default None: 1.
        gamma: at least 0, default 2; 0 is cross-entropy.
        reduction: 'mean' (default, over rows, whatever the weights), 'sum' or 'none'.

    Called with logits (rows, classes) and int64 classes (rows,).

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class out of range.

    Source: Lin et al. 2017.

    >>> import fastnn
    >>> z = fastnn.tensor([[0.0, 0.0]])
    >>> round(FocalLoss(gamma=1.0)(z, fastnn.tensor([0])).item(), 4)
    0.3466
    """

    targets = "classes"

    def __init__(
        self,
        weight: Tensor | None = None,
        gamma: float = 2.0,
        *,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.gamma = _check.real("gamma", gamma, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight = self._buffers["weight"]
        return focal_loss(input, target, weight, gamma=self.gamma, reduction=self.reduction)


class SigmoidFocalLoss(Loss):
    """The focal loss of yes-no answers: l = a (1 - p_t)**gamma BCE(z, y).

    p_t is the probability of the right answer; a = alpha where y is 1, 1 - alpha where it is 0.

    Args:
        alpha: 0..1, default 0.25; below 0: a = 1.
        gamma: at least 0, default 2.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with logits z and y, of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.

    Source: Lin et al. 2017; torchvision's `sigmoid_focal_loss`.

    >>> import fastnn
    >>> loss = SigmoidFocalLoss(alpha=-1, gamma=1.0)
    >>> round(loss(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item(), 4)
    0.3466
    """

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, *, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.alpha = _check.real("alpha", alpha, -1.0, 1.0)
        self.gamma = _check.real("gamma", gamma, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return sigmoid_focal_loss(
            input, target, alpha=self.alpha, gamma=self.gamma, reduction=self.reduction
        )

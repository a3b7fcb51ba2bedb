"""Regression losses."""

from __future__ import annotations

import math

from fastnn import ops
from fastnn._support import check
from fastnn.nn.losses.base import LOSSES, Loss, Reduction, alike, legacy, like_input, reduced
from fastnn.tensor import Tensor

__all__ = [
    "HalfSquaredErrorLoss",
    "HuberLoss",
    "L1Loss",
    "LogCoshLoss",
    "MSELoss",
    "SmoothL1Loss",
    "half_squared_error",
    "huber_loss",
    "l1_loss",
    "log_cosh_loss",
    "mse_loss",
    "smooth_l1_loss",
]


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared error (z - y)**2; see `nn.MSELoss`.

    Args:
        input: z, any shape.
        target: y, of z's shape; integers, and floats of another type, are promoted.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.
        weight: of each element, z's shape, default None: 1; the mean divides by its sum.

    Raises:
        TypeError, ValueError: shapes differ, no floats.
    """
    chosen = legacy(size_average, reduce, reduction)
    input, target = alike(input, target, chosen)
    if weight is not None:
        return _by_weight(ops.mse(input, target, "none"), weight, chosen)
    return ops.mse(input, target, chosen)


@LOSSES.named("mse")
class MSELoss(Loss):
    """Squared error: l = (z - y)**2.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with z and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ (torch would broadcast), no floats.

    Source: torch's `nn.MSELoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> loss = nn.MSELoss()(fastnn.tensor([1.0, 1.0, 1.9]), fastnn.tensor([2.0, 2.0, 2.0]))
    >>> round(loss.item(), 4)
    0.67
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return mse_loss(input, target, reduction=self.reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute error |z - y|; see `nn.L1Loss`. Arguments and errors as `mse_loss`."""
    chosen = legacy(size_average, reduce, reduction)
    input, target = alike(input, target, chosen)
    return _by_weight(ops.abs(ops.sub(input, target)), weight, chosen)


@LOSSES.named("l1")
class L1Loss(Loss):
    """Absolute error: l = |z - y|.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with z and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ (torch would broadcast), no floats.

    Source: torch's `nn.L1Loss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.L1Loss()(fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 4.0])).item()
    2.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return l1_loss(input, target, reduction=self.reduction)


def _by_weight(each: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """`reduced` losses; their mean by a weight of their shape divides by its sum."""
    if weight is None:
        return reduced(each, reduction)
    check.same_shape("weight", weight.shape, each.shape, "input")
    each = ops.mul(each, weight)
    if reduction == "mean":
        return ops.div(ops.sum(each), ops.sum(weight))
    return reduced(each, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d**2 / (2 beta) where |d| < beta, else |d| - beta/2, d = z - y; see `nn.SmoothL1Loss`."""
    chosen = legacy(size_average, reduce, reduction)
    input, target = alike(input, target, chosen)
    if check.real("beta", beta, 0.0) == 0.0:
        return reduced(ops.abs(ops.sub(input, target)), chosen)
    return reduced(_bent(input, target, 0.5 / beta, beta, 1.0), chosen)


@LOSSES.named("smooth_l1")
class SmoothL1Loss(Loss):
    """Smooth L1 loss: l = d**2 / (2 beta) where |d| < beta, else |d| - beta/2, with d = z - y.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.
        beta: where it bends, at least 0, default 1; 0 is `L1Loss`.

    Called with z and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats, beta below 0.

    Source: torch's `nn.SmoothL1Loss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.SmoothL1Loss()(fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 4.0])).item()
    1.5
    """

    def __init__(
        self,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta: float = check.real("beta", beta, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: Reduction = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d**2 / 2 where |d| < delta, else delta (|d| - delta/2), d = z - y; see `nn.HuberLoss`.

    Args:
        input, target, reduction: as for `mse_loss`.
        delta: above 0, default 1.
        weight: of each element, default None: 1; the mean divides by their number all the same.
    """
    target = like_input(input, target, reduction)
    check.real("delta", delta, 0.0, open_low=True)
    each = _bent(input, target, 0.5, delta, delta)
    if weight is not None:
        check.same_shape("weight", weight.shape, each.shape, "input")
        each = ops.mul(each, weight)
    return reduced(each, reduction)


@LOSSES.named("huber")
class HuberLoss(Loss):
    """Huber loss: l = d**2 / 2 where |d| < delta, else delta (|d| - delta/2), with d = z - y.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.
        delta: where it bends, above 0, default 1.

    Called with z and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats, delta not above 0.

    Source: torch's `nn.HuberLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.HuberLoss(delta=2.0)(fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 4.0])).item()
    2.25
    """

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta: float = check.real("delta", delta, 0.0, open_low=True)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return huber_loss(input, target, reduction=self.reduction, delta=self.delta)


def _bent(z: Tensor, y: Tensor, curve: float, width: float, slope: float) -> Tensor:
    """curve * d**2 where |d| < width, else slope * (|d| - width/2)."""
    d = ops.sub(z, y)
    far = ops.ge(ops.abs(d.detach()), width)  # not nan, so that its gradient is nan too
    inner = ops.mul(ops.square(ops.where(far, 0.0, d)), curve)  # no overflow where it is far
    return ops.where(far, ops.mul(ops.sub(ops.abs(d), width / 2), slope), inner)


def half_squared_error(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Half squared error: (x - y)**2 / 2; see `nn.HalfSquaredErrorLoss`."""
    input, target = alike(input, target, reduction)
    return ops.mul(ops.mse(input, target, reduction), 0.5)


@LOSSES.named("half_squared_error")
class HalfSquaredErrorLoss(Loss):
    """Half squared error: l = (x - y)**2 / 2, whose derivative by x is x - y.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: scikit-learn's squared loss; textbooks' E = sum (target - out)**2 / 2 with 'sum'.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.HalfSquaredErrorLoss()(fastnn.tensor([1.0]), fastnn.tensor([3.0])).item()
    2.0
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return half_squared_error(input, target, reduction=self.reduction)


def log_cosh_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Log-cosh loss: log cosh(x - y); see `nn.LogCoshLoss`."""
    input, target = alike(input, target, reduction)
    d = ops.abs(ops.sub(input, target))
    each = ops.add(d, ops.sub(ops.log1p(ops.exp(ops.mul(d, -2.0))), math.log(2.0)))
    return reduced(each, reduction)


@LOSSES.named("log_cosh")
class LogCoshLoss(Loss):
    """Log-cosh loss.

    l = log cosh d = |d| + log(1 + exp(-2 |d|)) - log 2, d = x - y: smooth, and |d| far out.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape; integers, and floats of another type, are promoted.

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: Keras' `LogCosh`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> round(nn.LogCoshLoss()(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item(), 4)
    0.4338
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return log_cosh_loss(input, target, reduction=self.reduction)

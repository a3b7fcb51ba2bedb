"""Focal loss, multi-class and binary."""

from __future__ import annotations

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.losses.base import LOSSES, REDUCTIONS, Loss, Reduction, finite, reduced, same
from fastnn.nn.losses.cross_entropy import weighted_nll
from fastnn.tensor import Tensor

__all__ = ["FocalLoss", "SigmoidFocalLoss", "focal_loss", "sigmoid_focal_loss"]


def focal_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Focal loss: -w_y (1 - p_y)**gamma log p_y of logits; see `nn.FocalLoss`."""
    check.choice("reduction", reduction, REDUCTIONS)
    check.real("gamma", gamma, 0.0)
    check.a_tensor("input", input)
    if input.ndim != 2:
        raise InvalidValueError(f"input: expected logits (rows, classes), got shape {input.shape}")
    each = weighted_nll(ops.log_softmax(input, 1), target, None, -100, "none")
    hard = ops.sub(1.0, ops.exp(ops.neg(each)))  # 1 - p_y
    each = ops.mul(each, _power(hard, gamma))
    if weight is not None:
        each = ops.mul(
            each, ops.reshape(ops.take_rows(ops.reshape(weight, (-1, 1)), target), (-1,))
        )
    return reduced(each, reduction)


@LOSSES.named("focal")
class FocalLoss(Loss):
    """Focal loss: l = -w_y (1 - p_y)**gamma log p_y, cross-entropy that down-weights easy rows.

    Args:
        weight: of each class, default None: 1.
        gamma: at least 0, default 2; 0 is cross-entropy.
        reduction: 'mean' (default, over rows, whatever the weights), 'sum' or 'none'.

    Called with logits (rows, classes) and int64 classes (rows,).

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class out of range.

    Source: Lin et al. 2017.

    >>> import fastnn
    >>> from fastnn import nn
    >>> z = fastnn.tensor([[0.0, 0.0]])
    >>> round(nn.FocalLoss(gamma=1.0)(z, fastnn.tensor([0])).item(), 4)
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
        self.register_buffer("weight", finite("weight", weight))
        self.gamma: float = check.real("gamma", gamma, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight = self._buffers["weight"]
        return focal_loss(input, target, weight, gamma=self.gamma, reduction=self.reduction)


def sigmoid_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: Reduction = "none",
) -> Tensor:
    """Binary focal loss of logits; torchvision's function of this name.

    l = a (1 - p_t)**gamma BCE, p_t the probability of the right answer, a = alpha where y is 1,
    1 - alpha where it is 0; alpha < 0: a = 1.
    """
    same(input, target, reduction)
    check.real("gamma", gamma, 0.0)
    check.real("alpha", alpha, -1.0, 1.0)
    p = ops.sigmoid(input)
    right = ops.add(ops.mul(p, target), ops.mul(ops.sub(1.0, p), ops.sub(1.0, target)))
    each = ops.bce_with_logits(input, target, "none")
    each = ops.mul(each, _power(ops.sub(1.0, right), gamma))
    if alpha >= 0:
        share = ops.add(ops.mul(target, alpha), ops.mul(ops.sub(1.0, target), 1 - alpha))
        each = ops.mul(each, share)
    return reduced(each, reduction)


class SigmoidFocalLoss(Loss):
    """Binary focal loss of logits: l = a (1 - p_t)**gamma BCE(z, y).

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
    >>> from fastnn import nn
    >>> loss = nn.SigmoidFocalLoss(alpha=-1, gamma=1.0)
    >>> round(loss(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item(), 4)
    0.3466
    """

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, *, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.alpha: float = check.real("alpha", alpha, -1.0, 1.0)
        self.gamma: float = check.real("gamma", gamma, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return sigmoid_focal_loss(
            input, target, alpha=self.alpha, gamma=self.gamma, reduction=self.reduction
        )


def _power(x: Tensor, gamma: float) -> Tensor:
    """x**gamma, 0 <= x <= 1, with a finite gradient at 0."""
    if gamma == 0.0:
        return ops.add(ops.mul(x, 0.0), 1.0)
    if gamma == 2.0:
        return ops.square(x)
    return x if gamma == 1.0 else ops.pow(ops.clamp(x, 1e-12), gamma)

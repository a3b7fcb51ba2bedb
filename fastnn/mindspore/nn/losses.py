"""MindSpore's losses, as cells. `reduction` is 'mean', 'sum' or 'none'."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn._support import check
from fastnn.mindspore.nn.cell import LossBase
from fastnn.mindspore.tensor import Tensor
from fastnn.nn import functional as F

Weight = Tensor | None


class MSELoss(LossBase):
    """(logits - labels)^2."""

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.mse_loss(logits, labels, reduction=self.reduction)


class RMSELoss(LossBase):
    """sqrt(mean((logits - labels)^2))."""

    def __init__(self) -> None:
        super().__init__()

    def construct(self, logits: Tensor, label: Tensor) -> Any:
        """The loss."""
        return ops.sqrt(F.mse_loss(logits, label))


class L1Loss(LossBase):
    """|logits - labels|."""

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.l1_loss(logits, labels, reduction=self.reduction)


class MAELoss(L1Loss):
    """|logits - labels|."""


class SmoothL1Loss(LossBase):
    """d^2 / (2 beta) where d = |logits - labels| < beta, else d - beta / 2; not reduced by default.

    Args:
        beta: default 1.0.
        reduction: default 'none', where torch has 'mean'.
    """

    def __init__(self, beta: float = 1.0, reduction: str = "none") -> None:
        super().__init__(reduction)
        self.beta = beta

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.smooth_l1_loss(logits, labels, reduction=self.reduction, beta=self.beta)


class HuberLoss(LossBase):
    """d^2 / 2 where d = |logits - labels| < delta, else delta * (d - delta / 2)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.huber_loss(logits, labels, self.reduction, self.delta)


class CrossEntropyLoss(LossBase):
    """-log softmax(logits)[label]; labels are classes, or probabilities of the logits' shape.

    Args:
        weight: one for each class.
        ignore_index: a class that does not count, default -100.
        reduction: default 'mean'.
        label_smoothing: default 0.
    """

    weight: Weight
    ignore_index: int

    def __init__(
        self,
        weight: Weight = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight, self.ignore_index = weight, ignore_index
        self.label_smoothing = label_smoothing

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.cross_entropy(
            logits,
            labels,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class SoftmaxCrossEntropyWithLogits(LossBase):
    """-sum(labels * log softmax(logits)) of every row.

    Args:
        sparse: labels are classes; else one-hot or probabilities, default False.
        reduction: default 'none': one loss for each row.

    >>> import fastnn.mindspore as mindspore
    >>> from fastnn.mindspore import nn
    >>> loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True)
    >>> print(loss(mindspore.Tensor([[0.0, 0.0]]), mindspore.Tensor([1])))
    [0.6931472]
    """

    def __init__(self, sparse: bool = False, reduction: str = "none") -> None:
        super().__init__(reduction)
        self.sparse: bool = check.flag("sparse", sparse)

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        if self.sparse:
            if labels.dtype.kind == "f":
                raise TypeError(f"labels: expected classes as whole numbers, got {labels.dtype}")
            return F.cross_entropy(logits, labels, reduction=self.reduction)
        check.same_shape("labels", labels.shape, logits.shape, "the logits")
        losses = ops.neg(ops.sum(ops.mul(labels, F.log_softmax(logits, -1)), -1))
        if self.reduction == "none":
            return losses
        return ops.mean(losses) if self.reduction == "mean" else ops.sum(losses)


class NLLLoss(LossBase):
    """-logits[label] of log-probabilities."""

    weight: Weight
    ignore_index: int

    def __init__(
        self, weight: Weight = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.weight, self.ignore_index = weight, ignore_index

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.nll_loss(
            logits,
            labels,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class BCELoss(LossBase):
    """-(labels * log p + (1 - labels) * log(1 - p)) of probabilities p."""

    def __init__(self, weight: Weight = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = weight

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.binary_cross_entropy(logits, labels, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(LossBase):
    """BCELoss of sigmoid(logits).

    Args:
        reduction: default 'mean'.
        weight: of every element.
        pos_weight: of the positive part.
    """

    weight: Weight
    pos_weight: Weight

    def __init__(
        self, reduction: str = "mean", weight: Weight = None, pos_weight: Weight = None
    ) -> None:
        super().__init__(reduction)
        self.weight, self.pos_weight = weight, pos_weight

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.binary_cross_entropy_with_logits(
            logits,
            labels,
            weight=self.weight,
            pos_weight=self.pos_weight,
            reduction=self.reduction,
        )


class KLDivLoss(LossBase):
    """labels * (log(labels) - logits) of log-probabilities logits; reduction also 'batchmean'."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__("mean" if reduction == "batchmean" else reduction)
        self.reduction = reduction

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.kl_div(logits, labels, reduction=self.reduction)


class CosineEmbeddingLoss(LossBase):
    """1 - cos(x1, x2) where label is 1, max(0, cos - margin) where it is -1."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin: float = check.real("margin", margin, -1.0, 1.0)

    def construct(self, logits_x1: Tensor, logits_x2: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.cosine_embedding_loss(
            logits_x1, logits_x2, labels, self.margin, reduction=self.reduction
        )


class MarginRankingLoss(LossBase):
    """max(0, -target * (input1 - input2) + margin)."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin: float = check.real("margin", margin)

    def construct(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        """The loss."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class HingeEmbeddingLoss(LossBase):
    """x where label is 1, max(0, margin - x) where it is -1."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.hinge_embedding_loss(logits, labels, self.margin, reduction=self.reduction)


class SoftMarginLoss(LossBase):
    """log(1 + exp(-labels * logits))."""

    def construct(self, logits: Tensor, labels: Tensor) -> Any:
        """The loss."""
        return F.soft_margin_loss(logits, labels, reduction=self.reduction)


class MultiMarginLoss(LossBase):
    """mean over classes i but the target of max(0, margin - x[target] + x[i])^p."""

    p: int
    margin: float
    weight: Weight

    def __init__(
        self, p: int = 1, margin: float = 1.0, reduction: str = "mean", weight: Weight = None
    ) -> None:
        super().__init__(reduction)
        self.p, self.margin, self.weight = p, margin, weight

    def construct(self, x: Tensor, target: Tensor, weight: Weight = None) -> Any:
        """The loss."""
        by = weight if self.weight is None else self.weight
        return F.multi_margin_loss(x, target, self.p, self.margin, by, reduction=self.reduction)


class MultiLabelSoftMarginLoss(LossBase):
    """BCE with logits, averaged over the classes."""

    def __init__(self, weight: Weight = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = weight

    def construct(self, x: Tensor, target: Tensor) -> Any:
        """The loss."""
        return F.multilabel_soft_margin_loss(x, target, self.weight, reduction=self.reduction)


class MultilabelMarginLoss(LossBase):
    """sum over target classes j and others i of max(0, 1 - (x[j] - x[i])) / classes.

    A row of the target lists its classes, up to the first -1.
    """

    def construct(self, x: Tensor, target: Tensor) -> Any:
        """The loss."""
        return F.multilabel_margin_loss(x, target, reduction=self.reduction)


class TripletMarginLoss(LossBase):
    """max(0, |x - positive|_p - |x - negative|_p + margin)."""

    p: int
    swap: bool
    eps: float
    margin: float

    def __init__(
        self,
        p: int = 2,
        swap: bool = False,
        eps: float = 1e-6,
        reduction: str = "mean",
        margin: float = 1.0,
    ) -> None:
        super().__init__(reduction)
        self.p, self.swap, self.eps, self.margin = p, swap, eps, margin

    def construct(self, x: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0) -> Any:
        """The loss."""
        between = self.margin if self.margin != 1.0 else margin
        return F.triplet_margin_loss(
            x, positive, negative, between, self.p, self.eps, self.swap, reduction=self.reduction
        )


class GaussianNLLLoss(LossBase):
    """(log(max(var, eps)) + (logits - labels)^2 / max(var, eps)) / 2."""

    full: bool
    eps: float

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def construct(self, logits: Tensor, labels: Tensor, var: Tensor) -> Any:
        """The loss."""
        return F.gaussian_nll_loss(logits, labels, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(LossBase):
    """exp(input) - target * input, or with log_input=False input - target * log(input + eps)."""

    log_input: bool
    full: bool
    eps: float

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def construct(self, input: Tensor, target: Tensor) -> Any:
        """The loss."""
        return F.poisson_nll_loss(
            input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class DiceLoss(LossBase):
    """1 - 2 sum(logits * labels) / (sum(logits^2) + sum(labels^2) + smooth)."""

    def __init__(self, smooth: float = 1e-5) -> None:
        super().__init__()
        self.smooth: float = check.real("smooth", smooth, 0.0)

    def construct(self, logits: Tensor, label: Tensor) -> Any:
        """The loss."""
        below = ops.sum(ops.square(logits)) + ops.sum(ops.square(label)) + self.smooth
        return 1.0 - 2.0 * ops.sum(ops.mul(logits, label)) / below


__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CosineEmbeddingLoss", "CrossEntropyLoss", "DiceLoss",
    "GaussianNLLLoss", "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MAELoss",
    "MSELoss", "MarginRankingLoss", "MultiLabelSoftMarginLoss",
    "MultilabelMarginLoss", "MultiMarginLoss", "NLLLoss",
    "PoissonNLLLoss", "RMSELoss", "SmoothL1Loss", "SoftMarginLoss",
    "SoftmaxCrossEntropyWithLogits", "TripletMarginLoss",
]  # fmt: skip

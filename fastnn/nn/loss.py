"""Losses as modules: `loss(z, y)`, z what the model gave and y the target."""

from __future__ import annotations

from fastnn import _check
from fastnn.nn import functional
from fastnn.nn.functional import REDUCTIONS, Reduction
from fastnn.nn.module import Module
from fastnn.tensor import Tensor


class _Loss(Module):
    reduction: Reduction

    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction = _check.choice("reduction", reduction, REDUCTIONS)


class CrossEntropyLoss(_Loss):
    """Cross-entropy of logits: l_i = log(sum_c exp z_ic) - z_iy.

    Args:
        weight: of each class, default None: 1.
        ignore_index: rows of this class do not count, default -100.
        reduction: 'mean' (default, over rows by their weight), 'sum' or 'none' (one per row).
        label_smoothing: 0..1, the share of every label spread over all classes, default 0.

    Called with z (rows, classes) and y: int64 classes (rows,), or probabilities (rows, classes)
    of z's dtype, then l_i = -sum_c y_ic log softmax(z)_ic.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class outside 0..classes-1.

    Source: torch's `nn.CrossEntropyLoss`.

    >>> import fastnn
    >>> z = fastnn.tensor([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1]])
    >>> round(CrossEntropyLoss()(z, fastnn.tensor([1, 2])).item(), 4)
    1.1201
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = _check.integer("ignore_index", ignore_index, -(2**63), 2**63 - 1)
        self.label_smoothing = _check.real("label_smoothing", label_smoothing, 0.0, 1.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.cross_entropy(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits: l = max(z, 0) - z*y + log(1 + exp(-|z|)).

    Args:
        weight: of each element, default None: 1.
        reduction: 'mean' (default, over elements, whatever the weights), 'sum' or 'none'.
        pos_weight: of the positive answers, default None: 1.

    Called with z and y of one shape and dtype; y is 0..1 where it is a probability.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.

    Source: torch's `nn.BCEWithLogitsLoss`.

    >>> import fastnn
    >>> loss = BCEWithLogitsLoss()(fastnn.tensor([0.0, 0.0]), fastnn.tensor([0.0, 1.0]))
    >>> round(loss.item(), 4)
    0.6931
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.binary_cross_entropy_with_logits(
            input,
            target,
            self._buffers["weight"],
            reduction=self.reduction,
            pos_weight=self._buffers["pos_weight"],
        )


class MSELoss(_Loss):
    """Squared error: l = (z - y)**2.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with z and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ (torch would broadcast).

    Source: torch's `nn.MSELoss`.

    >>> import fastnn
    >>> loss = MSELoss()(fastnn.tensor([1.0, 1.0, 1.9]), fastnn.tensor([2.0, 2.0, 2.0]))
    >>> round(loss.item(), 4)
    0.67
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.mse_loss(input, target, reduction=self.reduction)

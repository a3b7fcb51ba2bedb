"""Losses as modules: `loss(z, y)`, z what the model gave and y the target."""

from __future__ import annotations

from fastnn._support import check
from fastnn.nn import functional
from fastnn.nn.distances import KL_REDUCTIONS, KLReduction
from fastnn.nn.functional import Reduction
from fastnn.nn.module import Module
from fastnn.nn.reduction import Loss, legacy
from fastnn.tensor import Tensor


class CrossEntropyLoss(Loss):
    """Cross-entropy of logits: l_i = log(sum_c exp z_ic) - z_iy.

    Args:
        weight: of each class, default None: 1.
        ignore_index: rows of this class do not count, default -100.
        reduction: 'mean' (default, over rows by their weight), 'sum' or 'none' (one per row).
        label_smoothing: 0..1, the share of every label spread over all classes, default 0.

    Called with z (rows, classes) and y: int64 classes (rows,), or probabilities (rows, classes)
    of z's dtype, then l_i = -sum_c y_ic log softmax(z)_ic. More axes of z follow its classes, as
    (rows, classes, places) with classes (rows, places); a single row is (classes,).

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class outside 0..classes-1.

    Source: torch's `nn.CrossEntropyLoss`.

    >>> import fastnn
    >>> z = fastnn.tensor([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1]])
    >>> round(CrossEntropyLoss()(z, fastnn.tensor([1, 2])).item(), 4)
    1.1201
    """

    targets = "classes"

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | str | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = check.integer("ignore_index", ignore_index, -(2**63), 2**63 - 1)
        self.label_smoothing = check.real("label_smoothing", label_smoothing, 0.0, 1.0)

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


class BCEWithLogitsLoss(Loss):
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
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
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


class MSELoss(Loss):
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


class L1Loss(Loss):
    """Absolute error: l = |z - y|.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with z and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ (torch would broadcast).

    Source: torch's `nn.L1Loss`.

    >>> import fastnn
    >>> L1Loss()(fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 4.0])).item()
    2.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """l = d**2 / (2 beta) where |d| < beta, else |d| - beta/2, with d = z - y.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.
        beta: where it bends, at least 0, default 1; 0 is `L1Loss`.

    Called with z and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ, beta below 0.

    Source: torch's `nn.SmoothL1Loss`.

    >>> import fastnn
    >>> SmoothL1Loss()(fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 4.0])).item()
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
        self.beta = check.real("beta", beta, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """l = d**2 / 2 where |d| < delta, else delta (|d| - delta/2), with d = z - y.

    Args:
        reduction: 'mean' (default, over elements), 'sum' or 'none'.
        delta: where it bends, above 0, default 1.

    Called with z and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ, delta not above 0.

    Source: torch's `nn.HuberLoss`.

    >>> import fastnn
    >>> HuberLoss(delta=2.0)(fastnn.tensor([1.0, 1.0]), fastnn.tensor([2.0, 4.0])).item()
    2.25
    """

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = check.real("delta", delta, 0.0, open_low=True)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(Loss):
    """l_i = -w_y log p_iy of log-probabilities; the mean divides by the sum of w_y.

    Args:
        weight: of each class, default None: 1.
        ignore_index: rows of this class do not count, default -100.
        reduction: 'mean' (default, nan where no row counts), 'sum' or 'none' (one per row).

    Called with log p (rows, classes), of `LogSoftmax`, and int64 classes (rows,); or with further
    axes of both, as `CrossEntropyLoss`.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class outside 0..classes-1.

    Source: torch's `nn.NLLLoss`.

    >>> import fastnn
    >>> log_p = fastnn.tensor([[0.25, 0.75]]).log()
    >>> round(NLLLoss()(log_p, fastnn.tensor([1])).item(), 4)
    0.2877
    """

    targets = "classes"

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | str | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = check.integer("ignore_index", ignore_index, -(2**63), 2**63 - 1)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight, ignored = self._buffers["weight"], self.ignore_index
        return functional.nll_loss(
            input, target, weight, ignore_index=ignored, reduction=self.reduction
        )


class BCELoss(Loss):
    """Binary cross-entropy of probabilities: l = -(y log p + (1 - y) log(1 - p)).

    Args:
        weight: of each element, default None: 1.
        reduction: 'mean' (default, over elements, whatever the weights), 'sum' or 'none'.

    Called with p in 0..1 and y of one shape and dtype. Each log is at least -100, and the gradient
    (p - y) / max(p (1 - p), 1e-12), so that both are finite where p is 0 or 1.

    Raises:
        TypeError, ValueError: shapes or dtypes differ, p or y outside 0..1.

    Source: torch's `nn.BCELoss`.

    >>> import fastnn
    >>> round(BCELoss()(fastnn.tensor([0.5, 0.5]), fastnn.tensor([0.0, 1.0])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight = self._buffers["weight"]
        return functional.binary_cross_entropy(input, target, weight, reduction=self.reduction)


class KLDivLoss(Module):
    """Kullback-Leibler: l = y (log y - x) of log-probabilities x, and 0 where y is 0.

    Args:
        reduction: 'mean' (default, over elements), 'batchmean' (the sum divided by the rows: the
            divergence), 'sum' or 'none'.
        log_target: True: called with log y in place of y. Default False.

    Called with x and y of one shape and dtype.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.

    Source: torch's `nn.KLDivLoss`.

    >>> import fastnn
    >>> x = fastnn.tensor([[0.5, 0.5]]).log()
    >>> round(KLDivLoss(reduction="batchmean")(x, fastnn.tensor([[0.0, 1.0]])).item(), 4)
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
        self.log_target = check.flag("log_target", log_target)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return functional.kl_div(
            input, target, reduction=self.reduction, log_target=self.log_target
        )

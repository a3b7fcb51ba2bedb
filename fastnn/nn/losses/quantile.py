"""The pinball loss of quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidValueError
from fastnn.nn.losses.base import Loss, Reduction, alike, reduced
from fastnn.tensor import Tensor, of_array

__all__ = ["QuantileLoss", "quantile_loss"]


def quantile_loss(
    input: Tensor,
    target: Tensor,
    quantiles: float | Sequence[float] = 0.5,
    *,
    crossing: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Pinball loss: max(q d, (q - 1) d), d = y - x; see `nn.QuantileLoss`."""
    levels = _levels(quantiles)
    if isinstance(quantiles, Sequence):
        check.a_tensor("input", input)
        check.a_tensor("target", target)
        if input.ndim != 2 or input.shape[1] != len(levels):
            raise InvalidValueError(
                f"input: expected (rows, {len(levels)}), one column for each quantile, got "
                f"{input.shape}"
            )
        if target.shape not in ((len(input),), (len(input), 1)):
            raise InvalidValueError(f"target: expected ({len(input)},), got {target.shape}")
        target = ops.expand(ops.reshape(target, (-1, 1)), input.shape)
    input, target = alike(input, target, reduction)
    q = of_array(dtypes.converted(np.array(levels, np.float64), input.dtype))
    d = ops.sub(target, input)
    each = ops.maximum(ops.mul(d, q), ops.mul(d, ops.sub(q, 1.0)))
    loss = reduced(each, reduction)
    if crossing and len(levels) > 1:
        if reduction == "none":
            raise InvalidValueError(
                "crossing: expected 0 with reduction='none'; use 'mean' or 'sum'"
            )
        over = ops.relu(ops.sub(input[:, :-1], input[:, 1:]))
        loss = ops.add(loss, ops.mul(reduced(over, reduction), crossing))
    return loss


def _levels(quantiles: float | Sequence[float]) -> list[float]:
    """The quantiles, each between 0 and 1 and in order."""
    given = list(quantiles) if isinstance(quantiles, Sequence) else [quantiles]
    levels = [check.real("quantiles", q, 0.0, 1.0, open_low=True, open_high=True) for q in given]
    if not levels or levels != sorted(set(levels)):
        raise InvalidValueError(f"quantiles: expected increasing numbers, got {quantiles!r}")
    return levels


class QuantileLoss(Loss):
    """Pinball loss: l = max(q d, (q - 1) d), d = y - x; minimal where x is the q-quantile of y.

    Args:
        quantiles: q between 0 and 1, default 0.5 (half the absolute error); or several, in
            increasing order: then x is (rows, quantiles) and y (rows,).
        crossing: weight of the penalty max(x_j - x_{j+1}, 0) on crossing quantiles, default 0.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a quantile out of range.

    Source: Koenker & Bassett 1978; scikit-learn's `mean_pinball_loss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> loss = nn.QuantileLoss([0.25, 0.75])
    >>> loss(fastnn.tensor([[0.0, 0.0]]), fastnn.tensor([2.0])).item()
    1.0
    """

    def __init__(
        self,
        quantiles: float | Sequence[float] = 0.5,
        *,
        crossing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        _levels(quantiles)
        several = isinstance(quantiles, Sequence)
        self.quantiles: float | Sequence[float] = tuple(quantiles) if several else quantiles  # type: ignore[arg-type]
        self.crossing: float = check.real("crossing", crossing, 0.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return quantile_loss(
            input, target, self.quantiles, crossing=self.crossing, reduction=self.reduction
        )

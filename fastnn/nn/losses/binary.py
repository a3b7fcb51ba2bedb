"""Binary cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidValueError
from fastnn.nn.losses.base import Loss, Reduction, alike, finite, legacy, reduced, same
from fastnn.ops.table import taped
from fastnn.tape import listener
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, of_array

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
]


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of logits; see `nn.BCEWithLogitsLoss`.

    Args:
        input: logits z, any shape.
        target: y, z's shape and dtype; any numbers, 0..1 where they are probabilities.
        weight: of each element, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements, whatever the weights), 'sum' or 'none'.
        pos_weight: of the positive answers, default None: 1.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.
    """
    chosen = legacy(size_average, reduce, reduction)
    if target.dtype.kind == "f":
        input, target = alike(input, target, chosen)
    else:
        same(input, target, chosen)  # 0 and 1 as integers: refused, as in torch
    if weight is not None or pos_weight is not None:
        return _weighted(input, target, weight, pos_weight, chosen)
    return ops.bce_with_logits(input, target, chosen)


def _weighted(
    logits: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None, reduction: str
) -> Tensor:
    """w * ((1 - y) * z + (1 + (p - 1) * y) * log(1 + exp(-z))), p the weight of positives."""
    if pos_weight is None:
        loss = ops.bce_with_logits(logits, target, "none")
    else:
        softplus = ops.bce_with_logits(logits, _ones(logits), "none")
        scale = ops.add(ops.mul(ops.sub(pos_weight, 1.0), target), 1.0)
        loss = ops.add(ops.mul(ops.sub(1.0, target), logits), ops.mul(scale, softplus))
    if weight is not None:
        loss = ops.mul(loss, weight)
    if loss.shape != logits.shape:
        raise InvalidValueError(f"weight: expected a shape that broadcasts to {logits.shape}")
    return loss if reduction == "none" else (ops.sum if reduction == "sum" else ops.mean)(loss)


def _ones(x: Tensor) -> Tensor:
    return of_array(dtypes.filled(x.shape, 1, x.dtype))


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
    >>> from fastnn import nn
    >>> loss = nn.BCEWithLogitsLoss()(fastnn.tensor([0.0, 0.0]), fastnn.tensor([0.0, 1.0]))
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
        self.register_buffer("weight", finite("weight", weight))
        self.register_buffer("pos_weight", finite("pos_weight", pos_weight))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return binary_cross_entropy_with_logits(
            input,
            target,
            self._buffers["weight"],
            reduction=self.reduction,
            pos_weight=self._buffers["pos_weight"],
        )


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)), each log at least -100; see `nn.BCELoss`.

    Args:
        input: probabilities p in 0..1, any shape.
        target: y in 0..1, p's shape and dtype.
        weight: of each element, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements, whatever the weights), 'sum' or 'none'.

    Raises:
        TypeError, ValueError: shapes or dtypes differ, p or y outside 0..1.
    """
    chosen = legacy(size_average, reduce, reduction)
    same(input, target, chosen)
    listener.checked(input.detach(), lambda p: check.binary_targets(p._array, "input"))
    listener.checked(target.detach(), lambda y: check.binary_targets(y._array, "target"))
    p, y = input.detach(), target.detach()
    log_p, log_q = _logs(p)
    value = ops.neg(ops.add(ops.mul(y, ops.sub(log_p, log_q)), log_q))
    each = taped(_bce_gradient, (input, target), value._array)
    if weight is not None:
        each = ops.mul(each, weight)
        if each.shape != input.shape:
            raise InvalidValueError(f"weight: expected a shape that broadcasts to {input.shape}")
    return reduced(each, chosen)


def _logs(p: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p), at least -100."""
    return ops.clamp(ops.log(p), -100.0), ops.clamp(ops.log1p(ops.neg(p)), -100.0)


def _bce_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    """(p - y) / max(p (1 - p), 1e-12) by p, finite at the ends; log(1 - p) - log p by y."""
    p, y = node.input(0), node.input(1)
    by_p = by_y = None
    if node.needs(0):
        spread = ops.clamp(ops.mul(p, ops.sub(1.0, p)), 1e-12)
        by_p = ops.mul(dy, ops.div(ops.sub(p, y), spread))
    if node.needs(1):
        log_p, log_q = _logs(p)
        by_y = ops.mul(dy, ops.sub(log_q, log_p))
    return by_p, by_y


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
    >>> from fastnn import nn
    >>> round(nn.BCELoss()(fastnn.tensor([0.5, 0.5]), fastnn.tensor([0.0, 1.0])).item(), 4)
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
        self.register_buffer("weight", finite("weight", weight))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight = self._buffers["weight"]
        return binary_cross_entropy(input, target, weight, reduction=self.reduction)

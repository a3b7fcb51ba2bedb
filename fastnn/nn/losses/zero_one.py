"""The 0-1 loss, which counts wrong answers and cannot be trained on."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn import ops
from fastnn._support.errors import InvalidValueError
from fastnn.nn.losses.base import Loss
from fastnn.ops.table import taped
from fastnn.tape.node import Node
from fastnn.tensor import Tensor

__all__ = ["ZeroOneLoss"]

REFUSAL = (
    "ZeroOneLoss: it is a metric: it counts wrong answers, so that its gradient is 0 wherever it "
    "exists; train with CrossEntropyLoss or BCEWithLogitsLoss and evaluate with "
    "metrics=['zero_one']"
)


def _refuse(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    raise RuntimeError(REFUSAL)


class ZeroOneLoss(Loss):
    """0-1 loss: l_i = 1 where argmax_c z_ic is not y_i, else 0; the fraction or number of errors.

    Args:
        reduction: 'mean' (default) or 'sum'.

    Called with z (rows, classes) and int64 classes (rows,); or with z and y in 0..1 of one shape,
    where z > 0 says yes.

    Raises:
        RuntimeError: in a backward pass, and by `Trainer.fit`: it has no gradient of use.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ZeroOneLoss()(fastnn.tensor([[1.0, 2.0], [3.0, 1.0]]), fastnn.tensor([1, 1])).item()
    0.5
    """

    targets = "classes"

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)  # type: ignore[arg-type]
        if reduction == "none":
            raise InvalidValueError("reduction: expected 'mean' or 'sum', got 'none'")

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The share or number of wrong answers."""
        z = input.detach()
        answers = ops.accuracy if target.dtype.kind == "i" else ops.binary_accuracy
        wrong = ops.sub(1.0, answers(z, target))
        if self.reduction == "sum":
            wrong = ops.mul(wrong, float(target.numel()))
        return taped(_refuse, (input,), wrong._array)

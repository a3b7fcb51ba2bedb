"""What every loss checks, and how the losses of elements become one number."""

from __future__ import annotations

from typing import Literal

from fastnn import _check, ops
from fastnn.tensor import Tensor

Reduction = Literal["none", "mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "sum")


def same(
    input: Tensor, target: Tensor, reduction: str, known: tuple[str, ...] = REDUCTIONS
) -> None:
    """Check the reduction, and that both are tensors of one shape and dtype."""
    _check.choice("reduction", reduction, known)
    _check.a_tensor("input", input)
    _check.a_tensor("target", target)
    _check.same_shape("target", target.shape, input.shape, "input")
    _check.same_dtype("target", target.dtype, input.dtype, "input")


def reduced(each: Tensor, reduction: str) -> Tensor:
    """All of them, their sum or their mean."""
    return each if reduction == "none" else (ops.sum if reduction == "sum" else ops.mean)(each)

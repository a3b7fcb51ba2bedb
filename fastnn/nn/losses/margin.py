"""Margin losses: the hinge family, with multi-class and multi-label forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn.losses.base import (
    LOSSES,
    REDUCTIONS,
    Loss,
    Reduction,
    alike,
    finite,
    legacy,
    like_input,
    reduced,
    spread,
)
from fastnn.tape import listener
from fastnn.tensor import Tensor, int64, of_array

__all__ = [
    "HingeEmbeddingLoss",
    "HingeLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "hinge_embedding_loss",
    "hinge_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]


def _above(x: Tensor) -> Tensor:
    """max(x, 0), whose derivative at 0 is 1, as in torch's losses of two classes."""
    return ops.clamp_min(x, 0.0)


def hinge_loss(
    input: Tensor, target: Tensor, *, squared: bool = False, reduction: Reduction = "mean"
) -> Tensor:
    """Hinge loss: max(0, 1 - y x); see `nn.HingeLoss`."""
    input, target = alike(input, target, reduction)
    each = _above(ops.sub(1.0, ops.mul(target, input)))
    return reduced(ops.square(each) if check.flag("squared", squared) else each, reduction)


class HingeLoss(Loss):
    """Hinge loss: l = max(0, 1 - y x), y being 1 or -1; squared: l**2.

    Args:
        squared: default False.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape; y may be of integers.

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: Keras' `Hinge` and `SquaredHinge`, whose classes are -1 and 1.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.HingeLoss()(fastnn.tensor([0.5]), fastnn.tensor([1.0])).item()
    0.5
    """

    def __init__(self, squared: bool = False, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.squared: bool = check.flag("squared", squared)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return hinge_loss(input, target, squared=self.squared, reduction=self.reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """x where y is 1, max(0, margin - x) where it is -1; see `nn.HingeEmbeddingLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    check.a_tensor("input", input)
    y = like_input(input, spread("target", target, input), chosen).detach()
    far = ops.where(ops.ne(y, 1.0), _above(ops.sub(margin, input)), 0.0)
    return reduced(ops.add(far, ops.where(ops.ne(y, -1.0), input, 0.0)), chosen)


class HingeEmbeddingLoss(Loss):
    """Hinge embedding loss of distances: l = x where y is 1, max(0, margin - x) where y is -1.

    Args:
        margin: default 1.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape; axes of y may be 1, and y may be of integers.

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: torch's `nn.HingeEmbeddingLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.HingeEmbeddingLoss()(fastnn.tensor([0.25, 0.25]), fastnn.tensor([1.0, -1.0])).item()
    0.5
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin: float = check.real("margin", margin)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Soft margin loss: log(1 + exp(-y x)); see `nn.SoftMarginLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    target = like_input(input, target, chosen)
    z = ops.neg(ops.mul(target, input))
    return reduced(ops.softplus(z, 1.0, math.inf), chosen)


class SoftMarginLoss(Loss):
    """Soft margin loss: l = log(1 + exp(-y x)), y being 1 or -1.

    Args:
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.

    Called with x and y of one shape; y may be of integers.

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: torch's `nn.SoftMarginLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> round(nn.SoftMarginLoss()(fastnn.tensor([0.0]), fastnn.tensor([1.0])).item(), 4)
    0.6931
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return soft_margin_loss(input, target, reduction=self.reduction)


def _classes(input: Tensor, target: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Scores (rows, classes) and the targets of their rows, from those or from a single row."""
    check.choice("reduction", reduction, REDUCTIONS)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    if input.ndim > 2:
        raise InvalidValueError(f"input: expected scores (rows, classes), got shape {input.shape}")
    target = ops.cast(target, int64) if target.dtype.kind in "iu" else target
    if target.dtype != int64:
        raise InvalidTypeError(f"target: expected int64 classes, got {target.dtype}; use .long()")
    if input.ndim == 2:
        return input, target
    return ops.reshape(input, (1, -1)), ops.reshape(target, (1, -1))


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """sum_{j != y} w_y max(0, margin - x_y + x_j)**p / C; see `nn.MultiMarginLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    if p not in (1, 2):
        raise InvalidValueError(f"p: expected 1 or 2, got {p!r}")
    if weight is not None and weight.ndim != 1:
        raise InvalidValueError(f"weight: expected one for each class, got shape {weight.shape}")
    x, y = _classes(input, target, chosen)
    c = x.shape[1]
    if input.ndim < 2 and target.numel() == 1:  # one row, whose class may be () or (1,)
        y = ops.reshape(y, (1,))
    else:
        check.same_shape("target", target.shape, input.shape[:-1], "input's rows")
    listener.checked(y, lambda labels: check.class_range("target", labels, c), c)
    right = ops.take_rows(of_array(dtypes.converted(np.eye(c), x.dtype)), y)
    here = ops.gt(right, 0.0)
    own = ops.sum(ops.where(here, x, 0.0), 1, True)
    short = ops.relu(ops.where(here, 0.0, ops.add(ops.sub(x, own), margin)))
    each = short if p == 1 else ops.square(short)
    if weight is not None:
        check.same_shape("weight", weight.shape, (c,), "the classes")
        each = ops.mul(each, ops.sum(ops.mul(right, weight), 1, True))
    found = reduced(ops.mean(each, 1), chosen)
    return ops.reshape(found, target.shape) if chosen == "none" else found


@LOSSES.named("multi_margin")
class MultiMarginLoss(Loss):
    """Multi-class hinge: l_i = sum_{j != y} w_y max(0, margin - x_iy + x_ij)**p / classes.

    Args:
        p: 1 (default) or 2.
        margin: default 1.
        weight: of each class, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over rows), 'sum' or 'none'.

    Called with scores (rows, classes) and int64 classes (rows,), or with a single row.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class out of range.

    Source: torch's `nn.MultiMarginLoss`; Crammer & Singer 2001.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.MultiMarginLoss()(fastnn.tensor([[0.0, 0.5]]), fastnn.tensor([1])).item()
    0.25
    """

    p: Any
    margin: float
    targets = "classes"

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | str | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.p, self.margin = check.choice("p", p, (1, 2)), check.real("margin", margin)
        self.register_buffer("weight", finite("weight", weight))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight = self._buffers["weight"]
        return multi_margin_loss(
            input, target, self.p, self.margin, weight, reduction=self.reduction
        )


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """sum over right j and wrong i of max(0, 1 - x_j + x_i) / C; see `nn.MultiLabelMarginLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    x, y = _classes(input, target, chosen)
    n, c = x.shape
    check.same_shape("target", y.shape, (n, c), "input")
    listener.checked(
        y, lambda t: check.class_range("target", of_array(t._array.ravel() + 1), c + 1)
    )
    ended = ops.cumsum(ops.cast(ops.lt(y, 0), x.dtype), 1)  # of a list of classes up to -1
    listed = ops.eq(ops.reshape(y, (n, c, 1)), of_array(np.arange(c)))
    counts = ops.mul(
        ops.cast(listed, x.dtype), ops.reshape(ops.cast(ops.eq(ended, 0.0), x.dtype), (n, c, 1))
    )
    times = ops.sum(counts, 1)  # how often a class is in the row's list
    wrong = ops.cast(ops.eq(times, 0.0), x.dtype)
    short = ops.relu(ops.add(ops.sub(ops.reshape(x, (n, 1, c)), ops.reshape(x, (n, c, 1))), 1.0))
    pairs = ops.mul(ops.reshape(times, (n, c, 1)), ops.reshape(wrong, (n, 1, c)))
    found = reduced(ops.div(ops.sum(ops.mul(short, pairs), (1, 2)), float(c)), chosen)
    return ops.reshape(found, ()) if input.ndim < 2 else found


class MultiLabelMarginLoss(Loss):
    """Multi-label hinge: l_i = sum_{j right, k wrong} max(0, 1 - x_ij + x_ik) / classes.

    Args:
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over rows), 'sum' or 'none'.

    Called with scores (rows, classes) and int64 (rows, classes): the right classes, then -1; or
    with a single row.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class out of range.

    Source: torch's `nn.MultiLabelMarginLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> x, y = fastnn.tensor([[0.1, 0.2, 0.4, 0.8]]), fastnn.tensor([[3, 0, -1, 1]])
    >>> round(nn.MultiLabelMarginLoss()(x, y).item(), 4)
    0.85
    """

    targets = "lists of classes"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return multilabel_margin_loss(input, target, reduction=self.reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """The mean over classes of BCE with logits; see `nn.MultiLabelSoftMarginLoss`."""
    chosen = legacy(size_average, reduce, reduction)
    input, target = alike(input, target, chosen)
    each = ops.bce_with_logits(input, target, "none")
    if weight is not None:
        each = ops.mul(each, weight)
    return reduced(ops.mean(each, -1), chosen)


class MultiLabelSoftMarginLoss(Loss):
    """Multi-label BCE: l_i = -mean_c w_c (y_ic log s(x_ic) + (1 - y_ic) log(1 - s(x_ic))).

    s is the sigmoid.

    Args:
        weight: of each class, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over rows), 'sum' or 'none'.

    Called with logits x and y in 0..1, both (rows, classes).

    Raises:
        TypeError, ValueError: shapes differ, no floats.

    Source: torch's `nn.MultiLabelSoftMarginLoss`.

    >>> import fastnn
    >>> from fastnn import nn
    >>> loss = nn.MultiLabelSoftMarginLoss()(fastnn.zeros(1, 2), fastnn.tensor([[1.0, 0.0]]))
    >>> round(loss.item(), 4)
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
        return multilabel_soft_margin_loss(input, target, weight, reduction=self.reduction)

"""Cross-entropy and negative log-likelihood of classes."""

from __future__ import annotations

import math

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn.losses.base import LOSSES, REDUCTIONS, Loss, Reduction, by_rows, counting, legacy
from fastnn.ops.promote import pair
from fastnn.tape import listener
from fastnn.tensor import Tensor, int64, of_array

__all__ = ["CrossEntropyLoss", "NLLLoss", "cross_entropy", "nll_loss"]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of logits; see `nn.CrossEntropyLoss`.

    Args:
        input: logits z, (rows, classes); (classes,) for one row; or (rows, classes, ...).
        target: classes (rows,) or (rows, ...) of any integer type, where torch wants int64, or
            probabilities of z's shape; any numbers are taken, as torch does.
        weight: of each class, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        ignore_index: rows of this class do not count, default -100.
        reduction: 'mean' (default), 'sum' or 'none'.
        label_smoothing: 0..1, the share of every label spread over all classes, default 0.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class outside 0..classes-1.
    """
    chosen = check.choice("reduction", legacy(size_average, reduce, reduction), REDUCTIONS)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    kind, labels = input._array.dtype.kind, target._array.dtype
    if kind not in "fV":
        raise InvalidTypeError(f"input: expected float32 or float64 logits, got {input.dtype}")
    probabilities = labels.kind in "fV"
    if labels.kind in "iu":
        target = ops.cast(target, int64)
    elif not probabilities:
        raise InvalidTypeError(
            f"target: expected int64 classes or {input.dtype} probabilities, got {target.dtype}; "
            "convert it by .long()"
        )
    input, target, shape = by_rows(input, target, probabilities)
    if probabilities:
        input, target = pair(input, target)
        if ignore_index >= 0:
            raise InvalidValueError(
                f"ignore_index: expected a number below 0 for a target of probabilities, got "
                f"{ignore_index}: ignore_index is not supported for floating point target"
            )
    options = weight, ignore_index, label_smoothing, chosen
    if weight is not None or label_smoothing or ignore_index >= 0:
        loss = _weighted(input, target, *options)
    elif probabilities:
        loss = ops.soft_cross_entropy(input, target, chosen)
    else:
        some = False
        try:
            loss = ops.softmax_cross_entropy(input, target, chosen)  # checks the range
        except ValueError:
            some = some_ignored(target, ignore_index)
            if not some:
                raise
            loss = _weighted(input, target, *options)
        listener.chosen(target, lambda y: some_ignored(y, ignore_index), some)
    return ops.reshape(loss, shape) if chosen == "none" and len(shape) != 1 else loss


def _weighted(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> Tensor:
    """l_i = -sum_c w_c q_ic log softmax(z)_ic; q = (1 - s) * target + s / C.

    The mean divides by the sum of w over the classes of the rows that count, or by the number of
    these rows where there are no weights; with probabilities by the number of rows.
    """
    classes = logits.shape[1]
    smoothing = check.real("label_smoothing", label_smoothing, 0.0, 1.0)
    if weight is not None:
        check.same_shape("weight", weight.shape, (classes,), "the classes")
        check.same_dtype("weight", weight.dtype, logits.dtype, "input")
    indices = target.dtype.kind != "f"
    if indices:
        target = _one_hot(target, classes, ignore_index, logits)
        counted = ops.sum(target, 1)
    shares = target if weight is None else ops.mul(target, weight)
    log_p = ops.log_softmax(logits, 1)
    own = log_p if weight is None else ops.mul(log_p, weight)
    loss = ops.neg(ops.sum(_where_counted(target, own) if indices else ops.mul(target, own), 1))
    if smoothing:
        spread = ops.neg(ops.sum(own, 1))
        if indices:
            spread = _where_counted(counted, spread)
        loss = ops.add(ops.mul(loss, 1 - smoothing), ops.mul(spread, smoothing / classes))
    if reduction == "none":
        return loss
    total = ops.sum(loss)
    if reduction == "sum":
        return total
    if not indices:
        return ops.div(total, float(len(loss)))
    by = ops.sum(shares)  # where it is 0 the mean is nan, also if smoothing leaves a loss
    return ops.div(total, ops.where(ops.eq(by, 0.0), math.nan, by))


@LOSSES.named("cross_entropy")
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
    >>> from fastnn import nn
    >>> z = fastnn.tensor([[0.2, 0.6, 0.2], [0.1, 0.8, 0.1]])
    >>> round(nn.CrossEntropyLoss()(z, fastnn.tensor([1, 2])).item(), 4)
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
        self.register_buffer("weight", counting("weight", weight, self.reduction))
        self.ignore_index: int = check.integer("ignore_index", ignore_index, -(2**63), 2**63 - 1)
        self.label_smoothing: float = check.real("label_smoothing", label_smoothing, 0.0, 1.0)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return cross_entropy(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Negative log-likelihood: -w_y log p_y of log-probabilities; see `nn.NLLLoss`.

    Args:
        input: log p, (rows, classes); (classes,) for one row; or (rows, classes, ...).
        target: int64 classes (rows,) or (rows, ...).
        weight: of each class, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        ignore_index: rows of this class do not count, default -100.
        reduction: 'mean' (default), 'sum' or 'none'.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class outside 0..classes-1.
    """
    chosen = check.choice("reduction", legacy(size_average, reduce, reduction), REDUCTIONS)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    if input.dtype.kind != "f":
        raise InvalidTypeError(f"input: expected float32 or float64, got {input.dtype}")
    target = ops.cast(target, int64) if target.dtype.kind in "iu" else target
    if target.dtype != int64:
        raise InvalidTypeError(f"target: expected int64 classes, got {target.dtype}; use .long()")
    input, target, shape = by_rows(input, target)
    loss = weighted_nll(input, target, weight, ignore_index, chosen)
    return ops.reshape(loss, shape) if chosen == "none" else loss


class NLLLoss(Loss):
    """Negative log-likelihood loss.

    l_i = -w_y log p_iy of log-probabilities; the mean divides by the sum of w_y.

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
    >>> from fastnn import nn
    >>> log_p = fastnn.tensor([[0.25, 0.75]]).log()
    >>> round(nn.NLLLoss()(log_p, fastnn.tensor([1])).item(), 4)
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
        self.register_buffer("weight", counting("weight", weight, self.reduction))
        self.ignore_index: int = check.integer("ignore_index", ignore_index, -(2**63), 2**63 - 1)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        weight, ignored = self._buffers["weight"], self.ignore_index
        return nll_loss(input, target, weight, ignore_index=ignored, reduction=self.reduction)


def weighted_nll(
    log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """l_i = -w_y log p_iy, 0 where the row does not count; the mean divides by the sum of w_y."""
    classes = log_p.shape[1]
    if weight is not None:
        check.same_shape("weight", weight.shape, (classes,), "the classes")
        check.same_dtype("weight", weight.dtype, log_p.dtype, "input")
    target = _one_hot(target, classes, ignore_index, log_p)
    shares = target if weight is None else ops.mul(target, weight)
    picked = _where_counted(target, log_p)
    loss = ops.neg(ops.sum(picked if weight is None else ops.mul(picked, weight), 1))
    if reduction == "none":
        return loss
    total = ops.sum(loss)
    return total if reduction == "sum" else ops.div(total, ops.sum(shares))


def _where_counted(counts: Tensor, x: Tensor) -> Tensor:
    """x where it counts, else 0; a product would turn -inf, and the gradient of 0 / 0, into nan."""
    return ops.where(ops.gt(counts, 0.0), x, 0.0)


def some_ignored(target: Tensor, ignored: int) -> bool:
    """Whether any rows are ignored."""
    return bool((target._array == ignored).any())


def _one_hot(target: Tensor, classes: int, ignored: int, like: Tensor) -> Tensor:
    """1 where the class is the row's, 0 elsewhere and in rows that do not count."""
    listener.checked(target, lambda y: _class_or_ignored(y, classes, ignored), classes, ignored)
    ones = np.eye(classes + 1, classes)  # the last row: of what is ignored
    table = dtypes.converted(ones, like.dtype)
    known = ops.where(ops.lt(target, classes), target, -1)  # take_rows refuses -1 in a program too
    return ops.take_rows(of_array(table), ops.where(ops.eq(target, ignored), classes, known))


def _class_or_ignored(y: Tensor, classes: int, ignored: int) -> None:
    if not some_ignored(y, ignored):
        check.class_range("target", y, classes)
        return
    array = y._array
    wrong = ((array < 0) | (array >= classes)) & (array != ignored)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise InvalidValueError(
            f"target: expected classes in 0..{classes - 1} or {ignored}, got {array[at]} at "
            f"position {at}"
        )

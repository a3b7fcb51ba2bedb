"""Losses with class weights, ignored rows and smoothed labels, written in ops."""

from __future__ import annotations

import numpy as np

from fastnn import ops
from fastnn._support import check as _check
from fastnn.tape import listener
from fastnn.tensor import Tensor


def cross_entropy(
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
    rows, classes = logits.shape
    smoothing = _check.real("label_smoothing", label_smoothing, 0.0, 1.0)
    if weight is not None:
        _check.same_shape("weight", weight.shape, (classes,), "the classes")
        _check.same_dtype("weight", weight.dtype, logits.dtype, "input")
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
    return ops.div(total, ops.sum(shares) if indices else float(rows))


def _where_counted(counts: Tensor, x: Tensor) -> Tensor:
    """x where it counts, else 0; a product would make nan of -inf, and of the gradient of 0 / 0."""
    return ops.where(ops.gt(counts, 0.0), x, 0.0)


def nll(
    log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """l_i = -w_y log p_iy, 0 where the row does not count; the mean divides by the sum of w_y."""
    classes = log_p.shape[1]
    if weight is not None:
        _check.same_shape("weight", weight.shape, (classes,), "the classes")
        _check.same_dtype("weight", weight.dtype, log_p.dtype, "input")
    target = _one_hot(target, classes, ignore_index, log_p)
    shares = target if weight is None else ops.mul(target, weight)
    picked = _where_counted(target, log_p)
    loss = ops.neg(ops.sum(picked if weight is None else ops.mul(picked, weight), 1))
    if reduction == "none":
        return loss
    total = ops.sum(loss)
    return total if reduction == "sum" else ops.div(total, ops.sum(shares))


def some_ignored(target: Tensor, ignored: int) -> bool:
    """Whether there are rows that do not count."""
    return bool((target._array == ignored).any())


def _one_hot(target: Tensor, classes: int, ignored: int, like: Tensor) -> Tensor:
    """1 where the class is the row's, 0 elsewhere and in rows that do not count."""
    check = lambda y: _class_or_ignored(y, classes, ignored)  # noqa: E731
    listener.checked(target, check, classes, ignored)
    table = np.eye(classes + 1, classes, dtype=like.dtype)  # the last row: of what is ignored
    known = ops.where(ops.lt(target, classes), target, -1)  # take_rows refuses -1 in a program too
    return ops.take_rows(Tensor(table), ops.where(ops.eq(target, ignored), classes, known))


def _class_or_ignored(y: Tensor, classes: int, ignored: int) -> None:
    if not some_ignored(y, ignored):
        _check.class_range("target", y, classes)
        return
    array = y._array
    wrong = ((array < 0) | (array >= classes)) & (array != ignored)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(
            f"target: expected classes in 0..{classes - 1} or {ignored}, got {array[at]} at "
            f"position {at}"
        )


def bce_with_logits(
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
        raise ValueError(f"weight: expected a shape that broadcasts to {logits.shape}")
    return loss if reduction == "none" else (ops.sum if reduction == "sum" else ops.mean)(loss)


def _ones(x: Tensor) -> Tensor:
    return Tensor(np.ones(x.shape, x.dtype))

"""Losses written in ops: by elements, and of probabilities and their logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fastnn import ops
from fastnn._support import check
from fastnn.nn import weighted
from fastnn.nn.reduction import REDUCTIONS, Reduction, by_rows, legacy, reduced, same
from fastnn.ops.table import taped
from fastnn.tape import listener
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, int64

KLReduction = Literal["none", "mean", "sum", "batchmean"]
KL_REDUCTIONS: tuple[KLReduction, ...] = ("none", "mean", "sum", "batchmean")


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute error |z - y|; see `nn.L1Loss`. Arguments and errors as `mse_loss`."""
    chosen = legacy(size_average, reduce, reduction)
    same(input, target, chosen)
    return reduced_by_weight(ops.abs(ops.sub(input, target)), weight, chosen)


def reduced_by_weight(each: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """`reduced` losses; their mean by a weight of their shape divides by its sum."""
    if weight is None:
        return reduced(each, reduction)
    check.same_shape("weight", weight.shape, each.shape, "input")
    each = ops.mul(each, weight)
    if reduction == "mean":
        return ops.div(ops.sum(each), ops.sum(weight))
    return reduced(each, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d**2 / (2 beta) where |d| < beta, else |d| - beta/2, d = z - y; see `nn.SmoothL1Loss`."""
    chosen = legacy(size_average, reduce, reduction)
    same(input, target, chosen)
    if check.real("beta", beta, 0.0) == 0.0:
        return reduced(ops.abs(ops.sub(input, target)), chosen)
    return reduced(_bent(input, target, 0.5 / beta, beta, 1.0), chosen)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: Reduction = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d**2 / 2 where |d| < delta, else delta (|d| - delta/2), d = z - y; see `nn.HuberLoss`.

    Args:
        input, target, reduction: as of `mse_loss`.
        delta: above 0, default 1.
        weight: of each element, default None: 1; the mean divides by their number all the same.
    """
    same(input, target, reduction)
    check.real("delta", delta, 0.0, open_low=True)
    each = _bent(input, target, 0.5, delta, delta)
    if weight is not None:
        check.same_shape("weight", weight.shape, each.shape, "input")
        each = ops.mul(each, weight)
    return reduced(each, reduction)


def _bent(z: Tensor, y: Tensor, curve: float, width: float, slope: float) -> Tensor:
    """curve * d**2 where |d| < width, else slope * (|d| - width/2)."""
    d = ops.sub(z, y)
    near = ops.lt(ops.abs(d.detach()), width)
    inner = ops.mul(ops.square(ops.where(near, d, 0.0)), curve)  # no overflow where it is far
    return ops.where(near, inner, ops.mul(ops.sub(ops.abs(d), width / 2), slope))


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | str | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """-w_y log p_y of log-probabilities; see `nn.NLLLoss`.

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
        raise TypeError(f"input: expected float32 or float64, got {input.dtype}")
    if target.dtype != int64:
        raise TypeError(f"target: expected int64 classes, got {target.dtype}; use .long()")
    input, target, shape = by_rows(input, target)
    loss = weighted.nll(input, target, weight, ignore_index, chosen)
    return ops.reshape(loss, shape) if chosen == "none" else loss


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
            raise ValueError(f"weight: expected a shape that broadcasts to {input.shape}")
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


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: KLReduction = "mean",
    log_target: bool = False,
) -> Tensor:
    """y (log y - x) of log-probabilities x; see `nn.KLDivLoss`.

    Args:
        input: x, the logarithms of probabilities, any shape.
        target: y, probabilities; their logarithms with `log_target`. x's shape and dtype.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'batchmean' (the sum divided by the rows: the
            divergence), 'sum' or 'none'.
        log_target: default False.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.
    """
    chosen = legacy(size_average, reduce, reduction)
    same(input, target, chosen, KL_REDUCTIONS)
    if check.flag("log_target", log_target):
        each = ops.mul(ops.exp(target), ops.sub(target, input))
    else:
        known = ops.where(ops.eq(target.detach(), 0.0), 1.0, target)  # 0 log 0 = 0
        each = ops.sub(ops.mul(target, ops.log(known)), ops.mul(target, input))
    if chosen != "batchmean":
        return reduced(each, chosen)
    return ops.div(ops.sum(each), float(input.shape[0] if input.ndim else 1))

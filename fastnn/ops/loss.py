"""Fused losses: the value and the gradient in one pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine
from fastnn._core.tape import grad_enabled
from fastnn._support import dtypes
from fastnn._support.arrays import class_range
from fastnn._support.errors import InvalidValueError
from fastnn.ops.axes import mean, reshape, sum
from fastnn.ops.elementwise import add, mul, neg, sigmoid, square, sub
from fastnn.ops.pointwise import softplus
from fastnn.ops.promote import same_real
from fastnn.ops.rows import log_softmax, softmax, take_rows
from fastnn.ops.table import Op, contiguous_array, execute, row
from fastnn.tape import batch
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, int64, of_array, wrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The gradient with respect to z as an expression, for higher derivatives: the gradient that the
# kernel computes would be a constant there.
Expression = Callable[[Tensor, Tensor], Tensor]


def _gradient_from(expression: Expression) -> Any:
    def rule(node: Node, dloss: Tensor, _: Tensor | None) -> Sequence[Tensor | None]:
        z, y = node.input(0), node.input(1)
        reduction, n = node.attrs
        if grad_enabled():
            factor = mul(dloss, 1.0 / n) if reduction == "mean" else dloss
            return (mul(expression(z, y), _over_rows(factor, z)), None)
        dz = node.outputs[1]
        assert dz is not None
        unit = wrap(dz)
        return (unit if dloss._unit else mul(unit, _over_rows(dloss, z)), None)

    return rule


def _over_rows(dloss: Tensor, z: Tensor) -> Tensor:
    return reshape(dloss, (-1, 1)) if dloss.ndim == 1 and z.ndim == 2 else dloss


def _loss(op: Op, z: Tensor, y: Tensor, reduction: str, rows: bool) -> Tensor:
    """Run a loss op. rows: one loss per row of z (else per element)."""
    on_tape = z.requires_grad and grad_enabled()
    if batch.batched(z, y):
        return _batched_loss(op, z, y, reduction, rows)
    za, ya = contiguous_array(z._array), contiguous_array(y._array)
    n = za.shape[0] if rows else za.size
    shape = () if reduction != "none" else (n,) if rows else za.shape
    loss = np.empty(shape, za.dtype)
    dz = np.empty(za.shape, za.dtype) if on_tape else None
    execute(op, (loss, dz), (za, ya), za.shape if rows else (n,), (engine.REDUCTIONS[reduction],))
    out = wrap(loss)
    if on_tape:
        assert op.gradient is not None
        out._node = Node(op.gradient, (z, y), (loss, dz), (reduction, n))
        out.requires_grad = True
    return out


def _batched_loss(op: Op, z: Tensor, y: Tensor, reduction: str, rows: bool) -> Tensor:
    """`_loss` within vmap: the op computes each sample's losses, which are reduced here."""
    assert batch.rules is not None and op.gradient is not None
    loss, dz = batch.rules.loss(op, z, y, rows)
    each = of_array(loss)
    if z.requires_grad and grad_enabled():
        each._node = Node(op.gradient, (z, y), (loss, dz), ("none", 1))
        each.requires_grad = True
    return _reduced(each, reduction)


def _no_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    raise NotImplementedError("a loss op has two outputs, the second of them optional")


def _row(name: str, expression: Expression) -> Op:
    return row(name, _no_shape, _gradient_from(expression))


def _one_hot(y: Tensor, z: Tensor) -> Tensor:
    return take_rows(of_array(dtypes.converted(np.eye(z.shape[1]), z.dtype)), y)


_softmax_cross_entropy = _row(
    "softmax_cross_entropy", lambda z, y: sub(softmax(z, 1), _one_hot(y, z))
)
_soft_cross_entropy = _row(
    "soft_cross_entropy", lambda z, p: sub(mul(softmax(z, 1), sum(p, 1, True)), p)
)
_bce_with_logits = _row("bce_with_logits", lambda z, y: sub(sigmoid(z), y))
_mse = _row("mse", lambda z, y: mul(sub(z, y), 2.0))


def _reduced(each: Tensor, reduction: str) -> Tensor:
    return each if reduction == "none" else sum(each) if reduction == "sum" else mean(each)


def _alike(name: str, z: Tensor, y: Tensor) -> None:
    same_real(name, z._array, y._array)
    if z.shape != y.shape:
        raise InvalidValueError(f"{name}: expected a target of shape {z.shape}, got {y.shape}")


def softmax_cross_entropy(z: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy -log softmax(z)[i, y[i]] of logits z (n, c), classes y (n), int64 in 0..c-1."""
    rows, classes = z._array.shape
    if y._array.shape != (rows,):
        raise InvalidValueError(f"y: expected {rows} classes, one a row of z, got shape {y.shape}")
    labels = y if batch.rules is None else batch.rules.whole(y)
    if labels._array.dtype != int64 or not engine.in_range(labels._array, classes):
        class_range("y", labels, classes)
    recorder = engine.recorder()
    if recorder is not None:
        check = lambda y: class_range("y", y, classes)  # noqa: E731
        recorder.checks_input(labels._array, check, classes)
    return _loss(_softmax_cross_entropy, z, y, reduction, rows=True)


def soft_cross_entropy(z: Tensor, p: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy -sum_c p log softmax(z) of logits z (n, c) and probabilities p (n, c)."""
    _alike("cross_entropy", z, p)
    if p.requires_grad and grad_enabled():
        return _reduced(neg(sum(mul(p, log_softmax(z, 1)), 1)), reduction)
    return _loss(_soft_cross_entropy, z, p, reduction, rows=True)


def bce_with_logits(z: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy of logits: max(z, 0) - z * y + log1p(exp(-|z|)), elementwise."""
    _alike("binary_cross_entropy_with_logits", z, y)
    if y.requires_grad and grad_enabled():
        # log1p(exp(-z)) has the derivative sigmoid(z) - 1 at 0 too, where |z| has none.
        return _reduced(add(mul(sub(1.0, y), z), softplus(neg(z), 1.0, math.inf)), reduction)
    return _loss(_bce_with_logits, z, y, reduction, rows=False)


def mse(z: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """Squared error (z - y)**2, elementwise."""
    _alike("mse_loss", z, y)
    if y.requires_grad and grad_enabled():
        return _reduced(square(sub(z, y)), reduction)
    return _loss(_mse, z, y, reduction, rows=False)

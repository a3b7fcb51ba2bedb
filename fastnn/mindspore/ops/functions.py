"""Activations, losses, norms and products, with MindSpore's arguments and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import ops as base
from fastnn._support import check
from fastnn.mindspore.plain.ops import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    clip_by_global_norm,
    clip_by_value,
    cross_entropy,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from fastnn.nn import functional as F

# ---- activations ----


def gelu(input: Any, approximate: str = "none") -> Any:
    """x * Phi(x); approximate 'tanh' for that form. `nn.GELU` has the other default."""
    return F.gelu(input, check.choice("approximate", approximate, ("none", "tanh")))


def leaky_relu(input: Any, alpha: float = 0.2) -> Any:
    """x, or alpha * x where x < 0; alpha 0.2."""
    return F.leaky_relu(input, alpha)


def softmax(input: Any, axis: int = -1, *, dtype: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along an axis."""
    return F.softmax(input if dtype is None else input.to(dtype), axis)


def log_softmax(logits: Any, axis: int = -1) -> Any:
    """log(softmax(x)) along an axis."""
    return F.log_softmax(logits, axis)


def softmin(x: Any, axis: int = -1, *, dtype: Any = None) -> Any:
    """softmax(-x) along an axis."""
    return F.softmin(x if dtype is None else x.to(dtype), axis)


def glu(x: Any, axis: int = -1) -> Any:
    """a * sigmoid(b) of the halves a, b along an axis."""
    return F.glu(x, axis)


def elu(input_x: Any, alpha: float = 1.0) -> Any:
    """x, or alpha * (exp(x) - 1) where x < 0."""
    return F.elu(input_x, alpha)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""
    return F.celu(x, alpha)


def fast_gelu(x: Any) -> Any:
    """x * sigmoid(1.702 x)."""
    return base.mul(x, F.sigmoid(1.702 * x))


def threshold(input: Any, thr: float, value: float) -> Any:
    """x where x > thr, else value."""
    return F.threshold(input, thr, value)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    """log(1 + exp(beta x)) / beta."""
    return F.softplus(input, beta, threshold)


# ---- losses ----


def nll_loss(
    inputs: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: Any = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-inputs[target] of log-probabilities; see `nn.NLLLoss`."""
    if label_smoothing:
        raise ValueError(
            f"label_smoothing: expected 0, got {label_smoothing}; cross_entropy has it"
        )
    return F.nll_loss(inputs, target, weight=weight, ignore_index=ignore_index, reduction=reduction)


def huber_loss(input: Any, target: Any, reduction: Any = "mean", delta: float = 1.0) -> Any:
    """See `nn.HuberLoss`."""
    return F.huber_loss(input, target, reduction, delta)


def gaussian_nll_loss(
    x: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Any = "mean",
) -> Any:
    """See `nn.GaussianNLLLoss`."""
    return F.gaussian_nll_loss(x, target, var, full, eps, reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Any = "mean"
) -> Any:
    """See `nn.CosineEmbeddingLoss`."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: Any = "mean"
) -> Any:
    """See `nn.MarginRankingLoss`."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=reduction)


def hinge_embedding_loss(
    inputs: Any, targets: Any, margin: float = 1.0, reduction: Any = "mean"
) -> Any:
    """See `nn.HingeEmbeddingLoss`."""
    return F.hinge_embedding_loss(inputs, targets, margin, reduction=reduction)


def soft_margin_loss(input: Any, target: Any, reduction: Any = "mean") -> Any:
    """See `nn.SoftMarginLoss`."""
    return F.soft_margin_loss(input, target, reduction=reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1,
    weight: Any = None,
    reduction: Any = "mean",
) -> Any:
    """See `nn.MultiMarginLoss`."""
    return F.multi_margin_loss(input, target, p, margin, weight, reduction=reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: Any = "mean",
) -> Any:
    """See `nn.TripletMarginLoss`."""
    return F.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=reduction
    )


# ---- norms ----


def clip_by_norm(
    x: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Any:
    """Scale tensors so that their joint norm is at most max_norm.

    >>> import fastnn.mindspore as mindspore
    >>> clipped = mindspore.ops.clip_by_norm(mindspore.Tensor([3.0, 4.0]), 1.0)
    >>> [round(x, 4) for x in clipped.tolist()]
    [0.6, 0.8]
    """
    parts = list(x) if isinstance(x, tuple | list) else [x]
    norms = base.stack([base.norm(part, norm_type) for part in parts])
    total = base.norm(norms, norm_type)
    if error_if_nonfinite and not np.isfinite(total.item()):
        raise RuntimeError("x: expected a finite norm; pass error_if_nonfinite=False to clip")
    factor = base.clamp(base.div(max_norm, base.add(total, 1e-6)), max=1.0)
    clipped = [base.mul(part, factor) for part in parts]
    return type(x)(clipped) if isinstance(x, tuple | list) else clipped[0]


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    return F.layer_norm(input, shape, weight, bias, eps)


def batch_norm(
    input_x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """As `nn.BatchNorm1d`, with torch's momentum: running += momentum * (batch - running)."""
    return F.batch_norm(input_x, running_mean, running_var, weight, bias, training, momentum, eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 . x2 / max(|x1| |x2|, eps) along an axis."""
    above = base.sum(base.mul(x1, x2), dim)
    below = base.mul(base.sum(base.square(x1), dim), base.sum(base.square(x2), dim))
    return base.div(above, base.clamp(base.sqrt(below), min=eps))


# ---- products ----


def dense(input: Any, weight: Any, bias: Any = None) -> Any:
    """x W^T + b."""
    return F.linear(input, weight, bias)


def bias_add(input_x: Any, bias: Any) -> Any:
    """Add b to axis 1."""
    return base.add(input_x, base.reshape(bias, (-1,) + (1,) * (input_x.ndim - 2)))


def dot(input: Any, other: Any) -> Any:
    """Sums over the last axis of one and the last but one of the other, NumPy's `dot`."""
    if input.ndim > 2 or other.ndim > 2:
        return base.tensordot(input, other, ([input.ndim - 1], [max(other.ndim - 2, 0)]))
    return base.matmul(input, other)


def tensor_dot(x1: Any, x2: Any, axes: Any) -> Any:
    """Sums over these axes."""
    if isinstance(axes, int):
        return base.tensordot(x1, x2, axes)
    by = [[one] if isinstance(one, int) else list(one) for one in axes]
    return base.tensordot(x1, x2, by)


def addn(x: Sequence[Any]) -> Any:
    """The sum of several tensors."""
    total = x[0]
    for part in x[1:]:
        total = base.add(total, part)
    return total


accumulate_n = addn


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
) -> Any:
    """Rows of weight by index."""
    return F.embedding(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq)


# ---- arithmetic by MindSpore's names ----


def equal(input: Any, other: Any) -> Any:
    """Where elements are equal, a tensor; torch's `equal` is one bool.

    >>> import fastnn.mindspore as mindspore
    >>> print(mindspore.ops.equal(mindspore.Tensor([1, 2]), mindspore.Tensor([1, 3])))
    [ True False]
    """
    return base.eq(input, other)


def approximate_equal(x: Any, y: Any, tolerance: float = 1e-5) -> Any:
    """Where |x - y| < tolerance."""
    return base.lt(base.abs(base.sub(x, y)), tolerance)


def div(input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    """input / other; rounding_mode 'floor' or 'trunc'."""
    return base.div(input, other, rounding_mode=rounding_mode)


def floor_div(x: Any, y: Any) -> Any:
    """floor(x / y)."""
    return base.floor_divide(x, y)


def floor_mod(x: Any, y: Any) -> Any:
    """x - floor(x / y) * y."""
    return base.remainder(x, y)


def xdivy(x: Any, y: Any) -> Any:
    """x / y, 0 where x is 0."""
    zero = base.eq(x, 0)
    return base.where(zero, base.mul(x, 0.0), base.div(x, base.where(zero, 1.0, y)))


def rms_norm(x: Any, gamma: Any, epsilon: float = 1e-6) -> Any:
    """x / sqrt(mean(x^2) + epsilon) * gamma over the last axis."""
    return F.rms_norm(x, gamma.shape, gamma, epsilon)


__all__ = [
    "accumulate_n", "addn", "approximate_equal", "batch_norm", "bias_add", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "clip_by_global_norm", "clip_by_norm",
    "clip_by_value", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dense", "div",
    "dot", "elu", "embedding", "equal", "fast_gelu", "floor_div", "floor_mod", "gaussian_nll_loss",
    "gelu", "glu", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "layer_norm",
    "leaky_relu", "log_softmax", "margin_ranking_loss", "mse_loss", "multi_margin_loss", "nll_loss",
    "rms_norm", "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softplus",
    "tensor_dot", "threshold", "triplet_margin_loss", "xdivy",
]  # fmt: skip

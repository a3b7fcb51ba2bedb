"""MindSpore's `ops` beyond our op table, with its names and arguments.

`fastnn.ops` looks these names up here on first use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

import fastnn
from fastnn import nn, ops
from fastnn._support import check
from fastnn.mindspore.plain.higher import derivative, jet
from fastnn.nn.functional import Reduction
from fastnn.nn.losses.likelihood import KLReduction
from fastnn.tensor import Tensor
from fastnn.transforms.gradients import get_grad, grad, stop_gradient, value_and_grad
from fastnn.transforms.jacobians import jacfwd, jacrev, jvp, vjp
from fastnn.transforms.vmap import vmap

F = nn.functional
Axes = int | Sequence[int] | None


def _axes(axis: Axes) -> Any:
    return None if isinstance(axis, (tuple, list)) and not axis else axis


class GradOperation:
    """MindSpore's older form of `grad`: `GradOperation(get_all=True)(fn)(x, y)`.

    Args:
        get_all: a tuple of the gradients by all inputs; default: the one by the first.
        get_by_list: a tuple of the gradients by weights; with get_all, after that by the inputs.
        sens_param: the last argument is the gradient of the output.

    Source: MindSpore's ops.GradOperation.

    Example:
        >>> import fastnn
        >>> from fastnn import ops
        >>> x, y = fastnn.tensor(2.0), fastnn.tensor(3.0)
        >>> ops.GradOperation(get_all=True)(lambda x, y: x * x * y)(x, y)
        (tensor(12.), tensor(4.))
    """

    def __init__(
        self, get_all: bool = False, get_by_list: bool = False, sens_param: bool = False
    ) -> None:
        self.get_all: bool = check.flag("get_all", get_all)
        self.get_by_list: bool = check.flag("get_by_list", get_by_list)
        self.sens_param: bool = check.flag("sens_param", sens_param)

    def __call__(self, fn: Any, weights: Any = None) -> Any:
        """A function that returns the gradients of fn, by the weights too: by default all that
        the cell fn trains."""
        if self.get_by_list and weights is None:
            weights = fn.trainable_params()
        by = weights if self.get_by_list else None

        def gradients(*args: Any, **kwargs: Any) -> Any:
            count = len(args) - (self.sens_param and "sens" not in kwargs)
            inputs = tuple(range(count)) if self.get_all else None if self.get_by_list else 0
            return grad(fn, inputs, by, sens_param=self.sens_param)(*args, **kwargs)

        return gradients


def reduce_sum(x: Tensor, axis: Axes = (), keep_dims: bool = False) -> Tensor:
    """Sum over `axis` (default: all)."""
    return ops.sum(x, _axes(axis), keep_dims)


def reduce_mean(x: Tensor, axis: Axes = (), keep_dims: bool = False) -> Tensor:
    """Mean over `axis` (default: all)."""
    return ops.mean(x, _axes(axis), keep_dims)


def reduce_max(x: Tensor, axis: Axes = (), keep_dims: bool = False) -> Tensor:
    """Maximum over `axis` (default: all)."""
    return x.amax(_axes(axis), keep_dims)


def reduce_min(x: Tensor, axis: Axes = (), keep_dims: bool = False) -> Tensor:
    """Minimum over `axis` (default: all)."""
    return x.amin(_axes(axis), keep_dims)


def expand_dims(input_x: Tensor, axis: int) -> Tensor:
    """Insert an axis of size 1 before axis `axis`."""
    return input_x.unsqueeze(axis)


def concat(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Concatenate tensors along an axis."""
    joined: Tensor = fastnn.cat(tensors, axis)
    return joined


def clip_by_value(x: Any, clip_value_min: Any = None, clip_value_max: Any = None) -> Any:
    """Clip elements to clip_value_min .. clip_value_max; also for tuples of tensors."""
    if isinstance(x, (tuple, list)):
        return type(x)(clip_by_value(part, clip_value_min, clip_value_max) for part in x)
    return ops.clamp(x, clip_value_min, clip_value_max)


def clip_by_global_norm(
    x: Sequence[Tensor], clip_norm: float = 1.0, use_norm: None = None
) -> tuple[Tensor, ...]:
    """Scale tensors so that their joint norm is at most `clip_norm`."""
    total = ops.sqrt(sum((ops.sum(ops.square(part)) for part in x[1:]), ops.sum(ops.square(x[0]))))
    factor = ops.div(clip_norm, ops.larger(total, clip_norm))
    return tuple(ops.mul(part, factor) for part in x)


def cast(input: Tensor, dtype: npt.DTypeLike) -> Tensor:
    """Convert to a dtype."""
    return input.to(dtype)


# Creation


def _sizes(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def ones(shape: int | Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of ones."""
    return fastnn.ones(*_sizes(shape), dtype=fastnn.float32 if dtype is None else dtype)


def zeros(size: int | Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of zeros."""
    return fastnn.zeros(*_sizes(size), dtype=fastnn.float32 if dtype is None else dtype)


def zeros_like(input: Tensor, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Zeros in the shape of a tensor; dtype: that of the tensor unless given."""
    return fastnn.zeros_like(input, dtype)


def ones_like(input: Tensor, *, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Ones in the shape of a tensor; dtype: that of the tensor unless given."""
    return fastnn.ones_like(input, dtype)


# Losses


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of logits; see `nn.CrossEntropyLoss`."""
    return F.cross_entropy(
        input,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def binary_cross_entropy_with_logits(
    logits: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Binary cross-entropy of logits; see `nn.BCEWithLogitsLoss`."""
    return F.binary_cross_entropy_with_logits(
        logits, label, weight=weight, pos_weight=pos_weight, reduction=reduction
    )


def mse_loss(input: Tensor, target: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Squared error; see `nn.MSELoss`."""
    return F.mse_loss(input, target, reduction=reduction)


def binary_cross_entropy(
    logits: Tensor, labels: Tensor, weight: Tensor | None = None, reduction: Reduction = "mean"
) -> Tensor:
    """Binary cross-entropy of probabilities, which MindSpore names logits; see `nn.BCELoss`."""
    return F.binary_cross_entropy(logits, labels, weight=weight, reduction=reduction)


def kl_div(logits: Tensor, labels: Tensor, reduction: KLReduction = "mean") -> Tensor:
    """Kullback-Leibler of log-probabilities `logits`; see `nn.KLDivLoss`."""
    return F.kl_div(logits, labels, reduction=reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Absolute error; see `nn.L1Loss`."""
    return F.l1_loss(input, target, reduction=reduction)


def smooth_l1_loss(
    input: Tensor, target: Tensor, beta: float = 1.0, reduction: Reduction = "none"
) -> Tensor:
    """See `nn.SmoothL1Loss`; unlike there and in torch, one loss for each element by default."""
    return F.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


__all__ = [
    "GradOperation",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cast",
    "clip_by_global_norm",
    "clip_by_value",
    "concat",
    "cross_entropy",
    "derivative",
    "expand_dims",
    "get_grad",
    "grad",
    "jacfwd",
    "jacrev",
    "jet",
    "jvp",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "ones",
    "ones_like",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_sum",
    "smooth_l1_loss",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
    "zeros",
    "zeros_like",
]

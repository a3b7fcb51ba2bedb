"""Layers and losses as functions, with the checks of what a user passes."""

from __future__ import annotations

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn.nn import weighted
from fastnn.nn.bilinear import bilinear
from fastnn.nn.distances import (
    binary_cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    nll_loss,
    reduced_by_weight,
    smooth_l1_loss,
)
from fastnn.nn.dropout import alpha_dropout, dropout
from fastnn.nn.embedding import embedding
from fastnn.nn.likelihood import (
    focal_loss,
    gaussian_nll_loss,
    poisson_nll_loss,
    sigmoid_focal_loss,
    tweedie_deviance_loss,
)
from fastnn.nn.margin import (
    hinge_embedding_loss,
    hinge_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from fastnn.nn.normalization import batch_norm, layer_norm, rms_norm
from fastnn.nn.pairs import cosine_embedding_loss, margin_ranking_loss, triplet_margin_loss
from fastnn.nn.piecewise import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    prelu,
    relu6,
    softshrink,
    threshold,
)
from fastnn.nn.pointwise import (
    elu,
    gelu,
    leaky_relu,
    normalize,
    one_hot,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from fastnn.nn.reduction import REDUCTIONS, Reduction, by_rows, legacy, same
from fastnn.nn.regression import half_squared_error, log_cosh_loss, quantile_loss
from fastnn.nn.smooth import celu, glu, logsigmoid, mish, selu, softmin, softsign, tanhshrink
from fastnn.tape import listener
from fastnn.tensor import Tensor, int64

__all__ = [
    "focal_loss",
    "gaussian_nll_loss",
    "poisson_nll_loss",
    "sigmoid_focal_loss",
    "tweedie_deviance_loss",
    "hinge_embedding_loss",
    "hinge_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "cosine_embedding_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
    "half_squared_error",
    "log_cosh_loss",
    "quantile_loss",
    "REDUCTIONS",
    "Reduction",
    "alpha_dropout",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x W^T + b.

    Args:
        input: x, shape (..., in).
        weight: W, shape (out, in).
        bias: b, shape (out,), or None (default).

    Raises:
        TypeError: not a Tensor, or another dtype than the weight's.
        ValueError: shapes that do not fit.

    >>> import fastnn
    >>> w = fastnn.tensor([[1.0, 2.0]])
    >>> print(linear(fastnn.tensor([[3.0, 4.0]]), w).numpy())
    [[11.]]
    """
    if type(input) is not Tensor:
        check.a_tensor("input", input)
    return ops.linear(input, weight, bias)


def softmax(input: Tensor, dim: int = -1) -> Tensor:
    """exp(x - max x) / sum exp(x - max x) along `dim`, default the last axis."""
    return ops.softmax(input, _axis(input, dim))


def log_softmax(input: Tensor, dim: int = -1) -> Tensor:
    """x - max x - log sum exp(x - max x) along `dim`, default the last axis."""
    return ops.log_softmax(input, _axis(input, dim))


def _axis(input: Tensor, dim: int) -> int:
    check.a_tensor("input", input)
    return check.integer("dim", dim, -max(input.ndim, 1), max(input.ndim, 1) - 1)


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
        target: int64 classes (rows,) or (rows, ...), or probabilities of z's shape and dtype.
        weight: of each class, default None: 1.
        size_average, reduce: torch's older names of a reduction.
        ignore_index: rows of this class do not count, default -100.
        reduction: 'mean' (default), 'sum' or 'none'.
        label_smoothing: 0..1, the share of every label spread over all classes, default 0.

    Raises:
        TypeError, ValueError: shapes or dtypes that do not fit, a class outside 0..classes-1,
            probabilities that are negative or do not sum to 1.
    """
    chosen = check.choice("reduction", legacy(size_average, reduce, reduction), REDUCTIONS)
    check.a_tensor("input", input)
    check.a_tensor("target", target)
    if input.dtype.kind != "f":
        raise TypeError(f"input: expected float32 or float64 logits, got {input.dtype}")
    probabilities = target.dtype.kind == "f"
    if not probabilities and target.dtype != int64:
        raise TypeError(
            f"target: expected int64 classes or {input.dtype} probabilities, got {target.dtype}; "
            "convert it by .long()"
        )
    given = target
    input, target, shape = by_rows(input, target, probabilities)
    if probabilities:
        check.same_dtype("target", target.dtype, input.dtype, "input")
        listener.checked(given, _all_probabilities)
    options = weight, ignore_index, label_smoothing, chosen
    if weight is not None or label_smoothing or (ignore_index >= 0 and not probabilities):
        loss = weighted.cross_entropy(input, target, *options)
    elif probabilities:
        loss = ops.soft_cross_entropy(input, target, chosen)
    else:
        some = False
        try:
            loss = ops.softmax_cross_entropy(input, target, chosen)  # checks the range
        except ValueError:
            some = weighted.some_ignored(target, ignore_index)
            if not some:
                raise
            loss = weighted.cross_entropy(input, target, *options)
        listener.chosen(target, lambda y: weighted.some_ignored(y, ignore_index), some)
    return ops.reshape(loss, shape) if chosen == "none" and len(shape) != 1 else loss


def _all_probabilities(target: Tensor) -> None:
    rows = np.moveaxis(target._array, min(1, target.ndim - 1), -1)
    check.class_probabilities(rows.reshape(-1, rows.shape[-1]), "target")


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
    same(input, target, chosen)
    if weight is not None or pos_weight is not None:
        return weighted.bce_with_logits(input, target, weight, pos_weight, chosen)
    return ops.bce_with_logits(input, target, chosen)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | str | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared error (z - y)**2; see `nn.MSELoss`.

    Args:
        input: z, any shape.
        target: y, z's shape and dtype.
        size_average, reduce: torch's older names of a reduction.
        reduction: 'mean' (default, over elements), 'sum' or 'none'.
        weight: of each element, z's shape, default None: 1; the mean divides by its sum.

    Raises:
        TypeError, ValueError: shapes or dtypes differ.
    """
    chosen = legacy(size_average, reduce, reduction)
    same(input, target, chosen)
    if weight is not None:
        return reduced_by_weight(ops.mse(input, target, "none"), weight, chosen)
    return ops.mse(input, target, chosen)

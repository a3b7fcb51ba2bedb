"""A linear layer and the batch normalization behind it as one linear layer, for evaluation."""

from __future__ import annotations

import copy

from fastnn import ops
from fastnn._support import check
from fastnn.nn.layers.batch_norm import BatchNorm1d
from fastnn.nn.layers.linear import Linear
from fastnn.nn.parameter import Parameter
from fastnn.tape.modes import no_grad
from fastnn.tensor import Tensor

__all__ = ["fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a linear layer that also normalizes.

    With s = bn_w / sqrt(bn_rv + bn_eps): W s by rows, and (b - bn_rm) s + bn_b.

    Args:
        linear_w, linear_b: (out, in) and (out,); no bias is 0.
        bn_rm, bn_rv: the running mean and variance, (out,).
        bn_eps: added to the variance.
        bn_w, bn_b: the weight and bias of the normalization, (out,).
    """
    with no_grad():
        scale = ops.mul(bn_w, ops.rsqrt(ops.add(bn_rv, bn_eps)))
        weight = ops.mul(linear_w, ops.reshape(scale, (-1, 1)))
        shifted = ops.neg(bn_rm) if linear_b is None else ops.sub(linear_b, bn_rm)
        bias = ops.add(ops.mul(shifted, scale), bn_b)
    return (
        Parameter(weight.detach(), linear_w.requires_grad),
        Parameter(bias.detach(), True if linear_b is None else linear_b.requires_grad),
    )


def fuse_linear_bn_eval(linear: Linear, bn: BatchNorm1d) -> Linear:
    """A Linear that does what both do in evaluation mode.

    Args:
        linear: in evaluation mode.
        bn: in evaluation mode, of as many features, with running moments.

    Raises:
        ValueError: one of them is in training mode; sizes that do not fit; no running moments.

    >>> import fastnn
    >>> from fastnn import nn
    >>> linear, norm = nn.Linear(3, 2).eval(), nn.BatchNorm1d(2).eval()
    >>> x = fastnn.ones(1, 3)
    >>> fused = nn.utils.fuse_linear_bn_eval(linear, norm)
    >>> bool(abs(fused(x) - norm(linear(x))).max() < 1e-6)
    True
    """
    if linear.training or bn.training:
        raise ValueError("linear, bn: expected both in evaluation mode; call .eval() on them")
    if linear.out_features != bn.num_features:
        raise ValueError(
            "To fuse, linear.out_features == bn.num_features: got "
            f"{linear.out_features} and {bn.num_features}"
        )
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError("bn: expected running moments, got track_running_stats=False")
    ones, zeros = ops.ones_like(bn.running_var), ops.zeros_like(bn.running_var)
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        linear.weight,
        linear.bias,
        bn.running_mean,
        bn.running_var,
        check.real("eps", bn.eps),
        ones if bn.weight is None else bn.weight,
        zeros if bn.bias is None else bn.bias,
    )
    return fused

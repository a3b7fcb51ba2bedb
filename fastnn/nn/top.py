"""What torch has of `nn.functional` at its top level, with the arguments that it has there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastnn.nn import functional as F
from fastnn.nn.activations.randomized import with_slopes
from fastnn.random.generator import Generator, default_generator
from fastnn.tensor import Tensor

__all__ = [
    "alpha_dropout",
    "batch_norm",
    "bilinear",
    "celu",
    "channel_shuffle",
    "dropout",
    "embedding",
    "feature_alpha_dropout",
    "group_norm",
    "hardshrink",
    "instance_norm",
    "layer_norm",
    "prelu",
    "rms_norm",
    "rrelu",
    "selu",
    "threshold",
]

bilinear: Final = F.bilinear
celu: Final = F.celu
channel_shuffle: Final = F.channel_shuffle
hardshrink: Final = F.hardshrink
prelu: Final = F.prelu
rms_norm: Final = F.rms_norm
selu: Final = F.selu
threshold: Final = F.threshold


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.dropout` with `train` for `training`."""
    return F.dropout(input, p, train)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.alpha_dropout` with `train` for `training`."""
    return F.alpha_dropout(input, p, train)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`nn.functional.feature_alpha_dropout` with `train` for `training`."""
    return F.feature_alpha_dropout(input, p, train)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """`nn.functional.rrelu`, with the numbers of a generator."""
    return with_slopes(input, lower, upper, training, False, generator or default_generator)


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """`nn.functional.embedding` with the weight first; padding_idx -1 is none.

    >>> import fastnn
    >>> fastnn.embedding(fastnn.tensor([[1.0], [2.0]]), fastnn.tensor([1, 0])).reshape(2)
    tensor([2., 1.])
    """
    padding = None if padding_idx == -1 else padding_idx
    return F.embedding(
        indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse
    )


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """`nn.functional.batch_norm` in the order of torch's top level."""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """`nn.functional.instance_norm` in the order of torch's top level."""
    return F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """`nn.functional.layer_norm`; cudnn_enable is without effect."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """`nn.functional.group_norm`; cudnn_enabled is without effect."""
    return F.group_norm(input, num_groups, weight, bias, eps)

"""Activations along one axis."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.activations.base import ACTIVATIONS, checked
from fastnn.nn.layer import Layer
from fastnn.ops.axes import axis_or_none
from fastnn.random.generator import default_generator
from fastnn.tensor import Tensor, of_array

__all__ = [
    "GLU",
    "LogSoftmax",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "glu",
    "gumbel_softmax",
    "log_softmax",
    "softmax",
    "softmin",
]


def _axis(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    """The axis; torch's choice if none is given: 0 of a scalar, a vector or three axes, else 1."""
    checked(input)
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {name} has been deprecated. Change the call to "
            "include dim=X as an argument.",
            UserWarning,
            stacklevel + 1,
        )
        return 0 if input.ndim in (0, 1, 3) else 1
    return axis_or_none(name, dim, input.ndim)


def _as_given(dim: Any, axis: int | None) -> int | None:
    chosen = dim if axis is None else axis
    return None if chosen is None else check.integer("dim", chosen, -64, 63)


def _cast(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else ops.cast(input, check.real_dtype(dtype))


def _along(op: Callable[[Tensor, int], Tensor], input: Tensor, axis: int) -> Tensor:
    """The op along an axis; of a scalar as of a vector of one element."""
    if input.ndim:
        return op(input, axis)
    return ops.reshape(op(ops.reshape(input, (1,)), 0), ())


class _Along(Layer):
    """Base class of functions along an axis that need not be given."""

    def __init__(self, dim: int | None = None, *, axis: int | None = None) -> None:
        super().__init__()
        self.dim: int | None = _as_given(dim, axis)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Softmax: exp(x - max x) / sum exp(x - max x) along `dim`.

    Args:
        input: x.
        dim: the axis. None (default) warns and is torch's choice: 0 of at most one or of three
            axes, else 1.
        dtype: what x is cast to first; default: it is not.
    """
    axis = _axis("softmax", input, dim, _stacklevel - 1)
    return _along(ops.softmax, _cast(input, dtype), axis)


@ACTIVATIONS.named("softmax", hidden=False)
class Softmax(_Along):
    """Softmax: y_i = exp(x_i - max_j x_j) / sum_k exp(x_k - max_j x_j) along one axis.

    Args:
        dim: the axis. None (default) warns and is torch's choice: 0 of at most one or of three
            axes, else 1.
        axis: MindSpore's name for it.

    Not to be put before CrossEntropyLoss, which takes logits.

    >>> import fastnn
    >>> from fastnn import nn
    >>> print(nn.Softmax(dim=1)(fastnn.tensor([[0.0, 0.0]])).numpy())
    [[0.5 0.5]]
    """

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along `dim`."""
        return softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Layer):
    """Softmax over the channels: axis -3 of (channels, height, width) or of a batch of these.

    Raises:
        ValueError: x of another number of axes.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Softmax2d()(fastnn.zeros(2, 1, 1)).reshape(2)
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along axis -3."""
        checked(input)
        if input.ndim not in (3, 4):
            raise InvalidValueError(
                "input: Softmax2d: expected input to be 3D or 4D, (channels, height, width) with "
                f"or without rows, got shape {input.shape}"
            )
        return ops.softmax(input, -3)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Log-softmax: x - max x - log sum exp(x - max x) along `dim`. Arguments as `softmax`."""
    axis = _axis("log_softmax", input, dim, _stacklevel - 1)
    return _along(ops.log_softmax, _cast(input, dtype), axis)


class LogSoftmax(_Along):
    """Log-softmax: y_i = x_i - max_j x_j - log sum_k exp(x_k - max_j x_j) along one axis.

    Args:
        dim: the axis. None (default) warns and is torch's choice: 0 of at most one or of three
            axes, else 1.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.LogSoftmax(dim=1)(fastnn.tensor([[0.0, 0.0]]))
    tensor([[-0.6931, -0.6931]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim)

    def forward(self, input: Tensor) -> Tensor:
        """The logarithm of softmax along `dim`."""
        return log_softmax(input, self.dim, _stacklevel=5)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Softmin: softmax(-x) along `dim`. Arguments as `softmax`."""
    axis = _axis("softmin", input, dim, _stacklevel - 1)
    return _along(ops.softmax, _cast(ops.neg(input), dtype), axis)


class Softmin(_Along):
    """Softmin: y = softmax(-x) along one axis.

    Args:
        dim: the axis. None (default) warns and is torch's choice: 0 of at most one or of three
            axes, else 1.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Softmin(dim=1)(fastnn.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim)

    def forward(self, input: Tensor) -> Tensor:
        """Softmax of -x along `dim`."""
        return softmin(input, self.dim, _stacklevel=5)


def gumbel_softmax(
    logits: Tensor, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution: softmax((x + g) / tau), g Gumbel(0, 1).

    Args:
        logits: x, unnormalised log-probabilities.
        tau: the temperature, above 0, default 1.
        hard: give one-hot vectors, with the gradient of the soft ones. Default False.
        eps: without effect, as in torch.
        dim: the axis, default -1.

    The numbers are torch's for the same `manual_seed`: g = -log(Exponential(1)).

    Source: Jang, Gu & Poole 2017.

    >>> import fastnn
    >>> import fastnn.nn.functional as F
    >>> F.gumbel_softmax(fastnn.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    checked(logits)
    check.real("tau", tau, 0.0, open_low=True)
    axis = axis_or_none("gumbel_softmax", dim, logits.ndim)
    uniform = of_array(default_generator.uniform(logits.shape, 0.0, 1.0, np.float64))
    exponential = ops.cast(ops.neg(ops.log1p(ops.neg(uniform))), logits.dtype)
    soft = ops.softmax(ops.div(ops.sub(logits, ops.log(exponential)), tau), axis)
    if not check.flag("hard", hard):
        return soft
    highest = ops.amax(soft.detach(), axis, keepdim=True)
    chosen = ops.cast(ops.eq(soft.detach(), highest), soft.dtype)
    return ops.add(ops.sub(chosen, soft.detach()), soft)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """GLU: a sigmoid(b) of the two halves of x along `dim`, default the last axis; see `nn.GLU`."""
    checked(input)
    at = axis_or_none("glu", dim, input.ndim)
    if input.ndim == 0 or input.shape[at] % 2:
        raise InvalidValueError(f"input: expected an even size along axis {dim}, got {input.shape}")
    half = input.shape[at] // 2
    a, b = ops.narrow(input, at, 0, half), ops.narrow(input, at, half, half)
    return ops.mul(a, ops.sigmoid(b))


class GLU(Layer):
    """Gated linear unit: y = a sigmoid(b), a and b the first and second half of x along one axis.

    Args:
        dim: the axis, default -1.

    Raises:
        ValueError: an odd size along the axis.

    Source: Dauphin et al. 2017.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.GLU()(fastnn.tensor([[2.0, 0.0]]))
    tensor([[1.]])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim: int = check.integer("dim", dim, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """a sigmoid(b)."""
        return glu(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"

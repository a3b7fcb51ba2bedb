"""Activations along one axis."""

from __future__ import annotations

from fastnn import ops
from fastnn._support import check
from fastnn.nn.activations.base import ACTIVATIONS, checked
from fastnn.nn.layer import Layer
from fastnn.tensor import Tensor

__all__ = ["GLU", "LogSoftmax", "Softmax", "Softmin", "glu", "log_softmax", "softmax", "softmin"]


def _axis(input: Tensor, dim: int) -> int:
    checked(input)
    return check.integer("dim", dim, -max(input.ndim, 1), max(input.ndim, 1) - 1)


def softmax(input: Tensor, dim: int = -1) -> Tensor:
    """Softmax: exp(x - max x) / sum exp(x - max x) along `dim`, default the last axis."""
    return ops.softmax(input, _axis(input, dim))


@ACTIVATIONS.named("softmax", hidden=False)
class Softmax(Layer):
    """Softmax: y_i = exp(x_i - max_j x_j) / sum_k exp(x_k - max_j x_j) along one axis.

    Args:
        dim: the axis, default -1 (the classes of (rows, classes)).
        axis: MindSpore's name for it.

    Not to be put before CrossEntropyLoss, which takes logits.

    >>> import fastnn
    >>> print(Softmax(dim=1)(fastnn.tensor([[0.0, 0.0]])).numpy())
    [[0.5 0.5]]
    """

    def __init__(self, dim: int = -1, *, axis: int | None = None) -> None:
        super().__init__()
        self.dim = check.integer("dim", dim if axis is None else axis, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along `dim`."""
        return softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


def log_softmax(input: Tensor, dim: int = -1) -> Tensor:
    """Log-softmax: x - max x - log sum exp(x - max x) along `dim`, default the last axis."""
    return ops.log_softmax(input, _axis(input, dim))


class LogSoftmax(Layer):
    """Log-softmax: y_i = x_i - max_j x_j - log sum_k exp(x_k - max_j x_j) along one axis.

    Args:
        dim: the axis, default -1 (the classes of (rows, classes)).

    >>> import fastnn
    >>> LogSoftmax(dim=1)(fastnn.tensor([[0.0, 0.0]]))
    tensor([[-0.6931, -0.6931]])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = check.integer("dim", dim, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """The logarithm of softmax along `dim`."""
        return log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


def softmin(input: Tensor, dim: int = -1) -> Tensor:
    """Softmin: softmax(-x) along `dim`, default the last axis."""
    checked(input)
    return ops.softmax(ops.neg(input), check.integer("dim", dim, -64, 63))


class Softmin(Layer):
    """Softmin: y = softmax(-x) along one axis.

    Args:
        dim: the axis, default -1.

    >>> import fastnn
    >>> Softmin(dim=1)(fastnn.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = check.integer("dim", dim, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """Softmax of -x along `dim`."""
        return softmin(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """GLU: a sigmoid(b) of the two halves of x along `dim`, default the last axis; see `nn.GLU`."""
    checked(input)
    at = check.integer("dim", dim, -max(input.ndim, 1), max(input.ndim, 1) - 1)
    if input.ndim == 0 or input.shape[at] % 2:
        raise ValueError(f"input: expected an even size along axis {dim}, got {input.shape}")
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
    >>> GLU()(fastnn.tensor([[2.0, 0.0]]))
    tensor([[1.]])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = check.integer("dim", dim, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """a sigmoid(b)."""
        return glu(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"

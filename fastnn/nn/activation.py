"""Activations as modules."""

from __future__ import annotations

from fastnn import _check
from fastnn.nn import functional
from fastnn.nn.module import Module
from fastnn.tensor import Tensor


class ReLU(Module):
    """y = max(x, 0), by element; the derivative at 0 is 0.

    >>> import fastnn
    >>> print(ReLU()(fastnn.tensor([-1.0, 2.0])).numpy())
    [0. 2.]
    """

    def forward(self, input: Tensor) -> Tensor:
        """max(x, 0)."""
        return functional.relu(input)


class Sigmoid(Module):
    """y = 1 / (1 + exp(-x)), by element.

    >>> import fastnn
    >>> print(Sigmoid()(fastnn.tensor([0.0])).numpy())
    [0.5]
    """

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + exp(-x))."""
        return functional.sigmoid(input)


class Tanh(Module):
    """y = tanh(x), by element.

    >>> import fastnn
    >>> print(Tanh()(fastnn.tensor([0.0])).numpy())
    [0.]
    """

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return functional.tanh(input)


class Softmax(Module):
    """y_i = exp(x_i - max_j x_j) / sum_k exp(x_k - max_j x_j) along one axis.

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
        self.dim = _check.integer("dim", dim if axis is None else axis, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along `dim`."""
        return functional.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"

"""Activations as modules."""

from __future__ import annotations

from fastnn._support import check
from fastnn.nn import functional
from fastnn.nn.module import Module
from fastnn.nn.pointwise import APPROXIMATIONS, Approximate
from fastnn.tensor import Tensor


class ReLU(Module):
    """y = max(x, 0), by element; the derivative at 0 is 0.

    Args:
        inplace: accepted, and has no effect: x stays what it is.

    >>> import fastnn
    >>> print(ReLU()(fastnn.tensor([-1.0, 2.0])).numpy())
    [0. 2.]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)

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
        self.dim = check.integer("dim", dim if axis is None else axis, -64, 63)

    def forward(self, input: Tensor) -> Tensor:
        """Softmax along `dim`."""
        return functional.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """y_i = x_i - max_j x_j - log sum_k exp(x_k - max_j x_j) along one axis.

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
        return functional.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LeakyReLU(Module):
    """y = x where x > 0, else negative_slope * x, by element; the derivative at 0 is the slope.

    Args:
        negative_slope: default 0.01.
        inplace: accepted, and has no effect.

    >>> import fastnn
    >>> LeakyReLU(0.1)(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)
        self.negative_slope = check.real("negative_slope", negative_slope)

    def forward(self, input: Tensor) -> Tensor:
        """x or negative_slope * x."""
        return functional.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope:g}"


class ELU(Module):
    """y = x where x > 0, else alpha * (exp(x) - 1), by element.

    Args:
        alpha: default 1.
        inplace: accepted, and has no effect.

    Source: Clevert et al. 2016.

    >>> import fastnn
    >>> ELU()(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)
        self.alpha = check.real("alpha", alpha)

    def forward(self, input: Tensor) -> Tensor:
        """x or alpha * (exp(x) - 1)."""
        return functional.elu(input, self.alpha)

    def extra_repr(self) -> str:
        """The scale."""
        return f"alpha={self.alpha:g}"


class SiLU(Module):
    """y = x / (1 + exp(-x)), by element.

    Args:
        inplace: accepted, and has no effect.

    >>> import fastnn
    >>> SiLU()(fastnn.tensor([1.0]))
    tensor([0.7311])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + exp(-x))."""
        return functional.silu(input)


class GELU(Module):
    """y = x Phi(x) = x/2 (1 + erf(x / sqrt 2)), by element.

    Args:
        approximate: 'tanh': x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))); default 'none'.

    Raises:
        ValueError: another text.

    Source: Hendrycks & Gimpel 2016.

    >>> import fastnn
    >>> GELU()(fastnn.tensor([1.0]))
    tensor([0.8413])
    """

    def __init__(self, approximate: Approximate = "none") -> None:
        super().__init__()
        self.approximate: Approximate = check.choice("approximate", approximate, APPROXIMATIONS)

    def forward(self, input: Tensor) -> Tensor:
        """x Phi(x)."""
        return functional.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Which form."""
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """y = log(1 + exp(beta x)) / beta, and x itself where beta x > threshold, by element.

    Args:
        beta: default 1.
        threshold: default 20.

    >>> import fastnn
    >>> Softplus()(fastnn.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = check.real("beta", beta)
        self.threshold = check.real("threshold", threshold)

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + exp(beta x)) / beta."""
        return functional.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Both numbers."""
        return f"beta={self.beta:g}, threshold={self.threshold:g}"

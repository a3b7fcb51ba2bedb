"""Smooth activations: as functions, and as modules."""

from __future__ import annotations

import math

from fastnn import ops
from fastnn._support import check
from fastnn.nn.module import Module
from fastnn.tensor import Tensor

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


def _checked(input: Tensor, inplace: bool = False) -> None:
    check.a_tensor("input", input)
    check.flag("inplace", inplace)


def _below(input: Tensor, alpha: float) -> Tensor:
    """alpha * (exp(x / alpha) - 1) where x <= 0, else 0: finite, and so is its gradient."""
    x = ops.where(ops.gt(input.detach(), 0.0), 0.0, input)
    return ops.mul(ops.expm1(x if alpha == 1.0 else ops.div(x, alpha)), alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """s x where x > 0, else s a (exp(x) - 1); see `nn.SELU`. `inplace` has no effect."""
    _checked(input, inplace)
    below = ops.mul(_below(input, 1.0), SELU_ALPHA)
    return ops.mul(ops.where(ops.gt(input.detach(), 0.0), input, below), SELU_SCALE)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (exp(x / alpha) - 1); see `nn.CELU`. `inplace` has no effect."""
    _checked(input, inplace)
    scale = _nonzero("alpha", alpha)
    return ops.where(ops.gt(input.detach(), 0.0), input, _below(input, scale))


def _nonzero(name: str, value: float) -> float:
    number = check.real(name, value)
    if number == 0.0:
        raise ValueError(f"{name}: expected a number other than 0, got 0")
    return number


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + exp(x))), by element; see `nn.Mish`. `inplace` has no effect."""
    _checked(input, inplace)
    return ops.mul(input, ops.tanh(ops.softplus(input)))


def logsigmoid(input: Tensor) -> Tensor:
    """-log(1 + exp(-x)), by element."""
    _checked(input)
    return ops.neg(ops.softplus(ops.neg(input), 1.0, math.inf))


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|), by element."""
    _checked(input)
    return ops.div(input, ops.add(ops.abs(input), 1.0))


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x), by element."""
    _checked(input)
    return ops.sub(input, ops.tanh(input))


def softmin(input: Tensor, dim: int = -1) -> Tensor:
    """softmax(-x) along `dim`, default the last axis."""
    _checked(input)
    return ops.softmax(ops.neg(input), check.integer("dim", dim, -64, 63))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b) of the two halves of x along `dim`, default the last axis; see `nn.GLU`."""
    _checked(input)
    at = check.integer("dim", dim, -max(input.ndim, 1), max(input.ndim, 1) - 1)
    if input.ndim == 0 or input.shape[at] % 2:
        raise ValueError(f"input: expected an even size along axis {dim}, got {input.shape}")
    half = input.shape[at] // 2
    a, b = ops.narrow(input, at, 0, half), ops.narrow(input, at, half, half)
    return ops.mul(a, ops.sigmoid(b))


class SELU(Module):
    """y = s x where x > 0, else s a (exp(x) - 1), s = 1.0507, a = 1.6733, by element.

    Args:
        inplace: accepted, and has no effect.

    Source: Klambauer et al. 2017.

    >>> import fastnn
    >>> SELU()(fastnn.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)

    def forward(self, input: Tensor) -> Tensor:
        """s x or s a (exp(x) - 1)."""
        return selu(input)


class CELU(Module):
    """y = x where x > 0, else alpha (exp(x / alpha) - 1), by element.

    Args:
        alpha: not 0, default 1.
        inplace: accepted, and has no effect.

    Source: Barron 2017.

    >>> import fastnn
    >>> CELU(2.0)(fastnn.tensor([-2.0, 1.0]))
    tensor([-1.2642,  1.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)
        self.alpha = _nonzero("alpha", alpha)

    def forward(self, input: Tensor) -> Tensor:
        """x or alpha (exp(x / alpha) - 1)."""
        return celu(input, self.alpha)

    def extra_repr(self) -> str:
        """The scale."""
        return f"alpha={self.alpha:g}"


class Mish(Module):
    """y = x tanh(log(1 + exp(x))), by element.

    Args:
        inplace: accepted, and has no effect.

    Source: Misra 2019.

    >>> import fastnn
    >>> Mish()(fastnn.tensor([1.0]))
    tensor([0.8651])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        check.flag("inplace", inplace)

    def forward(self, input: Tensor) -> Tensor:
        """x tanh(softplus(x))."""
        return mish(input)


class LogSigmoid(Module):
    """y = -log(1 + exp(-x)), by element.

    >>> import fastnn
    >>> LogSigmoid()(fastnn.tensor([0.0, -100.0]))
    tensor([  -0.6931, -100.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """log(sigmoid(x))."""
        return logsigmoid(input)


class Softsign(Module):
    """y = x / (1 + |x|), by element.

    >>> import fastnn
    >>> Softsign()(fastnn.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return softsign(input)


class Tanhshrink(Module):
    """y = x - tanh(x), by element.

    >>> import fastnn
    >>> Tanhshrink()(fastnn.tensor([1.0]))
    tensor([0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x - tanh(x)."""
        return tanhshrink(input)


class Softmin(Module):
    """y = softmax(-x) along one axis.

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


class GLU(Module):
    """y = a sigmoid(b), a and b the first and second half of x along one axis.

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

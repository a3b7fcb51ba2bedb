"""Smooth activations."""

from __future__ import annotations

import math
from typing import Literal

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.nn.activations.base import ACTIVATIONS, Elementwise, Plain, checked, into
from fastnn.tensor import Tensor, bool_

__all__ = [
    "GELU",
    "LogSigmoid",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "gelu",
    "logsigmoid",
    "mish",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
    "tanhshrink",
]

Approximate = Literal["none", "tanh"]
APPROXIMATIONS: tuple[Approximate, ...] = ("none", "tanh")


def sigmoid(input: Tensor) -> Tensor:
    """Logistic sigmoid: 1 / (1 + exp(-x)), elementwise."""
    checked(input)
    return ops.sigmoid(input)


@ACTIVATIONS.named("sigmoid")
class Sigmoid(Elementwise):
    """Logistic sigmoid: y = 1 / (1 + exp(-x)), elementwise.

    >>> import fastnn
    >>> from fastnn import nn
    >>> print(nn.Sigmoid()(fastnn.tensor([0.0])).numpy())
    [0.5]
    """

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + exp(-x))."""
        return sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent: tanh(x), elementwise."""
    checked(input)
    return ops.tanh(input)


@ACTIVATIONS.named("tanh")
class Tanh(Elementwise):
    """Hyperbolic tangent: y = tanh(x), elementwise.

    >>> import fastnn
    >>> from fastnn import nn
    >>> print(nn.Tanh()(fastnn.tensor([0.0])).numpy())
    [0.]
    """

    def forward(self, input: Tensor) -> Tensor:
        """tanh(x)."""
        return tanh(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """SiLU: x / (1 + exp(-x)), elementwise. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "silu_", lambda x: silu(x))
    return ops.mul(input, ops.sigmoid(input))


class SiLU(Plain):
    """SiLU (swish): y = x / (1 + exp(-x)), elementwise.

    Args:
        inplace: write the result into x, default False.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.SiLU()(fastnn.tensor([1.0]))
    tensor([0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + exp(-x))."""
        return silu(input, self.inplace)


def gelu(input: Tensor, approximate: Approximate = "none") -> Tensor:
    """GELU: x Phi(x) = x/2 (1 + erf(x / sqrt 2)), elementwise.

    Args:
        input: x.
        approximate: 'tanh': x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))); default 'none'.

    Raises:
        ValueError: another text.

    Source: Hendrycks & Gimpel 2016.
    """
    checked(input)
    if check.choice("approximate", approximate, APPROXIMATIONS) == "none":
        return ops.gelu(input)
    cubic = ops.add(ops.mul(ops.square(input), 0.044715), 1.0)
    share = ops.tanh(ops.mul(ops.mul(input, cubic), math.sqrt(2 / math.pi)))
    return ops.mul(ops.mul(input, 0.5), ops.add(share, 1.0))


class GELU(Elementwise):
    """Gaussian error linear unit: y = x Phi(x) = x/2 (1 + erf(x / sqrt 2)), elementwise.

    Args:
        approximate: 'tanh': x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))); default 'none'.

    Raises:
        ValueError: another text.

    Source: Hendrycks & Gimpel 2016.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.GELU()(fastnn.tensor([1.0]))
    tensor([0.8413])
    """

    def __init__(self, approximate: Approximate = "none") -> None:
        super().__init__()
        self.approximate: Approximate = check.choice("approximate", approximate, APPROXIMATIONS)

    def forward(self, input: Tensor) -> Tensor:
        """x Phi(x)."""
        return gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Which form."""
        return f"approximate={self.approximate!r}"


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Softplus: log(1 + exp(beta x)) / beta, and x itself where beta x > threshold."""
    checked(input)
    sharpness = check.real("beta", beta)
    if sharpness == 0.0:
        raise InvalidValueError("beta: expected a number other than 0, got 0")
    return ops.softplus(input, sharpness, check.real("threshold", threshold))


class Softplus(Elementwise):
    """Softplus, a smooth ReLU.

    y = log(1 + exp(beta x)) / beta, and x itself where beta x > threshold, elementwise.

    Args:
        beta: default 1.
        threshold: default 20.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Softplus()(fastnn.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta: float = check.real("beta", beta)
        self.threshold: float = check.real("threshold", threshold)

    def forward(self, input: Tensor) -> Tensor:
        """log(1 + exp(beta x)) / beta."""
        return softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Both numbers."""
        return f"beta={self.beta:g}, threshold={self.threshold:g}"


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Mish: x tanh(log(1 + exp(x))), elementwise; see `nn.Mish`. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "mish_", lambda x: mish(x))
    return ops.mul(input, ops.tanh(ops.softplus(input)))


class Mish(Plain):
    """Mish: y = x tanh(log(1 + exp(x))), elementwise.

    Args:
        inplace: write the result into x, default False.

    Source: Misra 2019.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Mish()(fastnn.tensor([1.0]))
    tensor([0.8651])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x tanh(softplus(x))."""
        return mish(input, self.inplace)


def logsigmoid(input: Tensor) -> Tensor:
    """Log-sigmoid: -log(1 + exp(-x)), elementwise."""
    checked(input)
    return ops.neg(ops.softplus(ops.neg(input), 1.0, math.inf))


class LogSigmoid(Elementwise):
    """Log-sigmoid: y = -log(1 + exp(-x)), elementwise.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.LogSigmoid()(fastnn.tensor([0.0, -100.0]))
    tensor([  -0.6931, -100.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """log(sigmoid(x))."""
        return logsigmoid(input)


def softsign(input: Tensor) -> Tensor:
    """Softsign: x / (1 + |x|), elementwise."""
    checked(input)
    return ops.div(input, ops.add(ops.abs(input), 1.0))


class Softsign(Elementwise):
    """Softsign: y = x / (1 + |x|), elementwise.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Softsign()(fastnn.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x / (1 + |x|)."""
        return softsign(input)


def tanhshrink(input: Tensor) -> Tensor:
    """Tanh shrinkage: x - tanh(x), elementwise."""
    checked(input)
    if input.dtype == bool_:
        raise InvalidTypeError("input: expected numbers, got bool; use .float()")
    return ops.sub(input, ops.tanh(input))


class Tanhshrink(Elementwise):
    """Tanh shrinkage: y = x - tanh(x), elementwise.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.Tanhshrink()(fastnn.tensor([1.0]))
    tensor([0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        """x - tanh(x)."""
        return tanhshrink(input)

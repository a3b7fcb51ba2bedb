"""Exponential linear units."""

from __future__ import annotations

from fastnn import ops
from fastnn._support import check
from fastnn._support.errors import InvalidValueError
from fastnn.nn.activations.base import Elementwise, Plain, checked, into
from fastnn.tensor import Tensor

__all__ = ["CELU", "ELU", "SELU", "celu", "celu_", "elu", "elu_", "selu", "selu_"]

SELU_SCALE = 1.0507009873554804934193349852946

SELU_ALPHA = 1.6732632423543772848170429916717


def _below(input: Tensor, alpha: float) -> Tensor:
    """alpha * (exp(x / alpha) - 1) where x <= 0, else 0: finite, and so is its gradient."""
    x = ops.where(_is_below(input), input, 0.0)
    return ops.mul(ops.expm1(x if alpha == 1.0 else ops.div(x, alpha)), alpha)


def _is_below(input: Tensor) -> Tensor:
    """x <= 0; nan is not, and is passed on with its gradient, as in torch."""
    return ops.le(input.detach(), 0.0)


def _nonzero(name: str, value: float) -> float:
    number = check.real(name, value)
    if number == 0.0:
        raise InvalidValueError(f"{name}: expected a number other than 0, got 0")
    return number


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """ELU: x where x > 0, else alpha * (exp(x) - 1). `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "elu_", lambda x: elu(x, alpha))
    scale = check.real("alpha", alpha)
    below = ops.mul(_below(input, 1.0), scale)
    return ops.where(_is_below(input), below, input)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu` written into x."""
    return elu(input, alpha, True)


class ELU(Elementwise):
    """Exponential linear unit: y = x where x > 0, else alpha * (exp(x) - 1), elementwise.

    Args:
        alpha: default 1.
        inplace: write the result into x, default False.

    Source: Clevert et al. 2016.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.ELU()(fastnn.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace: bool = check.flag("inplace", inplace)
        self.alpha: float = check.real("alpha", alpha)

    def forward(self, input: Tensor) -> Tensor:
        """x or alpha * (exp(x) - 1)."""
        return elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The scale."""
        return self._and_inplace(f"alpha={self.alpha:g}")


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """SELU: s x where x > 0, else s a (exp(x) - 1); see `nn.SELU`. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "selu_", lambda x: selu(x))
    below = ops.mul(_below(input, 1.0), SELU_ALPHA)
    return ops.mul(ops.where(_is_below(input), below, input), SELU_SCALE)


def selu_(input: Tensor) -> Tensor:
    """`selu` written into x."""
    return selu(input, True)


class SELU(Plain):
    """Scaled ELU: y = s x where x > 0, else s a (exp(x) - 1), s = 1.0507, a = 1.6733, elementwise.

    Args:
        inplace: write the result into x, default False.

    Source: Klambauer et al. 2017.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.SELU()(fastnn.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """

    def forward(self, input: Tensor) -> Tensor:
        """s x or s a (exp(x) - 1)."""
        return selu(input, self.inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (exp(x / alpha) - 1); see `nn.CELU`. `inplace`: in x."""
    checked(input, inplace)
    if inplace:
        return into(input, "celu_", lambda x: celu(x, alpha))
    scale = _nonzero("alpha", alpha)
    return ops.where(_is_below(input), _below(input, scale), input)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu` written into x."""
    return celu(input, alpha, True)


class CELU(Elementwise):
    """Continuously differentiable ELU.

    y = x where x > 0, else alpha (exp(x / alpha) - 1), elementwise.

    Args:
        alpha: not 0, default 1.
        inplace: write the result into x, default False.

    Source: Barron 2017.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.CELU(2.0)(fastnn.tensor([-2.0, 1.0]))
    tensor([-1.2642,  1.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.inplace: bool = check.flag("inplace", inplace)
        self.alpha: float = _nonzero("alpha", alpha)

    def forward(self, input: Tensor) -> Tensor:
        """x or alpha (exp(x / alpha) - 1)."""
        return celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The scale."""
        return self._and_inplace(f"alpha={self.alpha:g}")

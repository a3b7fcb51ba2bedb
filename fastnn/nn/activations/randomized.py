"""RReLU: a leaky rectifier with random slopes."""

from __future__ import annotations

import numpy as np

from fastnn import ops
from fastnn._support import check, dtypes
from fastnn.nn.activations.base import Elementwise, checked
from fastnn.random.generator import Generator, default_generator
from fastnn.tensor import Tensor, of_array

__all__ = ["RReLU", "rrelu"]


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x where x > 0, else a x, a random between lower and upper; see `nn.RReLU`.

    Args:
        input: x.
        lower, upper: of a, defaults 1/8 and 1/3.
        training: False (default) takes a = (lower + upper) / 2.
        inplace: write the result into x. Default False.

    Raises:
        ValueError: lower above upper.
    """
    return with_slopes(input, lower, upper, training, inplace, default_generator)


def with_slopes(
    input: Tensor,
    lower: float,
    upper: float,
    training: bool,
    inplace: bool,
    generator: Generator,
) -> Tensor:
    """`rrelu` by the numbers of a generator."""
    checked(input)
    low = check.real("lower", lower)
    high = check.real("upper", upper, low)
    below = ops.le(input.detach(), 0.0)
    within = check.flag("inplace", inplace)
    if check.flag("training", training) and high > low:
        slope = _slopes(input, below, low, high, generator)
        y = ops.where(below, ops.mul(input, slope), input)
    else:
        y = ops.where(below, ops.mul(input, (low + high) / 2), input)
    return ops.copy_(input, y) if within else y


def _slopes(input: Tensor, below: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    """A slope for each x <= 0, in their order, as torch draws them."""
    negative = below._array
    slopes = np.ones(negative.shape, np.float64)
    slopes[negative] = generator.uniform((int(negative.sum()),), low, high, np.float64)
    return of_array(dtypes.converted(slopes, input.dtype))


class RReLU(Elementwise):
    """Randomized leaky ReLU: y = x where x > 0, else a x, elementwise.

    a ~ U(lower, upper) for each element in training, else (lower + upper) / 2.

    Args:
        lower: default 1/8.
        upper: default 1/3.
        inplace: write the result into x. Default False.

    The slopes depend on the number of elements below 0, so training with random slopes runs
    eagerly: a recording of it is refused.

    Raises:
        ValueError: lower above upper.

    Source: Xu et al. 2015.

    >>> import fastnn
    >>> from fastnn import nn
    >>> nn.RReLU(0.25, 0.75).eval()(fastnn.tensor([-2.0, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower: float = check.real("lower", lower)
        self.upper: float = check.real("upper", upper, self.lower)
        self.inplace: bool = check.flag("inplace", inplace)

    def forward(self, input: Tensor) -> Tensor:
        """x or a x."""
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The range."""
        return f"lower={self.lower}, upper={self.upper}" + (
            ", inplace=True" if self.inplace else ""
        )

"""Activations as functions, written in ops, with the checks of what a user passes."""

from __future__ import annotations

import math
from typing import Literal

from fastnn import ops
from fastnn._support import check
from fastnn.tensor import Tensor

Approximate = Literal["none", "tanh"]
APPROXIMATIONS: tuple[Approximate, ...] = ("none", "tanh")


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), by element. `inplace` is accepted and has no effect: x stays what it is."""
    check.a_tensor("input", input)
    check.flag("inplace", inplace)
    return ops.relu(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), by element."""
    check.a_tensor("input", input)
    return ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """tanh(x), by element."""
    check.a_tensor("input", input)
    return ops.tanh(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope * x. `inplace` is accepted and has no effect."""
    check.a_tensor("input", input)
    check.flag("inplace", inplace)
    slope = check.real("negative_slope", negative_slope)
    return ops.where(ops.gt(input.detach(), 0.0), input, ops.mul(input, slope))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1). `inplace` is accepted and has no effect."""
    check.a_tensor("input", input)
    check.flag("inplace", inplace)
    scale = check.real("alpha", alpha)
    above = ops.gt(input.detach(), 0.0)
    below = ops.expm1(ops.where(above, 0.0, input))  # finite, and so is its gradient
    return ops.where(above, input, ops.mul(below, scale))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x / (1 + exp(-x)), by element. `inplace` is accepted and has no effect."""
    check.a_tensor("input", input)
    check.flag("inplace", inplace)
    return ops.mul(input, ops.sigmoid(input))


def gelu(input: Tensor, approximate: Approximate = "none") -> Tensor:
    """x Phi(x) = x/2 (1 + erf(x / sqrt 2)), by element.

    Args:
        input: x.
        approximate: 'tanh': x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))); default 'none'.

    Raises:
        ValueError: another text.

    Source: Hendrycks & Gimpel 2016.
    """
    check.a_tensor("input", input)
    if check.choice("approximate", approximate, APPROXIMATIONS) == "none":
        return ops.gelu(input)
    cubic = ops.add(ops.mul(ops.square(input), 0.044715), 1.0)
    share = ops.tanh(ops.mul(ops.mul(input, cubic), math.sqrt(2 / math.pi)))
    return ops.mul(ops.mul(input, 0.5), ops.add(share, 1.0))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, and x itself where beta x > threshold."""
    check.a_tensor("input", input)
    sharpness = check.real("beta", beta)
    if sharpness == 0.0:
        raise ValueError("beta: expected a number other than 0, got 0")
    return ops.softplus(input, sharpness, check.real("threshold", threshold))


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(norm, eps), the norm (sum |x|**p)**(1/p) along `dim`.

    >>> import fastnn
    >>> normalize(fastnn.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    check.a_tensor("input", input)
    length = ops.norm(input, p, dim, keepdim=True)
    return ops.div(input, ops.clamp(length, check.real("eps", eps, 0.0)))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 (..., num_classes): 1 at the class, else 0.

    Args:
        tensor: int64 classes.
        num_classes: default -1: one more than the largest class.

    Raises:
        TypeError, IndexError: not integers, a class outside 0..num_classes-1.

    >>> import fastnn
    >>> one_hot(fastnn.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    check.a_tensor("tensor", tensor)
    return ops.one_hot(tensor, check.integer("num_classes", num_classes, -1, 2**31))

"""Tensor's methods that fill it with random numbers, by fastnn's generator."""

from __future__ import annotations

from fastnn.ops.elementwise import lt
from fastnn.ops.inplace import copy_
from fastnn.random.generator import default_generator
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods


def uniform_(self: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform numbers between low and high, by fastnn's generator."""
    return copy_(self, Tensor(default_generator.uniform(self.shape, low, high, self.dtype)))


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Normal numbers, by fastnn's generator."""
    return copy_(self, Tensor(default_generator.normal(self.shape, mean, std, self.dtype)))


def bernoulli_(self: Tensor, p: float = 0.5) -> Tensor:
    """1 with probability p, else 0, by fastnn's generator."""
    return copy_(self, lt(uniform_(self), p))


METHODS = methods(uniform_, normal_, bernoulli_)

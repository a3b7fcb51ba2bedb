"""Layers, activations and losses as functions."""

from __future__ import annotations

import inspect
import sys

from fastnn import ops
from fastnn._support import check
from fastnn._support.blame import name_arguments
from fastnn.nn import activations, layers, losses
from fastnn.nn.activations import *
from fastnn.nn.layers import *
from fastnn.nn.losses import *
from fastnn.nn.losses.base import REDUCTIONS, Reduction
from fastnn.ops.distances import pdist
from fastnn.ops.padding import pad
from fastnn.tensor import Tensor


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Normalize along `dim`: x / max(norm, eps) with the p-norm (sum |x|**p)**(1/p).

    >>> import fastnn
    >>> import fastnn.nn.functional as F
    >>> F.normalize(fastnn.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    check.a_tensor("input", input)
    length = ops.norm(input, p, dim, keepdim=True)
    return ops.div(input, ops.clamp(length, check.real("eps", eps, 0.0)))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """One-hot encoding, int64 (..., num_classes): 1 at the class, else 0.

    Args:
        tensor: int64 classes.
        num_classes: default -1: one more than the largest class.

    Raises:
        TypeError, IndexError: not integers, a class outside 0..num_classes-1.

    >>> import fastnn
    >>> import fastnn.nn.functional as F
    >>> F.one_hot(fastnn.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    check.a_tensor("tensor", tensor)
    return ops.one_hot(tensor, check.integer("num_classes", num_classes, -1, 2**31))


_SHORT = frozenset("dropout gelu relu sigmoid tanh".split())  # as an op

# This module has the functions of the families; `nn` has the classes.
_found = {**vars(activations), **vars(layers), **vars(losses)}
_functions = [name for name, value in _found.items() if inspect.isfunction(value)]
for _name in _found:
    if _name[0] != "_" and _name not in _functions:
        globals().pop(_name, None)

__all__ = ["REDUCTIONS", "Reduction", "normalize", "one_hot", "pad", "pdist", *_functions]
name_arguments(sys.modules[__name__], _SHORT)

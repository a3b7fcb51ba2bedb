"""What tensors have as methods, as functions: the names of torch that are no op."""

from __future__ import annotations

from typing import Any

from fastnn.ops import elementwise
from fastnn.ops.indexing import nonzero
from fastnn.tensor import Tensor


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other; of a condition alone, the positions where it
    holds, as `nonzero(as_tuple=True)`."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return elementwise.where(condition, input, other)


def clone(input: Tensor) -> Tensor:
    """A copy; see `Tensor.clone`."""
    return input.clone()


def detach(input: Tensor) -> Tensor:
    """The same memory, off the tape."""
    return input.detach()


def ravel(input: Tensor) -> Tensor:
    """All axes as one."""
    return input.ravel()


def is_floating_point(input: Tensor) -> bool:
    """Whether it is of float32 or float64."""
    return input.is_floating_point()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not 0."""
    return bool(input.item())

"""Copies and pickles of tensors: their values and attributes; never the tape."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.tensor.tensor import Tensor


def _rebuilt(cls: type[Tensor], array: NDArray[Any], requires_grad: bool) -> Tensor:
    """A leaf of that class; a class of the user's own is not asked how it begins."""
    tensor = cls.__new__(cls)
    tensor._begin(array, requires_grad)
    return tensor


def __reduce__(self: Tensor) -> tuple[Any, ...]:
    """What `pickle` keeps, and `copy.copy` takes over: a leaf, as in torch, without its gradient.
    A copy by `copy.copy` shares the memory."""
    return _rebuilt, (type(self), self._array, self.requires_grad), vars(self) or None


def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy with memory, gradient and attributes of its own.

    Raises:
        RuntimeError: a result of ops that requires grad.
    """
    if self._node is not None:
        raise RuntimeError(
            "copy.deepcopy: only tensors created explicitly by the user (graph leaves) support the "
            "deepcopy protocol, got a result of ops that requires grad; copy its .detach(), or use "
            ".clone()"
        )
    copied = _rebuilt(type(self), self._array.copy(order="K"), self.requires_grad)
    memo[id(self)] = copied
    if self.grad is not None:
        copied.grad = copy.deepcopy(self.grad, memo)
    vars(copied).update(copy.deepcopy(vars(self), memo))
    return copied


METHODS = methods(__reduce__, __deepcopy__)

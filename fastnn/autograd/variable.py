"""`Variable`, what torch called a tensor on the tape before its version 0.4."""

from __future__ import annotations

from typing import Any

from fastnn._support.errors import InvalidTypeError
from fastnn.tensor import Tensor


class _TensorsAreVariables(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_TensorsAreVariables):
    """A tensor on the memory of another, as a leaf; every Tensor is an instance.

    Args:
        data: a Tensor.
        requires_grad: default False.
        volatile: without effect, as in torch.

    Raises:
        TypeError: data that is no Tensor.

    Source: torch.autograd.Variable, which torch keeps for old programs.

    Example:
        >>> import fastnn
        >>> x = fastnn.autograd.Variable(fastnn.ones(2), requires_grad=True)
        >>> x.sum().backward()
        >>> x.grad, isinstance(x, fastnn.autograd.Variable)
        (tensor([1., 1.]), True)
    """

    def __new__(  # type: ignore[misc]
        cls, data: Tensor, requires_grad: bool = False, volatile: Any = None
    ) -> Tensor:
        if not isinstance(data, Tensor):
            raise InvalidTypeError(f"data: expected a Tensor, got {type(data).__name__}")
        return data.detach().requires_grad_(bool(requires_grad))

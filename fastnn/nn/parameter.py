"""Parameter: a Tensor that a Module owns and an optimizer changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import _check
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.optim.flat import FlatParameters


class Parameter(Tensor):
    """A tensor that a Module registers when it is assigned as an attribute.

    Args:
        data: a Tensor or an array of float32 or float64; its memory is shared.
        requires_grad: default True.
        name: default: the attribute that it is first assigned to.

    Raises:
        TypeError: data of another dtype.

    >>> w = Parameter(np.zeros((2, 3), np.float32))
    >>> w.shape, w.requires_grad
    ((2, 3), True)
    """

    __slots__ = ("_flat", "name")

    name: str
    _flat: FlatParameters | None  # the vector that an optimizer packed it into

    def __init__(
        self, data: Tensor | npt.NDArray[Any], requires_grad: bool = True, name: str = ""
    ) -> None:
        array = data._array if isinstance(data, Tensor) else np.asarray(data)
        _check.real_dtype(array.dtype, "data")
        super().__init__(array, requires_grad=requires_grad)
        self.name = name
        self._flat = None

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._array, self.requires_grad, self.name))

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        copied = type(self)(self._array.copy(order="K"), self.requires_grad, self.name)
        memo[id(self)] = copied
        return copied

"""Parameter: a trainable Tensor of a Module."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import ops
from fastnn._support import check, maps
from fastnn.tape import versions
from fastnn.tensor import Tensor, of_array


class Parameter(Tensor):
    """A trainable tensor, which a Module registers when it is assigned as an attribute.

    Args:
        data: a Tensor or an array of a floating-point dtype; its memory is shared. Default:
            no elements.
        requires_grad: default True. A string in this position is the name, as in MindSpore.
        name: default: the attribute that it is first assigned to.

    Raises:
        TypeError: data of another dtype.

    >>> import numpy as np
    >>> import fastnn
    >>> w = fastnn.Parameter(np.zeros((2, 3), np.float32))
    >>> w.shape, w.requires_grad
    ((2, 3), True)
    >>> fastnn.Parameter(np.zeros(3, np.float32), name="b").name
    'b'
    """

    __slots__ = ("_flat", "name")

    name: str
    _flat: Any  # the vector that an optimizer packed it into

    def __init__(
        self,
        data: Tensor | npt.ArrayLike | None = None,
        requires_grad: bool | str = True,
        name: str | bool | None = "",
    ) -> None:
        if isinstance(requires_grad, str) or isinstance(name, bool):  # (data, name, requires_grad)
            requires_grad, name = name if isinstance(name, bool) else True, requires_grad
        if data is None:
            data = np.empty(0, check.real_dtype(None))
        array = data._array if isinstance(data, Tensor) else maps.held(np.asarray(data), "data")
        check.real_dtype(array.dtype, "data")
        self._begin(array, check.flag("requires_grad", requires_grad))
        self.name = "" if name is None or isinstance(name, bool) else name
        self._flat = None

    def value(self) -> Tensor:
        """The values as a detached Tensor on the same memory."""
        return self.detach()

    def set_data(self, data: Tensor | npt.ArrayLike) -> Parameter:
        """Copy the values of an array of the same shape, and return self.

        Raises:
            ValueError: another shape.
        """
        values = of_array(data._array if isinstance(data, Tensor) else maps.array_of(data, "data"))
        check.same_shape("data", values.shape, self.shape, "the parameter")
        ops.copy_(self, values)
        versions.wrote(self._array, "set_data")  # by this name in errors
        return self

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._array, self.requires_grad, self.name), vars(self) or None

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        copied = type(self)(self._array.copy(order="K"), self.requires_grad, self.name)
        memo[id(self)] = copied
        return copied


class Buffer(Tensor):
    """A tensor that a Module registers as a buffer when it is assigned as an attribute.

    Args:
        data: a Tensor or an array; its memory is shared. Default: empty.
        persistent: whether it is in `state_dict`, default True.

    >>> import numpy as np
    >>> from fastnn import nn
    >>> module = nn.Module()
    >>> module.mean = nn.Buffer(np.zeros(2, np.float32))
    >>> list(module.state_dict())
    ['mean']
    """

    __slots__ = ("persistent",)

    def __init__(
        self, data: Tensor | npt.ArrayLike | None = None, *, persistent: bool = True
    ) -> None:
        given = np.empty(0, np.float32) if data is None else data
        array = given._array if isinstance(given, Tensor) else maps.held(np.asarray(given), "data")
        self._begin(array)
        self.persistent: bool = check.flag("persistent", persistent)

    def __reduce__(self) -> tuple[Any, ...]:
        return _buffer, (self._array, self.persistent), vars(self) or None

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        copied = _buffer(self._array.copy(order="K"), self.persistent)
        memo[id(self)] = copied
        return copied


def _buffer(array: npt.NDArray[Any], persistent: bool) -> Buffer:
    return Buffer(array, persistent=persistent)


class ParameterTuple(tuple[Parameter, ...]):
    """A tuple of parameters, MindSpore's `ParameterTuple`: the `weights` of a transform.

    Args:
        parameters: Parameters.

    Raises:
        TypeError: something else among them.

    >>> import numpy as np
    >>> import fastnn
    >>> w = fastnn.Parameter(np.zeros(2, np.float32), name="w")
    >>> len(fastnn.ParameterTuple([w]))
    1
    """

    __slots__ = ()

    def __new__(cls, parameters: Iterable[Tensor]) -> ParameterTuple:
        found = tuple(parameters)
        for i, p in enumerate(found):
            if not isinstance(p, Tensor):
                raise TypeError(f"parameters[{i}]: expected a Parameter, got {check.show(p)}")
        return super().__new__(cls, found)  # type: ignore[arg-type]

"""MindSpore's Tensor and Parameter: fastnn's, with MindSpore's methods.

What functions and cells of this package return is of these classes: `adopt` turns what the engine
made into them, in place. `fastnn.mindspore.methods` attaches the methods that are functions of ops.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import nn
from fastnn._support import check, maps
from fastnn.tape import listener
from fastnn.tensor import Tensor as Plain
from fastnn.tensor.tensor import as_dtype

_NAMES = {"uint8": "UInt8", "bfloat16": "BFloat16"}


def name_of(dtype: np.dtype[Any]) -> str:
    """MindSpore's name of a dtype: Float32."""
    return _NAMES.get(dtype.name, dtype.name.capitalize())


class Tensor(Plain):
    """An n-dimensional array with automatic differentiation, MindSpore's `Tensor`.

    Args:
        input_data: a number, nested lists, an array or a tensor. Without a dtype whole numbers
            become int64, others float32, and arrays keep their dtype. An array's memory is shared.
        dtype: the dtype of the result.
        shape, init: instead of input_data, a shape and an initializer; see `common.initializer`.
        const_arg: without effect.
        device: 'CPU' or None.

    Raises:
        TypeError: data that are not numbers, or neither data nor a shape with init.
        ValueError: another device.

    Example:
        >>> import fastnn.mindspore as mindspore
        >>> mindspore.Tensor([1, 0])
        Tensor(shape=[2], dtype=Int64, value= [1, 0])
        >>> print(mindspore.Tensor([1.0, 3.0]).std())
        1.0
    """

    __slots__ = ()
    compiled_by = "fastnn.mindspore.jit"

    def __init__(
        self,
        input_data: Any = None,
        dtype: npt.DTypeLike | None = None,
        shape: int | tuple[int, ...] | None = None,
        init: Any = None,
        const_arg: bool = False,
        device: str | None = None,
    ) -> None:
        if device is not None and str(device).upper() != "CPU":
            raise ValueError(f"device: expected 'CPU', got {device!r}")
        if input_data is None:
            if shape is None or init is None:
                raise TypeError("input_data: expected numbers, or None with shape= and init=")
            dtype = np.float32 if dtype is None else dtype
            input_data = np.zeros(shape, np.float32)
            init(input_data)
        self._begin(values_of(input_data, dtype))

    def init_data(self) -> Tensor:
        """The tensor itself: its values are there from the start."""
        return self

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """The sizes of the axes."""
        return self._array.shape

    @property
    def size(self) -> int:  # type: ignore[override]
        """The number of elements."""
        return int(self._array.size)

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of all axes, in bytes."""
        return self._array.strides

    def numpy(self, *, force: bool = False) -> npt.NDArray[Any]:
        """The values as an array that shares this tensor's memory; `force` has no effect."""
        return Plain.numpy(Plain.detach(self))

    if TYPE_CHECKING:

        def asnumpy(self) -> npt.NDArray[Any]: ...

    else:
        asnumpy = numpy

    def value(self) -> Plain:
        """The values, off the tape."""
        taken: Plain = adopt(Plain.detach(self))
        return taken

    @staticmethod
    def from_numpy(array: npt.NDArray[Any]) -> Tensor:
        """A tensor that shares an array's memory."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"array: expected a NumPy array, got {check.show(array)}")
        return Tensor(array)

    def __repr__(self) -> str:
        if listener.active is not None:
            return Plain.__repr__(self)
        start = f"Tensor(shape={list(self.shape)}, dtype={name_of(self.dtype)}, value= "
        return start + np.array2string(self.asnumpy(), separator=", ", prefix=start) + ")"

    def __str__(self) -> str:
        return Plain.__repr__(self) if listener.active is not None else str(self.asnumpy())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.ndim == 0 else str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Tensor, (self._array,), vars(self) or None

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return Tensor(self._array.copy())


class Parameter(nn.Parameter, Tensor):
    """A trainable tensor of a Cell, MindSpore's `Parameter`.

    Args:
        default_input: a number, a tensor, an array, or nested lists; float64 becomes float32 where
            it is a number. Whole numbers make a parameter that does not train.
        name: default: the attribute that it is first assigned to.
        requires_grad: default True.
        layerwise_parallel, parallel_optimizer, storage_format: without effect.

    Raises:
        TypeError: something else.

    Example:
        >>> import fastnn.mindspore as mindspore
        >>> mindspore.Parameter(2.0, name="w")
        Parameter (name=w, shape=(), dtype=Float32, requires_grad=True)
    """

    __slots__ = ()

    def __init__(
        self,
        default_input: Any,
        name: str | bool | None = None,
        requires_grad: bool = True,
        layerwise_parallel: bool = False,
        parallel_optimizer: bool = True,
        storage_format: str = "",
    ) -> None:
        if isinstance(name, bool):  # torch's second argument
            requires_grad = name
            name = None
        values = values_of(default_input, None)
        trained = check.flag("requires_grad", requires_grad) and values.dtype.kind == "f"
        self._begin(values, trained)
        self.name: str = name or ""
        self._flat = None

    def clone(self, init: str = "same") -> Parameter:  # type: ignore[override]
        """A copy. init: 'same' keeps the values, another name of an initializer draws new ones."""
        values = self._array.copy() if init == "same" else _drawn(init, self)
        return Parameter(values, self.name, self.requires_grad)

    def __repr__(self) -> str:
        return (
            f"Parameter (name={self.name}, shape={self.shape}, dtype={name_of(self.dtype)}, "
            f"requires_grad={self.requires_grad})"
        )

    __str__ = __repr__

    def __reduce__(self) -> tuple[Any, ...]:
        return Parameter, (self._array, self.name, self.requires_grad), vars(self) or None

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        copied = Parameter(self._array.copy(order="K"), self.name, self.requires_grad)
        memo[id(self)] = copied
        return copied


_initializers: list[Callable[[str, tuple[int, ...]], npt.NDArray[Any]]] = []


def draws_with(draw: Callable[[str, tuple[int, ...]], npt.NDArray[Any]]) -> None:
    """Have `Parameter.clone` draw values with this function of an initializer's name and a shape:
    initializers are built on tensors."""
    _initializers[:] = [draw]


def _drawn(init: str, like: Tensor) -> npt.NDArray[Any]:
    return _initializers[0](init, like.shape).astype(like.dtype)


def values_of(data: Any, dtype: npt.DTypeLike | None) -> npt.NDArray[Any]:
    """The values that MindSpore takes from a number, a list, an array or a tensor."""
    if isinstance(data, Plain):
        array = data._array
    elif isinstance(data, list | tuple):
        maps.refuse_closed(data, "input_data")
        array = np.asarray(_unwrapped(data))
    else:
        array = maps.array_of(data, "input_data")
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    elif array.dtype == np.float64 and not hasattr(data, "dtype"):
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"input_data: expected numbers or booleans, got {check.show(data)}")
    return as_dtype(array)


def _unwrapped(data: Any) -> Any:
    """Nested lists with tensors in them as lists of numbers."""
    if isinstance(data, list | tuple):
        return [_unwrapped(part) for part in data]
    return data.tolist() if isinstance(data, Plain) else data


def adopt(value: Any) -> Any:
    """Turn tensors that the engine made, also in tuples, lists and dicts, into MindSpore's.

    They are changed in place, so the structure stays what it is.
    """
    kind = value.__class__
    if kind is Plain:
        value.__class__ = Tensor
    elif kind is nn.Parameter:
        value.__class__ = Parameter
    elif isinstance(value, tuple | list):
        for part in value:
            adopt(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            adopt(part)
    return value


def adopting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with results of MindSpore's classes."""

    @functools.wraps(function)
    def adopted(*args: Any, **kwargs: Any) -> Any:
        return adopt(function(*args, **kwargs))

    return adopted


_KINDS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType)
# What returns no tensor, or the tensor itself.
_AS_THEY_ARE = (
    "__class__ __init__ __new__ __len__ __bool__ __float__ __int__ __index__ __format__ __array__ "
    "__hash__ __init_subclass__ __subclasshook__ __sizeof__ __dir__ __reduce_ex__ __getstate__ "
    "__setattr__ __getattribute__ __delattr__ __dlpack__ __dlpack_device__ __repr__ __str__ "
    "__contains__ __setitem__ item tolist backward register_hook"
).split()


def _adopt_methods() -> None:
    """Let the methods that Tensor inherits return its own class."""
    for name in dir(Plain):
        if name in _AS_THEY_ARE or name in vars(Tensor):
            continue
        member = getattr(Plain, name)
        descriptor = next(vars(k)[name] for k in Plain.__mro__ if name in vars(k))
        if isinstance(descriptor, _KINDS) or type(descriptor).__name__ == "cython_function":
            setattr(Tensor, name, adopting(member))
        elif isinstance(descriptor, property) and descriptor.fget is not None:
            setattr(Tensor, name, property(adopting(descriptor.fget), descriptor.fset))


_adopt_methods()

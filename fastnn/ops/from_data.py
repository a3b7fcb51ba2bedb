"""Tensors made of Python numbers, lists, arrays and other libraries' tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import default as _default, dtypes, maps
from fastnn._support.arrays import show
from fastnn._support.device import on_cpu
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.elementwise import copy
from fastnn.ops.promote import cast
from fastnn.tape import listener
from fastnn.tensor import DTYPES, Tensor, as_dtype, of_array
from fastnn.tensor.made import made

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Scalar = bool | int | float

__all__ = [
    "as_tensor", "asarray", "from_dlpack", "from_numpy", "frombuffer", "is_tensor", "scalar_tensor",
    "tensor", "typename",
]  # fmt: skip


def dtype_of(dtype: DTypeLike | None, default: DTypeLike | None = None) -> np.dtype[Any]:
    """The dtype of an array for a dtype argument."""
    if dtype is None:
        dtype = _default.dtype if default is None else default
    return dtypes.dtype_of(dtype)


def tensor(
    data: ArrayLike | Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of `data`.

    Args:
        data: a number, nested lists (of tensors of one element too), an array or a tensor.
        dtype: default: the dtype of an array; for Python floats the default dtype, int64 for ints.
        requires_grad: record what is computed from it.

    Raises:
        TypeError: data that is not numbers, or a gradient for integers.
        OverflowError: a whole number beyond int64. RuntimeError: one beyond the integer `dtype`.

    Example:
        >>> import fastnn
        >>> fastnn.tensor([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    on_cpu(device)
    if isinstance(data, Tensor):
        listener.refuse("a copy of it was made by tensor(); use clone()")
    source = data._array if isinstance(data, Tensor) else _plain(data)
    if listener.active is not None and type(source) is np.ndarray and source.dtype in DTYPES:
        return _copied_by_program(source, dtype).requires_grad_(requires_grad)
    maps.refuse_closed(source, "data")
    if hasattr(source, "dtype"):
        array = as_dtype(np.array(source))
        if dtype is not None and isinstance(source, np.generic):
            dtypes.fits("data", array, dtypes.dtype_of(dtype))
        return made(array if dtype is None else _converted(array, dtype), requires_grad)
    return made(_of_numbers(source, dtype, _stated(data)), requires_grad)


def _converted(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    return dtypes.converted(array, dtypes.dtype_of(dtype))


def _of_numbers(source: Any, dtype: DTypeLike | None, own: np.dtype[Any] | None) -> NDArray[Any]:
    """Numbers and lists of them as an array; own: the dtype that the first element has itself."""
    array = np.array(source)
    if array.dtype.kind in "Ouf" and own is None and array.size:
        array = _of_large(source, array)
    if dtype is not None:
        want = dtypes.dtype_of(dtype)
        dtypes.fits("data", array, want)
    elif own is not None:
        want = own
    else:
        want = _default.dtype if array.dtype.kind == "f" else array.dtype
    return dtypes.converted(as_dtype(array), want)


def _of_large(source: Any, array: NDArray[Any]) -> NDArray[Any]:
    """The array, or its numbers as float64 where a whole one beside others made it objects. Refuse
    whole numbers beyond int64, which NumPy turns into uint64, objects or floats.

    Raises:
        OverflowError: there is one.
    """
    if array.dtype.kind == "f" and not (np.abs(array) >= 2.0**63).any():
        return array
    leaves = [source]
    while any(isinstance(v, list | tuple) for v in leaves):
        leaves = [w for v in leaves for w in (v if isinstance(v, list | tuple) else (v,))]
    if all(isinstance(v, int) for v in leaves):
        wrong = next(v for v in leaves if not -(1 << 63) <= v < 1 << 63)
        raise OverflowError(f"data: {wrong} does not fit into int64")
    whole = array.dtype.kind == "O" and all(isinstance(v, int | float) for v in leaves)
    return np.array(source, np.float64) if whole else array


def _stated(data: Any) -> np.dtype[Any] | None:
    """The dtype of the first element of nested lists, if that is a NumPy number or a tensor."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    if isinstance(data, Tensor):
        return data._array.dtype
    if isinstance(data, np.ndarray):
        return as_dtype(data[:0] if data.ndim else data).dtype
    return dtypes.dtype_of(data.dtype, "data") if isinstance(data, np.generic) else None


def _copied_by_program(source: NDArray[Any], dtype: DTypeLike | None) -> Tensor:
    """Record the copy as an instruction: a replay copies the values that the array has then."""
    values = copy(of_array(source))
    return values if dtype is None else cast(values, dtype).detach()


def _plain(data: Any) -> Any:
    """Replace one-element tensors within lists by numbers."""
    if isinstance(data, list | tuple) and any(isinstance(d, Tensor | list | tuple) for d in data):
        return [d.tolist() if isinstance(d, Tensor) else _plain(d) for d in data]
    return data


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: Any = None) -> Tensor:
    """The tensor itself, or a tensor that shares an array's memory where the dtype allows it."""
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        shared = made(as_dtype(maps.held(data, "data")))
        return shared if dtype is None else shared.to(dtype)
    return tensor(data, dtype)


def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """A tensor of a tensor, an array, numbers or lists, that shares their memory where it can.

    Args:
        dtype: default: as `as_tensor` finds it.
        copy: True: a copy; False: raise where one is necessary; default None: only if necessary.
        requires_grad: default: as that of a tensor; False: off the tape.

    Raises:
        ValueError: copy=False for what has to be converted.
    """
    tracked = isinstance(obj, Tensor) and obj.requires_grad
    source = obj.detach() if tracked and requires_grad is False else obj
    found = as_tensor(source, dtype)
    memory = obj._array if isinstance(obj, Tensor) else obj
    shared = isinstance(memory, np.ndarray) and np.shares_memory(memory, found._array)
    if copy is False and not shared:
        raise InvalidValueError(
            "copy: expected True or None for what has to be converted, got False"
        )
    if copy and shared:
        found = _copy(found)
    return found.requires_grad_(True) if requires_grad and not found.requires_grad else found


_copy = copy


def from_numpy(array: NDArray[Any]) -> Tensor:
    """A tensor that shares the memory of an array.

    A memory map stays open as long as the tensor lives: to close it raises a BufferError.

    Raises:
        TypeError: not an array, or of a dtype that tensors have not, or of another byte order.
        ValueError: a memory map that is closed; an array that goes backwards, as in torch.
    """
    if not isinstance(array, np.ndarray):
        raise InvalidTypeError(f"array: expected a NumPy array, got {type(array).__name__}")
    if dtypes.dtype_of(array.dtype, "array") is not array.dtype and not array.dtype.isnative:
        raise InvalidTypeError(f"array: expected this machine's byte order, got {array.dtype}")
    if any(stride < 0 for stride in array.strides):
        raise InvalidValueError(
            "array: At least one stride in the given numpy array is negative, and tensors with "
            f"negative strides are not supported, got {array.strides}; pass array.copy()"
        )
    return made(maps.held(array, "array"))


def from_dlpack(source: Any) -> Tensor:
    """A tensor that shares memory with another library's tensor, by the DLPack protocol."""
    if not hasattr(source, "__dlpack__"):
        raise InvalidTypeError(f"source: expected an object with __dlpack__, got {show(source)}")
    if isinstance(source, np.ndarray):
        source = maps.held(source, "source")
    return from_numpy(np.from_dlpack(source))


def scalar_tensor(
    s: Scalar,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A 0-d tensor of the number s; dtype: the default dtype unless given."""
    return tensor(s, dtype_of(dtype), requires_grad, device)


def is_tensor(value: object) -> bool:
    """Whether an object is a tensor."""
    return isinstance(value, Tensor)


def frombuffer(
    buffer: Any,
    *,
    dtype: DTypeLike,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """A vector that shares the memory of an object with a buffer, such as a bytearray.

    Args:
        buffer: bytes, a bytearray, a memoryview, an array.
        dtype: of the elements.
        count: how many; default -1: as many as there are.
        offset: bytes to skip at the start.
        requires_grad: record what is computed from it.

    Raises:
        ValueError: a buffer that is too small, or not of whole elements.

    Source: torch.frombuffer.

    Example:
        >>> import fastnn
        >>> fastnn.frombuffer(bytearray(b"\\x01\\x00\\x02\\x00"), dtype=fastnn.int16)
        tensor([1, 2], dtype=fastnn.int16)
    """
    want = dtypes.dtype_of(dtype)
    return of_array(np.frombuffer(buffer, want, count, offset), requires_grad)


def typename(obj: Any) -> str:
    """The name of an object's type: of tensors as `torch.FloatTensor`, of others with its module.

    Example:
        >>> import fastnn
        >>> fastnn.typename(fastnn.ones(2)), fastnn.typename(3)
        ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, Tensor):
        return f"torch.{dtypes.TORCH_NAMES[str(obj.dtype)]}Tensor"
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", "") or ""
    name = str(kind.__qualname__)
    return name if module in ("", "builtins") else f"{module}.{name}"

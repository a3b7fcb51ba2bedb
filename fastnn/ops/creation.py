"""Tensor creation, with torch's names and arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import arrays, default as _default
from fastnn.ops.elementwise import copy
from fastnn.ops.promote import cast
from fastnn.tape import listener
from fastnn.tensor import DTYPES, Tensor, as_dtype, bool_, float64, int64

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Scalar = bool | int | float

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "is_tensor",
    "get_default_dtype",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "scalar_tensor",
    "set_default_dtype",
    "tensor",
    "zeros",
    "zeros_like",
]


def sizes_of(size: tuple[Any, ...]) -> tuple[int, ...]:
    sizes = tuple(size[0]) if len(size) == 1 and isinstance(size[0], Sequence) else size
    for n in sizes:
        if not isinstance(n, int | np.integer) or n < 0:
            raise (ValueError if isinstance(n, int) else TypeError)(
                f"size: expected integers of at least 0, got {n!r}"
            )
    return sizes


def dtype_of(dtype: DTypeLike | None, default: DTypeLike | None = None) -> np.dtype[Any]:
    """The supported dtype for a dtype argument: other numeric types map to the nearest."""
    if dtype is None:
        dtype = _default.dtype if default is None else default
    return as_dtype(np.empty(0, dtype)).dtype


def tensor(
    data: ArrayLike | Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """A tensor with a copy of `data`.

    Args:
        data: a number, nested lists (of tensors of one element too), an array or a tensor.
        dtype: default: the dtype of an array; for Python floats the default dtype, int64 for ints.
        requires_grad: record what is computed from it.

    Raises:
        TypeError: data that is not numbers, or a gradient for integers.

    Example:
        >>> import fastnn
        >>> fastnn.tensor([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    if isinstance(data, Tensor):
        listener.refuse("a copy of it was made by tensor(); use clone()")
    source = data._array if isinstance(data, Tensor) else _plain(data)
    if listener.active is not None and type(source) is np.ndarray and source.dtype in DTYPES:
        return _copied_by_program(source, dtype).requires_grad_(requires_grad)
    array = np.array(source, dtype=dtype)
    if dtype is None and array.dtype == float64 and not hasattr(source, "dtype"):
        array = array.astype(_default.dtype)
    return Tensor(as_dtype(array), requires_grad)


def _copied_by_program(source: NDArray[Any], dtype: DTypeLike | None) -> Tensor:
    """Record the copy as an instruction: a replay copies the values that the array has then."""
    values = copy(Tensor(source))
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
        shared = Tensor(as_dtype(data))
        return shared if dtype is None else shared.to(dtype)
    return tensor(data, dtype)


def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of a tensor, an array, numbers or lists, that shares their memory where it can.

    Args:
        dtype: default: as `as_tensor` finds it.
        copy: True: a copy; False: raise where one is necessary; default None: only if necessary.

    Raises:
        ValueError: copy=False for what has to be converted.
    """
    source = obj.detach() if isinstance(obj, Tensor) and not requires_grad else obj
    found = as_tensor(source, dtype)
    memory = obj._array if isinstance(obj, Tensor) else obj
    shared = isinstance(memory, np.ndarray) and np.shares_memory(memory, found._array)
    if copy is False and not shared:
        raise ValueError("copy: expected True or None for what has to be converted, got False")
    if copy and shared:
        found = _copy(found)
    return found.requires_grad_(True) if requires_grad else found


_copy = copy


def from_numpy(array: NDArray[Any]) -> Tensor:
    """A tensor that shares the memory of an array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"array: expected a NumPy array, got {type(array).__name__}")
    if array.dtype not in DTYPES:
        raise TypeError(f"array: expected float32, float64, int64 or bool, got {array.dtype}")
    return Tensor(array)


def from_dlpack(source: Any) -> Tensor:
    """A tensor that shares memory with another library's tensor, by the DLPack protocol."""
    return from_numpy(np.from_dlpack(source))


def scalar_tensor(value: Scalar, dtype: DTypeLike | None = None) -> Tensor:
    """A 0-d tensor; dtype: the default dtype unless given."""
    return tensor(value, dtype_of(dtype))


def is_tensor(value: object) -> bool:
    """Whether an object is a tensor."""
    return isinstance(value, Tensor)


def zeros(
    *size: Any, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """A tensor of zeros; dtype: the default dtype unless given."""
    return Tensor(np.zeros(sizes_of(size), dtype_of(dtype)), requires_grad)


def ones(
    *size: Any, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """A tensor of ones; dtype: the default dtype unless given."""
    return Tensor(np.ones(sizes_of(size), dtype_of(dtype)), requires_grad)


def empty(
    *size: Any, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """An uninitialised tensor: write it before you read it."""
    return Tensor(np.empty(sizes_of(size), dtype_of(dtype)), requires_grad)


def full(
    size: Sequence[int] | int,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """A tensor filled with one value; dtype: that of the value unless given."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = bool_ if isinstance(value, bool) else int64 if isinstance(value, int) else None
    shape = sizes_of((size,))
    return Tensor(np.full(shape, value, dtype_of(dtype, kind)), requires_grad)


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """The range start, start + step, .. below end: int64 for integers, else the default dtype.

    arange(end) begins at 0.

    Raises:
        ValueError: a step of 0, or away from end.
    """
    start, end = (0, start) if end is None else (start, end)
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"step: expected one that leads from {start} to {end}, got {step}")
    whole = all(isinstance(v, int | np.integer) for v in (start, end, step))
    n = math.ceil((end - start) / step)
    values = start + np.arange(n, dtype=int64 if whole else float64) * step
    return Tensor(values.astype(dtype_of(dtype, int64 if whole else None)), requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """`steps` evenly spaced numbers from start to end, both included."""
    if steps < 0:
        raise ValueError(f"steps: expected at least 0, got {steps}")
    values = np.linspace(start, end, steps, dtype=float64)
    return Tensor(values.astype(dtype_of(dtype)), requires_grad)


def eye(
    n: int,
    m: int | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """The (n, m) identity matrix: 1 on the diagonal, else 0; m defaults to n."""
    return Tensor(np.eye(n, m, dtype=dtype_of(dtype)), requires_grad)


def _like(x: Tensor, dtype: DTypeLike | None) -> np.dtype[Any]:
    return x.dtype if dtype is None else dtype_of(dtype)


def zeros_like(
    input: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Zeros in the shape of `input`; dtype: that of `input` unless given."""
    return Tensor(np.zeros(input.shape, _like(input, dtype)), requires_grad)


def ones_like(
    input: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Ones in the shape of `input`; dtype: that of `input` unless given."""
    return Tensor(np.ones(input.shape, _like(input, dtype)), requires_grad)


def empty_like(
    input: Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """An uninitialised tensor in the shape of `input`; dtype: that of `input` unless given."""
    return Tensor(np.empty(input.shape, _like(input, dtype)), requires_grad)


def full_like(
    input: Tensor,
    fill_value: Scalar,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """One value in the shape of `input`; dtype: that of `input` unless given."""
    return Tensor(np.full(input.shape, fill_value, _like(input, dtype)), requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Logarithmically spaced numbers: base ** linspace(start, end, steps)."""
    powers = base ** linspace(start, end, steps, dtype=float64)._array
    return Tensor(powers.astype(dtype_of(dtype)), requires_grad)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of tensors made from Python floats or without a dtype; float32 at first."""
    return _default.dtype


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the default dtype of tensors, random numbers and layers.

    Integers that become floating-point take it too, as in `tensor([1, 2]) / 2`. What there is
    keeps its dtype.

    Args:
        dtype: float32 or float64.

    Raises:
        TypeError: another dtype.

    Example:
        >>> import fastnn
        >>> fastnn.set_default_dtype(fastnn.float64)
        >>> fastnn.tensor([0.5]).dtype, fastnn.nn.Linear(2, 1).weight.dtype
        (dtype('float64'), dtype('float64'))
        >>> fastnn.set_default_dtype(fastnn.float32)
    """
    if dtype is None:
        raise TypeError("dtype: expected float32 or float64, got None")
    _default.dtype = arrays.real_dtype(dtype)

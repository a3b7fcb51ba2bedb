"""torch's older names of tensors of one dtype: FloatTensor, LongTensor and so on."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import dtypes
from fastnn._support.errors import InvalidTypeError
from fastnn.ops.promote import cast
from fastnn.tensor import Tensor, of_array

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
]  # fmt: skip


class _OfOneDtype(type):
    """The type of these classes: they make Tensors, and know those of their dtype."""

    dtype: Any

    def __call__(cls, *data: Any) -> Tensor:
        """A tensor of the sizes given (its elements mean nothing yet), or of values."""
        dtype = dtypes.dtype_of(cls.dtype)
        if not data or not isinstance(data[0], Tensor | np.ndarray | list):
            return cast(of_array(*data), dtype)
        if isinstance(data[0], Tensor) and data[0].dtype != cls.dtype:
            raise InvalidTypeError(
                f"{cls.__name__}: expected a tensor of {cls.dtype}, got {data[0].dtype}; use to()"
            )
        array = np.array(data[0]._array if isinstance(data[0], Tensor) else data[0])
        return of_array(dtypes.converted(array, dtype))

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and bool(value.dtype == cls.dtype)


class FloatTensor(metaclass=_OfOneDtype):
    """Tensors of float32: `FloatTensor([1, 2])`, `FloatTensor(2, 3)`, `isinstance(x, FloatTensor)`.

    >>> import fastnn
    >>> fastnn.FloatTensor([1, 2])
    tensor([1., 2.])
    """

    dtype: Any = np.dtype("float32")


class DoubleTensor(metaclass=_OfOneDtype):
    """Tensors of float64, as `FloatTensor`."""

    dtype: Any = np.dtype("float64")


class HalfTensor(metaclass=_OfOneDtype):
    """Tensors of float16, as `FloatTensor`."""

    dtype: Any = np.dtype("float16")


class BFloat16Tensor(metaclass=_OfOneDtype):
    """Tensors of bfloat16, as `FloatTensor`."""

    dtype: Any = dtypes.bfloat16


class LongTensor(metaclass=_OfOneDtype):
    """Tensors of int64, as `FloatTensor`."""

    dtype: Any = np.dtype("int64")


class IntTensor(metaclass=_OfOneDtype):
    """Tensors of int32, as `FloatTensor`."""

    dtype: Any = np.dtype("int32")


class ShortTensor(metaclass=_OfOneDtype):
    """Tensors of int16, as `FloatTensor`."""

    dtype: Any = np.dtype("int16")


class CharTensor(metaclass=_OfOneDtype):
    """Tensors of int8, as `FloatTensor`."""

    dtype: Any = np.dtype("int8")


class ByteTensor(metaclass=_OfOneDtype):
    """Tensors of uint8, as `FloatTensor`."""

    dtype: Any = np.dtype("uint8")


class BoolTensor(metaclass=_OfOneDtype):
    """Tensors of bool, as `FloatTensor`."""

    dtype: Any = np.dtype("bool")

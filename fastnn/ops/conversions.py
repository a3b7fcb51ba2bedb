"""Conversions of dtype and device, under torch's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import device as _device
from fastnn.ops import creation
from fastnn.ops.elementwise import copy
from fastnn.ops.promote import cast
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["detach", "is_complex", "is_floating_point", "is_nonzero", "is_signed", "numel"]

_NAMES = {
    "float32": "torch.FloatTensor",
    "float64": "torch.DoubleTensor",
    "int64": "torch.LongTensor",
    "bool": "torch.BoolTensor",
}


def detach(input: Tensor) -> Tensor:
    """The same memory, off the tape."""
    return input.detach()


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float32 or float64."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex: never."""
    return input.is_complex()


def is_signed(input: Tensor) -> bool:
    """Whether the dtype is signed."""
    return input.is_signed()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not 0.

    Raises:
        ValueError: not one element.
    """
    return bool(input.item())


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def to(
    self: Tensor, *to: Any, dtype: DTypeLike | None = None, device: Any = None, copy: Any = False
) -> Tensor:
    """Convert to a dtype, or to that of another tensor; a device may be given, but only CPU exists.

    Itself when nothing changes, unless `copy`.
    """
    flags = [value for value in to if isinstance(value, bool)]  # non_blocking, copy
    for value in to:
        if isinstance(value, Tensor):
            dtype = value.dtype
        elif not isinstance(value, bool) and not _device.is_device(value):
            dtype = value
    if device is not None:
        _device.device(device)
    y = self if dtype is None else cast(self, dtype)
    return _copy(y) if (copy or flags[1:] == [True]) and y is self else y


_copy = copy


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """Convert to the dtype of another tensor."""
    return cast(self, other.dtype)


def _type(self: Tensor, dtype: DTypeLike | None = None) -> Any:
    """Convert to a dtype; without an argument, return torch's name of the current type."""
    if dtype is None:
        return _NAMES[self._array.dtype.name]
    return cast(self, next((d for d, name in _NAMES.items() if name == dtype), dtype))


def _float(self: Tensor) -> Tensor:
    """Convert to float32."""
    return cast(self, np.float32)


def _double(self: Tensor) -> Tensor:
    """Convert to float64."""
    return cast(self, np.float64)


def _long(self: Tensor) -> Tensor:
    """Convert to int64, rounding towards zero."""
    return cast(self, np.int64)


def _bool(self: Tensor) -> Tensor:
    """Convert to bool: x != 0."""
    return cast(self, np.bool_)


# ---- new tensors of the same dtype ----


def new_zeros(self: Tensor, *size: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of zeros; default dtype: that of this tensor."""
    return creation.zeros(*size, dtype=dtype or self.dtype)


def new_empty(self: Tensor, *size: Any, dtype: DTypeLike | None = None) -> Tensor:
    """An uninitialised tensor; default dtype: that of this tensor."""
    return creation.empty(*size, dtype=dtype or self.dtype)


def new_ones(self: Tensor, *size: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor of ones; default dtype: that of this tensor."""
    return creation.ones(*size, dtype=dtype or self.dtype)


def new_full(self: Tensor, size: Any, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A tensor filled with one value; default dtype: that of this tensor."""
    return creation.full(size, fill_value, dtype=dtype or self.dtype)


def new_tensor(self: Tensor, data: Any, dtype: DTypeLike | None = None) -> Tensor:
    """A copy of `data` as a tensor; default dtype: that of this tensor."""
    return creation.tensor(data, dtype=dtype or self.dtype)


METHODS = methods(
    is_nonzero, to, type_as, new_zeros, new_empty, new_ones, new_full, new_tensor,
    type=_type, float=_float, double=_double, long=_long, int=_long, bool=_bool,
)  # fmt: skip

"""Conversions of dtype and device, under torch's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import device as _device, dtypes
from fastnn.ops import creation
from fastnn.ops.elementwise import copy
from fastnn.ops.promote import cast
from fastnn.tensor import Tensor
from fastnn.tensor.attach import methods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from fastnn.ops.table import Scalar

__all__ = ["detach", "is_complex", "is_floating_point", "is_nonzero", "is_signed", "numel"]

_NAMES = {dtype: f"torch.{name}Tensor" for dtype, name in dtypes.TORCH_NAMES.items()}


def detach(input: Tensor) -> Tensor:
    """The same memory, off the tape."""
    return input.detach()


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating-point one."""
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
    self: Tensor,
    *to: Any,
    dtype: DTypeLike | None = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: Any = False,
    memory_format: Any = None,
) -> Tensor:
    """Convert to a dtype, or to that of another tensor; a device may be given, but only CPU exists.

    Itself when nothing changes, unless `copy`; non_blocking and memory_format have no effect.
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


def _type(self: Tensor, dtype: DTypeLike | None = None, non_blocking: bool = False) -> Any:
    """Convert to a dtype; without an argument, return torch's name of the current type."""
    if dtype is None:
        return _NAMES[self.dtype.name]
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


def _half(self: Tensor) -> Tensor:
    """Convert to float16."""
    return cast(self, dtypes.float16)


def _bfloat16(self: Tensor) -> Tensor:
    """Convert to bfloat16."""
    return cast(self, dtypes.BRAIN)


def _int(self: Tensor) -> Tensor:
    """Convert to int32, towards zero; the low 32 bits of a larger number."""
    return cast(self, np.int32)


def _short(self: Tensor) -> Tensor:
    """Convert to int16, towards zero; the low 16 bits of a larger number."""
    return cast(self, np.int16)


def _char(self: Tensor) -> Tensor:
    """Convert to int8, towards zero; the low 8 bits of a larger number."""
    return cast(self, np.int8)


def _byte(self: Tensor) -> Tensor:
    """Convert to uint8, towards zero; the low 8 bits of a larger number."""
    return cast(self, np.uint8)


def _bool(self: Tensor) -> Tensor:
    """Convert to bool: x != 0."""
    return cast(self, np.bool_)


# ---- new tensors of the same dtype ----


def new_zeros(self: Tensor, *shape: Any, dtype: DTypeLike | None = None, **options: Any) -> Tensor:
    """A tensor of zeros; default dtype: that of this tensor.

    options: size, requires_grad, device ..., as of `fastnn.zeros`.
    """
    return creation.zeros(*shape, dtype=self.dtype if dtype is None else dtype, **options)


def new_empty(self: Tensor, *shape: Any, dtype: DTypeLike | None = None, **options: Any) -> Tensor:
    """An uninitialised tensor; default dtype: that of this tensor.

    options: size, requires_grad, device ..., as of `fastnn.empty`.
    """
    return creation.empty(*shape, dtype=self.dtype if dtype is None else dtype, **options)


def new_ones(self: Tensor, *shape: Any, dtype: DTypeLike | None = None, **options: Any) -> Tensor:
    """A tensor of ones; default dtype: that of this tensor.

    options: size, requires_grad, device ..., as of `fastnn.ones`.
    """
    return creation.ones(*shape, dtype=self.dtype if dtype is None else dtype, **options)


def new_full(
    self: Tensor,
    size: Any,
    fill_value: Scalar | Tensor,
    dtype: DTypeLike | None = None,
    **options: Any,
) -> Tensor:
    """A tensor filled with one value; default dtype: that of this tensor.

    options: requires_grad, device ..., as of `fastnn.full`.
    """
    return creation.full(size, fill_value, self.dtype if dtype is None else dtype, **options)


def new_tensor(self: Tensor, data: Any, dtype: DTypeLike | None = None, **options: Any) -> Tensor:
    """A copy of `data` as a tensor; default dtype: that of this tensor.

    options: requires_grad, device, as of `fastnn.tensor`.
    """
    return creation.tensor(data, self.dtype if dtype is None else dtype, **options)


METHODS = methods(
    is_nonzero, to, type_as, new_zeros, new_empty, new_ones, new_full, new_tensor,
    type=_type, float=_float, double=_double, half=_half, bfloat16=_bfloat16, long=_long, int=_int,
    short=_short, char=_char, byte=_byte, bool=_bool,
)  # fmt: skip

"""Tensor's conversions and what its memory is like; torch's names for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np

from fastnn._support import device as _device

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from fastnn.tensor.tensor import Tensor

_Int: TypeAlias = int  # methods of these names hide them
_Bool: TypeAlias = bool
_BOOL = bool
_NAMES = {
    "float32": "torch.FloatTensor",
    "float64": "torch.DoubleTensor",
    "int64": "torch.LongTensor",
    "bool": "torch.BoolTensor",
}
ops: Any = None  # fastnn.ops, put here by `connect`


class Conversions:
    """`x.to(...)`, `x.float()`, `x.device` and the like."""

    __slots__ = ()

    _array: NDArray[Any]
    dtype: Any

    @property
    def device(self) -> Any:
        """Where it is: device(type='cpu')."""
        return _device.device("cpu")

    @property
    def is_cuda(self) -> _Bool:
        """False: there is only the CPU."""
        return False

    @property
    def itemsize(self) -> _Int:
        """The bytes of an element."""
        return self._array.itemsize

    def element_size(self) -> _Int:
        """The bytes of an element."""
        return self._array.itemsize

    def is_floating_point(self) -> _Bool:
        """Whether it is of float32 or float64."""
        return self._array.dtype.kind == "f"

    def is_contiguous(self) -> _Bool:
        """Whether its elements lie one after another, row by row."""
        return self._array.flags.c_contiguous

    def is_complex(self) -> _Bool:
        """False."""
        return False

    def is_signed(self) -> _Bool:
        """Whether it has negative numbers: all but bool."""
        return self._array.dtype.kind != "b"

    is_sparse = is_quantized = False

    @property
    def nbytes(self) -> _Int:
        """The bytes of all elements."""
        return self._array.nbytes

    def ndimension(self) -> _Int:
        """The number of axes."""
        return self._array.ndim

    def get_device(self) -> _Int:
        """-1: it is on the CPU."""
        return -1

    def storage_offset(self) -> _Int:
        """The elements in front of its first, in the memory that it shares."""
        owner = self._array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        return (self.data_ptr() - int(owner.ctypes.data)) // self._array.itemsize

    @overload
    def stride(self) -> tuple[_Int, ...]: ...
    @overload
    def stride(self, dim: _Int) -> _Int: ...
    def stride(self, dim: _Int | None = None) -> tuple[_Int, ...] | _Int:
        """The elements to step over along each axis, or along `dim`."""
        steps = tuple(s // self._array.itemsize for s in self._array.strides)
        return steps if dim is None else steps[dim]

    def data_ptr(self) -> _Int:
        """The address of its first element."""
        return int(self._array.ctypes.data)

    def to(
        self, *to: Any, dtype: DTypeLike | None = None, device: Any = None, copy: Any = False
    ) -> Tensor:
        """As another dtype, or as that of another tensor; a device may be named: there is one.

        Itself when nothing changes, unless `copy`.
        """
        for value in to:
            if isinstance(value, Conversions):
                dtype = value.dtype
            elif not isinstance(value, _BOOL) and not _device.is_device(value):
                dtype = value
        if device is not None:
            _device.device(device)
        y: Tensor = self if dtype is None else ops.cast(self, dtype)  # type: ignore[assignment]
        return ops.copy(y) if copy and y is self else y

    def type_as(self, other: Tensor) -> Tensor:
        """As the dtype of another tensor."""
        return ops.cast(self, other.dtype)

    def type(self, dtype: DTypeLike | None = None) -> Any:
        """As another dtype; without one, torch's name of its own."""
        if dtype is None:
            return _NAMES[self._array.dtype.name]
        return ops.cast(self, next((d for d, name in _NAMES.items() if name == dtype), dtype))

    def float(self) -> Tensor:
        """As float32."""
        return ops.cast(self, np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return ops.cast(self, np.float64)

    def long(self) -> Tensor:
        """As int64, towards zero."""
        return ops.cast(self, np.int64)

    int = long

    def bool(self) -> Tensor:
        """Whether other than 0."""
        return ops.cast(self, np.bool_)

    def cpu(self) -> Tensor:
        """Itself: it is on the CPU."""
        return self  # type: ignore[return-value]

    def new_zeros(self, *size: Any, dtype: DTypeLike | None = None) -> Tensor:
        """Zeros of this dtype, unless said otherwise."""
        return _create("zeros", self, *size, dtype=dtype)

    def new_empty(self, *size: Any, dtype: DTypeLike | None = None) -> Tensor:
        """Unwritten memory of this dtype, unless said otherwise."""
        return _create("empty", self, *size, dtype=dtype)

    def new_ones(self, *size: Any, dtype: DTypeLike | None = None) -> Tensor:
        """Ones of this dtype, unless said otherwise."""
        return _create("ones", self, *size, dtype=dtype)

    def new_full(self, size: Any, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
        """One value, of this dtype unless said otherwise."""
        return _create("full", self, size, fill_value, dtype=dtype)

    def new_tensor(self, data: Any, dtype: DTypeLike | None = None) -> Tensor:
        """A copy of `data`, of this dtype unless said otherwise."""
        return _create("tensor", self, data, dtype=dtype)


def _create(name: str, like: Conversions, *arguments: Any, dtype: DTypeLike | None) -> Tensor:
    made: Tensor = getattr(ops.creation, name)(*arguments, dtype=dtype or like.dtype)
    return made

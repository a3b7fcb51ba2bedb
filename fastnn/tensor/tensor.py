"""Tensor: a NumPy array and, if it requires grad, the tape node that made it.

This file has the methods that need no op. The others are functions of `fastnn.ops`, attached by
`fastnn.tensor.attach`. Type checkers see __init__.pyi, which `make stubs` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnn._core import replay, tape
from fastnn._core.tape import TensorBase, inference_enabled
from fastnn._support import check, default, device as _device, dtypes, maps
from fastnn._support.dtypes import bfloat16, bool_, float32, float64, int64
from fastnn._support.errors import (
    NUMPY_OF_TAPED,
    InvalidTypeError,
    InvalidValueError,
)
from fastnn.tape import batch, listener
from fastnn.tensor import printing
from fastnn.tensor.size import Size

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

DTYPES = dtypes.ORDER


class Tensor(TensorBase):
    """An n-dimensional array with automatic differentiation.

    Args:
        array: the values, in arrays and lists of any dtype: the tensor is of the default dtype,
            float32, as in torch; `from_numpy` and `tensor` keep the dtype. An array that has it is
            kept without a copy, and so is another tensor, of any dtype.
            Integers alone are sizes, as in torch: Tensor(2, 3) is a tensor of that shape, whose
            elements mean nothing yet, and Tensor() is empty.
        requires_grad: record operations on this tensor for `backward`. A dtype in this position is
            taken as the dtype, as in MindSpore: Tensor([1, 2], fastnn.int32).
        dtype: default: the default dtype, or that of a tensor.

    Raises:
        TypeError: a number that is no size, or something that is not numbers.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    __slots__ = ("__dict__",)
    __array_priority__ = 1000  # ndarray * Tensor asks Tensor
    compiled_by = "fastnn.compile"  # whose programs keep the class

    def __init__(
        self,
        array: Tensor | ArrayLike = (),
        requires_grad: bool | DTypeLike = False,
        dtype: DTypeLike | None = None,
        *sizes: int,
    ) -> None:
        if not isinstance(array, Tensor) and dtype is None and isinstance(requires_grad, bool):
            values = _as_torch(array, sizes)
        else:
            values, requires_grad = given_values(array, requires_grad, dtype, sizes)
        super().__init__(values, requires_grad)

    def _begin(self, array: NDArray[Any], requires_grad: bool = False) -> None:
        """Be a tensor of this array, in its own dtype: what `__init__` of other classes calls."""
        super().__init__(as_dtype(array), requires_grad)

    # Shape and type

    if TYPE_CHECKING:

        @property
        def shape(self) -> Size: ...  # TensorBase's

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements: NumPy's, but for bfloat16."""
        dtype = self._array.dtype
        return dtype if dtype.kind != "V" else bfloat16

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor is a leaf: no operation on the tape made it."""
        return self._node is None

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one of its entries.

        Raises:
            IndexError: an axis that there is not.
        """
        if dim is None:
            return self.shape
        return self.shape[check.axis("size", dim, self.ndim)]

    def dim(self) -> int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    nelement = numel

    def __len__(self) -> int:
        if not self.shape:
            raise InvalidTypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __repr__(self) -> str:
        return printing.text(self)

    def __format__(self, spec: str) -> str:
        return printing.formatted(self, spec)

    # Values as Python and NumPy objects

    def item(self) -> float | int | bool:
        """The value of a one-element tensor, as a Python number."""
        listener.refuse("its value was asked for (item, float, int, bool or a branch)")
        if self._array.size != 1:
            raise InvalidValueError(f"item: expected one element, got shape {self.shape}")
        value: float | int | bool = dtypes.readable(self._array).item()
        return value

    def numpy(self, *, force: bool = False) -> NDArray[Any]:
        """The values as an array that shares this tensor's memory; force: of its detached form."""
        listener.refuse("its values were asked for (numpy)")
        if self.requires_grad and not force:
            raise RuntimeError(NUMPY_OF_TAPED)
        return self._for_numpy("numpy")

    def _for_numpy(self, name: str) -> NDArray[Any]:
        if self._array.dtype.kind == "V":
            raise InvalidTypeError(f"{name}: NumPy has no bfloat16; use tensor.float() first")
        return self._array

    def asnumpy(self) -> NDArray[Any]:
        """`detach().numpy()`, under MindSpore's name."""
        return self.detach().numpy()

    def tolist(self) -> Any:
        """The values as nested lists."""
        listener.refuse("its values were asked for (tolist)")
        return dtypes.readable(self._array).tolist()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        listener.refuse("its values were asked for (a NumPy function)")
        return np.array(self._for_numpy("__array__"), dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        listener.refuse("its memory was asked for (DLPack)")
        return self._for_numpy("__dlpack__").__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[Any, Any]:
        return self._array.__dlpack_device__()

    def __index__(self) -> int:
        value = self.item()
        if not isinstance(value, int):
            raise InvalidTypeError(f"only whole numbers are an index, got a tensor of {self.dtype}")
        return value

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    # Memory and device

    @property
    def device(self) -> Any:
        """The device: always device(type='cpu')."""
        return _device.device("cpu")

    @property
    def is_cuda(self) -> bool:
        """Always False: tensors are on the CPU."""
        return False

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return self._array.itemsize

    def element_size(self) -> int:
        """The bytes of an element."""
        return self._array.itemsize

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating-point one."""
        return self._array.dtype.kind in "fV"

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the memory is C-contiguous; memory_format has no effect."""
        return self._array.flags.c_contiguous

    def is_complex(self) -> bool:
        """False."""
        return False

    def is_signed(self) -> bool:
        """Whether the dtype is signed: all but bool and uint8."""
        return self._array.dtype.kind not in "bu"

    is_sparse = is_quantized = False

    @property
    def nbytes(self) -> int:
        """The size of all elements in bytes."""
        return self._array.nbytes

    def ndimension(self) -> int:
        """The number of axes."""
        return self._array.ndim

    def get_device(self) -> int:
        """-1, as of all tensors on the CPU."""
        return -1

    def storage_offset(self) -> int:
        """The offset of the first element in the underlying memory, in elements."""
        owner = self._array
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        return (self.data_ptr() - int(owner.ctypes.data)) // self._array.itemsize

    @overload
    def stride(self) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """The strides of all axes, or of `dim`, in elements."""
        steps = tuple(s // self._array.itemsize for s in self._array.strides)
        return steps if dim is None else steps[check.axis("stride", dim, self.ndim)]

    def data_ptr(self) -> int:
        """The address of the first element."""
        return int(self._array.ctypes.data)

    def cpu(self) -> Tensor:
        """The tensor itself: it is on the CPU."""
        return self

    # The tape

    def detach(self) -> Tensor:
        """A tensor on the same memory, off the tape."""
        y = wrap(self._array)
        y._inference = self._inference
        return y

    def is_inference(self) -> bool:
        """Whether the tensor was made within `inference_mode`."""
        return self._inference

    def detach_(self) -> Tensor:
        """Detach this tensor from the tape, in place, and return it."""
        self._node, self._base, self.requires_grad = None, None, False
        return self

    @property
    def grad_fn(self) -> Any:
        """The op that made the tensor; None for a leaf."""
        return printing.grad_fn(self)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` of a leaf tensor, and return the tensor."""
        if self._node is not None:
            raise RuntimeError("requires_grad_: only leaf tensors can be changed; use detach()")
        if requires_grad and not dtypes.is_float(self._array.dtype):
            raise InvalidTypeError(
                f"requires_grad_: only floating-point tensors have gradients, got {self.dtype}"
            )
        if requires_grad and self._inference and not inference_enabled():
            raise RuntimeError(
                "requires_grad_: Setting requires_grad=True on inference tensor outside "
                "InferenceMode is not allowed; use its clone()"
            )
        self.requires_grad: bool = requires_grad
        return self


wrap: Callable[[NDArray[Any]], Tensor] = tape.wrap  # the Cython module gets the class by `bind`
tape.bind(tensor=Tensor, size=Size)
replay.bind(Tensor)


def as_dtype(array: NDArray[Any]) -> NDArray[Any]:
    """The array in a dtype of tensors: itself, or a copy in this machine's byte order.

    Raises:
        TypeError: other dtypes.
    """
    if array.dtype in DTYPES and array.dtype.isnative:
        return array
    if array.dtype.kind not in "biuf":
        raise InvalidTypeError(f"data: expected numbers or booleans, got dtype {array.dtype}")
    return array.astype(dtypes.dtype_of(array.dtype, "data"))


def of_array(
    array: Tensor | ArrayLike,
    requires_grad: bool | DTypeLike = False,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """A tensor of an array, in its own dtype and without a copy if tensors have that; lists and
    numbers get the default dtype."""
    if (
        array.__class__ is not np.ndarray
        or requires_grad.__class__ is not bool
        or dtype is not None
        or array.dtype not in DTYPES
    ):
        array, requires_grad = given_values(array, requires_grad, dtype)
    y = wrap(array)
    if requires_grad:
        TensorBase.__init__(y, array, requires_grad)
    return y


def _as_torch(data: Any, more: tuple[Any, ...]) -> NDArray[Any]:
    """The values of `Tensor(data)`, in the default dtype."""
    sizes = _sizes(data, False, None, more)
    if sizes is not None or isinstance(data, batch.Batch):
        return given_values(data, False, None, more)[0]
    if isinstance(data, np.generic) or not (hasattr(data, "__len__") or hasattr(data, "__array__")):
        raise InvalidTypeError(f"array: expected a sequence, an array or sizes, got {data!r}")
    return dtypes.converted(as_dtype(maps.array_of(data, "array")), default.dtype)


def _sizes(data: Any, requires_grad: Any, dtype: Any, more: tuple[int, ...]) -> Any:
    """The shape that `Tensor(2, 3)` or `Tensor(x.shape)` means; None: the arguments are values."""
    if isinstance(data, Size) and requires_grad is False and dtype is None:
        return tuple(data)
    given = (data, requires_grad, dtype, *more)
    while given and (given[-1] is None or given[-1] is False):
        given = given[:-1]
    whole = all(type(n) is int or isinstance(n, np.integer) for n in given)
    return given if given and whole else None


def given_values(
    data: Tensor | ArrayLike, requires_grad: Any, dtype: Any, more: tuple[int, ...] = ()
) -> tuple[NDArray[Any], bool]:
    """The arguments of `Tensor(...)` as an array of a supported dtype, and requires_grad."""
    sizes = _sizes(data, requires_grad, dtype, more)
    if sizes is not None:
        if min(sizes, default=0) < 0:
            raise InvalidValueError(f"sizes: expected integers of at least 0, got {sizes}")
        return np.zeros(sizes, default.dtype), False
    if not isinstance(requires_grad, bool | np.bool_):
        if dtype is not None or requires_grad is None:
            raise InvalidTypeError(f"requires_grad: expected True or False, got {requires_grad!r}")
        requires_grad, dtype = False, requires_grad
    source = data._array if isinstance(data, Tensor) else data
    if isinstance(source, batch.Batch):
        return source, bool(requires_grad)  # type: ignore[return-value]
    array = as_dtype(maps.held(maps.array_of(source, "data"), "data"))
    if dtype is not None:
        array = dtypes.converted(array, dtypes.dtype_of(dtype))
    elif not hasattr(source, "dtype") and array.dtype.kind in "iuf":
        array = dtypes.converted(array, default.dtype)
    return array, bool(requires_grad)


__all__ = [
    "DTYPES",
    "Tensor",
    "as_dtype",
    "bool_",
    "float32",
    "float64",
    "int64",
    "of_array",
    "wrap",
]

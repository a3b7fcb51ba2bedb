"""BatchedArray: the array of a tensor that stands for one sample out of a batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from fastnn.tape.batch import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = "NDArray[Any] | BatchedArray"


class Unbatchable(RuntimeError):
    """Raised when a batched array has no rule for an operation: vmap falls back to a loop."""


class BatchedArray(Batch):
    """A batch of arrays that has the shape and dtype of a single sample.

    physical: all samples along a first axis; it may itself be batched by an outer level.
    level: which vmap they belong to.

    It implements the part of NumPy's array that views and shape rules need; the rest raises
    Unbatchable.
    """

    level: int
    physical: Any
    __slots__ = ("__weakref__", "level", "physical")

    def __init__(self, level: int, physical: Any) -> None:
        self.level, self.physical = level, physical

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.physical.shape[1:])

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple(self.physical.strides[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.physical.dtype
        return dtype

    @property
    def ndim(self) -> int:
        return len(self.physical.shape) - 1

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def flags(self) -> Any:
        return self.physical.flags

    @property
    def base(self) -> Any:
        return self.physical

    def transpose(self, axes: tuple[int, ...]) -> BatchedArray:
        moved = (0, *(a % self.ndim + 1 for a in axes))
        return BatchedArray(self.level, self.physical.transpose(moved))

    def reshape(self, shape: Any, copy: bool | None = None) -> BatchedArray:
        """To sizes that fit, as the caller has checked."""
        sizes = [shape] if isinstance(shape, int) else list(shape)
        if -1 in sizes:
            sizes[sizes.index(-1)] = self.size // math.prod(n for n in sizes if n != -1)
        whole = (self.physical.shape[0], *sizes)
        return BatchedArray(self.level, self.physical.reshape(whole, copy=copy))

    def diagonal(self, offset: int, axis1: int, axis2: int) -> BatchedArray:
        return BatchedArray(self.level, self.physical.diagonal(offset, axis1 + 1, axis2 + 1))

    def __getitem__(self, index: Any) -> BatchedArray:
        parts = index if isinstance(index, tuple) else (index,)
        return BatchedArray(self.level, self.physical[(slice(None), *parts)])

    def astype(self, dtype: Any) -> BatchedArray:
        return BatchedArray(self.level, self.physical.astype(dtype))

    def min(self) -> Any:
        """The minimum over all samples, for checks."""
        return self.physical.min()

    def max(self) -> Any:
        """The maximum over all samples, for checks."""
        return self.physical.max()

    def broadcast_to(self, shape: tuple[int, ...]) -> BatchedArray:
        """`np.broadcast_to` for each sample."""
        n = self.physical.shape[0]
        ones = (1,) * (len(shape) - self.ndim)
        aligned = self.physical.reshape((n, *ones, *self.shape), copy=False)
        return BatchedArray(self.level, np.broadcast_to(aligned, (n, *shape)))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.broadcast_to and isinstance(args[0], BatchedArray):
            return args[0].broadcast_to(tuple(args[1]))
        raise Unbatchable(f"vmap: {func.__name__} was called on a batched array")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Unbatchable("vmap: the values of a batched tensor were asked for")

    def __getattr__(self, name: str) -> Any:
        raise Unbatchable(f"vmap: {name} was asked of a batched array")


def _refuse(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise Unbatchable(f"vmap: {name} was called on a batched array")

    return refuse


for _name in (
    "add radd sub rsub mul rmul truediv rtruediv pow rpow matmul rmatmul mod floordiv neg abs "
    "iadd isub imul itruediv eq ne lt le gt ge and or invert len iter bool float int index "
    "setitem contains array_ufunc"
).split():
    setattr(BatchedArray, f"__{_name}__", _refuse(_name))
BatchedArray.__hash__ = object.__hash__  # type: ignore[method-assign]


def is_batched(array: Any) -> bool:
    """Whether the tensor is batched."""
    return type(array) is BatchedArray


def flat_batch(array: Any) -> NDArray[Any]:
    """All samples of all levels along the first axis of one array."""
    while isinstance(array, BatchedArray):
        shape = array.shape
        n = array.physical.shape[0]
        merged = (n * shape[0], *shape[1:]) if shape else (n,)
        array = array.physical.reshape(merged)
    found: NDArray[Any] = array
    return found

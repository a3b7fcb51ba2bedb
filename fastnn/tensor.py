"""Tensor: a NumPy array and, when a gradient may be asked for, the tape's node that made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _batch, _recording
from fastnn._core.tape import TensorBase, bind

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from fastnn.autograd.hooks import RemovableHandle

    Scalar = bool | int | float

float32 = np.dtype("float32")
float64 = np.dtype("float64")
int64 = np.dtype("int64")
bool_ = np.dtype("bool")
DTYPES = (float32, float64, int64, bool_)


class Tensor(TensorBase):
    """An n-dimensional array that operations can be differentiated through.

    Args:
        array: the values. An array of float32, float64, int64 or bool is kept without a copy; other
            arrays, and tensors, are converted; lists and numbers become float32, as in torch.
        requires_grad: record what is computed from this tensor, so that `backward` reaches it. A
            dtype here is the dtype, as MindSpore has it: Tensor([1, 2], fastnn.int32).
        dtype: default: that of an array or a tensor.

    Example:
        >>> import fastnn
        >>> x = fastnn.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    __slots__ = ()
    __array_priority__ = 1000  # ndarray * Tensor asks Tensor

    def __init__(
        self,
        array: Tensor | ArrayLike,
        requires_grad: bool | DTypeLike = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        if (
            array.__class__ is not np.ndarray
            or requires_grad.__class__ is not bool
            or dtype is not None
            or array.dtype not in DTYPES
        ):
            array, requires_grad = given_values(array, requires_grad, dtype)
        super().__init__(array, requires_grad)

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def is_leaf(self) -> bool:
        """Whether no operation on the tape made it."""
        return self._node is None

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one of its entries."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of axes."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __repr__(self) -> str:
        if _recording.active is not None:
            return f"tensor(<recorded>, shape={self.shape}, dtype={self.dtype})"
        body = np.array2string(self._array, separator=", ", prefix="tensor(", precision=4)
        dtype = "" if self.dtype in (float32, int64, bool_) else f", dtype=fastnn.{self.dtype}"
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"tensor({body}{dtype}{grad})"

    # Its values, for Python

    def item(self) -> float | int | bool:
        """The value of a tensor of one element, as a Python number."""
        _recording.refuse("its value was asked for (item, float, int, bool or a branch)")
        if self._array.size != 1:
            raise ValueError(f"item: expected a tensor of one element, got shape {self.shape}")
        value: float | int | bool = self._array.item()
        return value

    def numpy(self) -> NDArray[Any]:
        """The values as an array that shares this tensor's memory."""
        _recording.refuse("its values were asked for (numpy)")
        if self.requires_grad and self._node is not None:
            raise RuntimeError("numpy: this tensor requires grad; use tensor.detach().numpy()")
        return self._array

    def asnumpy(self) -> NDArray[Any]:
        """MindSpore's name for `detach().numpy()`."""
        return self.detach().numpy()

    def tolist(self) -> Any:
        """The values as nested lists."""
        _recording.refuse("its values were asked for (tolist)")
        return self._array.tolist()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        _recording.refuse("its values were asked for (a NumPy function)")
        return np.array(self._array, dtype=dtype, copy=copy)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    # The tape

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
    ) -> None:
        """Add d(self)/d(leaf) to `grad` of every leaf that requires it.

        Args:
            gradient: the gradient by this tensor; needed unless it has one element (then 1).
            retain_graph: keep the tape for another backward; defaults to `create_graph`.
            create_graph: record the backward pass too, for gradients of gradients.
        """
        from fastnn.autograd import backward

        backward(self, gradient, retain_graph, create_graph)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` in backward; what it returns, if not None, replaces the gradient.

        See `fastnn.autograd.hooks.register_hook`; the handle's `remove()` ends it.
        """
        return autograd.hooks.register_hook(self, hook)

    def retain_grad(self) -> None:
        """Let backward fill `grad` although this is no leaf."""
        autograd.hooks.retain_grad(self)

    def detach(self) -> Tensor:
        """The same memory, off the tape."""
        return Tensor(self._array)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` of a leaf, and return it."""
        if self._node is not None:
            raise RuntimeError("requires_grad_: only leaf tensors can be changed; use detach()")
        if requires_grad and self._array.dtype.kind != "f":
            raise TypeError(
                f"requires_grad_: only floating-point tensors have gradients, got {self.dtype}"
            )
        self.requires_grad = requires_grad
        return self

    # Conversions

    def to(self, dtype: DTypeLike) -> Tensor:
        """The values as another dtype; itself when nothing changes."""
        return ops.cast(self, np.dtype(dtype))

    def float(self) -> Tensor:
        """As float32."""
        return self.to(float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(float64)

    def long(self) -> Tensor:
        """As int64, truncated towards zero."""
        return self.to(int64)

    def clone(self) -> Tensor:
        """A copy with memory of its own; gradients pass through."""
        return ops.copy(self)

    def contiguous(self) -> Tensor:
        """Itself when C-contiguous, else a copy that is."""
        return ops.contiguous(self)

    # Arithmetic

    def __add__(self, other: Tensor | Scalar) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Tensor | Scalar) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Tensor | Scalar) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Tensor | Scalar) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Tensor | Scalar) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Tensor | Scalar) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Tensor | Scalar) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Tensor | Scalar) -> Tensor:
        return ops.div(other, self)

    def __pow__(self, other: Tensor | Scalar) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Tensor | Scalar) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __eq__(self, other: Tensor | Scalar) -> Tensor:  # type: ignore[override]
        return ops.eq(self, other)

    def __ne__(self, other: Tensor | Scalar) -> Tensor:  # type: ignore[override]
        return ops.ne(self, other)

    def __lt__(self, other: Tensor | Scalar) -> Tensor:
        return ops.lt(self, other)

    def __le__(self, other: Tensor | Scalar) -> Tensor:
        return ops.le(self, other)

    def __gt__(self, other: Tensor | Scalar) -> Tensor:
        return ops.gt(self, other)

    def __ge__(self, other: Tensor | Scalar) -> Tensor:
        return ops.ge(self, other)

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    # In place: for values outside the tape (parameters under no_grad, buffers)

    def _write(self, name: str, value: Tensor | Scalar) -> Tensor:
        if self.requires_grad and autograd.is_grad_enabled():
            raise RuntimeError(f"{name}: a tensor that requires grad is changed in place; "
                               "do so under fastnn.no_grad()")  # fmt: skip
        return getattr(ops, name)(self, value)  # type: ignore[no-any-return]

    def copy_(self, source: Tensor | Scalar) -> Tensor:
        """Take the values of `source`, which broadcasts to this shape."""
        return self._write("copy_", source)

    def zero_(self) -> Tensor:
        """Set every element to 0."""
        return self._write("copy_", 0.0)

    def fill_(self, value: Scalar) -> Tensor:
        """Set every element to `value`."""
        return self._write("copy_", value)

    def add_(self, other: Tensor | Scalar) -> Tensor:
        """self += other."""
        return self._write("add_", other)

    def sub_(self, other: Tensor | Scalar) -> Tensor:
        """self -= other."""
        return self._write("sub_", other)

    def mul_(self, other: Tensor | Scalar) -> Tensor:
        """self *= other."""
        return self._write("mul_", other)

    def div_(self, other: Tensor | Scalar) -> Tensor:
        """self /= other."""
        return self._write("div_", other)

    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_

    # Shape

    @property
    def T(self) -> Tensor:
        """The axes in reverse order, as a view."""
        return ops.permute(self, tuple(range(self.ndim - 1, -1, -1)))

    def t(self) -> Tensor:
        """The transpose of a matrix, as a view."""
        return self.T

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two axes exchanged, as a view."""
        axes = list(range(self.ndim))
        axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
        return ops.permute(self, tuple(axes))

    def permute(self, *dims: int) -> Tensor:
        """The axes in the order given, as a view."""
        return ops.permute(self, dims)

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """Another shape for the same elements; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
        return ops.reshape(self, tuple(sizes))  # type: ignore[arg-type]

    view = reshape

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Axes start_dim..end_dim merged into one."""
        end = end_dim % max(self.ndim, 1) + 1
        return ops.reshape(self, (*self.shape[:start_dim], -1, *self.shape[end:]))

    def squeeze(self, dim: int | None = None) -> Tensor:
        """Without its axes of size 1 (or without `dim`, when of size 1)."""
        if dim is not None and self.shape[dim] != 1:
            return self
        gone = range(self.ndim) if dim is None else (dim % self.ndim,)
        shape = [n for i, n in enumerate(self.shape) if n != 1 or i not in gone]
        return ops.reshape(self, tuple(shape))

    def unsqueeze(self, dim: int) -> Tensor:
        """With an axis of size 1 before axis `dim`."""
        at = dim % (self.ndim + 1)
        return ops.reshape(self, (*self.shape[:at], 1, *self.shape[at:]))

    def expand(self, *shape: int) -> Tensor:
        """Broadcast to a shape, as a view."""
        return ops.expand(self, shape)

    # Functions and reductions, as methods

    def sum(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
        """The sum over `dim` (default: all), accumulated in double."""
        return ops.sum(self, dim, keepdim)

    def mean(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
        """The mean over `dim` (default: all), accumulated in double."""
        return ops.mean(self, dim, keepdim)

    def amax(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
        """The largest element over `dim` (default: all)."""
        return ops.max(self, dim, keepdim)

    def amin(self, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
        """The smallest element over `dim` (default: all)."""
        return ops.min(self, dim, keepdim)

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The index of the first largest element over `dim` (default: of all, flattened)."""
        return ops.argmax(self, dim, keepdim)

    def softmax(self, dim: int = -1) -> Tensor:
        """exp(x - max) / sum(exp(x - max)) along `dim`."""
        return ops.softmax(self, dim)

    def log_softmax(self, dim: int = -1) -> Tensor:
        """x - max - log(sum(exp(x - max))) along `dim`."""
        return ops.log_softmax(self, dim)

    def exp(self) -> Tensor:
        """e**x by element."""
        return ops.exp(self)

    def log(self) -> Tensor:
        """The natural logarithm by element."""
        return ops.log(self)

    def log1p(self) -> Tensor:
        """log(1 + x) by element, exact near 0."""
        return ops.log1p(self)

    def sqrt(self) -> Tensor:
        """The square root by element."""
        return ops.sqrt(self)

    def square(self) -> Tensor:
        """x * x by element."""
        return ops.square(self)

    def abs(self) -> Tensor:
        """The absolute value by element."""
        return ops.abs(self)

    def pow(self, exponent: Tensor | Scalar) -> Tensor:
        """x**exponent by element."""
        return ops.pow(self, exponent)

    def tanh(self) -> Tensor:
        """The hyperbolic tangent by element."""
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)) by element."""
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        """max(x, 0) by element."""
        return ops.relu(self)

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product self @ other."""
        return ops.matmul(self, other)


bind(tensor=Tensor)


def as_dtype(array: NDArray[Any]) -> NDArray[Any]:
    """The array in one of the four dtypes of this library; other kinds of numbers are converted."""
    if array.dtype in DTYPES and array.dtype.isnative:
        return array
    if array.dtype.kind in "iu":
        return array.astype(int64)
    if array.dtype.kind == "f":
        return array.astype(float32 if array.dtype.itemsize <= 4 else float64)
    raise TypeError(f"data: expected numbers or booleans, got dtype {array.dtype}")


def given_values(
    data: Tensor | ArrayLike, requires_grad: Any, dtype: DTypeLike | None
) -> tuple[NDArray[Any], bool]:
    """What `Tensor(...)` was given, as an array of one of the four dtypes, and requires_grad."""
    if not isinstance(requires_grad, bool | np.bool_):
        if dtype is not None or requires_grad is None:
            raise TypeError(f"requires_grad: expected True or False, got {requires_grad!r}")
        requires_grad, dtype = False, requires_grad
    source = data._array if isinstance(data, Tensor) else data
    if isinstance(source, _batch.Batch):
        return source, bool(requires_grad)  # type: ignore[return-value]
    array = np.asarray(source, dtype)
    if dtype is None and not hasattr(source, "dtype") and array.dtype.kind in "iuf":
        array = array.astype(float32)
    return as_dtype(array), bool(requires_grad)


def tensor(
    data: ArrayLike | Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor with a copy of `data`.

    Args:
        data: a number, nested lists, an array or a tensor.
        dtype: default: the dtype of an array; float32 for Python floats, int64 for ints.
        requires_grad: record what is computed from it.

    Raises:
        TypeError: data that is not numbers, or a gradient for integers.

    Example:
        >>> import fastnn
        >>> fastnn.tensor([[1, 2], [3, 4]]).shape
        (2, 2)
    """
    if isinstance(data, Tensor):
        _recording.refuse("a copy of it was made by tensor(); use clone()")
    source = data._array if isinstance(data, Tensor) else data
    array = np.array(source, dtype=dtype)
    if dtype is None and array.dtype == float64 and not hasattr(source, "dtype"):
        array = array.astype(float32)
    return Tensor(as_dtype(array), requires_grad)


def from_numpy(array: NDArray[Any]) -> Tensor:
    """A tensor that shares the memory of an array."""
    if array.dtype not in DTYPES:
        raise TypeError(f"array: expected float32, float64, int64 or bool, got {array.dtype}")
    return Tensor(array)


def zeros(*size: int, dtype: DTypeLike = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return Tensor(np.zeros(_sizes(size), dtype), requires_grad)


def ones(*size: int, dtype: DTypeLike = float32, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return Tensor(np.ones(_sizes(size), dtype), requires_grad)


def _sizes(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], Sequence) else size


def zeros_like(x: Tensor, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of `x`."""
    return Tensor(np.zeros(x.shape, x.dtype), requires_grad)


def ones_like(x: Tensor, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of `x`."""
    return Tensor(np.ones(x.shape, x.dtype), requires_grad)


from fastnn import autograd, ops  # noqa: E402  Tensor's methods are ops, and ops make Tensors

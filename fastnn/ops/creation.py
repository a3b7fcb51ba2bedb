"""Tensor creation, with torch's names and arguments."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import arrays, check, default as _default, dtypes, pieces
from fastnn._support.blame import name_arguments
from fastnn._support.device import on_cpu
from fastnn._support.errors import InvalidTypeError, InvalidValueError, too_large
from fastnn.ops.from_data import (
    as_tensor,
    asarray,
    dtype_of,
    from_dlpack,
    from_numpy,
    frombuffer,
    is_tensor,
    scalar_tensor,
    tensor,
    typename,
)
from fastnn.tensor import Tensor, bool_, float64, int64, of_array
from fastnn.tensor.made import made

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

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
    "frombuffer",
    "scalar_tensor",
    "typename",
    "set_default_dtype",
    "tensor",
    "zeros",
    "zeros_like",
]


def sizes_of(size: tuple[Any, ...]) -> tuple[int, ...]:
    sizes = tuple(size[0]) if len(size) == 1 and isinstance(size[0], Sequence) else size
    for n in sizes:
        if not isinstance(n, int | np.integer) or n < 0:
            raise (InvalidValueError if isinstance(n, int) else InvalidTypeError)(
                f"size: expected integers of at least 0, got {n!r}"
            )
    return sizes


def given_size(shape: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """The shape from positional arguments or from the keyword `size`."""
    if size is None:
        return sizes_of(shape)
    if shape:
        raise InvalidTypeError("size: expected the shape once, got it by position too")
    return sizes_of((size,))


def zeros(
    *shape: Any,
    size: int | Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of zeros; dtype: the default dtype unless given.

    The shape: integers, one sequence, or `size=`. layout, pin_memory and memory_format are
    accepted without effect on a CPU.
    """
    on_cpu(device)
    sizes, want = given_size(shape, size), dtype_of(dtype)
    try:
        return made(np.zeros(sizes, want), requires_grad)
    except ValueError:
        raise too_large("size", sizes) from None


def ones(
    *shape: Any,
    size: int | Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of ones; dtype: the default dtype unless given.

    The shape: integers, one sequence, or `size=`. layout, pin_memory and memory_format are
    accepted without effect on a CPU.
    """
    on_cpu(device)
    return made(dtypes.filled(given_size(shape, size), 1, dtype_of(dtype)), requires_grad)


def empty(
    *shape: Any,
    size: int | Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """An uninitialised tensor: write it before you read it.

    The shape: integers, one sequence, or `size=`. layout, pin_memory and memory_format are
    accepted without effect on a CPU.
    """
    on_cpu(device)
    sizes, want = given_size(shape, size), dtype_of(dtype)
    try:
        return made(np.empty(sizes, want), requires_grad)
    except ValueError:
        raise too_large("size", sizes) from None


def full(
    size: Sequence[int] | int,
    fill_value: Scalar | Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor filled with one value; dtype: that of the value unless given.

    Raises:
        RuntimeError: a value beyond an integer dtype.
    """
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = bool_ if isinstance(value, bool) else int64 if isinstance(value, int) else None
    shape = sizes_of((size,))
    return made(dtypes.filled(shape, value, dtype_of(dtype, kind)), requires_grad)


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """The range start, start + step, .. below end: int64 for integers, else the default dtype.

    arange(end) begins at 0.

    Raises:
        ValueError: a step of 0, or away from end.
    """
    if start is None or end is None:
        start, end = 0, start if end is None else end
    if end is None:
        raise InvalidTypeError("end: expected a number, got None")
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    want = None if dtype is None else dtypes.dtype_of(dtype)
    if not (math.isfinite(start) and math.isfinite(end)):
        raise InvalidValueError(f"end: expected a finite range, got {start} to {end}")
    if want == int64:  # as torch: whole numbers from the start
        start, end, step = int(start), int(end), int(step)
    if step == 0 or (end - start) / step < 0:
        raise InvalidValueError(f"step: expected one that leads from {start} to {end}, got {step}")
    whole = all(isinstance(v, int | np.integer) for v in (start, end, step))
    n = math.ceil((end - start) / step)
    check.elements("end", (n,))
    want = want or (int64 if whole else _default.dtype)
    if want.kind in "iu":  # the length is that of the numbers given
        start, step, whole = int(start), int(step), True
    values = start + np.arange(n, dtype=int64 if whole else float64) * step
    return made(dtypes.converted(values, want), requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` evenly spaced numbers from start to end, both included.

    For an integer dtype the ends are first rounded towards zero, and the numbers between them then.
    """
    want = dtype_of(dtype)
    return made(dtypes.converted(_spaced(start, end, steps, want), want), requires_grad)


def _spaced(start: Any, end: Any, steps: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Evenly spaced numbers in float64, counted from the nearer end, as torch does."""
    if isinstance(steps, bool | np.bool_) or not isinstance(steps, int | np.integer):
        raise InvalidTypeError(f"steps: expected a whole number, got {steps!r}; use int(steps)")
    if steps < 0:
        raise InvalidValueError(f"steps: expected at least 0, got {steps}")
    check.elements("steps", (int(steps),))
    whole = dtype.kind in "iu"
    # float keeps all digits of a float64 tensor
    try:
        first, last = (float(int(v)) if whole else float(v) for v in (start, end))
    except OverflowError:
        ends = f"{check.show(start)} and {check.show(end)}"
        raise InvalidValueError(f"start, end: expected finite numbers, got {ends}") from None
    step = (last - first) / max(steps - 1, 1)

    def some(i: NDArray[Any]) -> NDArray[Any]:
        near = (i < steps // 2) | (steps == 1)
        return np.where(near, first + step * i, last - step * (steps - 1 - i))

    return pieces.mapped(some, np.arange(steps), np.float64)


def eye(
    n: int,
    m: int | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """The (n, m) identity matrix: 1 on the diagonal, else 0; m defaults to n."""
    if n < 0 or (m is not None and m < 0):
        raise InvalidValueError(f"n, m: expected sizes of at least 0, got {n} and {m}")
    check.elements("n, m", (n, n if m is None else m))
    return made(dtypes.converted(np.eye(n, m), dtype_of(dtype)), requires_grad)


def _like(x: Tensor, dtype: DTypeLike | None, device: Any) -> np.dtype[Any]:
    on_cpu(device)
    return x._array.dtype if dtype is None else dtype_of(dtype)


def zeros_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Zeros in the shape of `input`; dtype: that of `input` unless given."""
    return of_array(np.zeros(input.shape, _like(input, dtype, device)), requires_grad)


def ones_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Ones in the shape of `input`; dtype: that of `input` unless given."""
    return of_array(dtypes.filled(input.shape, 1, _like(input, dtype, device)), requires_grad)


def empty_like(
    input: Tensor,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """An uninitialised tensor in the shape of `input`; dtype: that of `input` unless given."""
    return of_array(np.empty(input.shape, _like(input, dtype, device)), requires_grad)


def full_like(
    input: Tensor,
    fill_value: Scalar,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """One value in the shape of `input`; dtype: that of `input` unless given."""
    return of_array(
        dtypes.filled(input.shape, fill_value, _like(input, dtype, device)), requires_grad
    )


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Logarithmically spaced numbers: base ** linspace(start, end, steps).

    For an integer dtype the ends are first rounded towards zero, and the powers then.
    """
    want = dtype_of(dtype)
    powers = pieces.mapped(lambda x: base**x, _spaced(start, end, steps, want))
    return of_array(dtypes.converted(powers, want), requires_grad)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of tensors made from Python floats or without a dtype; float32 at first."""
    return dtypes.public(_default.dtype)


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the default dtype of tensors, random numbers and layers.

    Integers that become floating-point take it too, as in `tensor([1, 2]) / 2`. What there is
    keeps its dtype.

    Args:
        dtype: float32, float64, float16 or bfloat16.

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
        raise InvalidTypeError("dtype: expected float32, float64, float16 or bfloat16, got None")
    _default.dtype = arrays.real_dtype(dtype)


name_arguments(sys.modules[__name__])

"""Elementwise ops that write into their first operand, for tensors off the tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine
from fastnn._core.tape import owner
from fastnn._support import default, dtypes, maps
from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError, broadcast_shapes
from fastnn.ops.promote import cast, fits, pair, real, same_real
from fastnn.ops.table import TABLE, Op, execute
from fastnn.tape import versions
from fastnn.tape.inference import check_writable
from fastnn.tensor import Tensor, as_dtype, of_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ops.table import Operand


def repeats(array: NDArray[Any]) -> bool:
    """Whether several elements of an array are one place in memory, as after `expand`."""
    if array.flags.forc:
        return False
    return any(step == 0 and n > 1 for n, step in zip(array.shape, array.strides, strict=True))


def check_places(x: Tensor) -> None:
    """Raise if elements that would be written share a place in memory."""
    if repeats(x._array):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def _apart(out: NDArray[Any], source: NDArray[Any]) -> NDArray[Any]:
    """The source of an op that writes `out`; a copy where both lie across each other with gaps.

    Raises:
        RuntimeError: they overlap, and neither has gaps, as in torch.
    """
    if out is source or owner(out) is not owner(source) or not np.may_share_memory(out, source):
        return source
    if (
        _steps(out) == _steps(source)
        and out.__array_interface__["data"] == source.__array_interface__["data"]
    ):
        return source
    if _dense(out) and _dense(source):
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor "
            "refer to a single memory location. Please clone() the tensor before performing the "
            "operation."
        )
    copied = np.empty(source.shape, source.dtype)
    execute(TABLE["copy"], (copied,), (source,), (), ())
    return copied


def _steps(array: NDArray[Any]) -> list[tuple[int, int]]:
    """Size and stride of the axes that have more than one element."""
    return [(n, s) for n, s in zip(array.shape, array.strides, strict=True) if n != 1]


def _dense(array: NDArray[Any]) -> bool:
    """Whether the elements fill a part of the memory, in any order of axes."""
    order = sorted(range(array.ndim), key=lambda d: array.strides[d])
    return array.transpose(order[::-1]).flags.c_contiguous


def _fit_into(shape: tuple[int, ...], arrays: tuple[NDArray[Any], ...]) -> bool:
    try:
        return broadcast_shapes(shape, *[a.shape for a in arrays]) == shape
    except InvalidValueError:
        return False


def _write(op: Op, x: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
    if x._inference:
        check_writable(x, f"{op.name}_")
    check_places(x)
    out = x._array
    arrays = tuple([_apart(out, t._array) for t in inputs])
    if len(arrays) > 1:
        same_real(op.name, *arrays)
    shape = out.shape
    if any([a.shape != shape for a in arrays]) and not _fit_into(shape, arrays):
        raise InvalidValueError(f"{op.name}_: shape {arrays[-1].shape} does not fit into {x.shape}")
    recorder = engine.recorder()
    if recorder is not None:
        recorder.writes(out)
    execute(op, (out,), arrays, (), ())
    versions.wrote(out, f"{op.name}_")
    return x


def value_of(source: Any, x: Tensor) -> Tensor:
    """A number, list or array as a tensor of x's dtype, to be written into x.

    Raises:
        RuntimeError: a number beyond an integer dtype.
    """
    given, dtype = maps.array_of(source, "value"), x._array.dtype
    if given.dtype.kind not in "biufV":
        raise InvalidTypeError(f"value: expected numbers, got {show(source)}")
    if not isinstance(source, np.ndarray):
        dtypes.fits("value", given, dtype)
    if given.ndim == 0:
        return of_array(dtypes.number(given.item(), dtype))
    return of_array(dtypes.converted(as_dtype(given), dtype))


def fill_(x: Tensor, value: Operand) -> Tensor:
    """x[...] = one value, also where elements of x share a place in memory."""
    array = x._array
    if repeats(array):
        once = tuple(slice(None if step else 1) for step in array.strides)
        y = of_array(array[once])
        y._inference = x._inference
        copy_(y, value)
        return x
    return copy_(x, value)


def copy_(x: Tensor, source: Operand) -> Tensor:
    """x[...] = source."""
    values = source if isinstance(source, Tensor) else value_of(source, x)
    return _write(TABLE["copy"], x, (cast(values, x._array.dtype),))


def _in_place(name: str) -> Callable[[Tensor, Operand], Tensor]:
    def function(x: Tensor, other: Operand) -> Tensor:
        _, y = pair(x, other)
        fits(name + "_", x, default.dtype if name == "div" else y._array.dtype)
        return _write(TABLE[name], x, (x, cast(y, x._array.dtype)))

    function.__name__ = function.__qualname__ = name + "_"
    function.__doc__ = f"{name} written into its first operand."
    return function


add_: Callable[[Tensor, Operand], Tensor] = _in_place("add")
sub_: Callable[[Tensor, Operand], Tensor] = _in_place("sub")
mul_: Callable[[Tensor, Operand], Tensor] = _in_place("mul")
div_: Callable[[Tensor, Operand], Tensor] = _in_place("div")


def lerp_(x: Tensor, end: Tensor, weight: Operand) -> Tensor:
    """lerp written into its first operand."""
    return _write(TABLE["lerp"], x, (x, end, real(weight, x)))

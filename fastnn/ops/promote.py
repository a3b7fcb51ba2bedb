"""Type promotion by torch's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import default, dtypes, maps
from fastnn._support.arrays import show
from fastnn._support.dtypes import CODES, KIND, TORCH_NAMES, is_float
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.ops.table import apply, row
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, float32, float64, int64, of_array

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from fastnn.ops.table import Op, Scalar

    DType = np.dtype[Any]

__all__ = ["can_cast", "promote_types", "result_type"]


def _cast_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [(arrays[0].shape, dtypes.ORDER[attrs[0]])], ()


def _cast_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (cast(dy, node.input(0).dtype),)


_cast = row("cast", _cast_shape, only_reads(_cast_gradient))


def cast(x: Tensor, dtype: DTypeLike) -> Tensor:
    """Convert to a dtype (x itself if it has it): to integers towards zero, of which the low bits
    are kept, to bool as x != 0."""
    have = x._array.dtype
    if have is dtype or have == dtype:
        return x
    want = dtypes.dtype_of(dtype)
    if have == want:
        return x
    if x.requires_grad and not is_float(want):
        x = x.detach()
    return apply(_cast, (x,), (CODES[want], CODES[have]))


def is_array(value: object, name: str = "other") -> bool:
    """Whether an operand is NumPy's array, which operators take as a tensor.

    Raises:
        ValueError: of a memory map that is closed.
    """
    found = isinstance(value, np.ndarray)
    if found:
        maps.refuse_closed(value, name)
    return found


def real(x: Tensor | Scalar, other: Tensor | Scalar | None = None) -> Tensor:
    """`x` as a floating-point tensor; a Python number takes the dtype of `other`."""
    if isinstance(x, Tensor):
        if x._array.dtype.kind in "fV":
            return x
        like = other if isinstance(other, Tensor) and is_float(other._array.dtype) else None
        return cast(x, like._array.dtype if like is not None else default.dtype)
    if is_array(x, "input"):
        return real(of_array(x), other)
    if not isinstance(x, bool | int | float | np.number):
        raise InvalidTypeError(
            f"input: expected a tensor or a number, got {show(x)}; wrap an array by "
            "fastnn.tensor(...)"
        )
    dtype = default.dtype
    if isinstance(other, Tensor) and is_float(other._array.dtype):
        dtype = other._array.dtype
    return of_array(dtypes.number(x, dtype))


def same_real(op: str, *arrays: NDArray[Any] | None) -> np.dtype[Any]:
    """The common floating-point dtype of the arrays."""
    found = {a.dtype for a in arrays if a is not None}
    if len(found) != 1:
        names = ", ".join(sorted(str(dtypes.public(d)) for d in found))
        raise InvalidTypeError(
            f"{op}: expected tensors of one dtype, got {names}; use .float() or .double()"
        )
    return found.pop()


def _number_rank(value: Any, name: str = "other") -> int:
    if isinstance(value, bool | np.bool_):
        return 0
    if isinstance(value, int | np.integer):
        return 1
    if isinstance(value, float | np.floating):
        return 2
    raise InvalidTypeError(
        f"{name}: expected a tensor or a number, got {show(value)}; wrap an array by "
        "fastnn.tensor(...)"
    )


_EXACT = 2**53  # smaller whole numbers are float64s


def number_beside(x: Tensor | Scalar, value: Tensor | Scalar) -> Tensor | None:
    """The usual case of `pair` without its questions: a number beside float32 or float64. None
    for others."""
    if isinstance(x, Tensor) and (
        type(value) is float or (type(value) is int and abs(value) < _EXACT)
    ):
        dtype = x._array.dtype
        if dtype is float32 or dtype is float64:
            return of_array(np.array(value, dtype))
    return None


def _with_number(x: Tensor, value: Scalar, name: str = "other") -> tuple[Tensor, Tensor]:
    """Promote a tensor and a Python number, which counts only if it is of a higher kind than x."""
    usual = number_beside(x, value)
    if usual is not None:
        return x, usual
    try:
        rank = _number_rank(value, name)
    except TypeError:
        if not is_array(value, name):
            raise
        return pair(x, of_array(value))
    dtype = x._array.dtype
    if rank > KIND[dtype]:
        dtype = default.dtype if rank == 2 else int64
        x = cast(x, dtype)
    try:
        return x, of_array(np.array(value, dtype))
    except (TypeError, OverflowError):  # bfloat16; a number that wraps around
        return x, of_array(_number(value, dtype, name))


def _number(value: Any, dtype: DType, name: str) -> NDArray[Any]:
    try:
        return dtypes.number(value, dtype)
    except OverflowError:
        raise InvalidValueError(
            f"{name}: expected a whole number of 64 bits, got {show(value)}"
        ) from None


def _promoted(a: DType, b: DType) -> DType:
    """The dtype that two arrays promote to, whatever their shapes."""
    if a == b:
        return a
    if KIND[a] != KIND[b]:
        return a if KIND[a] > KIND[b] else b
    if a.itemsize == b.itemsize:  # of one size and kind: float16 and bfloat16, int8 and uint8
        return float32 if is_float(a) else dtypes.int16
    return a if a.itemsize > b.itemsize else b


def _combined(higher: DType | None, lower: DType | None) -> DType | None:
    """The dtype of operands that count more and of ones that count only if they are of a higher
    kind."""
    if higher is None or lower is None:
        return lower if higher is None else higher
    return lower if KIND[lower] > KIND[higher] else higher


def result_dtype(a: Tensor, b: Tensor) -> np.dtype[Any]:
    """The promoted dtype: the higher kind; of one kind the wider, unless only it is 0-d."""
    da, db = a._array.dtype, b._array.dtype
    if KIND[da] != KIND[db]:
        return da if KIND[da] > KIND[db] else db
    if da != db and (a.ndim == 0) != (b.ndim == 0):
        return db if a.ndim == 0 else da
    return _promoted(da, db)


def pair(a: Tensor | Scalar, b: Tensor | Scalar) -> tuple[Tensor, Tensor]:
    """Promote both operands to tensors of one dtype."""
    if isinstance(a, Tensor):
        if not isinstance(b, Tensor):
            return _with_number(a, b)
        if a._array.dtype == b._array.dtype:
            return a, b
        dtype = result_dtype(a, b)
        return cast(a, dtype), cast(b, dtype)
    if isinstance(b, Tensor):
        b, a = _with_number(b, a, "input")
        return a, b
    if is_array(a, "input"):
        return pair(of_array(a), b)
    rank = max(_number_rank(a, "input"), _number_rank(b))
    dtype = (bool_, int64, default.dtype)[rank]
    return of_array(dtypes.number(a, dtype)), of_array(dtypes.number(b, dtype))


def beside_number(op: Op, a: Tensor | Scalar, b: Tensor | Scalar) -> Tensor | None:
    """The op on float16 or bfloat16 and a number, or a 0-d tensor of another type, whose digits
    count: x * 1e5 is finite for a small x. None for other operands."""
    for x, y in ((a, b), (b, a)):
        if not isinstance(x, Tensor) or x._array.dtype not in dtypes.HALVES:
            continue
        if is_array(y):
            return None
        if not isinstance(y, Tensor) or (y.ndim == 0 < x.ndim and y.dtype != x.dtype):
            wide = tuple(cast(real(t), float32) for t in (a, b))
            return cast(apply(op, wide), x.dtype)
    return None


def fits(name: str, x: Tensor, dtype: np.dtype[Any]) -> None:
    """Refuse to write a result of a higher kind into x.

    Raises:
        RuntimeError: floats into integers, numbers into bools.
    """
    have = x._array.dtype
    dtype = dtypes.dtype_of(dtype)
    if KIND[dtype] > KIND[have]:
        result, own = (TORCH_NAMES[str(dtypes.public(d))] for d in (dtype, have))
        raise RuntimeError(
            f"{name}: result type {result} can't be cast to the desired output type {own}"
        )


# ---- torch's names ----


def promote_types(type1: DTypeLike, type2: DTypeLike) -> np.dtype[Any]:
    """The smallest dtype that holds the values of both, by torch's table.

    The kinds are bool, integers, floats: a higher one wins, whatever the sizes. Of one kind the
    wider wins; float16 with bfloat16 gives float32, uint8 with int8 int16.

    Args:
        type1, type2: dtypes.

    Raises:
        TypeError: something else.

    Source: torch.promote_types.

    Example:
        >>> import fastnn
        >>> fastnn.promote_types(fastnn.uint8, fastnn.int8)
        dtype('int16')
    """
    return dtypes.public(
        _promoted(dtypes.dtype_of(type1, "type1"), dtypes.dtype_of(type2, "type2"))
    )


def result_type(tensor1: Tensor | Scalar, tensor2: Tensor | Scalar) -> np.dtype[Any]:
    """The dtype of an operation on two tensors or numbers.

    0-d tensors count only if they are of a higher kind than the others, Python numbers only if they
    are of a higher kind than all tensors: then a float is of the default dtype, an int of int64.

    Args:
        tensor1, tensor2: tensors or numbers.

    Raises:
        TypeError: something else.

    Source: torch.result_type.

    Example:
        >>> import fastnn
        >>> fastnn.result_type(fastnn.tensor([1], dtype=fastnn.uint8), 1.5)
        dtype('float32')
    """
    found: list[DType | None] = [None, None, None]  # with axes, 0-d, numbers
    for value in (tensor1, tensor2):
        if isinstance(value, Tensor):
            place, dtype = (0 if value.ndim else 1), value._array.dtype
        else:
            place, dtype = 2, (bool_, int64, default.dtype)[_number_rank(value)]
        other = found[place]
        found[place] = dtype if other is None else _promoted(other, dtype)
    result = _combined(found[0], _combined(found[1], found[2]))
    assert result is not None
    return dtypes.public(result)


def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether a result of one dtype may be written into a tensor of another: not floats into
    integers, and only bools into bools.

    Args:
        from_, to: dtypes.

    Source: torch.can_cast.

    Example:
        >>> import fastnn
        >>> fastnn.can_cast(fastnn.float64, fastnn.float16)
        True
        >>> fastnn.can_cast(fastnn.float32, fastnn.int64)
        False
    """
    return KIND[dtypes.dtype_of(from_, "from_")] <= KIND[dtypes.dtype_of(to, "to")]

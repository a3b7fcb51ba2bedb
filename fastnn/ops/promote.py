"""Type promotion by torch's rules, for float32, float64, int64 and bool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine
from fastnn._support import default
from fastnn.ops.table import apply, row
from fastnn.tape.inference import only_reads
from fastnn.tape.node import Node
from fastnn.tensor import Tensor, bool_, float32, float64, int64

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from fastnn.ops.table import Scalar

_REALS = tuple(np.dtype(name) for name in engine.DTYPES)  # indexed by the kernel's type codes
_RANK = {bool_: 0, int64: 1, float32: 2, float64: 2}


def _cast_shape(arrays: list[NDArray[Any]], attrs: tuple[int, ...]) -> Any:
    return [(arrays[0].shape, _REALS[attrs[0]])], ()


def _cast_gradient(node: Node, dy: Tensor) -> Sequence[Tensor | None]:
    return (cast(dy, node.input(0).dtype),)


_cast = row("cast", _cast_shape, only_reads(_cast_gradient))


def cast(x: Tensor, dtype: DTypeLike) -> Tensor:
    """Convert to a dtype (x itself if it has it); to int64 towards zero, to bool as x != 0."""
    have = x._array.dtype
    if have is dtype or have == dtype:
        return x
    want = np.dtype(dtype)
    if want not in _RANK:  # other numeric types map to the nearest dtype that tensors have
        want = float32 if want.kind == "f" else int64 if want.kind in "iu" else want
        if want not in _RANK:
            raise TypeError(f"dtype: expected float32, float64, int64 or bool, got {dtype}")
        if have == want:
            return x
    if want.kind != "f" and x.requires_grad:
        x = x.detach()
    return apply(_cast, (x,), (_REALS.index(want), _REALS.index(have)))


def real(x: Tensor | Scalar, other: Tensor | Scalar | None = None) -> Tensor:
    """`x` as a floating-point tensor; a Python number takes the dtype of `other`."""
    if isinstance(x, Tensor):
        if x._array.dtype.kind == "f":
            return x
        like = other if isinstance(other, Tensor) and other._array.dtype.kind == "f" else None
        return cast(x, like.dtype if like is not None else default.dtype)
    if not isinstance(x, bool | int | float | np.number):
        raise TypeError(
            f"expected a tensor or a number, got {type(x).__name__}; wrap it in fastnn.tensor"
        )
    dtype = default.dtype
    if isinstance(other, Tensor) and other._array.dtype.kind == "f":
        dtype = other._array.dtype
    return Tensor(np.array(x, dtype))


def same_real(op: str, *arrays: NDArray[Any] | None) -> np.dtype[Any]:
    """The common floating-point dtype of the arrays."""
    dtypes = {a.dtype for a in arrays if a is not None}
    if len(dtypes) != 1:
        names = ", ".join(sorted(str(d) for d in dtypes))
        raise TypeError(
            f"{op}: expected tensors of one dtype, got {names}; use .float() or .double()"
        )
    return dtypes.pop()


def _number_rank(value: Any) -> int:
    if isinstance(value, bool | np.bool_):
        return 0
    if isinstance(value, int | np.integer):
        return 1
    if isinstance(value, float | np.floating):
        return 2
    raise TypeError(
        f"expected a tensor or a number, got {type(value).__name__}; wrap it in fastnn.tensor"
    )


def _with_number(x: Tensor, value: Scalar) -> tuple[Tensor, Tensor]:
    """Promote a tensor and a Python number, which counts only if it is of a higher kind than x."""
    rank, dtype = _number_rank(value), x._array.dtype
    if rank > _RANK[dtype]:
        dtype = default.dtype if rank == 2 else int64
        x = cast(x, dtype)
    return x, Tensor(np.array(value, dtype))


def result_dtype(a: Tensor, b: Tensor) -> np.dtype[Any]:
    """The promoted dtype: the higher kind; of two floats the wider, unless only it is 0-d."""
    da, db = a._array.dtype, b._array.dtype
    if _RANK[da] != _RANK[db]:
        return da if _RANK[da] > _RANK[db] else db
    if da != db and (a.ndim == 0) != (b.ndim == 0):
        return db if a.ndim == 0 else da
    return max(da, db, key=lambda dtype: dtype.itemsize)


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
        b, a = _with_number(b, a)
        return a, b
    rank = max(_number_rank(a), _number_rank(b))
    dtype = (bool_, int64, default.dtype)[rank]
    return Tensor(np.array(a, dtype)), Tensor(np.array(b, dtype))


def fits(name: str, x: Tensor, dtype: np.dtype[Any]) -> None:
    """Refuse to write a result of a higher kind into x."""
    if _RANK[dtype] > _RANK[x._array.dtype]:
        raise TypeError(f"{name}: a result of {dtype} does not fit into a tensor of {x.dtype}")

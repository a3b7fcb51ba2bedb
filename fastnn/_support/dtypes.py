"""The element types of tensors, by name; bfloat16, which NumPy has not, among them.

Kernels compute float32, float64, int64 and bool. The other types are stored as they are, and cast
for the time of an operation: float16 and bfloat16 to float32, the integers to int64 (decision 11).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast as as_type

import numpy as np

from fastnn._core import engine
from fastnn._support.errors import InvalidTypeError, too_large

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BFloat16:
    """The dtype `bfloat16`: the upper half of a float32, 8 bits of precision.

    NumPy has no such type: an array of it has NumPy's type of two raw bytes, on which NumPy refuses
    to calculate. `numpy.dtype(bfloat16)` is that type.

    >>> import fastnn
    >>> fastnn.bfloat16.itemsize, fastnn.bfloat16 == "bfloat16"
    (2, True)
    """

    name, kind, itemsize, char = "bfloat16", "f", 2, "E"
    type, num = float, -1
    isnative = True
    dtype = np.dtype("V2")

    def __eq__(self, other: object) -> bool:
        if other is self or (isinstance(other, str) and other == "bfloat16"):
            return True
        return isinstance(other, np.dtype) and other == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __str__(self) -> str:
        return "bfloat16"

    def __repr__(self) -> str:
        return "dtype('bfloat16')"

    def __reduce__(self) -> str:
        return "bfloat16"  # one object, in copies and pickles too


bfloat16: np.dtype[Any] = as_type("np.dtype[Any]", BFloat16())
BRAIN = np.dtype("V2")  # how NumPy stores it
float16: np.dtype[Any] = np.dtype("f2")
float32: np.dtype[Any] = np.dtype("f4")
float64: np.dtype[Any] = np.dtype("f8")
int8: np.dtype[Any] = np.dtype("i1")
int16: np.dtype[Any] = np.dtype("i2")
int32: np.dtype[Any] = np.dtype("i4")
int64: np.dtype[Any] = np.dtype("i8")
uint8: np.dtype[Any] = np.dtype("u1")
bool_: np.dtype[Any] = np.dtype("?")
# Names of torch's that no tensor has: an argument of these raises an error.
uint16: np.dtype[Any] = np.dtype("u2")
uint32: np.dtype[Any] = np.dtype("u4")
uint64: np.dtype[Any] = np.dtype("u8")

# Those of tensors, in the order of `enum fnn_real`.
ORDER = tuple(BRAIN if name == "bfloat16" else np.dtype(name) for name in engine.TYPES)
CODES = {dtype: code for code, dtype in enumerate(ORDER)}
HALVES = frozenset((float16, BRAIN))
STORED = frozenset(ORDER[len(engine.DTYPES) :])  # without kernels
KIND = {dtype: {"b": 0, "i": 1, "u": 1, "f": 2, "V": 2}[dtype.kind] for dtype in ORDER}
NAMES = ", ".join(engine.TYPES)
TORCH_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16",
    "int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte",
    "bool": "Bool",
}  # fmt: skip


def public(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype as users see it: `bfloat16` for the bytes that stand for it."""
    return bfloat16 if dtype == BRAIN else dtype


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether the dtype of an array is a floating-point one, bfloat16 too."""
    return dtype.kind in "fV"


def dtype_of(dtype: Any, name: str = "dtype") -> np.dtype[Any]:
    """The dtype of arrays for a dtype argument: a dtype, its name, or a Python type.

    Raises:
        TypeError: none that tensors have.
    """
    if dtype.__class__ is BFloat16 or (isinstance(dtype, str) and dtype == "bfloat16"):
        return BRAIN
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        raise InvalidTypeError(f"{name}: expected one of {NAMES}, got {dtype!r}") from None
    if found not in CODES:
        found = found.newbyteorder("=") if found.kind in "iuf" else found
        if found not in CODES:
            raise InvalidTypeError(f"{name}: expected one of {NAMES}, got {found}{_instead(found)}")
    return found


def _instead(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "u":
        return "; convert to a signed type, by .astype(numpy.int64) if the values fit"
    return "; convert by .astype(numpy.float64)" if dtype.kind == "f" else ""


def wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which the engine computes for this one."""
    if dtype not in STORED:
        return dtype
    return float32 if dtype in HALVES else int64


def converted(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of a tensor's dtype in another one (itself, if it has it), as `Tensor.to` does; in
    the same order in memory."""
    dtype = np.dtype(dtype)
    if array.dtype == dtype:
        return array
    out: NDArray[Any] = np.empty_like(array, dtype, subok=False)
    engine.call(engine.OPS["cast"], (out, array), (), (CODES[dtype], CODES[array.dtype]))
    return out


def readable(array: NDArray[Any]) -> NDArray[Any]:
    """The array in a type that NumPy calculates with: bfloat16 as float32."""
    return converted(array, float32) if array.dtype == BRAIN else array


def number(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A Python number as a 0-d array; whole numbers wrap around, floats to integers go to zero.

    Raises:
        OverflowError: a whole number beyond 64 bits.
    """
    dtype = np.dtype(dtype)
    if dtype not in STORED and not (dtype == int64 and isinstance(value, float | np.floating)):
        return np.array(value, dtype)
    if isinstance(value, bool | int | np.bool_ | np.integer):
        return converted(np.array(value, int64), dtype)
    return converted(np.array(value, float64), dtype)


def filled(shape: Any, value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of one number, which has to fit into the dtype.

    Raises:
        RuntimeError: it does not.
        ValueError: no memory can hold the shape.
    """
    one, dtype = np.asarray(value), np.dtype(dtype)
    fits("fill_value", one, dtype)
    try:
        return np.full(shape, number(one.item(), dtype))
    except ValueError:
        raise too_large("size", shape) from None


def fits(name: str, values: NDArray[Any], dtype: np.dtype[Any]) -> None:
    """Refuse Python numbers beyond an integer type, as torch does; -1 means the largest uint8.

    Raises:
        RuntimeError: a number that does not fit.
    """
    if dtype.kind not in "iu" or values.size == 0 or values.dtype.kind not in "iuf":
        return
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    if dtype == uint8 and values.dtype.kind != "f":
        low = -high
    least, most = values.min().item(), values.max().item()
    if not math.isfinite(least) or not math.isfinite(most) or least < low or most > high:
        wrong = least if not math.isfinite(least) or least < low else most
        raise RuntimeError(
            f"{name}: {wrong} does not fit: value cannot be converted to type {dtype} without "
            f"overflow"
        )

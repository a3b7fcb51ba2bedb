"""What the arguments of random functions mean: shapes, bounds, and what a dtype holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import check, dtypes
from fastnn._support.dtype_info import finfo
from fastnn._support.errors import InvalidTypeError


def size_of(name: str, given: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """The shape from positional arguments or from the keyword `size`."""
    if size is not None:
        if given:
            raise InvalidTypeError(
                f"{name}: expected the shape once, got it by position and as size="
            )
        given = (size,)
    return check.shape("size", given)


def bounds_of(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, Any]:
    names = ("low", "high", "size")
    count = len(given) + len(named)
    skipped = 0 if "low" in named or count == 3 else 1
    values: dict[str, Any] = {"low": 0} if skipped else {}
    values.update(zip(names[skipped:], given, strict=False))
    if len(given) > 3 - skipped or set(named) & set(names[skipped : skipped + len(given)]):
        raise InvalidTypeError(f"randint: expected (low=0, high, size), got {count} arguments")
    values.update(named)
    if set(values) != set(names):
        raise InvalidTypeError(f"randint: expected (low=0, high, size), got {sorted(values)}")
    return values["low"], values["high"], values["size"]


def held(dtype: np.dtype[Any]) -> tuple[int, int, int]:
    """The least and the most that may be drawn for a dtype, and the end of the default range."""
    if dtype.kind == "b":
        return 0, 1, 2
    if dtype.kind == "f":
        info = finfo(dtype)
        largest = int(min(info.max, 2**63))
        return -largest, min(largest, 2**63 - 1), int(2 / info.eps) + 1
    least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return least, most, most + 1


def within(low: int, high: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    """Bounds of whole numbers of a dtype. One that a floating-point dtype has not, so that rounding
    would go beyond it, is moved into the range by a step of the dtype, as torch does."""
    if dtype.kind != "f":
        return low, high
    digits = 1 - int(np.log2(finfo(dtype).eps))

    def step(n: int) -> int:
        return 1 << max(abs(n).bit_length() - digits, 0)

    def rounded(n: int) -> int:
        return int(dtypes.readable(dtypes.number(n, dtypes.dtype_of(dtype))))

    first, last = rounded(low + 1), rounded(high - 1)
    return (
        first + step(low + 1) if first < low else low,
        last - step(high - 1) if last >= high else high,
    )

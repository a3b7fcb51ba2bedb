"""What the arguments of random functions mean: shapes, bounds, and what a dtype holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import check
from fastnn._support.dtype_info import finfo


def size_of(name: str, given: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """The shape from positional arguments or from the keyword `size`."""
    if size is not None:
        if given:
            raise TypeError(f"{name}: expected the shape once, got it by position and as size=")
        given = (size,)
    return check.shape("size", given)


def bounds_of(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, Any]:
    names = ("low", "high", "size")
    count = len(given) + len(named)
    skipped = 0 if "low" in named or count == 3 else 1
    values: dict[str, Any] = {"low": 0} if skipped else {}
    values.update(zip(names[skipped:], given, strict=False))
    if len(given) > 3 - skipped or set(named) & set(names[skipped : skipped + len(given)]):
        raise TypeError(f"randint: expected (low=0, high, size), got {count} arguments")
    values.update(named)
    if set(values) != set(names):
        raise TypeError(f"randint: expected (low=0, high, size), got {sorted(values)}")
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

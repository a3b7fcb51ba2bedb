"""The limits of dtypes, with torch's names and attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._support import default, dtypes


class finfo:
    """The limits of a floating-point dtype.

    Args:
        dtype: default: the default dtype.

    Attributes: bits, eps (from 1 to the next number), max, min, tiny and smallest_normal, the least
    positive number of full precision, resolution, dtype (its name).

    Raises:
        TypeError: another dtype.

    Source: torch.finfo.

    >>> import fastnn
    >>> fastnn.finfo("bfloat16").eps, fastnn.finfo("float16").max
    (0.0078125, 65504.0)
    """

    eps: float
    max: float
    tiny: float
    resolution: float
    min: float
    smallest_normal: float

    def __init__(self, dtype: Any = None) -> None:
        found = default.dtype if dtype is None else dtypes.dtype_of(dtype)
        if not dtypes.is_float(found):
            raise TypeError(f"dtype: expected a floating-point dtype, got {found}; use iinfo")
        self.dtype: str = dtypes.public(found).name
        self.bits: int = 8 * found.itemsize
        if found == dtypes.BRAIN:
            self.eps, self.max, self.tiny, self.resolution = (
                2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 0.01,
            )  # fmt: skip
        else:
            known: Any = np.finfo(found)
            self.eps, self.max, self.tiny, self.resolution = (
                float(v) for v in (known.eps, known.max, known.tiny, 10.0**-known.precision)
            )
        self.min, self.smallest_normal = -self.max, self.tiny

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer dtype.

    Args:
        dtype: one of int8 to int64, uint8.

    Attributes: bits, min, max, dtype (its name).

    Raises:
        TypeError: another dtype.

    Source: torch.iinfo.

    >>> import fastnn
    >>> fastnn.iinfo("uint8").max
    255
    """

    bits: int
    min: int
    max: int

    def __init__(self, dtype: Any) -> None:
        found = np.dtype(dtype) if not isinstance(dtype, dtypes.BFloat16) else dtypes.BRAIN
        if found.kind not in "iu":
            raise TypeError(f"dtype: expected an integer dtype, got {dtypes.public(found)}")
        known = np.iinfo(found)
        self.dtype: str = found.name
        self.bits, self.min, self.max = known.bits, int(known.min), int(known.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"

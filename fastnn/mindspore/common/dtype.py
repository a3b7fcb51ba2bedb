"""Dtypes by MindSpore's names: `from fastnn.mindspore.common import dtype as mstype`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._support import dtypes
from fastnn.dtype import bool_, float16, float32, float64, int8, int16, int32, int64, uint8

__all__ = [
    "bool_",
    "dtype_to_nptype",
    "float16",
    "float32",
    "float64",
    "int16",
    "int32",
    "int64",
    "int8",
    "uint8",
]


def dtype_to_nptype(type_: npt.DTypeLike) -> Any:
    """NumPy's class of numbers of a dtype.

    Raises:
        TypeError: a dtype that tensors have not, or bfloat16, which NumPy has not.

    >>> from fastnn import mindspore
    >>> from fastnn.mindspore.common import dtype as mstype
    >>> mindspore.dtype_to_nptype(mstype.int32)
    <class 'numpy.int32'>
    """
    found = dtypes.dtype_of(type_, "type_")
    if found.kind == "V":
        raise TypeError("type_: NumPy has no bfloat16; expected another dtype")
    return np.dtype(found).type

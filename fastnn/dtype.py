"""Dtypes by name, as in `from mindspore import dtype as mstype`.

Tensors have one of ten dtypes. The engine computes float32, float64, int64 and bool; float16,
bfloat16, int32, int16, int8 and uint8 are kept as they are, and computed in float32 or int64. No
tensor is of uint16, uint32 or uint64: there these names raise an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn._support.dtypes import (
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

half: np.dtype[Any] = float16
float: np.dtype[Any] = float32
double: np.dtype[Any] = float64
short: np.dtype[Any] = int16
int: np.dtype[Any] = int32
long: np.dtype[Any] = int64
bool: np.dtype[Any] = bool_

__all__ = [
    "bfloat16",
    "bool",
    "bool_",
    "double",
    "float",
    "float16",
    "float32",
    "float64",
    "half",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "long",
    "short",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
]

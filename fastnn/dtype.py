"""Dtypes by name, as in `from mindspore import dtype as mstype`.

Tensors have one of four dtypes: float32, float64, int64 and bool. Other names convert to the
nearest of these: int32 to int64, float16 to float32.
"""

import numpy as np

from fastnn.tensor import bool_, float32, float64, int64

float16 = np.dtype("float16")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
int32 = np.dtype("int32")
uint8 = np.dtype("uint8")

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
bool = bool_

__all__ = [
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
    "uint8",
]

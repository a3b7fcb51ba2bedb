"""Dtypes by MindSpore's names: `from fastnn.mindspore.common import dtype as mstype`."""

from fastnn.dtype import bool_, float16, float32, float64, int8, int16, int32, int64, uint8

__all__ = [
    "bool_",
    "float16",
    "float32",
    "float64",
    "int16",
    "int32",
    "int64",
    "int8",
    "uint8",
]

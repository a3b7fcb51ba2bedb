"""Tensor: an array and the tape node that made it."""

from fastnn.tensor import copying
from fastnn.tensor.attach import attach
from fastnn.tensor.tensor import (
    DTYPES,
    Tensor,
    as_dtype,
    bool_,
    float32,
    float64,
    int64,
    of_array,
    wrap,
)

attach(copying.METHODS)

__all__ = [
    "DTYPES",
    "Tensor",
    "as_dtype",
    "bool_",
    "float32",
    "float64",
    "int64",
    "of_array",
    "wrap",
]

"""The rows of whole numbers and truth values, in NumPy: exact, and wrapping around as int64 does.

INTEGER holds what rows of reference.py do when their arrays are int64 or bool instead of real.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def cast(x: Array, *, dtype: DTypeLike) -> Array:
    """out = x as another type: towards zero to int64, x != 0 to bool; what int64 has no number for
    is the least of them."""
    x = np.asarray(x)
    if np.dtype(dtype) != np.int64 or x.dtype.kind != "f":
        return x != 0 if np.dtype(dtype) == np.bool_ else x.astype(dtype)
    fits = (x >= -(2.0**63)) & (x < 2.0**63)
    return np.where(fits, np.where(fits, x, 0).astype(np.int64), np.iinfo(np.int64).min)


def floor_divide(a: Array, b: Array) -> Array:
    """out = floor(a / b); 0 for b = 0."""
    return np.where(b == 0, 0, np.floor_divide(a, np.where(b == 0, 1, b)))


def bitwise_and(a: Array, b: Array) -> Array:
    """out = a & b"""
    return np.bitwise_and(a, b)


def bitwise_or(a: Array, b: Array) -> Array:
    """out = a | b"""
    return np.bitwise_or(a, b)


def bitwise_xor(a: Array, b: Array) -> Array:
    """out = a ^ b"""
    return np.bitwise_xor(a, b)


def _power(a: Array, b: Array) -> Array:
    """a^b; for b < 0 the integer part of 1 / a^-b."""
    whole = np.power(a, np.where(b < 0, 0, b))
    inverse = np.where(a == 1, 1, np.where(a == -1, np.where(b % 2 == 0, 1, -1), 0))
    return np.where(b < 0, inverse, whole)


def _remainder(a: Array, b: Array) -> Array:
    """a - floor(a / b) b; a for b = 0."""
    return np.asarray(a - floor_divide(a, b) * b)


def _middle(function: Callable[..., Array]) -> Callable[[Array], Array]:
    return lambda x: function(x, axis=1)


_BOTH: dict[str, Callable[..., Array]] = {
    "copy": np.array, "maximum": np.maximum, "minimum": np.minimum, "where": np.where,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "max": _middle(np.max), "min": _middle(np.min), "add": np.add,
    "mul": np.multiply, "bitwise_and": bitwise_and, "bitwise_or": bitwise_or,
    "bitwise_xor": bitwise_xor,
}  # fmt: skip
INTEGER: dict[str, dict[str, Callable[..., Array]]] = {
    "bool": _BOTH,
    "int64": {
        **_BOTH, "neg": np.negative, "abs": np.abs, "sign": np.sign, "square": np.square,
        "sub": np.subtract, "pow": _power, "floor_divide": floor_divide, "remainder": _remainder,
        "sum": _middle(np.sum), "argmax": _middle(np.argmax),
        "argsort": lambda x: np.argsort(x, axis=1, kind="stable"),
    },
}  # fmt: skip

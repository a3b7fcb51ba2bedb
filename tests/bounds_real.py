"""The real types as bounds.py and bounds_norm.py see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

U_DOUBLE = 2.0**-53
VMATH_ULP = 4
VMATH = 2 * VMATH_ULP  # in units of u: one ULP is at most 2 u of the value
SLACK = 1.002  # the reference's own rounding, at least 11 bits finer than half an ULP


@dataclass(frozen=True)
class Real:
    """A real type of the engine: unit roundoff, smallest normal, largest, and the finer type."""

    dtype: np.dtype[Any]
    u: float
    tiny: float
    largest: float
    wide: DTypeLike

    def gamma(self, k: Any) -> Any:
        return gamma(k, self.u)

    def ulp(self, x: Array) -> Array:
        """The spacing of this type's numbers around x."""
        x = np.clip(np.abs(np.nan_to_num(x)), self.tiny, self.largest)
        return np.ldexp(2 * self.u, np.frexp(x)[1] - 1)


REALS = {
    "float32": Real(np.dtype("f4"), 2.0**-24, 2.0**-126, float(np.finfo("f4").max), np.float64),
    "float64": Real(np.dtype("f8"), U_DOUBLE, 2.0**-1022, np.finfo("f8").max, np.longdouble),
}


def gamma(k: Any, u: float) -> Any:
    return k * u / (1 - k * u)

"""Error analysis: the floating-point types, and numbers that carry an error bound.

`Approx` is a value and a bound on the error of a computed one (running error analysis: Higham,
Accuracy and Stability of Numerical Algorithms, section 3.3). An operation passes on what its
operands carry, and adds one rounding and one flush to zero. A reference that is run on such
numbers gives the bound of its op. An fma rounds less often than the product and sum it stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

U_DOUBLE = 2.0**-53
VMATH_ULP = 4  # the promise of docs/design.md for exp, log, tanh, ...
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
        """k roundings, relative."""
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
    """k roundings, relative: k u / (1 - k u). Higham, lemma 3.1."""
    return k * u / (1 - k * u)


class Approx:
    """A value and its error. real: the type that results are rounded to; the coarser one wins."""

    def __init__(self, real: Real, value: Any, error: Any = 0.0) -> None:
        self.real, self.value, self.error = real, np.asarray(value), error

    @property
    def dtype(self) -> Any:
        """Of the value: coefficients are converted to it."""
        return self.value.dtype

    def __getitem__(self, at: Any) -> Approx:
        error = self.error if np.ndim(self.error) == 0 else self.error[at]
        return Approx(self.real, self.value[at], error)

    def to(self, real: Real) -> Approx:
        """Rounded to a coarser type."""
        return self if real.u <= self.real.u else Approx(real, self.value, self.error)._rounded()

    def _rounded(self) -> Approx:
        off = self.real.u * (np.abs(self.value) + self.error) + self.real.tiny
        return Approx(self.real, self.value, self.error + off)

    def _with(self, other: Any) -> tuple[Approx, Approx]:
        """Both in the coarser of their types; a plain number is exact."""
        if not isinstance(other, Approx):
            return self, Approx(self.real, other)
        real = max(self.real, other.real, key=lambda real: real.u)
        return self.to(real), other.to(real)

    def __add__(self, other: Any) -> Approx:
        a, b = self._with(other)
        return Approx(a.real, a.value + b.value, a.error + b.error)._rounded()

    def __sub__(self, other: Any) -> Approx:
        return self + -other

    def __rsub__(self, other: Any) -> Approx:
        return -self + other

    def __neg__(self) -> Approx:
        return Approx(self.real, -self.value, self.error)

    def __mul__(self, other: Any) -> Approx:
        a, b = self._with(other)
        error = np.abs(a.value) * b.error + a.error * (np.abs(b.value) + b.error)
        error = np.where(np.isnan(error), np.inf, error)  # 0 times an unlimited error
        return Approx(a.real, a.value * b.value, error)._rounded()

    def __truediv__(self, other: Any) -> Approx:
        a, b = self._with(other)
        value, least = a.value / b.value, np.abs(b.value) - b.error
        error = (a.error + np.abs(value) * b.error) / np.maximum(least, 0)
        return Approx(a.real, value, np.where(least > 0, error, np.inf))._rounded()

    def __rtruediv__(self, other: Any) -> Approx:
        return Approx(self.real, other) / self

    def __pow__(self, other: Any) -> Approx:
        """By libm, less than one ULP off: 2 u."""
        a, b = self._with(other)
        value = a.value**b.value
        off = np.where(b.error == 0, 0, np.abs(np.log(a.value)) * b.error)
        off += np.where(a.error == 0, 0, np.abs(b.value) * a.error / np.abs(a.value))
        return Approx(a.real, value, np.abs(value) * (off + a.real.u))._rounded()

    __radd__, __rmul__ = __add__, __mul__

    def __le__(self, other: Any) -> Any:
        return self.value <= getattr(other, "value", other)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in _UFUNCS:
            return NotImplemented
        first, *rest = inputs
        if not isinstance(first, Approx):
            first = Approx(self.real, first)
        return _UFUNCS[ufunc.__name__](first, *rest)


def _sqrt(x: Approx) -> Approx:
    value = np.sqrt(x.value)
    low, high = np.sqrt(np.maximum(x.value - x.error, 0)), np.sqrt(x.value + x.error)
    return Approx(x.real, value, np.maximum(value - low, high - value))._rounded()


def _maximum(a: Approx, b: Any) -> Approx:
    """Off by no more than the worse of the two."""
    a, b = a._with(b)
    return Approx(a.real, np.maximum(a.value, b.value), np.maximum(a.error, b.error))


def _sign(x: Approx) -> Approx:
    unsure = np.abs(x.value) <= x.error
    return Approx(x.real, np.sign(x.value), np.where(unsure, 2.0, 0.0))


_UFUNCS: dict[str, Callable[..., Approx]] = {
    "add": Approx.__add__, "subtract": Approx.__sub__, "multiply": Approx.__mul__,
    "divide": Approx.__truediv__, "power": Approx.__pow__, "sqrt": _sqrt, "maximum": _maximum,
    "sign": _sign, "absolute": lambda x: Approx(x.real, np.abs(x.value), x.error),
}  # fmt: skip


def mix(old: Any, new: Any, share: Any) -> Any:
    """share old + (1 - share) new. Kernels may also start from the old one and go part of the way:
    with errors, those of the worse form."""
    plain = share * old + (1 - share) * new
    if not isinstance(plain, Approx):
        return plain
    moved = old + (1 - share) * (new - old)
    return Approx(plain.real, plain.value, np.maximum(plain.error, moved.error))

"""The in-place forms of elementwise functions: `x.floor_()` is `x.copy_(x.floor())` on the tape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.ops import arithmetic, elementwise, parts, pointwise, special, transcendental, whole
from fastnn.ops.inplace import METHODS as _WRITTEN, in_place
from fastnn.tensor import Tensor, float64

if TYPE_CHECKING:
    from fastnn.ops.table import Operand

# Their results are of another kind and are converted: truth values.
_CONVERTED = (
    elementwise.eq, elementwise.ge, elementwise.gt, elementwise.le, elementwise.lt, elementwise.ne,
    pointwise.logical_and, pointwise.logical_not, pointwise.logical_or, pointwise.logical_xor,
    pointwise.clamp_max, pointwise.clamp_min,
)  # fmt: skip
_CHECKED = (
    arithmetic.round, elementwise.bitwise_and, elementwise.bitwise_or, elementwise.bitwise_xor,
    elementwise.erf, elementwise.erfinv, elementwise.expm1, elementwise.floor,
    elementwise.floor_divide, elementwise.log1p, elementwise.remainder, elementwise.sign,
    parts.copysign, parts.heaviside, parts.ldexp, parts.nextafter, parts.sgn,
    pointwise.bitwise_not, pointwise.ceil, pointwise.frac, pointwise.trunc, special.digamma,
    special.erfc, special.i0, special.lgamma, special.logit, special.mvlgamma, special.xlogy,
    transcendental.acos, transcendental.acosh, transcendental.asin, transcendental.asinh,
    transcendental.atan, transcendental.atan2, transcendental.atanh, transcendental.cosh,
    transcendental.deg2rad, transcendental.exp2, transcendental.hypot, transcendental.log10,
    transcendental.log2, transcendental.rad2deg, transcendental.sinc, transcendental.sinh,
    transcendental.tan, whole.bitwise_left_shift, whole.bitwise_right_shift, whole.gcd, whole.lcm,
)  # fmt: skip

_float_power_ = in_place(parts.float_power, True)


def float_power_(self: Tensor, exponent: Operand) -> Tensor:
    """`float_power` in place, of a float64 tensor.

    Raises:
        TypeError: another dtype, which the result does not fit.
    """
    if self.dtype != float64:
        raise TypeError(f"float_power_: expected a tensor of float64, got {self.dtype}")
    return _float_power_(self, exponent)


METHODS = {
    form.__name__: form
    for functions, checked in ((_CONVERTED, False), (_CHECKED, True))
    for form in (in_place(function, checked) for function in functions)
}
_ALIASES = {
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "fix": "trunc", "greater": "gt", "greater_equal": "ge",
    "less": "lt", "less_equal": "le", "not_equal": "ne",
}  # fmt: skip
METHODS |= {f"{other}_": METHODS[f"{name}_"] for other, name in _ALIASES.items()}
METHODS |= {
    "float_power_": float_power_,
    "absolute_": _WRITTEN["abs_"], "clip_": _WRITTEN["clamp_"], "divide_": _WRITTEN["div_"],
    "multiply_": _WRITTEN["mul_"], "negative_": _WRITTEN["neg_"], "subtract_": _WRITTEN["sub_"],
    "true_divide_": _WRITTEN["div_"],
}  # fmt: skip

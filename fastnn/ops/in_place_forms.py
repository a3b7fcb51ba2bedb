"""Methods that write a function's result into the tensor: `x.tril_()`, `x **= 2`, `x.t_()`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from fastnn._core.tape import grad_enabled, turn
from fastnn._support.errors import InvalidTypeError
from fastnn.ops.inplace import changes_tape, in_place
from fastnn.tape import listener
from fastnn.tape.inference import check_writable
from fastnn.tensor import Tensor, float64

# Functions whose result has the shape of their first argument; each has an in-place form in torch.
_FUNCTIONS = """
abs absolute acos acosh addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan
arctan2 arctanh asin asinh atan atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not
bitwise_or bitwise_right_shift bitwise_xor ceil clamp clamp_max clamp_min clip copysign cos cosh
cumprod cumsum deg2rad digamma div divide eq erf erfc erfinv exp exp2 expm1 fix float_power floor
floor_divide fmod frac gcd ge greater greater_equal gt heaviside hypot i0 index_add
index_copy index_fill index_put index_reduce lcm ldexp le lerp less less_equal lgamma log log10
log1p log2 logical_and logical_not logical_or logical_xor logit lt masked_fill masked_scatter
multiply mvlgamma nan_to_num ne neg negative nextafter not_equal polygamma pow put rad2deg
reciprocal relu remainder renorm round rsqrt scatter scatter_add scatter_reduce sgn sigmoid sign sin
sinc sinh sqrt square subtract tan tanh tril triu true_divide trunc xlogy
"""
_VIEWS = "as_strided squeeze swapaxes swapdims t transpose unsqueeze"
_OPERATORS = {
    "__ipow__": "pow", "__ifloordiv__": "floor_divide", "__imod__": "remainder",
    "__iand__": "bitwise_and", "__ior__": "bitwise_or", "__ixor__": "bitwise_xor",
    "__ilshift__": "bitwise_left_shift", "__irshift__": "bitwise_right_shift",
}  # fmt: skip


def in_place_forms(
    functions: Mapping[str, Callable[..., Any]], known: Mapping[str, Any]
) -> dict[str, Callable[..., Tensor]]:
    """The in-place methods of these functions, by name, but those that are known already."""
    forms = {}
    for name in _FUNCTIONS.split():
        if name in functions and f"{name}_" not in known:
            forms[f"{name}_"] = in_place(functions[name], name)
    forms["float_power_"] = _of_float64(forms["float_power_"])
    for name in _VIEWS.split():
        forms[f"{name}_"] = _turned(functions[name], name)
    for name, of in _OPERATORS.items():
        forms[name] = forms[f"{of}_"] if f"{of}_" in forms else known[f"{of}_"]
    return forms


def _of_float64(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The in-place form of a function whose results are float64."""

    @wraps(method)
    def checked(self: Tensor, *args: Any, **named: Any) -> Tensor:
        if self.dtype != float64:
            raise InvalidTypeError(
                f"{method.__name__}: expected a tensor of float64, got {self.dtype}"
            )
        return method(self, *args, **named)

    return checked


def _turned(function: Callable[..., Tensor], base: str) -> Callable[..., Tensor]:
    """The in-place form of a function that gives a view: the tensor becomes that view."""
    name = f"{base}_"

    @wraps(function)
    def method(self: Tensor, *args: Any, **named: Any) -> Tensor:
        check_writable(self, name)
        if grad_enabled():
            changes_tape(self, None, name)
        if listener.active is not None:
            listener.active.turns(self._array, name)
        turn(self, function(self, *args, **named))
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`{base}` in place: the memory stays, and the tensor sees it otherwise."
    return method

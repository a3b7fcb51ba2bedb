"""Functions that are the same in fastnn: here under MindSpore's names for their arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fastnn
from fastnn.mindspore.tensor import adopt
from fastnn.nn import functional

# Of fastnn, by MindSpore's name where it is another.
SAME = """
abs absolute acos acosh add addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan
arctan2 arctanh argwhere asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d baddbmm
bincount bitwise_and bitwise_not bitwise_or bitwise_xor block_diag bmm cartesian_prod cdist ceil
clamp clip column_stack combinations copysign cos cosh cov cross cummax cummin cumprod deg2rad det
diag diag_embed diagonal diff digamma dist divide dstack einsum eq erf erfc erfinv exp exp2
expand_as expm1 flip fliplr flipud floor floor_divide fmax fmin fmod frac ge greater greater_equal
gt gumbel_softmax heaviside histc hstack hypot index_add index_fill inner inverse
is_complex is_floating_point is_nonzero isclose isfinite isin isinf isnan kron le lerp less
less_equal lgamma log log10 log1p log2 logaddexp logcumsumexp logical_and logical_not logical_or
logical_xor logit lt masked_select matmul maximum minimum mm movedim mul multiply mv nan_to_num
nanmean nansum narrow ne neg negative nonzero not_equal numel outer positive pow quantile rad2deg
ravel reciprocal remainder renorm roll rot90 round rsqrt searchsorted sgn sigmoid sign signbit sin
sinc sinh sqrt square sub subtract swapdims t take tan tanh tensor_split trace trapezoid tril triu
true_divide trunc unique_consecutive view_as_real vstack xlogy zeta
"""
OTHER_NAMES = {
    "mod": "remainder",
    "floormod": "remainder",
    "floordiv": "floor_divide",
    "invert": "bitwise_not",
    "tensor_add": "add",
    "tensor_sub": "sub",
    "tensor_mul": "mul",
    "tensor_div": "div",
    "tensor_pow": "pow",
    "tensor_exp": "exp",
    "tensor_floordiv": "floor_divide",
    "tensor_mod": "remainder",
    "tensor_gt": "gt",
    "tensor_ge": "ge",
    "tensor_lt": "lt",
    "tensor_le": "le",
    "deepcopy": "clone",
    "trapz": "trapezoid",
}
# Of fastnn.nn.functional.
ACTIVATIONS = """
hardshrink hardsigmoid hardswish hardtanh logsigmoid mish prelu relu relu6 rrelu selu silu
softshrink softsign tanhshrink pad normalize
"""

# MindSpore takes numbers for either operand.
NUMBERS = set(
    """eq equal ge greater greater_equal gt isclose le less less_equal logical_and logical_not
    logical_or logical_xor lt maximum minimum ne not_equal fmod""".split()
)
_FIRST = ("input", "input_x", "x", "tensor", "inputs", "logits")
_KEYS = {"axis": "dim", "axes": "dim", "keepdims": "keepdim", "keep_dims": "keepdim"}


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with numbers for its first two operands, as tensors without axes."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        first = (fastnn.tensor(a) if isinstance(a, bool | int | float) else a for a in args[:2])
        return function(*first, *args[2:], **kwargs)

    return run


def passed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under MindSpore's names of its arguments."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            kwargs = {_KEYS.get(key, key): value for key, value in kwargs.items()}
            first = next((key for key in _FIRST if key in kwargs), None)
            if first is not None and not args:
                args = (kwargs.pop(first),)
            for key in ("other", "y"):
                if key in kwargs and len(args) == 1:
                    args = (*args, kwargs.pop(key))
        return adopt(function(*args, **kwargs))

    return run


def _found() -> dict[str, Callable[..., Any]]:
    """By MindSpore's name, the functions that there are."""
    homes = [(name, name, fastnn) for name in SAME.split()]
    homes += [(name, ours, fastnn) for name, ours in OTHER_NAMES.items()]
    homes += [(name, name, functional) for name in ACTIVATIONS.split()]
    found = {name: getattr(home, ours) for name, ours, home in homes if hasattr(home, ours)}
    return {
        name: passed(_of_numbers(function) if name in NUMBERS else function)
        for name, function in found.items()
    }


FUNCTIONS = _found()

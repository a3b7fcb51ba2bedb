"""Functions composed of several ops, which round once where torch's kernels do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from fastnn._support.dtypes import HALVES
from fastnn.ops.promote import cast
from fastnn.tensor import Tensor, float32

P = ParamSpec("P")
R = TypeVar("R")


def rounds_once(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: a first argument of float16 or bfloat16 is computed in float32, gradients too, and
    the results are rounded at the end."""

    @wraps(function)
    def rounded(*args: P.args, **named: P.kwargs) -> R:
        x = args[0] if args else named.get("input")
        if not isinstance(x, Tensor) or x._array.dtype not in HALVES:
            return function(*args, **named)
        wide: Any = cast(x, float32)
        if args:
            found: Any = function(wide, *args[1:], **named)  # type: ignore[arg-type]
        else:
            named["input"] = wide
            found = function(**named)  # type: ignore[call-arg]
        if isinstance(found, Tensor):
            return cast(found, x.dtype)  # type: ignore[return-value]
        return type(found)(cast(y, x.dtype) for y in found)  # type: ignore[no-any-return]

    return rounded

"""Functions composed of several ops, which round once where torch's kernels do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from fastnn._support.dtypes import HALVES, dtype_of
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
        if not isinstance(x, Tensor):
            return function(*args, **named)
        asked: Any = named.get("dtype")  # the input is converted to it before
        kind = x._array.dtype if asked is None else dtype_of(asked)
        if kind not in HALVES:
            return function(*args, **named)
        named.pop("dtype", None)
        wide: Any = cast(cast(x, kind), float32)
        if args:
            found: Any = function(wide, *args[1:], **named)  # type: ignore[arg-type]
        else:
            named["input"] = wide
            found = function(**named)  # type: ignore[call-arg]
        if isinstance(found, Tensor):
            return cast(found, kind)  # type: ignore[return-value]
        return type(found)(cast(y, kind) for y in found)  # type: ignore[no-any-return]

    return rounded

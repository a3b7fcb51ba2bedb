"""Recording a function that changes its first argument in place, as `nn.ReLU(inplace=True)` may."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnn import ops
from fastnn.compiler.compiled import record
from fastnn.compiler.recorder import ArgumentWrittenError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording
    from fastnn.tensor import Tensor


def recorded(
    fn: Callable[..., Any], arrays: list[NDArray[Any]], functions: list[Any], **options: Any
) -> tuple[Any, Recording]:
    """`record` of a function of rows: it may change the first argument, its own copy of them."""
    try:
        return record(fn, arrays, functions=functions, **options)
    except ArgumentWrittenError:
        pass

    def on_a_copy(x: Tensor, *rest: Tensor) -> Any:
        return fn(ops.copy(x), *rest)

    return record(on_a_copy, arrays, functions=functions, **options)

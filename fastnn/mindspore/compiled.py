"""`jit`: a function as a program, MindSpore's decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastnn._support.tree import leaves
from fastnn.compiler.compiled import Compiled, is_recording
from fastnn.mindspore.tensor import adopt
from fastnn.tape.modes import is_grad_enabled
from fastnn.tensor import Tensor as Plain

__all__ = ["jit", "mutable"]


class Program(Compiled):
    """A compiled function of MindSpore's tensors."""

    models_on_tape = False  # a cell may hold a whole step

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.fn(*adopt(args), **adopt(kwargs))


def _array(value: Any) -> Any:
    """A tensor as its array, which the fast path of a program takes."""
    return value._array if isinstance(value, Plain) else value


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Callable[..., Any]:
    """A decorator: record a function once, then replay it as one program.

    A function whose results gradients may be asked of, such as a forward pass, runs as it is
    wherever the tape is on, so that a transform sees through it; put `jit` around a whole training
    step. The first call is always the function itself.

    Args:
        function: a function of tensors that returns tensors.
        options: capture_mode, jit_level, fullgraph, backend ...: without effect.

    Source: MindSpore's `jit`.

    Example:
        >>> import fastnn.mindspore as mindspore
        >>> @mindspore.jit
        ... def double(x):
        ...     return x * 2
        >>> print(double(mindspore.Tensor([1.0, 2.0])))
        [2. 4.]
    """
    if function is None:
        return functools.partial(jit, **options)
    eager = function
    compiled = Program(eager)
    taped: bool | None = None  # whether its results are on the tape; None: not called yet

    @functools.wraps(eager)
    def run(*args: Any, **kwargs: Any) -> Any:
        nonlocal taped
        if kwargs or is_recording() or any(getattr(a, "requires_grad", False) for a in args):
            return adopt(eager(*adopt(args), **adopt(kwargs)))
        if not is_grad_enabled() or taped is False:
            return adopt(compiled(*map(_array, args)))
        result = adopt(eager(*adopt(args)))
        taped = any(getattr(x, "requires_grad", False) for x in leaves(result))
        return result

    run.eager = eager  # type: ignore[attr-defined]
    return run


def mutable(input_data: Any, dynamic_len: bool = False) -> Any:
    """The data as they are: any argument may change."""
    return input_data

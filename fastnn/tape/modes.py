"""Grad modes: whether operations are recorded on the tape."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastnn._core.tape import (
    grad_enabled,
    inference_enabled,
    set_grad_enabled as set_mode,
    set_inference,
)


def is_grad_enabled() -> bool:
    """Whether this thread records operations on the tape."""
    return grad_enabled()


def is_inference_mode_enabled() -> bool:
    """Whether this thread is within `inference_mode`."""
    return inference_enabled()


class _Within:
    """A context manager; as a decorator, it covers each call, or each step of a generator."""

    mode: bool

    def __enter__(self) -> None:
        self._before = set_mode(self.mode)

    def __exit__(self, *_: object) -> None:
        set_mode(self._before)

    def __call__(self, function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with copy.copy(self):
                return function(*args, **kwargs)

        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Any:
            running, sent = function(*args, **kwargs), None
            while True:
                with copy.copy(self):
                    try:
                        item = running.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield item

        return steps if inspect.isgeneratorfunction(function) else call


class set_grad_enabled(_Within):
    """Turn recording on the tape on or off: from now on, or within a `with`; also a decorator.

    Example:
        >>> import fastnn
        >>> w = fastnn.ones(2, requires_grad=True)
        >>> with fastnn.set_grad_enabled(False):
        ...     (w * 2).requires_grad
        False
    """

    mode: bool

    def __init__(self, mode: bool) -> None:
        self.mode, self._before = mode, set_mode(mode)

    def __enter__(self) -> None:
        set_mode(self.mode)

    def __call__(self, function: Callable[..., Any]) -> Any:
        set_mode(self._before)
        return super().__call__(function)


class no_grad(_Within):
    """A context manager in which nothing is recorded on the tape; also a decorator.

    Example:
        >>> import fastnn
        >>> w = fastnn.ones(2, requires_grad=True)
        >>> with fastnn.no_grad():
        ...     (w * 2).requires_grad
        False
    """

    mode = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = object.__new__(cls)
        return made if function is None else made(function)


class enable_grad(no_grad):
    """A context manager that turns recording on again, within `no_grad`; also a decorator."""

    mode = True


class inference_mode(_Within):
    """A stricter `no_grad`: tensors made within it can neither be saved for a backward pass nor be
    changed in place outside of it. A context manager, also a decorator.

    Args:
        mode: False turns it off.

    Example:
        >>> import fastnn
        >>> with fastnn.inference_mode():
        ...     y = fastnn.ones(2) * 2
        >>> y.is_inference()
        True
    """

    inference: bool

    def __new__(cls, mode: Any = True) -> Any:
        made = object.__new__(cls)
        made.inference = bool(mode)
        made.mode = not made.inference
        return made(mode) if callable(mode) else made

    def __enter__(self) -> None:
        super().__enter__()
        self._outer = set_inference(self.inference)

    def __exit__(self, *_: object) -> None:
        set_inference(self._outer)
        super().__exit__()

"""Operators as classes, each described by one function: the keyword-only arguments are those of the
class, with their defaults, the others those of the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fastnn._support.signatures import signature
from fastnn.mindspore.tensor import adopt


class Primitive:
    """The base of operators: made with settings, called with tensors."""

    compute: Callable[..., Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = [
            p.replace(kind=p.POSITIONAL_OR_KEYWORD)
            for p in signature(type(self).compute).parameters.values()
            if p.kind is p.KEYWORD_ONLY
        ]
        try:
            bound = inspect.Signature(settings).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}: {error}") from None
        bound.apply_defaults()
        self.settings: dict[str, Any] = dict(bound.arguments)

    @property
    def name(self) -> str:
        """The name of the operator."""
        return type(self).__name__

    def __call__(self, *inputs: Any) -> Any:
        return adopt(type(self).compute(*adopt(inputs), **self.settings))

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.settings.items())
        return f"{type(self).__name__}({shown})"


CLASSES: dict[str, type[Primitive]] = {}


def primitive(name: str, compute: Callable[..., Any], doc: str | None = None) -> None:
    members = {"compute": staticmethod(compute), "__doc__": doc or compute.__doc__ or name}
    CLASSES[name] = type(name, (Primitive,), {**members, "__module__": "fastnn.mindspore.ops"})

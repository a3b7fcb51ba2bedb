"""Functions of functions and of tuples of tensors: `HyperMap`, `Map`, `Partial`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastnn.mindspore.tensor import Tensor, adopt

__all__ = ["HyperMap", "Map", "MultitypeFuncGraph", "Partial", "partial"]

partial = functools.partial


class Partial:
    """`functools.partial`: `Partial()(fn, *first)`."""

    def __call__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return functools.partial(func, *args, **kwargs)


class Map:
    """Call a function with the entries of tuples: `Map()(fn, xs, ys)`.

    Args:
        ops: the function; default: the first argument of the call.
        reverse: without effect.

    >>> from fastnn.mindspore import ops
    >>> ops.Map()(lambda x, y: x + y, (1, 2), (10, 20))
    (11, 22)
    """

    deep = False

    def __init__(self, ops: Callable[..., Any] | None = None, reverse: bool = False) -> None:
        self.ops = ops

    def __call__(self, *args: Any) -> Any:
        function, sequences = (args[0], args[1:]) if self.ops is None else (self.ops, args)
        return adopt(self._over(function, sequences))

    def _over(self, function: Callable[..., Any], sequences: tuple[Any, ...]) -> Any:
        rows = zip(*sequences, strict=True)
        return tuple(
            self._over(function, row)
            if self.deep and all(isinstance(part, tuple | list) for part in row)
            else function(*row)
            for row in rows
        )


class HyperMap(Map):
    """`Map`, also through tuples in tuples."""

    deep = True


class MultitypeFuncGraph:
    """A function with a form for each kind of arguments.

    Args:
        name: its name.
        read_value: without effect.

    >>> from fastnn.mindspore import ops
    >>> scale = ops.MultitypeFuncGraph("scale")
    >>> @scale.register("Number", "Number")
    ... def _(factor, x):
    ...     return factor * x
    >>> scale(2, 3)
    6
    """

    def __init__(self, name: str, read_value: bool = False, doc_url: str = "") -> None:
        self.name = name
        self._forms: list[tuple[tuple[str, ...], Callable[..., Any]]] = []

    def register(self, *kinds: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator of the form for these kinds: 'Tensor', 'Number', 'Bool', 'Tuple' ..."""
        names = tuple(kind if isinstance(kind, str) else kind.__name__ for kind in kinds)

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            self._forms.append((names, function))
            return function

        return add

    def __call__(self, *args: Any) -> Any:
        found = tuple(map(_kind, args))
        for names, function in self._forms:
            if len(names) == len(found) and all(
                name.lower() in kinds for name, kinds in zip(names, found)
            ):
                return function(*args)
        shown = [kinds[0] for kinds in found]
        raise TypeError(f"{self.name}: expected one of {[n for n, _ in self._forms]}, got {shown}")


def _kind(value: Any) -> tuple[str, ...]:
    """The names of kinds that a value is of."""
    if isinstance(value, Tensor):
        return ("tensor",)
    if isinstance(value, bool):
        return ("bool",)
    if isinstance(value, int | float):
        return ("number", type(value).__name__)
    return (type(value).__name__.lower(), "function" if callable(value) else "")

"""NumPy's argument names: `axis=` for `dim=`, `keepdims=` for `keepdim=`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import unwrap
from types import CodeType
from typing import Any, ParamSpec, TypeVar

from fastnn._support.blame import REFUSALS, names_already, say_as_called, wrong_argument
from fastnn._support.errors import InvalidTypeError

P = ParamSpec("P")
R = TypeVar("R")

_NAMES = {"axis": "dim", "keepdims": "keepdim", "ddof": "correction"}
_NOTHING = ("dtype", "out")  # NumPy's functions pass them to the methods that they call


def _renamed(name: str, given: dict[str, Any], ignored: tuple[str, ...]) -> dict[str, Any]:
    """Translate argument names to torch's.

    Raises:
        TypeError: both names of one argument, or a dtype or out other than None.
    """
    for key in ignored:
        if given.get(key) is not None:
            raise InvalidTypeError(f"{name}: expected {key}=None, got {given[key]!r}; "
                            "convert the tensor or what it gives")  # fmt: skip
    return _by(_NAMES, name, {key: v for key, v in given.items() if key not in ignored})


def also(**others: str) -> Callable[[Callable[P, R]], Callable[..., R]]:
    """Decorator: accept further names of arguments, torch's in another overload.

    others: a further name -> the argument that it means.
    """

    def decorate(function: Callable[P, R]) -> Callable[..., R]:
        @wraps(function)
        def named(*args: Any, **given: Any) -> R:
            if given:
                given = _by(others, function.__name__, given)
            return function(*args, **given)

        return named

    return decorate


def _by(others: dict[str, str], name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments by the names that the function has."""
    known: dict[str, Any] = {}
    for key, value in given.items():
        own = others.get(key, key)
        if own in known:
            raise InvalidTypeError(f"{name}: {own} is given twice, by its other name {key} too")
        known[own] = value
    return known


def both_names(function: Callable[P, R]) -> Callable[..., R]:
    """Decorator: accept NumPy's argument names as well as torch's."""
    code: CodeType = unwrap(function).__code__  # a signature takes longer
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    ignored = tuple(name for name in _NOTHING if name not in known)

    @wraps(function)
    def named(*args: Any, **given: Any) -> R:
        if given:
            given = _renamed(function.__name__, given, ignored)
        try:
            return function(*args, **given)
        except REFUSALS as error:
            wrong = wrong_argument(function, args, given, error)
            if wrong is None:
                say_as_called(function, args, given, error)
                raise
        raise wrong from None

    return names_already(named)

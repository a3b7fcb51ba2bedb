"""Which argument was wrong, when a call has failed: nothing is checked while calls succeed.

A function that Python or NumPy has refused an argument for, in their words, is asked again: the
first argument that does not fit its annotation is named, with what was expected and what came.
Where all fit, as where shapes do not suit each other, the message begins with the function that was
called, not with one that it calls in turn: `dist: shapes (4, 3) and (3, 3) do not broadcast`.
"""

from __future__ import annotations

import inspect
import operator
import re
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from fastnn._core.tape import TensorBase
from fastnn._support.arrays import show
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn._support.signatures import signature

__all__ = ["name_arguments", "names_already", "naming", "say_as_called", "wrong_argument"]

P = ParamSpec("P")
R = TypeVar("R")

REFUSALS = (
    AttributeError,
    TypeError,
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
)
_STANDING: dict[Any, Any] = {}  # what stands for a function
_NAMING: set[Any] = set()  # the code of wrappers that name arguments
_FUNCTIONS: set[str] = {"index"}  # names that a message may begin with
_SPOKEN = (TypeError, ValueError, IndexError, RuntimeError)
_SHORT_OF = {"y": "target", "z": "input", "x": "input", "B": "input", "dim": "dims",
             "split_size": "split_sizes"}  # fmt: skip
_HEAD = re.compile(r"(?:fastnn\.)?(\w+)(?:\(\))?: ")
_FOR = re.compile(r"(dims?: expected [^,]* for )(\w+)(?=, got)")
_SHORT = {
    "Operand": "Tensor | Scalar | ndarray",
    "Steps": "Scalar | Sequence[Any]",
    "Axes": "int | Sequence[int] | None",
}


def blames(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: where a call fails, name the argument that does not fit its annotation.

    A call that succeeds costs 0.05 us more: not for what is as short as an elementwise op.
    """

    @wraps(function)
    def named(*args: P.args, **given: P.kwargs) -> R:
        try:
            return function(*args, **given)
        except REFUSALS as error:
            wrong = wrong_argument(function, args, given, error)
            if wrong is None:
                say_as_called(function, args, given, error)
                raise
        raise wrong from None

    return names_already(named)


def name_arguments(module: Any, but: Container[str] = ()) -> None:
    """Let the public functions of a module, and its methods, name the argument that was wrong."""
    for name in getattr(module, "__all__", ()):
        function: Any = getattr(module, name)
        _FUNCTIONS.add(name)
        if name not in but and inspect.isfunction(function) and function.__name__ not in but:
            setattr(module, name, naming(function))
            home, own = sys.modules[function.__module__], str(function.__name__)
            if vars(home).get(own) is function:  # where pickle looks for it
                setattr(home, own, naming(function))
    methods = getattr(module, "METHODS", {})
    _FUNCTIONS.update(methods)
    for name, method in methods.items():
        if name not in but and inspect.isfunction(method) and method.__name__ not in but:
            methods[name] = naming(method)


def naming(function: Any) -> Any:
    """The one function that stands for another, under all its names."""
    if function.__code__ in _NAMING:
        return function
    if function not in _STANDING:
        _STANDING.setdefault(function, blames(function))
    return _STANDING[function]


def names_already(wrapper: Callable[P, R]) -> Callable[P, R]:
    """Note that a wrapper names arguments."""
    _NAMING.add(getattr(wrapper, "__code__", None))
    return wrapper


def wrong_argument(
    function: Callable[..., Any], args: Sequence[Any], given: dict[str, Any], error: Exception
) -> Exception | None:
    """The error that names the argument; None if all fit, or if what was said names one already."""
    try:
        asked = signature(function)
        bound = asked.bind(*args, **given).arguments
    except (TypeError, ValueError):  # an argument too many or too few: Python says which
        return None
    said = re.match(r"(\w+)(\[\d+\])?: ", str(error))
    named = said[1] if said and said[1] in asked.parameters else ""  # by another function, too
    arrays_too = not isinstance(error, AttributeError)  # where one will do for a Tensor
    for name, value in bound.items():
        parameter = asked.parameters[name]
        if not isinstance(parameter.annotation, str):
            continue
        kinds = _kinds(parameter.annotation)
        values = value if parameter.kind is parameter.VAR_POSITIONAL else (value,)
        known = [*kinds, "ndarray"] if arrays_too and "Tensor" in kinds else kinds
        wrong = [v for v in values if not _fits_any(v, known)]
        if parameter.kind is parameter.VAR_KEYWORD or not wrong or value is parameter.default:
            continue
        return None if name == named else _refusal(name, wrong[0], kinds)
    return None


def say_as_called(
    function: Callable[..., Any], args: Sequence[Any], given: dict[str, Any], error: Exception
) -> None:
    """Let an error begin with the name of this function, if it has that of one called in turn, or
    none; not where the function was given one to call, whose error it may be."""
    values = (*args, *given.values())
    if not isinstance(error, _SPOKEN) or len(error.args) != 1 or any(map(callable, values)):
        return
    text, own = error.args[0], getattr(function, "__name__", "__").removeprefix("_")
    if not isinstance(text, str) or own.startswith("_"):
        return
    parameters = signature(function).parameters
    known = {own, own.rstrip("_"), *parameters}
    inner = _FOR.match(text)
    if inner is not None and inner[2] in _FUNCTIONS and inner[2] not in known:
        error.args = (f"{inner[1]}{own.rstrip('_')}{text[inner.end(2) :]}",)
        return
    head = _HEAD.match(text)
    if head is None:
        if known.isdisjoint(re.findall(r"\w+", text)):
            error.args = (f"{own}: {text}",)
    elif head[1] not in known and _SHORT_OF.get(head[1]) in parameters:
        error.args = (f"{_SHORT_OF[head[1]]}: {text[head.end() :]}",)
    elif head[1] in _FUNCTIONS and head[1] not in known:
        error.args = (f"{own}: {text[head.end() :]}",)


def _refusal(name: str, value: Any, kinds: list[str]) -> Exception:
    expected = " or ".join(dict.fromkeys(_words(kind) for kind in kinds))
    if kinds == ["Tensor"]:
        return InvalidTypeError(
            f"{name}: expected a Tensor, got {show(value)}; wrap an array by fastnn.tensor(...)"
        )
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return InvalidValueError(f"{name}: expected {expected} of 64 bits, got {show(value)}")
    return InvalidTypeError(f"{name}: expected {expected}, got {_shown(value)}")


def _shown(value: Any) -> str:
    array = _array_of(value)
    if not isinstance(array, np.ndarray):
        return show(value)
    kind = "a Tensor" if isinstance(value, TensorBase) else "an array"
    return f"{kind} of shape {array.shape} and {array.dtype}"


def _kinds(annotation: str) -> list[str]:
    """The alternatives of an annotation."""
    return [own for kind in _parts(annotation) for own in _parts(_SHORT.get(kind, kind))]


def _parts(text: str) -> Iterator[str]:
    depth = first = 0
    for i, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and depth == 0:
            yield text[first:i].strip()
            first = i + 1
    yield text[first:].strip()


def _fits_any(value: Any, kinds: list[str]) -> bool:
    return any(_fits(value, kind) for kind in kinds)


def _fits(value: Any, kind: str) -> bool:
    """Whether a value is of a kind; of a kind that is not known here, each is."""
    check = _CHECKS.get(kind)
    if check is not None:
        return bool(check(value))
    if kind.startswith("Callable["):
        return callable(value)
    outer, _, inner = kind.removesuffix("]").partition("[")
    if outer in ("Sequence", "list", "Iterable", "tuple"):
        if isinstance(value, TensorBase | np.ndarray):
            return np.ndim(value._array if isinstance(value, TensorBase) else value) > 0
        listed = isinstance(value, list | tuple | range) or (
            hasattr(value, "__iter__") and not isinstance(value, str | bytes | dict)
        )
        each = value if isinstance(value, list | tuple) else ()
        return listed and all(_fits_any(v, _kinds(inner.removesuffix(", ..."))) for v in each)
    return True


def _is_index(value: Any) -> bool:
    if isinstance(value, TensorBase) and value._array.dtype.kind not in "iu":
        return False
    try:
        return abs(operator.index(value)) < 2**63
    except (TypeError, ValueError, RuntimeError):
        return False


def _is_number(value: Any) -> bool:
    if isinstance(value, TensorBase | np.ndarray):
        array = value._array if isinstance(value, TensorBase) else value
        return bool(array.size == 1)
    return isinstance(value, int | float | np.number | np.bool_) or (
        hasattr(value, "__float__") and not isinstance(value, str)
    )


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "Tensor": lambda value: isinstance(value, TensorBase),
    "ndarray": lambda value: isinstance(value, np.ndarray),
    "None": lambda value: value is None,
    "int": _is_index,
    "float": _is_number,
    "Scalar": _is_number,
    "bool": lambda value: isinstance(value, bool | np.bool_),
    "str": lambda value: isinstance(value, str),
    "Function": callable,
    "Metric": callable,
    "Module": callable,
    "ArrayLike": lambda value: (
        isinstance(value, list | tuple) or np.asarray(_array_of(value)).ndim > 0
    ),
}
_WORDS = {
    "Module": "a module", "ArrayLike": "an array",
    "Tensor": "a Tensor", "ndarray": "an array", "int": "an integer", "float": "a number",
    "Scalar": "a number", "bool": "True or False", "str": "a text", "Function": "a function",
    "Sequence[int]": "a sequence of integers",
    "tuple[int, ...]": "a sequence of integers", "Sequence[Tensor]": "a sequence of Tensors",
    "Sequence[float]": "a sequence of numbers",
}  # fmt: skip


def _array_of(value: Any) -> Any:
    return value._array if isinstance(value, TensorBase) else value


def _words(kind: str) -> str:
    return "a function" if kind.startswith("Callable[") else _WORDS.get(kind, kind)

"""Follows a function to the variables that it captures, and on into the functions that it calls."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.compiler.captures.bytecode import Chain, chains, is_library, place_of_change
from fastnn.compiler.captures.snapshot import CONTAINERS, PLAIN, entries_of

if TYPE_CHECKING:
    Place = tuple[Any, Any]  # (cell, "cell_contents"), (dict, key) or (object, attribute)

Module = Any  # nn.Module, which stands above
_MOST_FUNCTIONS = 256  # that are followed
_NO_VALUES = {"shape", "ndim", "size", "dtype", "nbytes", "itemsize", "strides"}
_NO_VALUES |= {"T", "reshape", "ravel", "view", "squeeze", "transpose", "swapaxes"}  # memory shared
_MOST_ENTRIES = 64  # of a container that is looped over
_REGISTRIES = ("_parameters", "_modules", "_buffers")  # of a module
NOTHING = object()


class Variable(NamedTuple):
    """A captured variable: where its value is kept, its name in the source, and how it is used."""

    place: Place
    whole: bool  # read as it is; else only on the way to an attribute
    by_python: bool  # an array on which Python calls a method, so that its values are wanted now
    label: str
    line: str


def value_at(place: Place) -> Any:
    """The value at a place; nothing where there is none, as in a cell not yet filled."""
    where, name = place
    if isinstance(where, dict):
        return where.get(name, NOTHING)
    try:
        return getattr(where, name)
    except (AttributeError, ValueError):
        return NOTHING


def _state(value: Any) -> Callable[[], Any] | None:
    """What tells that a generator of random numbers was drawn from; None of other values."""
    pythons, numpys = sys.modules.get("random"), sys.modules.get("numpy.random")
    if pythons is not None and isinstance(value, pythons.Random):
        return value.getstate  # type: ignore[no-any-return]
    if numpys is not None and isinstance(value, (numpys.Generator, numpys.RandomState)):
        bits = getattr(value, "bit_generator", None) or value._bit_generator
        return lambda: repr(bits.state)
    return None


class Reads:
    """The variables that functions capture: values, generators, iterators and modules."""

    def __init__(self) -> None:
        self.variables: list[Variable] = []
        self.states: list[tuple[str, str, Callable[[], Any], Any]] = []  # label, line, how, was
        self.iterators: list[tuple[str, str]] = []  # label, line
        self.modules: list[Module] = []
        self._met: set[int] = set()
        self._places: set[tuple[int, Any, bool, bool]] = set()
        self._followed: dict[tuple[int, int], Any] = {}  # keeps them alive, so that ids stay theirs

    def follow(self, function: Any, owner: Any = None) -> None:
        """Look at what a function, method or callable object reads."""
        if isinstance(function, types.MethodType):
            function, owner = function.__func__, function.__self__
        elif not isinstance(function, types.FunctionType):
            function, owner = _code_of(function)
        key = id(function), id(owner)
        if not isinstance(function, types.FunctionType) or key in self._followed:
            return
        if len(self._followed) >= _MOST_FUNCTIONS:
            return
        self._followed[key] = function, owner
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.follow(wrapped)
        if is_library(function.__module__):
            for cell in function.__closure__ or ():
                self.meet(value_at((cell, "cell_contents")), "", "")
            return
        for chain in chains(function.__code__):
            self._root(function, owner, chain)

    def look_into(self, module: Module) -> None:
        """The attributes of a module that may change while they stay the objects they are."""
        for name, value in vars(module).items():
            if not name.startswith("_") and isinstance(value, (*CONTAINERS, np.ndarray)):
                place = vars(module), name
                self.variables.append(
                    Variable(place, True, False, f"{type(module).__name__}.{name}", "")
                )

    def let_go(self) -> None:
        """Forget the modules and the functions that were followed."""
        self.modules, self._followed = [], {}

    def _root(self, function: types.FunctionType, owner: Any, chain: Chain) -> None:
        line = place_of_change(function, chain)
        if chain.scope == "argument":
            value = _given(function, owner, chain.root)
            self.meet(value, chain.root, line)
            self._walk(value, chain, 0, line)
            return
        place = _root_place(function, chain)
        if place is not None and value_at(place) is not NOTHING:
            self._place(place, chain, 0, line)

    def _place(self, place: Place, chain: Chain, upto: int, line: str) -> None:
        """Remember a place that a chain comes by, and go on from there."""
        value = value_at(place)
        whole = upto == len(chain.steps) or (
            isinstance(value, CONTAINERS)
            and not (isinstance(value, dict) and chain.steps[upto][0] == "[")
        )
        by_python = not whole and _values_wanted(value, *chain.steps[upto])
        key = id(place[0]), place[1], whole, by_python
        if key not in self._places:
            self._places.add(key)
            self.variables.append(Variable(place, whole, by_python, chain.label(upto), line))
        self.meet(value, chain.label(upto), line)
        self._walk(value, chain, upto, line)

    def _walk(self, value: Any, chain: Chain, upto: int, line: str) -> None:
        """Go on from a value along the steps of a chain that are left."""
        if upto == len(chain.steps) or value is NOTHING or _is_foreign(value):
            return
        by, key = chain.steps[upto]
        if by == "*":
            if isinstance(value, CONTAINERS) and len(value) <= _MOST_ENTRIES:
                for entry in value:
                    self.meet(entry, chain.label(upto), line)
                    self._walk(entry, chain, upto + 1, line)
        elif by == "[" and type(value) in (list, tuple):
            if isinstance(key, int) and -len(value) <= key < len(value):
                self.meet(value[key], chain.label(upto + 1), line)
                self._walk(value[key], chain, upto + 1, line)
        else:
            place = self._step(value, by, key)
            if place is not None:
                self._place(place, chain, upto + 1, line)

    def _step(self, value: Any, by: str, key: Any) -> Place | None:
        """The place of an attribute or of a key; a method or property is followed instead."""
        if by == "[":
            return (value, key) if isinstance(value, dict) else None
        if isinstance(value, np.ndarray) or hasattr(type(value), "_array"):
            return None  # arrays and tensors: their memory is read by the program itself
        own = getattr(value, "__dict__", None)
        for registry in (own, *((own or {}).get(name) for name in _REGISTRIES)):
            if type(registry) is dict and key in registry:
                return registry, key
        for kind in type(value).__mro__ if not isinstance(value, type) else value.__mro__:
            if key in vars(kind):
                found = vars(kind)[key]
                if isinstance(found, types.MemberDescriptorType) or not hasattr(found, "__get__"):
                    return value, key
                self.follow(
                    getattr(found, "fget", None) or getattr(found, "__func__", found), value
                )
                return None
        return (own, key) if type(own) is dict else None

    def meet(self, value: Any, label: str, line: str) -> None:
        """A generator, iterator, module or function that is read by name, or lies in a container
        that is."""
        for entry in entries_of(value):
            if id(entry) in self._met or isinstance(entry, (*PLAIN, *CONTAINERS)):
                continue
            self._met.add(id(entry))
            state = _state(entry)
            if state is not None:
                self.states.append((label, line, state, state()))
            elif isinstance(entry, Iterator) and not isinstance(entry, io.IOBase):
                self.iterators.append((label, line))
            elif _is_module(entry):
                self.modules.append(entry)
            elif callable(entry) and not isinstance(entry, type):
                self.follow(entry)


def _values_wanted(value: Any, by: str, key: Any) -> bool:
    return isinstance(value, np.ndarray) and not (by == "." and key in _NO_VALUES)


def _given(function: types.FunctionType, owner: Any, name: str) -> Any:
    """What an argument is that nobody passes: the object of a method, or a default."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    if owner is not None and names[:1] == (name,):
        return owner
    defaults = function.__defaults__ or ()
    known = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    return {**known, **(function.__kwdefaults__ or {})}.get(name, NOTHING)


def _root_place(function: types.FunctionType, chain: Chain) -> Place | None:
    if chain.scope == "closure":
        names = function.__code__.co_freevars
        return (function.__closure__ or ())[names.index(chain.root)], "cell_contents"
    if chain.scope == "global" and chain.root in function.__globals__:
        return function.__globals__, chain.root
    return None


def _code_of(value: Any) -> tuple[Any, Any]:
    """The Python function that a callable object runs, and its first argument."""
    inner = value.func if isinstance(value, partial) else None
    inner = inner or getattr(value, "__dict__", {}).get("__wrapped__")  # as of what is compiled
    if isinstance(inner, types.MethodType):
        return inner.__func__, inner.__self__
    if isinstance(inner, types.FunctionType):
        return inner, None
    kinds = (kind for kind in type(value).__mro__ if "__call__" in vars(kind))
    return vars(next(kinds, object)).get("__call__"), value


def _is_module(value: Any) -> bool:
    return any(kind.__module__ == "fastnn.nn.module" for kind in type(value).__mro__)


def _is_foreign(value: Any) -> bool:
    """A Python module that is not the user's."""
    return isinstance(value, types.ModuleType) and is_library(value.__name__)

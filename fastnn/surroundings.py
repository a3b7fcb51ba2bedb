"""What a recorded function saw around it, and whether it would see the same now.

A replay runs no Python, so whatever Python read while recording must be unchanged: what the called
modules consist of, their plain attributes, and the names that the functions take from around them,
with the attributes and constant keys that lead on from there (`names.py`). Functions of the user
that are named there are followed. Numbers, texts, small containers of them and arrays of moderate
size are compared by value, all else by identity.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._recording import RecordingError
from fastnn.names import Chain, chains, is_library, place_of_change

if TYPE_CHECKING:
    from fastnn.nn import Module

    Place = tuple[Any, str]  # (cell, "cell_contents"), (dict, key) or (object, attribute)

_PLAIN = (int, float, bool, str, bytes, complex, type(None))
_CONTAINERS = (list, tuple, dict, set)
_MOST = 64  # entries of a container that are looked at
_MOST_FUNCTIONS = 256  # that are followed
_MOST_BYTES = 1 << 20  # of an array whose content is compared
_OF_MODULES = ("_parameters", "_modules", "_buffers", "_forward_hooks")
_NOTHING = object()


def _image(value: Any) -> Any:
    """What is remembered of a value: containers as copies of their entries, arrays as bytes."""
    if isinstance(value, dict) and len(value) <= _MOST:
        return [(key, value[key]) for key in value]
    if isinstance(value, list | tuple | set) and len(value) <= _MOST:
        return list(value)
    if type(value) is np.ndarray and value.nbytes <= _MOST_BYTES and value.dtype.kind != "O":
        return value.shape, value.dtype.str, value.tobytes()
    return value


def _may_change_inside(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_may_change_inside, value))
    return isinstance(value, (*_CONTAINERS, np.ndarray))


def _same(before: Any, now: Any) -> bool:
    if before is now:
        return True
    if isinstance(before, list | tuple) and type(before) is type(now) and len(before) == len(now):
        return all(map(_same, before, now))
    return isinstance(before, _PLAIN) and type(before) is type(now) and bool(before == now)


def _look(place: Place) -> Any:
    """The value at a place; nothing where there is none, as in a cell not yet filled."""
    where, name = place
    if isinstance(where, dict):
        return where.get(name, _NOTHING)
    try:
        return getattr(where, name)
    except (AttributeError, ValueError):
        return _NOTHING


def _drawn() -> tuple[Any, ...]:
    """Where the generators that every program shares stand."""
    numpy_random = sys.modules.get("numpy.random")
    ours = () if numpy_random is None else numpy_random.get_state()[2:]
    return (*ours, random.getstate())


def _state(value: Any) -> Callable[[], Any] | None:
    """What tells that a generator of random numbers was drawn from; None of other values."""
    if isinstance(value, random.Random):
        return value.getstate
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None and isinstance(
        value, (numpy_random.Generator, numpy_random.RandomState)
    ):
        bits = getattr(value, "bit_generator", None) or value._bit_generator
        return lambda: repr(bits.state)
    return None


def image_of(module: Module) -> Any:
    """The plain attributes of a module, to compare with `==`."""
    values = ((k, v) for k, v in vars(module).items() if k != "training")
    return tuple((k, v if isinstance(v, _PLAIN) else _image_of_entries(v)) for k, v in values)


def _image_of_entries(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) > _MOST:
        return id(value)
    return id(value), *(v if isinstance(v, _PLAIN) else id(v) for v in value)


class _Seen(NamedTuple):
    """A value that a function reads: where it lies, what it was, and who reads it."""

    place: Place
    image: Any
    label: str
    line: str


class _Names:
    """Follows what functions read: the values, and the generators on the way."""

    def __init__(self) -> None:
        self.seen: list[_Seen] = []
        self.states: list[tuple[str, str, Callable[[], Any], Any]] = []  # label, line, how, was
        self.modules: list[Module] = []
        self._met: set[int] = set()
        self._places: set[tuple[int, Any]] = set()
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
                self._meet(_look((cell, "cell_contents")), "", "")
            return
        for chain in chains(function.__code__):
            self._resolve(function, owner, chain)

    def _resolve(self, function: types.FunctionType, owner: Any, chain: Chain) -> None:
        place = _root_place(function, owner, chain)
        value = owner if chain.scope == "self" else _NOTHING
        if place is not None:
            value = _look(place)
            self._watch(place, function, chain, 0)
        for upto, (by, key) in enumerate(chain.steps, 1):
            if value is _NOTHING or _is_foreign(value):
                return
            self._meet(value, chain.label(upto - 1), place_of_change(function, chain))
            if type(value) in (list, tuple) and by == "[" and isinstance(key, int):
                entries: Any = value
                value = entries[key] if -len(entries) <= key < len(entries) else _NOTHING
                continue
            place = self._step(value, by, key)
            if place is None:
                return
            value = _look(place)
            self._watch(place, function, chain, upto)

    def _step(self, value: Any, by: str, key: Any) -> Place | None:
        """The place of an attribute or of a key; a method or property is followed instead."""
        if by == "[":
            return (value, key) if isinstance(value, dict) else None
        if isinstance(value, np.ndarray) or hasattr(type(value), "_array"):
            return None  # arrays and tensors: their memory is read by the program itself
        own = getattr(value, "__dict__", None)
        for registry in (own, *((own or {}).get(name) for name in _OF_MODULES[:3])):
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
        return None

    def _watch(self, place: Place, function: types.FunctionType, chain: Chain, upto: int) -> None:
        value = _look(place)
        if value is _NOTHING and upto == 0:
            return
        end = upto == len(chain.steps)
        line = place_of_change(function, chain)
        inside = type(value) in (list, tuple) or end
        # What lies on the way is watched by identity, the end by value as well.
        if (id(place[0]), place[1]) not in self._places or inside:
            self._places.add((id(place[0]), place[1]))
            image = _image(value) if inside else value
            self.seen.append(_Seen(place, image, chain.label(upto), line))
        self._meet(value, chain.label(upto), line)

    def _meet(self, value: Any, label: str, line: str, deep: bool = True) -> None:
        """A generator, module or function that is read by name."""
        if id(value) in self._met or isinstance(value, _PLAIN):
            return
        if isinstance(value, _CONTAINERS):
            if deep and len(value) <= _MOST:
                for entry in value.values() if isinstance(value, dict) else value:
                    self._meet(entry, label, line, deep=False)
            return
        self._met.add(id(value))
        state = _state(value)
        if state is not None:
            self.states.append((label, line, state, state()))
        elif hasattr(value, "_forward_hooks") and hasattr(value, "modules"):
            self.modules.append(value)
        elif callable(value) and not isinstance(value, type):
            self.follow(value)


def _root_place(function: types.FunctionType, owner: Any, chain: Chain) -> Place | None:
    if chain.scope == "closure":
        names = function.__code__.co_freevars
        return (function.__closure__ or ())[names.index(chain.root)], "cell_contents"
    if chain.scope == "global" and chain.root in function.__globals__:
        return function.__globals__, chain.root
    return None


def _code_of(value: Any) -> tuple[Any, Any]:
    """The Python function that a callable object runs, and its first argument."""
    inner = getattr(value, "fn", None) or getattr(value, "func", None)  # compiled, partial
    if isinstance(inner, types.MethodType):
        return inner.__func__, inner.__self__
    if isinstance(inner, types.FunctionType):
        return inner, None
    kinds = (kind for kind in type(value).__mro__ if "__call__" in vars(kind))
    return vars(next(kinds, object)).get("__call__"), value


def _is_foreign(value: Any) -> bool:
    """A Python module that is not the user's."""
    return isinstance(value, types.ModuleType) and is_library(value.__name__)


class Surroundings:
    """Remembers; `unchanged()` says whether all is as it was."""

    def __init__(self, functions: Iterable[Any], modules: Iterable[Module]) -> None:
        names = _Names()
        for function in functions:
            names.follow(function)
        self._modules: dict[int, Module] = {}
        for module in [*modules, *names.modules]:
            self._modules.update((id(m), m) for m in module.modules())
        for module in self._modules.values():
            names.follow(type(module).forward, module)
        self._seen = names.seen
        self._states = names.states
        self.places = list({(id(s.place[0]), s.place[1]): s.place for s in names.seen}.values())
        self._drawn = _drawn()
        self._parts = [(m, self._parts_of(m)) for m in self._modules.values()]
        self._counted = self._parts[0][0].changes if self._parts else 0
        # Identity, as the short way looks, and a module's count of its changes do not notice a
        # change inside a container or an array.
        values = [_look(s.place) for s in self._seen if s.image is not _look(s.place)]
        for module in self._modules.values():
            values += [v for k, v in vars(module).items() if not k.startswith("_")]
        self.fixed = not any(map(_may_change_inside, values))

    @staticmethod
    def _parts_of(module: Module) -> list[Any]:
        own = [
            (k, _image(v)) for k, v in vars(module).items() if k not in (*_OF_MODULES, "training")
        ]
        return [own, *(list(vars(module)[name].items()) for name in _OF_MODULES)]

    def changes(self) -> Iterator[tuple[str, str]]:
        """(line, what) of the values that are others now: names and generators."""
        for seen in self._seen:
            if not _same(seen.image, self._now(seen)):
                yield seen.line, seen.label
        for label, line, state, before in self._states:
            if state() != before:
                yield line, f"the state of the generator {label}"
        for module, parts in self._parts:
            if not is_library(type(module).__module__) and not _same(parts, self._parts_of(module)):
                yield "", f"an attribute of {type(module).__name__}"
        if self._drawn != _drawn():
            yield "", "the state of NumPy's or Python's random numbers"

    def refuse_changes(self, line: str) -> None:
        """Raise when something that Python reads, and a replay does not, is not what it was."""
        changes = list(self.changes())
        if changes:
            line = next((place for place, _ in changes if place), line)
            named = ", ".join(dict.fromkeys(name for _, name in changes))
            raise RecordingError(
                f"{line}: cannot compile this: {named} changed while it was recorded, and a "
                "replay, which runs without Python, would not change it. Do it outside of the "
                "compiled function, return what the next call needs, or keep it in a tensor that "
                "is written in place"
            )

    @staticmethod
    def _now(seen: _Seen) -> Any:
        value = _look(seen.place)
        return value if seen.image is value else _image(value)

    def unchanged(self) -> bool:
        """Whether Python would read the same values now."""
        if not all(_same(seen.image, self._now(seen)) for seen in self._seen):
            return False
        if self._parts and not (self.fixed and self._parts[0][0].changes == self._counted):
            if not all(_same(parts, self._parts_of(module)) for module, parts in self._parts):
                return False
            self._counted = self._parts[0][0].changes  # of all modules; nothing that we look at
        return True

"""What a recorded function saw around it, and whether it would see the same now.

A replay runs no Python, so whatever Python read while recording must be unchanged: what the called
modules consist of, their plain attributes, the names that the functions take from their closure or
their globals. Numbers, texts and small containers of them are compared by value, all else by
identity.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.nn import Module

_PLAIN = (int, float, bool, str, bytes, complex, type(None))
_CONTAINERS = (list, tuple, dict, set)
_MOST = 64  # entries of a container that are looked at
_OF_MODULES = ("_parameters", "_modules", "_buffers", "_forward_hooks")


def _image(value: Any) -> Any:
    """What is remembered of a value: containers as copies of their entries."""
    if isinstance(value, dict) and len(value) <= _MOST:
        return [(key, value[key]) for key in value]
    if isinstance(value, list | tuple | set) and len(value) <= _MOST:
        return list(value)
    return value


def _same(before: Any, now: Any) -> bool:
    if before is now:
        return True
    if isinstance(before, list | tuple) and type(before) is type(now) and len(before) == len(now):
        return all(map(_same, before, now))
    return isinstance(before, _PLAIN) and type(before) is type(now) and bool(before == now)


def _names(function: Any) -> Iterator[tuple[tuple[Any, str], str]]:
    """Where the values lie that a function takes from its closure and its globals; their names."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for cell, name in zip(function.__closure__ or (), code.co_freevars, strict=True):
        yield (cell, "cell_contents"), name
    for name in code.co_names:
        if name in function.__globals__:
            yield (function.__globals__, name), name


def _look(place: tuple[Any, str]) -> Any:
    where, name = place
    return where.get(name) if isinstance(where, dict) else getattr(where, name, None)


def _filled(place: tuple[Any, str]) -> bool:
    try:
        _look(place)
    except ValueError:  # a cell that nothing was assigned to
        return False
    return True


def _drawn() -> tuple[Any, ...]:
    """Where the generators that every program shares stand."""
    numpy_random = sys.modules.get("numpy.random")
    ours = () if numpy_random is None else numpy_random.get_state()[2:]
    return (*ours, random.getstate())


def image_of(module: Module) -> Any:
    """The plain attributes of a module, to compare with `==`."""
    values = ((k, v) for k, v in vars(module).items() if k != "training")
    return tuple((k, v if isinstance(v, _PLAIN) else id(v)) for k, v in values)


class Surroundings:
    """Remembers; `unchanged()` says whether all is as it was."""

    def __init__(self, functions: Iterable[Any], modules: Iterable[Module]) -> None:
        self._modules: dict[int, Module] = {}
        for module in modules:
            self._modules.update((id(m), m) for m in module.modules())
        seen = list(functions)
        for module in self._modules.values():
            if not type(module).__module__.startswith("fastnn."):
                seen.append(type(module).forward)
        # places: (cell or dict, name) of what the functions name
        found = [(p, n) for function in seen for p, n in _names(function) if _filled(p)]
        self.places = [place for place, _ in found]
        self._names = [name for _, name in found]
        self._drawn = _drawn()
        self._images = [_image(_look(place)) for place in self.places]
        self._parts = [(m, self._parts_of(m)) for m in self._modules.values()]
        self._counted = self._parts[0][0].changes if self._parts else 0
        # Identity, as the short way looks, and a module's count of its changes do not notice a
        # change inside a container.
        values = [_look(place) for place in self.places]
        for module in self._modules.values():
            values += [v for k, v in vars(module).items() if not k.startswith("_")]
        self.fixed = not any(isinstance(value, _CONTAINERS) for value in values)

    @staticmethod
    def _parts_of(module: Module) -> list[Any]:
        own = [
            (k, _image(v)) for k, v in vars(module).items() if k not in (*_OF_MODULES, "training")
        ]
        return [own, *(list(vars(module)[name].items()) for name in _OF_MODULES)]

    def changes(self) -> str:
        """The names that have other values now, and generators of random numbers that moved."""
        named = zip(self._images, self.places, self._names, strict=True)
        found = [name for image, place, name in named if not _same(image, _image(_look(place)))]
        if self._drawn != _drawn():
            found.append("the state of NumPy's or Python's random numbers")
        return ", ".join(dict.fromkeys(found))

    def unchanged(self) -> bool:
        """Whether Python would read the same values now."""
        named = zip(self._images, self.places, strict=True)
        if not all(_same(image, _image(_look(place))) for image, place in named):
            return False
        if self._parts and not (self.fixed and self._parts[0][0].changes == self._counted):
            if not all(_same(parts, self._parts_of(module)) for module, parts in self._parts):
                return False
            self._counted = self._parts[0][0].changes  # of all modules; nothing that we look at
        return True

"""Undo what user code changed in a trial run: variables, containers, small arrays, generators."""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from fastnn.compiler.captures.snapshot import CONTAINERS, is_large
from fastnn.compiler.captures.variables import NOTHING, Variable


class Saved:
    """The values of variables, of containers there, and of random generators; `put_back()`."""

    def __init__(self, variables: Iterable[Variable], generators: Iterable[Any]) -> None:
        self._variables = [(variable, variable.values()) for variable in variables]
        self._inside: dict[int, tuple[Any, Any]] = {}
        for variable, _ in self._variables:
            for value in variable.held():
                self._keep(value)
        self._generators = [setter(value) for value in generators]
        self._generators.append(_setter_of_global_numbers())

    def _keep(self, value: Any) -> None:
        if id(value) in self._inside:
            return
        if type(value) in CONTAINERS:
            copy = value if isinstance(value, tuple | frozenset) else value.copy()
            self._inside[id(value)] = value, copy
            for entry in value.values() if isinstance(value, dict) else value:
                self._keep(entry)
        elif type(value) is np.ndarray and not is_large(value) and value.dtype.kind != "O":
            self._inside[id(value)] = value, value.copy()

    def put_back(self) -> None:
        """Everything becomes what it was."""
        for variable, value in self._variables:
            _put(variable, value)
        for value, copy in self._inside.values():
            _fill(value, copy)
        for give in self._generators:
            give()


def _put(variable: Variable, value: Any) -> None:
    where, name = variable.where, variable.name
    match variable.kind:
        case "entry":
            _put_entries(where, {name: value} if value is not NOTHING else {}, {name})
        case "names":
            names = variable.names
            _put_entries(where, value, {*where, *value} if names is None else set(names))
        case "layer" | "rest":
            _put_entries(where, value, {*where, *value} - (variable.names or frozenset()))
        case "cell" if value is not NOTHING:
            where.cell_contents = value
        case "slot" if value is not NOTHING:
            object.__setattr__(where, name, value)
        case "contents":
            _fill(where, value)


def _put_entries(where: dict[Any, Any], values: dict[Any, Any], names: set[Any]) -> None:
    for name in names:
        if name not in values:
            where.pop(name, None)
        elif where.get(name, NOTHING) is not values[name]:
            where[name] = values[name]


def _fill(value: Any, copy: Any) -> None:
    """Give a container or array its old content."""
    if isinstance(value, np.ndarray):
        if value.flags.writeable:
            np.copyto(value, copy)
    elif isinstance(value, list):
        list.__setitem__(value, slice(None), copy)
    elif isinstance(value, OrderedDict):
        if list(OrderedDict.items(value)) != list(copy.items()):
            OrderedDict.clear(value)
            OrderedDict.update(value, copy)
    elif isinstance(value, dict):
        if list(dict.items(value)) != list(copy.items()):
            dict.clear(value)
            dict.update(value, copy)
    elif isinstance(value, set):
        set.clear(value)
        set.update(value, copy)
    elif isinstance(value, deque):
        deque.clear(value)
        deque.extend(value, copy)


def setter(generator: Any) -> Callable[[], object]:
    """What gives a random generator the state that it has now."""
    pythons = sys.modules.get("random")
    if pythons is not None and isinstance(generator, pythons.Random):
        state = generator.getstate()
        return lambda: generator.setstate(state)
    bits = getattr(generator, "bit_generator", None) or generator._bit_generator
    kept = bits.state
    return lambda: setattr(bits, "state", kept)


def _setter_of_global_numbers() -> Callable[[], object]:
    import random  # as late as its first use: see `captures._drawn`

    state, numpys = random.getstate(), sys.modules.get("numpy.random")
    kept = None if numpys is None else numpys.get_state()

    def give() -> None:
        random.setstate(state)
        if numpys is not None:
            numpys.set_state(kept)

    return give

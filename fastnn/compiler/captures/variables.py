"""Places whose values a recording depends on: what is there now, and how C watches it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fastnn._core.watch import Attribute
from fastnn.compiler.captures.snapshot import CONTAINERS, is_plain, snapshot

NOTHING = object()
CALLED = ("forward", "__call__")  # of every layer, whatever names the code uses
_WIDEST = 48  # entries of a dict that are compared one by one in C
_OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__")
_UNREAD = {"__doc__", "__module__", "__qualname__", "__annotations__", "__weakref__", "__dict__"}
_UNREAD |= {"__annotate_func__", "__annotations_cache__"}  # Python 3.14
_COUNTER = ("fastnn.nn.module", "changes")  # of Module, which says itself that something changed


@dataclass(slots=True)
class Variable:
    """A place.

    kind: "entry" (of a dict), "cell", "slot", "names" (of a dict), "rest" (all of a dict but these
        names), "layer" (as "rest", of a layer of this package), "registry" (a dict of its parts),
        "identity" (of such dicts), "contents" (of an object that is a container), "kind" (of an
        object), "function", "class", "special" (its methods that operations call) or "methods" (of
        a class of this package, which somebody may replace).
    where: the object that has it. label: its name in the source. name: the key.
    names: the keys that are read; None: all. For "rest" and "layer" those that are left out.
    """

    kind: str
    where: Any
    label: str
    name: str = ""
    names: frozenset[str] | None = None

    def key(self) -> tuple[Any, ...]:
        """Equal for the same place."""
        return (self.kind, id(self.where), *((self.name,) if self.name else ()))

    def values(self) -> Any:
        """What is there: one value, or a dict of several."""
        where, names = self.where, self.names
        match self.kind:
            case "entry":
                return where.get(self.name, NOTHING)
            case "cell":
                return value_at(where, "cell_contents")
            case "slot":
                return value_at(where, self.name)
            case "identity":
                return [id(where.get(name)) for name in names or ()]
            case "methods":
                return [in_class(where, name) for name in CALLED]
            case "kind":
                return [type(where), id(own_dict(where))]
            case "names":
                return {k: v for k, v in where.items() if names is None or k in names}
            case "layer" | "rest":
                return {k: v for k, v in where.items() if k not in (names or ())}
            case "contents" | "registry":
                return raw(where)
            case "function":
                return [where.__code__, where.__defaults__, where.__kwdefaults__]
        found: dict[Any, Any] = {}
        special = self.kind == "special"
        for base in where.__mro__:  # each for itself: `super` finds what others hide
            for name, value in vars(base).items():
                if name in _UNREAD or (base.__module__, name) == _COUNTER:
                    continue
                if name.startswith("__") and special:
                    found[id(base), name] = value if callable(value) else id(value)
                elif not special and (names is None or name in names):
                    found[id(base), name] = value
        return [where.__mro__, found]

    def taken(self, live: Collection[int]) -> Any:
        """A snapshot of what is there, to compare later."""
        return snapshot(self.values(), live)

    def held(self) -> list[Any]:
        """The values there that may hold other values."""
        found = self.values()
        match self.kind:
            case "kind" | "special" | "registry" | "identity" | "methods":
                return []
            case "names" | "layer" | "rest":
                return list(found.values())
            case "class":
                return list(found[1].values())
            case "contents":
                if isinstance(self.where, set | deque):
                    return [found]
                return list(found.values() if isinstance(found, dict) else found)
            case "function":
                return list(found)
        return [found]

    def places(self) -> list[tuple[Any, Any]]:
        """The places for `watch.Watch`, which compares objects by identity."""
        match self.kind:
            case "methods":
                return [(self.where, CALLED)]
            case "cell":
                return [(self.where, "cell_contents")]
            case "entry":
                return [(self.where, self.name)]
            case "slot":
                return [(self.where, _attribute(self.where, self.name))]
            case "kind":
                names = ("__class__", "__dict__")
                places = [(self.where, _attribute(self.where, name)) for name in names]
                return places if own_dict(self.where) is not None else places[:1]
            case "function":
                return [(self.where, name) for name in _OF_FUNCTIONS]
            case "class" | "special":
                return [(self.where, None)]
            case "layer":
                plain = [name for name, value in self.values().items() if is_plain(value)]
                return [(self.where, name) for name in (*plain, "forward")]
            case "rest":
                return [(self.where, tuple(self.values()))]
            case "identity":
                return []  # a module counts such changes
            case "registry":
                return [(self.where, None)] * bool(self.where)
            case "contents":
                return [(self.where, None)] if isinstance(self.where, list | dict) else []
        if len(self.where) <= _WIDEST or self.names is None:
            return [(self.where, tuple(self.names if self.names is not None else self.where))]
        return [(self.where, name) for name in self.names]


def raw(value: Any) -> Any:
    """The entries of a container of a subclass, whatever its methods make of them."""
    kind: Any = type(value)
    if kind in CONTAINERS and kind is not OrderedDict:
        return kind(value)
    kind = next(base for base in CONTAINERS if issubclass(type(value), base))
    if kind is dict:
        items = OrderedDict.items if issubclass(type(value), OrderedDict) else dict.items
        return dict(items(value))
    return kind(kind.__iter__(value))


def own_dict(value: Any) -> dict[str, Any] | None:
    """The attributes of an object itself, whatever its class makes of them."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


def _attribute(where: Any, name: str) -> str:
    """A name as `watch.Watch` takes it for an attribute: of a dict, it would be a key."""
    return Attribute(name) if isinstance(where, dict) else name


def value_at(where: Any, name: str) -> Any:
    """An attribute in C, of a cell or a slot; a marker if there is none."""
    try:
        return object.__getattribute__(where, name)
    except (AttributeError, ValueError):
        return NOTHING


def in_class(kind: type, name: str) -> Any:
    """What a class or its bases have under a name, without binding; a marker if nothing."""
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return NOTHING

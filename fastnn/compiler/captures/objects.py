"""The objects that user code can come to: instances, classes, layers, modules of Python."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable
from typing import Any

from fastnn.compiler.captures import known
from fastnn.compiler.captures.code import facts_of
from fastnn.compiler.captures.snapshot import CONTAINERS
from fastnn.compiler.captures.variables import Variable, in_class, own_dict, raw, value_at

REGISTRIES = ("_parameters", "_modules", "_buffers")
HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_DICTS = (*REGISTRIES, *HOOKS)
_NAMES_OF_DICTS = frozenset(_DICTS)
_OF_OPTIMIZERS = ("param_groups", "state", "defaults")  # the rest is watched by their steps
_WRAPPERS = (staticmethod, classmethod)
_MODES = ("_transient", "training", "changes")
_OWN_STATE = ("Module", "Tensor", "TensorBase", "Parameter", "Optimizer")  # known otherwise
_BEARERS = (types.FunctionType, functools.partial, *_WRAPPERS, property)


def is_module(value: Any) -> bool:
    return is_kind(type(value), "fastnn.nn.module")


def is_kind(kind: Any, module: str) -> bool:
    return any(base.__module__ == module for base in kind.__mro__)


def is_named(kind: Any, module: str, name: str) -> bool:
    return any(base.__module__ == module and base.__name__ == name for base in kind.__mro__)


class Objects:
    """The part of a walk that looks at objects with attributes. The walk itself is `Reach`."""

    names: dict[str, None]
    whole: bool
    asks: bool
    variables: dict[tuple[Any, ...], Variable]
    modules: list[tuple[Any, str]]
    _met: dict[int, Any]
    _objects: list[tuple[Any, str]]
    _classes: list[tuple[type, str]]
    _spaces: list[tuple[dict[str, Any], str]]
    _ours: list[tuple[type, str]]
    _bearers: list[tuple[Any, str, bool]]
    _ran: set[int] | None

    def meet(self, value: Any, label: str) -> None:
        """Look at a value, once."""
        raise NotImplementedError

    def _add_names(self, names: Iterable[str]) -> None:
        raise NotImplementedError

    def doubt(self, reason: str) -> None:
        """Note a reason why a replay is not safe."""
        raise NotImplementedError

    def _container(self, value: Any, label: str) -> None:
        raise NotImplementedError

    def _add(self, variable: Variable) -> None:
        self.variables.setdefault(variable.key(), variable)

    def _python_module(self, module: types.ModuleType, label: str) -> None:
        if known.is_numpys(module) or self.whole:
            self.doubt(f"it may read any attribute of {module.__name__}")
            return
        self._spaces.append((vars(module), label))
        for name in list(self.names):
            self._entry(vars(module), name, label)

    def _entry(self, space: dict[str, Any], name: str, label: str) -> None:
        if name in space:
            label = f"{label}.{name}" if label else name
            self._add(Variable("entry", space, label, name))
            self.meet(space[name], label)

    def _watch_names(self, value: Any, label: str) -> None:
        """The attributes of an object that are named, in its own dict and in its classes."""
        self._objects.append((value, label))
        own = own_dict(value)
        if type(own) is dict:
            self._add(Variable("names", own, label))
        for name in self._all_names(value) if self.whole else list(self.names):
            self._attribute(value, name, label)

    def _bearer(self, value: Any, label: str, may_get: bool = True) -> None:
        """A function, which may have attributes. They are watched if they are named: `_finish`.

        may_get: one that is not there yet counts too.
        """
        if own_dict(value) is not None:
            self._bearers.append((value, label, may_get))
            self._objects.append((value, label))
            for name in self._all_names(value) if self.whole else list(self.names):
                self._attribute(value, name, label)

    def _watch_what_may_come(self) -> None:
        """Watch the attributes of functions that are named: most have none, and no code asks for
        any. Where code goes on without an attribute, it may come later, there and in what else is
        watched by its attributes one by one."""
        for value, label, may_get in self._bearers:
            own: Any = own_dict(value)
            if self.whole or (may_get and self.asks) or any(name in self.names for name in own):
                self._add(Variable("kind", value, label))
                self._add(Variable("names", own, label))
        if self.asks:
            for kind, label in self._ours:
                self._add(Variable("class", kind, label))
            for space, label in self._spaces:
                self._add(Variable("names", space, label))

    def _instance(self, value: Any, label: str) -> None:
        kind = type(value)
        self._add(Variable("kind", value, label))
        self._add(Variable("class", kind, label))
        self._watch_names(value, label)
        self._special(kind, label)
        if issubclass(kind, CONTAINERS):
            self._add(Variable("contents", value, label))
            self._container(raw(value), label)
        elif known.of_numpy(kind):
            self.doubt(f"{label} is a {kind.__name__}")
        if any(known.is_ours(base.__module__) for base in kind.__mro__):
            self._inherits(kind)

    def _inherits(self, kind: type) -> None:
        """The names that inherited methods of this package read, whose code is not followed."""
        for base in kind.__mro__:
            if known.is_ours(base.__module__) and base.__name__ not in _OWN_STATE:
                for code in known.methods_of(base):
                    if self._ran is None or id(code) in self._ran:
                        found = facts_of(code).attributes - {*REGISTRIES, *HOOKS, *_MODES}
                        self._add_names([name for name in found if not name.startswith("__")])

    def _class_of_ours(self, kind: type, label: str) -> None:
        """A class of this package, which may have been given attributes."""
        if all(kind is not known_kind for known_kind, _ in self._ours):
            self._ours.append((kind, label))
            for name in list(self.names):
                self._given(kind, name, label)

    def _given(self, kind: type, name: str, label: str) -> None:
        """What somebody has put into a class of this package."""
        for base in kind.__mro__:
            found = vars(base).get(name)
            if type(found) is types.FunctionType and vars(found):
                self._bearer(found, f"{label}.{name}", may_get=False)
            if found is not None and known.is_given(found):
                self._add(Variable("class", kind, label))
                self.meet(found, f"{label}.{name}")

    def _attribute(self, value: Any, name: str, label: str) -> None:
        own = own_dict(value)
        if is_named(type(value), "fastnn.optim.optimizer", "Optimizer"):
            if own is not None and name in own and name in _OF_OPTIMIZERS:
                self._entry(own, name, label)
            elif name == "state_dict" or isinstance(in_class(type(value), name), property):
                self.doubt(f"it reads {label}.{name}")
            return
        if isinstance(own, dict) and name in own:
            self.meet(own[name], f"{label}.{name}" if label else name)
        if type(value) not in _BEARERS:
            self._of_class(type(value), name, label, value)

    def _of_class(self, kind: type, name: str, label: str, owner: Any) -> None:
        """What a class and its bases have under a name; `super` finds all of them."""
        label = f"{label}.{name}" if label else name
        for base in kind.__mro__:
            if name in vars(base):
                self._member(vars(base)[name], name, label, owner)

    def _member(self, found: Any, name: str, label: str, owner: Any) -> None:
        if isinstance(found, types.MemberDescriptorType):
            if owner is not None:
                self._add(Variable("slot", owner, label, name))
                self.meet(value_at(owner, name), label)
        elif isinstance(found, types.FunctionType) and known.is_trusted(found.__code__):
            if known.hides(name):
                self.doubt(f"it calls {label}")
            if id(found) not in self._met:
                self._met[id(found)] = found
                self._bearer(found, label, may_get=False)
        else:
            self.meet(found, label)

    def _class(self, kind: type, label: str) -> None:
        if known.is_ours(kind.__module__):
            self._class_of_ours(kind, label)
            return
        if not known.is_python_class(kind):
            self.doubt(f"it may use the class {kind.__name__}, which may read anything")
            return
        self._classes.append((kind, label))
        self._add(Variable("class", kind, label))
        for name in self._all_names(kind) if self.whole else list(self.names):
            self._of_class(kind, name, label, None)
        self._special(kind, label)
        if type(kind) is not type:
            self.meet(type(kind), label)
            self._special(type(kind), label)

    def _special(self, kind: type, label: str) -> None:
        """The special methods of a class, which operations call; of a subclass of ours all methods,
        as this package may call them."""
        of_ours = any(known.is_ours(base.__module__) for base in kind.__mro__)
        if ("special", id(kind)) in self.variables:
            return
        self._add(Variable("special", kind, label))
        for base in kind.__mro__[:-1]:
            if known.is_ours(base.__module__) or base in CONTAINERS:
                continue
            own = vars(base).get("__getattribute__")
            if own is not None and not isinstance(own, types.WrapperDescriptorType):
                self.doubt(f"{base.__name__} has a __getattribute__ of its own")
            for name, value in vars(base).items():
                method = callable(value) or isinstance(value, _WRAPPERS)
                if method and (of_ours or name.startswith("__")) and name != "__class__":
                    self.meet(value, f"{label}.{name}")

    def _layer(self, module: Any, label: str) -> None:
        for each in module.modules():
            own = vars(each)
            self._met[id(each)] = each
            name = label or type(each).__name__
            self.modules.append((each, name))
            self._add(Variable("identity", own, name, names=_NAMES_OF_DICTS))
            for registry in _DICTS:
                self._add(Variable("registry", own[registry], name))
                for part in own[registry].values():
                    self.meet(getattr(part, "hook", part), name)
            if not known.is_ours(type(each).__module__):
                self._instance(each, label or "self")
                continue
            self._add(Variable("layer", own, name))
            self._class_of_ours(type(each), name)
            self._add(Variable("methods", type(each), name))
            self._objects.append((each, name))
            for key, part in own.items():
                if key not in _NAMES_OF_DICTS and key != "_transient":
                    self.meet(part, f"{name}.{key}")

    def _of_ours(self, value: Any, label: str) -> None:
        """An object of this package that is neither tensor nor layer."""
        kind = type(value)
        if isinstance(value, CONTAINERS):
            self._add(Variable("contents", value, label))
            self._container(raw(value), label)
            return
        if is_named(kind, "fastnn.optim.optimizer", "Optimizer"):
            self._objects.append((value, label))
            for name in _OF_OPTIMIZERS:
                if name in self.names or self.whole:
                    self._attribute(value, name, label)
            return
        self._add(Variable("kind", value, label))
        self._class_of_ours(kind, label)
        self._objects.append((value, label))
        own = own_dict(value) or {}
        for name, part in list(own.items()):
            self._add(Variable("entry", own, f"{label}.{name}", name))
            self.meet(part, f"{label}.{name}")
        for base in kind.__mro__:
            for name, found in vars(base).items():
                if isinstance(found, types.MemberDescriptorType):
                    self._add(Variable("slot", value, f"{label}.{name}", name))
                    self.meet(value_at(value, name), f"{label}.{name}")
        for name in list(self.names):
            self._of_class(kind, name, label, value)
        self._special_of_ours(kind, label)

    def _special_of_ours(self, kind: type, label: str) -> None:
        for base in kind.__mro__[:-1]:
            for name, value in vars(base).items():
                is_function = name.startswith("__") and isinstance(value, types.FunctionType)
                if is_function and not known.is_trusted(value.__code__):
                    self.meet(value, f"{label}.{name}")

    def _all_names(self, value: Any) -> list[str]:
        names = {} if isinstance(value, type) else dict.fromkeys(own_dict(value) or ())
        for kind in value.__mro__ if isinstance(value, type) else type(value).__mro__:
            if not known.is_ours(kind.__module__):
                names.update(dict.fromkeys(n for n in vars(kind) if not n.startswith("__")))
        return [name for name in names if isinstance(name, str)]

"""The objects that user code can come to, from the names that it uses.

A walk from the functions: globals, closure variables and defaults, from there the attributes whose
names the code uses, all entries of containers, and the functions found on the way. Every object
must be of a kind whose state is known; one that is not, and any function that is not known to read
its arguments alone, is a reason why the code cannot be replayed.
"""

from __future__ import annotations

import builtins
import functools
import io
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.compiler.captures import known
from fastnn.compiler.captures.code import Load, codes_of, facts_of
from fastnn.compiler.captures.objects import (
    HOOKS,
    REGISTRIES,
    Objects,
    is_kind,
    is_module,
    is_named,
)
from fastnn.compiler.captures.snapshot import CONTAINERS
from fastnn.compiler.captures.uses import reads_arguments, used
from fastnn.compiler.captures.variables import NOTHING, Variable, value_at
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    Module = Any  # nn.Module, which stands above

_MOST = 4096  # objects that are looked at
_DEEPEST = 100  # values on the way to a value, as Python's stack is finite
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_BOUND = (types.BuiltinFunctionType, types.MethodWrapperType)
_WRAPPERS = (staticmethod, classmethod)


def state_of(value: Any) -> Callable[[], Any] | None:
    """A function that gives the state of a random generator; None for other values."""
    pythons, numpys = sys.modules.get("random"), sys.modules.get("numpy.random")
    if pythons is not None and issubclass(type(value), pythons.Random):
        try:
            value.getstate()
        except NotImplementedError:  # the system's
            return None
        return value.getstate  # type: ignore[no-any-return]
    if numpys is not None and issubclass(type(value), (numpys.Generator, numpys.RandomState)):
        bits = getattr(value, "bit_generator", None) or value._bit_generator
        return lambda: repr(bits.state)
    return None


class Reach(Objects):
    """What code can come to.

    Args:
        roots: functions, methods and modules that are called.
        ran: ids of the code objects that ran; functions whose code did not are not looked into.
            None: look into all.
        stores: names that are only assigned count as read.

    Attributes:
        variables: the places whose values it can read.
        reasons: why a replay is not safe, as text; empty if it is.
        tensors, arrays, modules, generators: those that were found.
        states, iterators: of random generators, and iterators, with their labels.
        codes: the code objects that were looked into; whole: all attributes count as read.
    """

    whole: bool
    asks: bool

    def __init__(
        self, roots: Iterable[Any], ran: set[int] | None = None, stores: bool = True
    ) -> None:
        self._ran, self._stores = ran, stores
        self.generators: list[Any] = []
        self.variables: dict[tuple[Any, ...], Variable] = {}
        self.reasons: dict[str, None] = {}
        self.tensors: list[Any] = []
        self.arrays: list[tuple[Any, str]] = []
        self.modules: list[tuple[Any, str]] = []
        self.states: list[tuple[str, Callable[[], Any], Any]] = []
        self.iterators: list[str] = []
        self.codes: dict[int, types.CodeType] = {}
        self.names: dict[str, None] = {"forward": None}
        self.functions: list[types.FunctionType] = []
        self.grads: set[str] = set()  # whether code reads .grad, and whether it asks if it is None
        self.whole = self.asks = False
        self._depth = 0  # of `meet` within `meet`
        self._met: dict[int, Any] = {}
        self._objects: list[tuple[Any, str]] = []
        self._classes: list[tuple[type, str]] = []
        self._ours: list[tuple[type, str]] = []  # classes of this package
        self._bearers: list[tuple[Any, str, bool]] = []  # functions, with what may be at them
        self._spaces: list[tuple[dict[str, Any], str]] = []  # of Python modules
        self._class_of_ours(Tensor, "Tensor")  # of the arguments
        for root in roots:
            self.meet(root, "self" if is_module(root) else "")
        self._finish()

    # ---- names that come up after an object was met ----

    def _add_names(self, names: Iterable[str]) -> None:
        new = [name for name in names if name not in self.names]
        self.names.update(dict.fromkeys(new))
        wide = not self.whole and any(name in known.WIDE_DUNDERS for name in new)
        for name in new:
            if name in known.HIDDEN_READS or (
                name.startswith("__")
                and name.endswith("__")
                and name not in known.DUNDERS
                and name not in known.WIDE_DUNDERS
            ):
                self.doubt(f"it uses .{name}")
        self.whole |= wide
        for value, label in list(self._objects):
            for name in self._all_names(value) if wide else new:
                self._attribute(value, name, label)
        for kind, label in list(self._classes):
            for name in self._all_names(kind) if wide else new:
                self._of_class(kind, name, label, None)
        for kind, label in list(self._ours):
            for name in new:
                self._given(kind, name, label)
        for space, label in list(self._spaces):
            if wide:
                self.doubt(f"it may read any attribute of {label}")
            for name in new:
                self._entry(space, name, label)

    def _widen(self) -> None:
        if not self.whole:
            self._add_names(["__dict__"])

    def doubt(self, reason: str) -> None:
        """Note a reason why a replay is not safe."""
        self.reasons.setdefault(reason)

    def of_arrays(self, called: set[int]) -> tuple[set[int], set[int]]:
        """The ids of arrays whose values Python may read, though the program reads them too; and
        of those whose shapes alone are used.

        called: ids of code objects that the user's code called. An array that is passed on may be
        any of their arguments.
        """
        passed_on = any(reads_arguments(code) for key, code in self.codes.items() if key in called)
        hows: dict[int, set[str]] = {}
        for array, how in used(self.functions, [value for value, _ in self._objects]):
            hows.setdefault(id(array), set()).add("read" if how == "passed" and passed_on else how)
        read = {key for key, found in hows.items() if "read" in found}
        return read, {key for key, found in hows.items() if found == {"shape"}}

    def let_go(self) -> None:
        """Drop the references to what was found."""
        self._met, self._objects, self._classes, self._spaces = {}, [], [], []
        self._bearers, self._ours = [], []
        self.modules, self.tensors, self.functions = [], [], []

    # ---- values ----

    def meet(self, value: Any, label: str) -> None:
        """Look at a value, once."""
        if type(value) in known.IMMUTABLE or value is NOTHING or id(value) in self._met:
            return
        self._met[id(value)] = value
        if len(self._met) > _MOST:
            self.doubt(f"it reaches more than {_MOST} objects")
            return
        if self._depth == _DEEPEST:
            self.doubt(f"it reaches objects by way of more than {_DEEPEST} others")
            return
        self._depth += 1
        self._look_at(value, label)
        self._depth -= 1

    def _look_at(self, value: Any, label: str) -> None:
        kind: Any = type(value)
        if known.disguises(kind):
            self.doubt(f"{label or 'an object'} makes up its attributes or its class")
        elif issubclass(kind, np.void):
            self.doubt(f"{label or 'something'} is a row of an array, which may change unseen")
        elif issubclass(kind, np.generic | np.dtype) or known.is_allowed(value):
            if kind is types.FunctionType:
                self.codes[id(value.__code__)] = value.__code__
                self._bearer(value, label, may_get=False)
            if id(value) in known.PROBES:
                self._widen()
        elif issubclass(kind, _FUNCTIONS):
            self._callable(value, label)
        elif kind is types.ModuleType or issubclass(kind, types.ModuleType):
            self._python_module(value, label)
        elif issubclass(kind, type):
            self._class(value, label)
        elif kind is np.ndarray and value.dtype.kind != "O":
            self.arrays.append((value, label))
        elif kind in CONTAINERS:
            self._container(value, label)
        elif hasattr(kind, "_array") and known.is_ours(kind.__mro__[-2].__module__):
            self._tensor(value, label)
        elif issubclass(kind, _BOUND):
            self._bound(value, label)
        elif issubclass(kind, (*_WRAPPERS, property)):
            self._wrapper(value, label)
        else:
            self._object(value, label)

    def _hold(self, value: Any, label: str) -> None:
        """Look at a value that is at no place."""
        if type(value) in CONTAINERS:
            self._add(Variable("contents", value, label))
        self.meet(value, label)

    def _object(self, value: Any, label: str) -> None:
        kind, state = type(value), state_of(value)
        if state is not None:
            self.states.append((label, state, state()))
            self.generators.append(value)
            self.doubt(f"{label or kind.__name__} is a random generator")
        elif issubclass(kind, Iterator) and not issubclass(kind, io.IOBase):
            self.iterators.append(label)
            self.doubt(f"{label or kind.__name__} is an iterator")
        elif is_module(value):
            self._layer(value, label)
        elif known.is_ours(kind.__module__) and is_named(kind, "fastnn._core.replay", "Front"):
            self.meet(value.fn, label)
        elif known.is_ours(kind.__module__) and not is_kind(kind, "fastnn._core.replay"):
            self._of_ours(value, label)
        elif (
            kind is types.MethodDescriptorType
            or kind is types.SimpleNamespace
            or known.is_python_class(kind)  # type: ignore[arg-type]
        ):
            self._instance(value, label)
        else:
            self.doubt(f"{label or 'something'} is a {kind.__name__}, which may change unseen")

    def _container(self, value: Any, label: str) -> None:
        if len(value) > _MOST:
            self.doubt(f"{label} has {len(value)} entries")
            return
        if isinstance(value, dict):
            for key, entry in value.items():
                self.meet(key, label)
                if type(entry) not in known.IMMUTABLE:
                    self.meet(entry, f"{label}[{key!r}]" if type(key) in (str, int) else label)
            return
        for i, entry in enumerate(value):
            if type(entry) not in known.IMMUTABLE:  # often thousands of numbers
                self.meet(entry, f"{label}[{i}]")

    def _tensor(self, value: Any, label: str) -> None:
        self.tensors.append(value)
        if not known.is_ours(type(value).__module__):
            self._instance(value, label)
        else:
            self._class_of_ours(type(value), label)

    # ---- functions ----

    def _callable(self, value: Any, label: str) -> None:
        if isinstance(value, types.MethodType):
            owner = value.__self__
            self.meet(owner, label or "self")
            self.meet(value.__func__, label)
        elif isinstance(value, functools.partial):
            for part in (value.func, value.args, value.keywords):
                self._hold(part, label)
            if type(value) is functools.partial:
                self._bearer(value, label)
            else:
                self._instance(value, label)
        else:
            self._function(value, label)

    def _function(self, function: types.FunctionType, label: str) -> None:
        code = function.__code__
        trusted = known.is_trusted(code)
        if trusted and known.hides(function.__name__):
            self.doubt(f"it calls {function.__name__}")
        self._bearer(function, label or function.__name__)
        if not trusted and self._ran is not None and id(code) not in self._ran:
            return
        self._add(Variable("function", function, label or function.__name__))
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.meet(wrapped, label)
        names = code.co_varnames[: code.co_argcount]
        defaults = function.__defaults__ or ()
        given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
        for name, value in {**given, **(function.__kwdefaults__ or {})}.items():
            if not trusted:
                self.meet(value, name)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._add(Variable("cell", cell, name))
            self.meet(value_at(cell, "cell_contents"), name)
        if not trusted:
            self._look_into(function)

    def _look_into(self, function: types.FunctionType) -> None:
        """Follow the names in a function's byte code."""
        facts = facts_of(function.__code__)
        self.codes.update((id(code), code) for code in codes_of(function.__code__))
        self.functions.append(function)
        self.grads |= facts.grads
        self.asks |= facts.asks
        if facts.unclear:
            self.doubt(f"{function.__qualname__} has the instruction {facts.unclear}")
        for load in facts.loads:
            self._load(function.__globals__, load)
        for name in facts.stored if self._stores else ():
            self._entry(function.__globals__, name, "")
        for name in facts.imports:
            self._add(Variable("entry", sys.modules, name, name))
            self.meet(sys.modules.get(name), name)
        self._add_names(facts.attributes)
        if self._stores:
            self._add_names(facts.assigned)
        if facts.probes:
            if any(t.startswith("__") and t.endswith("__") for t in facts.constants):
                self.doubt("it asks for attributes by special names")
            self._widen()

    def _load(self, space: dict[str, Any], load: Load) -> None:
        """A global name, and attributes of Python modules directly after it."""
        if load.name.startswith("@"):
            return  # put there by pytest, for a failing assert
        name, value = load.name, space.get(load.name, NOTHING)
        self._add(Variable("entry", space, name, name))
        if value is NOTHING:
            value = vars(builtins).get(name, NOTHING)
            if value is not NOTHING:
                self._add(Variable("entry", vars(builtins), name, name))
            if name in known.NAMED_PROBES:
                return  # the caller knows whether the names are constants
        label = name
        for attribute in load.attributes:
            if not issubclass(type(value), types.ModuleType):
                break
            if known.is_ours(value.__name__) and known.hides(attribute):
                self.doubt(f"it calls {label}.{attribute}")
            label = f"{label}.{attribute}"
            space, value = vars(value), getattr(value, attribute, NOTHING)  # may load it
            self._add(Variable("entry", space, label, attribute))
        self.meet(value, label)

    def _bound(self, value: Any, label: str) -> None:
        """A function in C, by itself or bound to an object."""
        owner = value.__self__
        if owner is None or isinstance(owner, types.ModuleType):
            self.doubt(f"it may call {label or value.__name__}, which may read anything")
        else:
            self._hold(owner, label)
            self._add_names([value.__name__])

    def _wrapper(self, value: Any, label: str) -> None:
        parts: list[Any] = [value.__func__] if isinstance(value, _WRAPPERS) else []
        if isinstance(value, property):
            parts = [value.fget, value.fset, value.fdel]
        for part in parts:
            self.meet(part, label)
        if type(value) in (*_WRAPPERS, property):
            self._bearer(value, label)
        else:
            self._instance(value, label)

    # ---- the end ----

    def _finish(self) -> None:
        """Now that all names are known, tell them to the variables that need them."""
        names = frozenset(self.names)
        self._watch_what_may_come()
        for variable in self.variables.values():
            if variable.kind == "names" and self.whole and "_transient" in variable.where:
                variable.kind = "rest"  # of a module
            if variable.kind in ("layer", "rest"):
                variable.names = frozenset({*REGISTRIES, *HOOKS, "_transient", "training"} - names)
            elif variable.kind in ("names", "class", "special"):
                variable.names = None if self.whole and variable.kind != "special" else names

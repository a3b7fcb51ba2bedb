"""Variables that a function captures, and whether their values changed.

A replay runs no Python, so every variable that Python read during the recording must be unchanged:
globals, closure variables, defaults and attributes of `self` (`bytecode.py` finds their names,
`reads.py` follows them), and the submodules and plain attributes of the modules that were called.
Values are compared by the snapshots of `snapshot.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from fastnn.compiler.captures.bytecode import is_library
from fastnn.compiler.captures.reads import Reads, Variable, value_at
from fastnn.compiler.captures.snapshot import PLAIN, changeable, is_large, is_live, same, snapshot
from fastnn.tape.listener import RecordingError

Module = Any  # nn.Module, which stands above


_OF_MODULES = (
    "_parameters",
    "_modules",
    "_buffers",
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_hooks",
)


class ChangedError(RecordingError):
    """A captured variable changed while the function was recorded."""


def attributes_of(module: Module) -> Any:
    """The plain attributes of a module, to compare with `==`."""
    values = ((k, v) for k, v in vars(module).items() if k != "training")
    return tuple((k, v if isinstance(v, PLAIN) else id(v)) for k, v in values)


def _parts_of(module: Module) -> list[Any]:
    own = [(k, v) for k, v in vars(module).items() if k not in (*_OF_MODULES, "training")]
    return [own, *(list(vars(module)[name].items()) for name in _OF_MODULES)]


def _drawn() -> tuple[Any, ...]:
    """The states of the global random generators of NumPy and Python."""
    import random  # at the first recording: it would take a tenth of the time of `import fastnn`

    numpys = sys.modules.get("numpy.random")
    return (*(() if numpys is None else numpys.get_state()[2:]), random.getstate())


class Captures:
    """The captured variables of some functions and modules; `unchanged()` compares them.

    Args:
        functions: the user's functions.
        modules: the modules that were called.
        live: ids of arrays that the program itself reads in every run.
    """

    def __init__(
        self,
        functions: Iterable[Any],
        modules: Iterable[Module],
        live: Collection[int] = frozenset(),
    ) -> None:
        reads = Reads()
        for function in functions:
            reads.meet(function, "", "")
        known: dict[int, Module] = {}
        for module in [*modules, *reads.modules]:
            known.update((id(m), m) for m in module.modules())
        for module in known.values():
            reads.follow(type(module).forward, module)
            reads.look_into(module)
        self._reads, self._live, self._drawn = reads, live, _drawn()
        self._take_snapshots()
        self._parts = [(m, _parts_of(m)) for m in known.values()]
        self._counted = self._parts[0][0].changes if self._parts else 0

    def _take_snapshots(self) -> None:
        found = self._reads.variables
        self._snapshots = [self._snapshot(v) for v in found]
        self.places = list({(id(v.place[0]), v.place[1]): v.place for v in found}.values())

    def let_go(self) -> None:
        """Drop the references to the modules. The caller watches their parts, and sets their mode
        for a recording."""
        owners = {id(owner) for module, _ in self._parts for owner in (module, vars(module))}
        self._reads.variables = [
            s
            for s in self._reads.variables
            if s.place[1] != "training" or id(s.place[0]) not in owners
        ]
        self._take_snapshots()
        self._parts = []
        self._reads.let_go()

    def _snapshot(self, variable: Variable) -> Any:
        value = value_at(variable.place)
        if variable.by_python:
            return snapshot(value)
        return snapshot(value, self._live) if variable.whole else value

    def contents(self) -> list[Any] | None:
        """Lists, dicts and arrays, which may change without a change of identity; None if there
        are other such objects."""
        read = [
            (value_at(variable.place), () if variable.by_python else self._live)
            for variable in self._reads.variables
            if variable.whole or variable.by_python
        ]
        found: dict[int, Any] = {}
        for value, live in read:
            inside = changeable(value, live)
            if inside is None:
                return None
            found.update((id(v), v) for v in inside)
        return list(found.values())

    def changes(self) -> Iterator[tuple[str, str]]:
        """(line, name) of each variable or generator that changed."""
        for variable, before in zip(self._reads.variables, self._snapshots, strict=True):
            if not same(before, self._snapshot(variable)):
                yield variable.line, variable.label
        for label, line, state, was in self._reads.states:
            if state() != was:
                yield line, f"the state of the generator {label}"
        for label, line in self._reads.iterators:
            yield line, f"the iterator {label}"
        for module, parts in self._parts:
            if not is_library(type(module).__module__) and not same(parts, _parts_of(module)):
                yield "", f"an attribute of {type(module).__name__}"
        if self._drawn != _drawn():
            yield "", "the state of NumPy's or Python's random numbers"

    def refuse_changes(self, line: str) -> None:
        """Raise if something changed that Python reads and a replay does not."""
        changes = list(self.changes())
        if changes:
            line = next((place for place, _ in changes if place), line)
            named = ", ".join(dict.fromkeys(name for _, name in changes))
            raise ChangedError(
                f"{line}: cannot compile this: {named} changed while it was recorded, and a "
                "replay, which runs without Python, would not change it. Do it outside of the "
                "compiled function, return what the next call needs, or keep it in a tensor that "
                "is written in place"
            )

    def refuse_large(self, live: Collection[int]) -> None:
        """Raise if a large array was read by Python and not by the program (`live`)."""
        for variable in self._reads.variables:
            value = value_at(variable.place)
            if not is_large(value):
                continue
            if variable.by_python or (variable.whole and not is_live(value, live)):
                raise RecordingError(
                    f"{variable.line}: cannot compile this: {variable.label} is an array of "
                    f"{value.nbytes} bytes, too large to be compared before every replay. Let the "
                    "program read it, by fastnn.from_numpy(array), or pass what is needed of it"
                )

    def unchanged(self) -> bool:
        """Whether all captured variables have their old values."""
        pairs = zip(self._reads.variables, self._snapshots, strict=True)
        if not all(same(before, self._snapshot(v)) for v, before in pairs):
            return False
        if self._parts and self._parts[0][0].changes != self._counted:
            if not all(same(parts, _parts_of(module)) for module, parts in self._parts):
                return False
            self._counted = self._parts[0][0].changes  # of all modules; nothing that we look at
        return True

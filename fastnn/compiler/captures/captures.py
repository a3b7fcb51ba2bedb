"""What a recording depends on besides its arguments, and whether that changed.

A replay runs no Python. So whatever the recorded Python code could read must be unchanged, or the
code runs again. `reach.py` finds the objects that the code can come to, from the names in its byte
code, and says what is in doubt: an object whose changes cannot be seen, or a function that may read
anything. Python functions that ran during the recording but were not found are a doubt too, so the
walk need not be trusted. Values are compared by the snapshots of `snapshot.py`.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from fastnn._core.watch import Watch
from fastnn.compiler.captures import known
from fastnn.compiler.captures.code import place_of
from fastnn.compiler.captures.reach import Reach
from fastnn.compiler.captures.restore import Saved
from fastnn.compiler.captures.snapshot import (
    TooLargeError,
    changeable,
    difference,
    is_large,
    is_live,
    is_plain,
    owner_of,
    same,
)
from fastnn.tape.listener import RecordingError

Module = Any  # nn.Module, which stands above
Calls = Mapping[tuple[int, int], tuple[types.CodeType, types.CodeType | None, Any]]


class ChangedError(RecordingError):
    """A captured variable changed while the function was recorded.

    lost: it cannot be put back, as an iterator that went on.
    """

    lost = False


_BESIDE = ("training", "_columns")  # of a module, and no part of what it computes


def attributes_of(module: Module) -> Any:
    """The plain attributes of a module, to compare with `==`."""
    values = ((k, v) for k, v in vars(module).items() if k not in _BESIDE)
    return tuple((k, v if is_plain(v) else id(v)) for k, v in values)


def _drawn() -> tuple[Any, ...]:
    """The states of the global random generators of NumPy and Python."""
    import random  # at the first recording: it would take a tenth of the time of `import fastnn`

    numpys = sys.modules.get("numpy.random")
    return (*(() if numpys is None else numpys.get_state()[2:]), random.getstate())


def _unknown(calls: Calls, found: Collection[int]) -> list[types.CodeType]:
    """The functions that ran and were not found. What this package and NumPy call of the standard
    library does not count, nor what an import runs, nor what computes annotations (Python 3.14)."""
    sure = {id(code) for code, _, module in calls.values() if known.is_trusted(code, module)}
    sure.update(id(code) for code, *_ in calls.values() if code.co_name == "__annotate__")
    left = [(c, by) for c, by, _ in calls.values() if id(c) not in sure and id(c) not in found]
    unknown: dict[int, types.CodeType] = {}
    while True:
        before = len(unknown)
        for code, by in left:
            by_user = id(by) in found or id(by) in unknown
            if by_user or not (known.is_librarys(code) or known.is_import(by)):
                unknown.setdefault(id(code), code)
        if len(unknown) == before:
            return list(unknown.values())


class Captures:
    """What functions and modules can read; `unchanged()` compares it.

    Args:
        functions: the user's functions.
        modules: the modules that were called.
        live: ids of arrays that the program itself reads in every run.
        calls: the functions that ran, as `Frames` notes them; None: before the run.
        stores: names that are only assigned count as read.

    Attributes:
        doubts: why a replay might differ from another run of the code; empty if it cannot.
        places: what `watch.Watch` is to watch. tensors: those that were found.
    """

    tensors: list[Any]

    def __init__(
        self,
        functions: Iterable[Any],
        modules: Iterable[Module],
        live: Collection[int] = frozenset(),
        calls: Calls | None = None,
        stores: bool = True,
    ) -> None:
        ran = None if calls is None else {id(call[0]) for call in calls.values()}
        reach = self._reach = Reach([*functions, *modules], ran, stores)
        self.tensors, self._drawn = reach.tensors, _drawn()
        sure = (
            set() if calls is None else {id(c) for c, *_ in calls.values() if known.is_trusted(c)}
        )
        called = {id(code) for code, by, _ in (calls or {}).values() if id(by) not in sure}
        self._live = self._ignored(live, called)
        self.grads: set[str] = {"read", "asked"} if reach.whole else reach.grads
        self._modules = [module for module, _ in reach.modules]
        self._variables = list(reach.variables.values())
        if calls is not None:
            for code in _unknown(calls, reach.codes):
                reach.doubt(f"it runs {code.co_qualname}, which was not found beforehand")
        self._take()
        self.doubts: tuple[str, ...] = tuple(reach.reasons)

    def saved(self) -> Saved:
        """All that was found as it is now, to put it back after a trial run."""
        return Saved(self._variables, self._reach.generators)

    def _ignored(self, live: Collection[int], called: set[int]) -> set[int]:
        """The ids of arrays that are not compared: what the program reads and Python does not, and
        what is used for its shape alone."""
        read, shapes = self._reach.of_arrays(called)
        ignored = set(live) - {id(owner_of(a)) for a, _ in self._reach.arrays if id(a) in read}
        return ignored | {id(owner_of(a)) for a, _ in self._reach.arrays if id(a) in shapes}

    def _take(self) -> None:
        """Take snapshots."""
        self._taken: list[Any] = []
        for variable in self._variables:
            try:
                self._taken.append(variable.taken(self._live))
            except TooLargeError:
                self._taken.append(None)
                self._reach.doubt(f"{variable.label} has too many entries to be compared")
        places = [place for v in self._variables for place in v.places()]
        places += [(array, "shape") for array, _ in self._reach.arrays]
        # Methods of modules count what they change: the other registries need no look each time.
        self.counter: list[tuple[type[Any], str]] = [
            (type(module), "changes") for module in self._modules[:1]
        ]
        self.places: list[tuple[Any, Any]] = list(
            {(id(where), name): (where, name) for where, name in places}.values()
        )
        self._watch: Watch | None = None  # of all variables, once they are compared again
        self._contents: list[Any] | None = None  # those that are watched, if `_watch` is whole
        self._counted = 0

    def let_go(self) -> None:
        """Drop the references to the modules. The caller watches their parts, and sets their mode
        for a recording."""
        owners = {id(module) for module in self._modules}
        self._variables = [
            v
            for v in self._variables
            if id(v.where) not in owners and not (v.kind == "entry" and v.name == "training")
        ]
        for variable in self._variables:
            if variable.kind == "names" and variable.names is not None:
                variable.names -= {"training"}
            elif variable.kind in ("layer", "rest"):
                variable.names = (variable.names or frozenset()) | {"training"}
        self._modules = []
        self._reach.let_go()
        self._take()

    def contents(self) -> list[Any] | None:
        """Lists, dicts and arrays, which may change without a change of identity; None if there
        are other such objects."""
        return self._contents if self._is_seen() else self._found_contents()

    def _found_contents(self) -> list[Any] | None:
        found: dict[int, Any] = {}
        for variable in self._variables:
            inside = changeable(variable.held(), self._live)
            if inside is None:
                return None
            found.update((id(v), v) for v in inside)
        return list(found.values())

    def changes(self, after: Captures) -> Iterator[str]:
        """The name of each variable or generator that changed and that the function reads."""
        for variable, before in zip(self._variables, self._taken, strict=True):
            if variable.key() not in after._reach.variables:
                continue
            try:
                now = variable.taken(self._live)
            except TooLargeError:
                now = None
            if not same(before, now):
                yield variable.label + difference(before, now, variable.kind == "names")
        for label, state, was in self._reach.states:
            if any(label == other for other, _, _ in after._reach.states) and state() != was:
                yield f"the state of the generator {label}"
        for label in after._reach.iterators:
            yield f"the iterator {label}"
        if self._drawn != _drawn():
            yield "the state of NumPy's or Python's random numbers"

    def refuse_changes(self, line: str, after: Captures) -> None:
        """Raise if something changed that Python reads and a replay does not.

        after: what the function was found to read.
        """
        changes = list(dict.fromkeys(self.changes(after)))
        if changes:
            codes = list(after._reach.codes.values())
            lines = [place_of(codes, name.rpartition(" ")[2]) for name in changes]
            line = next((found for found in lines if found), line)
            error = ChangedError(
                f"{line}: cannot compile this: {', '.join(changes)} changed while it was recorded, "
                "and a replay, which runs without Python, would not change it. Do it outside of "
                "the compiled function, return what the next call needs, or keep it in a tensor "
                "that is written in place"
            )
            error.lost = bool(after._reach.iterators)
            raise error

    def refuse_large(self) -> None:
        """Raise if Python reads the values of a large array."""
        for value, label in self._reach.arrays:
            if is_large(value) and not is_live(value, self._live):
                line = place_of(list(self._reach.codes.values()), label)
                raise RecordingError(
                    f"{line}: cannot compile this: {label} is an array of {value.nbytes} bytes, "
                    "too large to be compared before every replay. Let the program read it, by "
                    "fastnn.from_numpy(array), or pass what is needed of it"
                )

    def unchanged(self) -> bool:
        """Whether everything is as it was."""
        if not self._is_seen():
            counted = self._count()
            try:
                pairs = zip(self._variables, self._taken, strict=True)
                if not all(same(before, v.taken(self._live)) for v, before in pairs):
                    return False
            except TooLargeError:
                return False
            self._watch_from_here(counted)
        return True

    def _is_seen(self) -> bool:
        """Whether C can tell that nothing changed since everything was last compared."""
        if self._watch is None or self._contents is None or self._counted != self._count():
            return False
        return self._watch.same()

    def _count(self) -> int:
        return self._modules[0].changes if self._modules else 0

    def _watch_from_here(self, counted: int) -> None:
        """Let C tell at the next time whether the variables are as they are now."""
        if self._watch is None:
            self._watch = Watch([], self.places, [], [])
        self._contents, self._counted = self._found_contents(), counted
        self._watch.take(self._contents)

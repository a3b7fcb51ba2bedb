"""What a recorded function saw around it, and whether it would see the same now.

A replay runs no Python, so whatever Python read while recording must be unchanged: what the called
modules consist of, their plain attributes, and the names that the functions take from around them
(`reading.py`), with the attributes and constant keys that lead on from there (`names.py`). What is
remembered of a value is in `images.py`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from fastnn.compiler.captures.bytecode import is_library
from fastnn.compiler.captures.reads import Reading, Seen, look
from fastnn.compiler.captures.snapshot import PLAIN, changeable, image, is_large, is_live, same
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
    """What a function reads from around it changed while the function was recorded."""


def image_of(module: Module) -> Any:
    """The plain attributes of a module, to compare with `==`."""
    values = ((k, v) for k, v in vars(module).items() if k != "training")
    return tuple((k, v if isinstance(v, PLAIN) else id(v)) for k, v in values)


def _parts_of(module: Module) -> list[Any]:
    own = [(k, v) for k, v in vars(module).items() if k not in (*_OF_MODULES, "training")]
    return [own, *(list(vars(module)[name].items()) for name in _OF_MODULES)]


def _drawn() -> tuple[Any, ...]:
    """Where the generators that every program shares stand."""
    numpy_random = sys.modules.get("numpy.random")
    ours = () if numpy_random is None else numpy_random.get_state()[2:]
    return (*ours, random.getstate())


class Surroundings:
    """Remembers; `unchanged()` says whether all is as it was.

    Args:
        functions: those of the user, which are followed.
        modules: those that were called.
        live: ids of the arrays whose memory the program itself reads.
    """

    def __init__(
        self,
        functions: Iterable[Any],
        modules: Iterable[Module],
        live: Collection[int] = frozenset(),
    ) -> None:
        reading = Reading()
        for function in functions:
            reading.meet(function, "", "")
        known: dict[int, Module] = {}
        for module in [*modules, *reading.modules]:
            known.update((id(m), m) for m in module.modules())
        for module in known.values():
            reading.follow(type(module).forward, module)
            reading.look_into(module)
        self._reading, self._live, self._drawn = reading, live, _drawn()
        self._look()
        self._parts = [(m, _parts_of(m)) for m in known.values()]
        self._counted = self._parts[0][0].changes if self._parts else 0

    def _look(self) -> None:
        seen = self._reading.seen
        self._images = [self._image(s) for s in seen]
        self.places = list({(id(s.place[0]), s.place[1]): s.place for s in seen}.values())

    def let_go(self) -> None:
        """Forget the modules, so that they may go: their parts are watched by someone else, and
        their mode is what the caller makes it for a recording."""
        owners = {id(owner) for module, _ in self._parts for owner in (module, vars(module))}
        self._reading.seen = [
            s
            for s in self._reading.seen
            if s.place[1] != "training" or id(s.place[0]) not in owners
        ]
        self._look()
        self._parts = []
        self._reading.let_go()

    def _image(self, seen: Seen) -> Any:
        value = look(seen.place)
        if seen.by_python:
            return image(value)
        return image(value, self._live) if seen.whole else value

    def contents(self) -> list[Any] | None:
        """Lists, dicts and arrays that may change while they stay the objects they are; None where
        there are others that may."""
        read = [
            (look(seen.place), () if seen.by_python else self._live)
            for seen in self._reading.seen
            if seen.whole or seen.by_python
        ]
        found: dict[int, Any] = {}
        for value, live in read:
            inside = changeable(value, live)
            if inside is None:
                return None
            found.update((id(v), v) for v in inside)
        return list(found.values())

    def changes(self) -> Iterator[tuple[str, str]]:
        """(line, what) of the values that are others now: names and generators."""
        for seen, before in zip(self._reading.seen, self._images, strict=True):
            if not same(before, self._image(seen)):
                yield seen.line, seen.label
        for label, line, state, was in self._reading.states:
            if state() != was:
                yield line, f"the state of the generator {label}"
        for label, line in self._reading.iterators:
            yield line, f"the iterator {label}"
        for module, parts in self._parts:
            if not is_library(type(module).__module__) and not same(parts, _parts_of(module)):
                yield "", f"an attribute of {type(module).__name__}"
        if self._drawn != _drawn():
            yield "", "the state of NumPy's or Python's random numbers"

    def refuse_changes(self, line: str) -> None:
        """Raise when something that Python reads, and a replay does not, is not what it was."""
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
        """Raise where a large array was read by Python and not by the program (`live`)."""
        for seen in self._reading.seen:
            value = look(seen.place)
            if not is_large(value):
                continue
            if seen.by_python or (seen.whole and not is_live(value, live)):
                raise RecordingError(
                    f"{seen.line}: cannot compile this: {seen.label} is an array of "
                    f"{value.nbytes} bytes, too large to be looked at before every replay. Let the "
                    "program read it, by fastnn.from_numpy(array), or pass what is needed of it"
                )

    def unchanged(self) -> bool:
        """Whether Python would read the same values now."""
        seen = zip(self._reading.seen, self._images, strict=True)
        if not all(same(before, self._image(s)) for s, before in seen):
            return False
        if self._parts and self._parts[0][0].changes != self._counted:
            if not all(same(parts, _parts_of(module)) for module, parts in self._parts):
                return False
            self._counted = self._parts[0][0].changes  # of all modules; nothing that we look at
        return True

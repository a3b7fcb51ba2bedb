"""Snapshots of values: what is kept of a value to tell later whether it changed.

Numbers, strings, containers of them and arrays of moderate size are compared by value, all else by
identity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np

PLAIN = (int, float, bool, str, bytes, complex, type(None))
CONTAINERS = (list, tuple, dict, set, deque)
MOST_BYTES = 1 << 16  # of an array whose content is compared
_MOST = (4096, 64, 16, 8)  # entries of a container that are compared, by its depth in others


class _Long(NamedTuple):
    """A container of which only identity and length are looked at."""

    value: Any
    length: int


def snapshot(value: Any, live: Collection[int] = (), depth: int = 0) -> Any:
    """What is remembered: containers as copies of their entries, arrays as bytes.

    live: ids of arrays whose memory is read anew at every replay; they and views of them are
        remembered by identity.
    """
    if isinstance(value, CONTAINERS):
        if depth == len(_MOST) or len(value) > _MOST[depth]:
            return _Long(value, len(value))
        entries = value.items() if isinstance(value, dict) else value
        return [snapshot(entry, live, depth + isinstance(entry, CONTAINERS)) for entry in entries]
    if _compared(value, live):
        return value.shape, value.dtype.str, value.tobytes()
    return value


def same(before: Any, now: Any) -> bool:
    """Whether two snapshots are equal."""
    if before is now:
        return True
    if isinstance(before, list | tuple) and type(before) is type(now) and len(before) == len(now):
        return all(map(same, before, now))
    return isinstance(before, PLAIN) and type(before) is type(now) and bool(before == now)


def is_large(value: Any) -> bool:
    """Whether it is an array that is too large to be compared."""
    return isinstance(value, np.ndarray) and value.nbytes > MOST_BYTES


def is_live(value: Any, live: Collection[int]) -> bool:
    """Whether the memory of an array is read anew at every replay."""
    while isinstance(value.base, np.ndarray):
        value = value.base
    return id(value) in live


def _compared(value: Any, live: Collection[int]) -> bool:
    known = type(value) is np.ndarray and value.dtype.kind != "O"
    return known and not is_large(value) and not is_live(value, live)


def entries_of(value: Any, depth: int = 0) -> Iterator[Any]:
    """The value, and those in it as far as `snapshot` looks."""
    yield value
    if isinstance(value, CONTAINERS) and depth < len(_MOST) and len(value) <= _MOST[depth]:
        for entry in value.values() if isinstance(value, dict) else value:
            yield from entries_of(entry, depth + 1)


def changeable(value: Any, live: Collection[int]) -> list[Any] | None:
    """What has to be looked into, as its identity does not tell: lists, dicts and packed arrays.

    None where there is something else, such as a set.
    """
    found: list[Any] = []
    for entry in entries_of(value):
        if isinstance(entry, CONTAINERS):
            if isinstance(entry, set | deque) or isinstance(snapshot(entry), _Long):
                return None
            found += [entry] * (not isinstance(entry, tuple))
        elif _compared(entry, live):
            if not entry.flags.c_contiguous:
                return None
            found.append(entry)
    return found

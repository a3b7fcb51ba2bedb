"""Snapshots of values, to tell later whether they changed.

Numbers, strings, containers of them and arrays of moderate size are compared by value, everything
else by identity.
"""

from __future__ import annotations

import types
from collections import OrderedDict, deque
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

PLAIN = (int, float, bool, str, bytes, complex, type(None))
CONTAINERS = (list, tuple, dict, set, frozenset, deque, OrderedDict)  # of these types exactly
_BY_VALUE = (*PLAIN, np.generic, types.CodeType)
_FLAT = frozenset(PLAIN)
MOST_BYTES = 1 << 16  # of an array whose content is compared
_MOST = 4096  # entries that are compared
_DEEPEST = 16


class TooLargeError(Exception):
    """A container has too many entries, or contains itself."""


class _Pairs(NamedTuple):
    """A dict: its keys and snapshots of the values."""

    keys: list[Any]
    values: list[Any]


def snapshot(value: Any, live: Collection[int] = ()) -> Any:
    """A snapshot of a value: containers as copies of their entries, arrays as bytes.

    live: ids of arrays whose memory every replay reads; they and views of them are compared by
        identity.
    """
    kind = type(value)
    if kind in _FLAT:
        return value
    return _taken(value, live, 0, [_MOST]) if kind in CONTAINERS else _alone(value, live)


def _taken(value: Any, live: Collection[int], depth: int, left: list[int]) -> Any:
    """Of a container. left: how many entries may follow."""
    left[0] -= len(value)
    if left[0] < 0 or depth == _DEEPEST:
        raise TooLargeError
    found: list[Any] = []
    for entry in value.values() if isinstance(value, dict) else value:
        kind = type(entry)
        if kind in _FLAT:
            found.append(entry)
        elif kind in CONTAINERS:
            found.append(_taken(entry, live, depth + 1, left))
        else:
            found.append(_alone(entry, live))
    return _Pairs(list(value), found) if isinstance(value, dict) else [type(value), *found]


def _alone(value: Any, live: Collection[int]) -> Any:
    """Of a value that is no container."""
    if type(value) is not np.ndarray:
        return value
    if _compared(value, live):
        return value.shape, value.strides, value.dtype.str, value.tobytes()
    return value, value.shape, value.strides, value.dtype.str


def same(before: Any, now: Any) -> bool:
    """Whether two snapshots are equal."""
    if before is now:
        return True
    kind = type(before)  # not `isinstance`, which asks an object what its class is
    if issubclass(kind, list | tuple) and type(before) is type(now) and len(before) == len(now):
        return all(map(same, before, now))
    return issubclass(kind, _BY_VALUE) and type(before) is type(now) and bool(before == now)


def difference(before: Any, now: Any, attributes: bool = False) -> str:
    """Where two snapshots of a dict differ, as source text such as `['k']`; else ''."""
    if not (isinstance(before, _Pairs) and isinstance(now, _Pairs)):
        return ""
    then = dict(zip(map(_plainly, before.keys), before.values, strict=True))
    for key, value in zip(map(_plainly, now.keys), now.values, strict=True):
        if key not in then or not same(then.pop(key), value):
            inner = f".{key}" if attributes else f"[{key!r}]"
            return inner
    return f".{next(iter(then))}" if then and attributes else ""


def _plainly(key: Any) -> Any:
    return key if is_plain(key) else id(key)


def is_plain(value: Any) -> bool:
    """Whether it is a number, text or None."""
    return issubclass(type(value), PLAIN)


def is_large(value: Any) -> bool:
    """Whether it is an array too large to be compared by value."""
    return issubclass(type(value), np.ndarray) and value.nbytes > MOST_BYTES


def owner_of(value: Any) -> Any:
    """The array that a view is of."""
    while isinstance(value.base, np.ndarray):
        value = value.base
    return value


def is_live(value: Any, live: Collection[int]) -> bool:
    """Whether every replay reads the memory of an array."""
    return id(owner_of(value)) in live


def _compared(value: Any, live: Collection[int]) -> bool:
    known = type(value) is np.ndarray and value.dtype.kind != "O"
    return known and not is_large(value) and not is_live(value, live)


def changeable(value: Any, live: Collection[int]) -> list[Any] | None:
    """Objects that may change without a change of identity: lists, dicts and packed arrays.

    None if there is one of another type, such as a set.
    """
    found: list[Any] = []

    def look(entry: Any, depth: int = 0) -> bool:
        if type(entry) in _FLAT:
            return True
        if type(entry) in CONTAINERS:
            if isinstance(entry, set | deque) or depth == _DEEPEST:
                return False
            if not isinstance(entry, tuple | frozenset):
                found.append(entry)
            inside = entry.values() if isinstance(entry, dict) else entry
            return all(look(each, depth + 1) for each in inside)
        if _compared(entry, live):
            found.append(entry)
            return bool(entry.flags.c_contiguous)
        return True

    return found if all(map(look, value)) else None

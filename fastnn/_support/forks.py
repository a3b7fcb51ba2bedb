"""Forks: a child must not wait for a lock that a thread of its parent held.

A fork copies memory, but only the thread that calls it. So before a fork all locks that were made
by `lock` are taken, and runs of programs are waited for; after it parent and child let go of them.
What cannot be had within `PATIENCE` seconds, such as a lock of a thread that waits for the one
that forks, is made anew in the child.

Imports are waited for too, since much of fastnn is imported when it is first asked for: in the
child the lock of a module that another thread was importing would stay held, and nobody would ever
import it there.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["PatientLock", "Turn", "lock", "run_around"]

PATIENCE = 5.0  # seconds that a fork waits for other threads, in all
PAUSE = 0.0005  # seconds between two looks
PASSING = 0.05  # seconds that a thread lets a fork go first

_locks: dict[int, weakref.ref[Any]] = {}
_turns: dict[int, weakref.ref[Any]] = {}  # not waited for
_forking = threading.RLock()  # one fork at a time
_gate = threading.Lock()  # closed while a fork waits for locks
_taken: list[Any] = []
_around: list[tuple[Callable[[bool], object], Callable[[], int], Callable[[], object]]] = []
_wanted = False


def lock() -> Any:
    """A re-entrant lock that a fork takes and gives back."""
    return _made(_locks)


def _made(known: dict[int, weakref.ref[Any]]) -> Any:
    made = threading.RLock()
    key = id(made)
    known[key] = weakref.ref(made, lambda _: known.pop(key, None))
    return made


def _those(known: dict[int, weakref.ref[Any]]) -> list[Any]:
    return [found for found in (ref() for ref in list(known.values())) if found is not None]


class Turn:
    """What one thread does at a time, and others are refused. A fork does not wait for its end: in
    the child it is over, unless the thread that forked is at it."""

    def __init__(self) -> None:
        self._lock = _made(_turns)

    def begin(self) -> bool:
        """Whether nobody is at it, this thread neither; then it is the caller's up to `end`."""
        return not self._lock._is_owned() and self._lock.acquire(False)

    def end(self) -> None:
        """Let others begin."""
        self._lock.release()


class PatientLock:
    """A re-entrant lock for what threads do again and again: who takes it lets a fork go first,
    which else might never find it free. Only for `with`."""

    def __init__(self) -> None:
        self._lock = lock()

    def __enter__(self) -> None:
        if _wanted and not self._lock._is_owned() and _gate.acquire(timeout=PASSING):
            _gate.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def run_around(
    close: Callable[[bool], object], running: Callable[[], int], renew: Callable[[], object]
) -> None:
    """Register what runs without Python's lock.

    Args:
        close: `close(True)` lets nothing new begin, `close(False)` does again.
        running: how many run now.
        renew: in the child, makes the locks of all that runs anew.
    """
    _around.append((close, running, renew))


def _before() -> None:
    global _wanted
    _forking.acquire()
    end = time.monotonic() + PATIENCE
    _wanted = True
    _gate.acquire(timeout=PATIENCE)
    while True:
        _soon(lambda: not _others_import(), end)
        _soon(_take_all, end)
        for close, running, _ in _around:
            close(True)
            _soon(lambda running=running: not running(), end)  # type: ignore[misc]
        if not _others_import() or time.monotonic() > end:
            return
        for close, _, _ in _around:  # an import has begun, and may need what was taken
            close(False)
        _give_back()


def _others_import() -> bool:
    """Whether another thread is within an import."""
    held: dict[Any, Any] = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    found = [reference() for reference in list(held.values())]
    own = (None, threading.get_ident())
    return any(getattr(lock, "owner", None) not in own for lock in found)


def _take_all() -> bool:
    """Take all locks, or none: a thread that holds one and waits for another has to go on. New ones
    that are made meanwhile are taken too."""
    while missing := [found for found in _those(_locks) if found not in _taken]:
        for found in missing:
            if not found.acquire(False):
                _give_back()
                return False
            _taken.append(found)
    return True


def _give_back() -> None:
    while _taken:
        _taken.pop().release()


def _soon(done: Callable[[], bool], end: float) -> bool:
    """Whether it is done, which is looked at until the time is over."""
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(PAUSE)
    return True


def _after() -> None:
    global _wanted
    for close, _, _ in _around:
        close(False)
    _give_back()
    _wanted = False
    if _gate.locked():
        _gate.release()
    _forking.release()


def _in_child() -> None:
    for found in _those(_locks) + _those(_turns):
        if not found._is_owned():
            found._at_fork_reinit()
    for _, _, renew in _around:
        renew()
    _after()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)

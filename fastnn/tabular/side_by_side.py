"""Fits side by side: several nets on as many threads, each with its share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TypeVar

from fastnn._support import forks
from fastnn._support.threads import num_threads

__all__ = ["Turn", "side_by_side"]

T = TypeVar("T")


class Turn:
    """What a fit may use: `deadline`, a time of `time.perf_counter` or None, and `threads()`."""

    deadline: float | None
    threads: Callable[[], int]

    def __init__(self, deadline: float | None, threads: Callable[[], int]) -> None:
        self.deadline, self.threads = deadline, threads


class _StoppedError(Exception):
    """Another fit failed, or Ctrl-C came."""


class _Desk:
    """Deals jobs to threads."""

    def __init__(self, jobs: int, seconds: float | None) -> None:
        self._threads = num_threads()
        self.workers = min(jobs, self._threads)
        self._rounds = -(-jobs // self.workers)
        self._end = None if seconds is None else time.perf_counter() + seconds
        self._active, self._lock = 0, forks.lock()
        self.stopped = False

    def turn(self, number: int) -> Turn:
        """What the job of this number may use from now on: an even share of the time that is left
        for those of its thread."""
        if self._end is None:
            return Turn(None, self._share)
        now = time.perf_counter()
        left = self._rounds - number // self.workers
        return Turn(now + max(self._end - now, 0.0) / left, self._share)

    def _share(self) -> int:
        """Threads for one job: the last ones get those of the others that are done."""
        if self.stopped:
            raise _StoppedError
        return max(1, self._threads // max(self._active, 1))

    def do(self, work: Callable[[int, Turn], T], number: int) -> T:
        """Do a job."""
        with self._lock:
            self._active += 1
        try:
            return work(number, self.turn(number))
        except BaseException:
            self.stopped = True
            raise
        finally:
            with self._lock:
                self._active -= 1


def side_by_side(jobs: int, seconds: float | None, work: Callable[[int, Turn], T]) -> list[T]:
    """The results of work(0, turn), work(1, turn), ... on as many threads as the engine has.

    A run of the engine needs neither Python's lock nor another thread's memory, so that fits of
    one thread each are faster than one fit after another on all threads.

    Args:
        jobs: how many.
        seconds: for all of them, or None.
        work: does the job of a number within its turn; it asks `turn.threads()` before each run of
            the engine, how many threads that may use.

    Raises:
        Exception: what a job raised; the others stop at their next question.

    >>> from fastnn.tabular.side_by_side import side_by_side
    >>> side_by_side(3, None, lambda number, turn: number**2)
    [0, 1, 4]
    """
    desk = _Desk(jobs, seconds)
    if desk.workers == 1:
        return [desk.do(work, number) for number in range(jobs)]
    with ThreadPoolExecutor(desk.workers) as pool:
        futures = [pool.submit(desk.do, work, number) for number in range(jobs)]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            desk.stopped = True
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(error, _StoppedError | CancelledError):
                raise
            found = [f.exception() for f in futures if not f.cancelled()]
        raise next(e for e in found if e is not None and not isinstance(e, _StoppedError))

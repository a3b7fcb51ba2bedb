"""Ranks in one process: threads that take turns, one going on when another waits for a message.

Each rank has its own random numbers, as a process has, and whoever runs has the engine to itself.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

import fastnn


class Turns:
    """Who runs, and what has been sent."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.alive = set(range(size))
        self.sent: defaultdict[tuple[str, int], dict[int, Any]] = defaultdict(dict)
        self.aborts: list[tuple[int, int]] = []  # a rank, and the code that it ends all with
        self._at, self._changed = 0, threading.Condition()

    def begin(self, rank: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._at == rank)

    def hand_over(self, rank: int) -> None:
        """Let the next rank run until it waits; then this one goes on."""
        numbers = fastnn.get_rng_state()
        self._pass_on(rank)
        self.begin(rank)
        fastnn.set_rng_state(numbers)

    def end(self, rank: int) -> None:
        self.alive.discard(rank)
        if self.alive:
            self._pass_on(rank)

    def _pass_on(self, rank: int) -> None:
        with self._changed:
            others = [(rank + i) % self.size for i in range(1, self.size + 1)]
            self._at = next(other for other in others if other in self.alive)
            self._changed.notify_all()


class Message:
    """Something that all ranks send to each other."""

    def __init__(self, comm: Comm, given: Any, finish: Callable[[list[Any]], None] | None) -> None:
        self._comm, self._finish = comm, finish
        self._key = comm.name, comm.calls
        comm.calls += 1
        comm.turns.sent[self._key][comm.rank] = given

    def Test(self) -> bool:
        turns, here = self._comm.turns, self._comm.turns.sent[self._key]
        if len(here) < turns.size:
            if turns.alive == {self._comm.rank} and self._finish is not None:
                raise AssertionError("it waits for ranks that have ended")
            turns.hand_over(self._comm.rank)
        if len(here) < turns.size:
            return False
        if self._finish is not None:
            self._finish([here[rank] for rank in range(turns.size)])
        return True


class Comm:
    """A communicator of these ranks, as mpi4py's."""

    def __init__(self, turns: Turns, rank: int, name: str = "0") -> None:
        self.turns, self.rank, self.name = turns, rank, name
        self.calls = self._copies = 0

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self.turns.size

    def Dup(self) -> Comm:
        self._copies += 1
        return Comm(self.turns, self.rank, f"{self.name}.{self._copies}")

    def Iallgather(self, mine: Any, rows: Any) -> Message:
        def finish(sent: list[Any]) -> None:
            rows[:] = np.concatenate(sent)

        return Message(self, mine.copy(), finish)

    def Iallgatherv(self, mine: Any, rows: Any) -> Message:
        place, counts, starts, _ = rows

        def finish(sent: list[Any]) -> None:
            for part, count, start in zip(sent, counts, starts, strict=True):
                assert len(part) == count
                place[start : start + count] = part

        return Message(self, mine.copy(), finish)

    def Ialltoallv(self, mine: Any, theirs: Any) -> Message:
        data, counts, starts, _ = mine
        parts = [data[at : at + n].copy() for n, at in zip(counts, starts, strict=True)]
        place, received, places, _ = theirs

        def finish(sent: list[Any]) -> None:
            for part, count, start in zip(sent, received, places, strict=True):
                assert len(part[self.rank]) == count
                place[start : start + count] = part[self.rank]

        return Message(self, parts, finish)

    def Ibarrier(self) -> Message:
        return Message(self, None, None)

    def Abort(self, code: int) -> None:
        self.turns.aborts.append((self.rank, code))


def on_ranks(size: int, work: Callable[[Any], Any]) -> tuple[list[Any], Turns]:
    """What `work(comm)` gives on each rank, or the error that it raises there."""
    turns, found = Turns(size), [None] * size

    def run(rank: int) -> None:
        turns.begin(rank)
        try:
            fastnn.manual_seed(0)
            found[rank] = work(Comm(turns, rank))
        except BaseException as error:
            found[rank] = error  # type: ignore[call-overload]
        finally:
            turns.end(rank)

    before = fastnn.get_rng_state()
    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fastnn.set_rng_state(before)
    return found, turns

"""Ranks: the processes of an MPI communicator, and waiting for them without hanging."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn._support.threads import available_cpus, num_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEEDS = ("Get_rank", "Get_size", "Dup", "Iallgather", "Iallgatherv", "Ialltoallv", "Ibarrier")
INSTALL = "pip install 'fastnn-cpu[mpi]'"
GRACE_SECONDS = 2.0  # within which all ranks have to fail for an error to be everybody's
LONGEST_SECONDS = 600.0  # that a rank waits for the others; FASTNN_MPI_TIMEOUT is another number
_SPINS = 20  # looks at a message before others may have the processor

_known: dict[int, Ranks] = {}


def ranks_of(comm: Any) -> Ranks | None:
    """The ranks of a communicator; None without one.

    comm: of mpi4py, or "world" for all processes that `mpiexec` started.

    Raises:
        TypeError: it is none.
        ImportError: "world", and mpi4py is not installed.
    """
    if comm is None:
        return None
    if isinstance(comm, str):
        check.choice("comm", comm, ("world",))
        comm = _world()
    missing = [name for name in NEEDS if not callable(getattr(comm, name, None))]
    if missing:
        raise TypeError(
            f"comm: expected a communicator of mpi4py such as MPI.COMM_WORLD, got "
            f"{check.show(comm)}, which has no {missing[0]}; {INSTALL}"
        )
    kept = _known.get(id(comm))
    if kept is None or kept.given is not comm:
        kept = _known[id(comm)] = Ranks(comm)
    return kept


def _world() -> Any:
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError(f"comm: MPI needs mpi4py and an MPI library; {INSTALL}") from error
    return MPI.COMM_WORLD


class Ranks:
    """The processes that train together.

    All ranks call its methods in the same order. While it waits it looks for the message again and
    again, lets others have the processor between, and answers Ctrl-C.

    Args:
        comm: an MPI communicator; it is duplicated, so that no message of the user's is mixed up
            with one of ours.

    Attributes:
        given: the communicator.
        rank, size: the number of this process, and how many there are.
        interrupts: how often Ctrl-C was pressed in `ending_together`, and nobody raised it yet.
        threads: for this process; the processors of a machine are dealt to the ranks on it.
    """

    rank: int
    size: int
    interrupts: int
    threads: int

    def __init__(self, comm: Any) -> None:
        self.given = comm
        self.rank, self.size = int(comm.Get_rank()), int(comm.Get_size())
        self._comm, self._failures = comm.Dup(), comm.Dup()
        self._longest = _longest()
        self.interrupts = 0
        here = sum(name == _machine() for name in self.gather(_machine()))
        self.threads = max(1, min(num_threads(), available_cpus() // here))

    def __deepcopy__(self, memo: Any) -> Ranks:
        """A copy of what trains trains with the same processes."""
        return self

    def __reduce__(self) -> Any:
        raise TypeError("comm: a Trainer with a communicator cannot be pickled; save its model")

    # ---- messages ----

    def wait(self, request: Any) -> None:
        """Wait for a message.

        Raises:
            RuntimeError: it does not come.
        """
        looks, end = 0, 0.0
        while not request.Test():
            looks += 1
            if looks > _SPINS:
                _let_others_run()
            if looks % 1000 == 0:
                now = time.monotonic()
                end = end or now + self._longest
                if now > end:
                    raise RuntimeError(
                        f"comm: rank {self.rank} of {self.size} has waited {self._longest:g} s for "
                        "the others, of which one hangs or does something else; "
                        "FASTNN_MPI_TIMEOUT sets the seconds"
                    )

    def gather_rows(self, mine: NDArray[Any], rows: NDArray[Any]) -> None:
        """rows[r] becomes `mine` of rank r, which has as many bytes on each."""
        self.wait(self._comm.Iallgather(_bytes(mine), _bytes(rows)))

    def gather_parts(self, mine: NDArray[Any], parts: NDArray[Any], counts: list[int]) -> None:
        """`parts` becomes the `mine` of all ranks, one after another, of so many bytes each."""
        starts = [sum(counts[:rank]) for rank in range(self.size)]
        self.wait(self._comm.Iallgatherv(_bytes(mine), [_bytes(parts), counts, starts, "B"]))

    def exchange(
        self, mine: NDArray[Any], sent: list[int], theirs: NDArray[Any], received: list[int]
    ) -> None:
        """Send bytes sent[r] of `mine`, which lie one after another, to rank r; `theirs` becomes
        what the others sent, received[r] bytes from rank r."""
        places = [[sum(counts[:rank]) for rank in range(self.size)] for counts in (sent, received)]
        self.wait(
            self._comm.Ialltoallv(
                [_bytes(mine), sent, places[0], "B"],
                [_bytes(theirs), received, places[1], "B"],
            )
        )

    def gather(self, value: Any) -> list[Any]:
        """The value of each rank: whatever can be pickled."""
        mine = np.frombuffer(pickle.dumps(value), np.uint8)
        counts = np.empty(self.size, np.int64)
        self.gather_rows(np.array([mine.size], np.int64), counts)
        found = np.empty(int(counts.sum()), np.uint8)
        self.gather_parts(mine, found, counts.tolist())
        ends = np.cumsum(counts).tolist()
        begins = [0, *ends[:-1]]
        return [pickle.loads(found[b:e].tobytes()) for b, e in zip(begins, ends, strict=True)]

    def any(self, flag: bool) -> bool:
        """Whether it is set on some rank."""
        if self.size == 1:
            return flag
        found = np.empty(self.size, np.uint8)
        self.gather_rows(np.array([flag], np.uint8), found)
        return bool(found.any())

    # ---- failures ----

    @contextmanager
    def ending_together(self) -> Iterator[None]:
        """Within it all ranks do the same. An error that all have is raised on each; one that a
        rank alone has would leave the others waiting for ever: it is printed and ends all.

        Ctrl-C is noted, for all to stop at the same place; another one interrupts at once.
        """
        try:
            with self._interrupts_noted():
                yield
        except BaseException as error:
            if self.size > 1 and not self._all_fail():
                self._end(error)
            raise

    @contextmanager
    def _interrupts_noted(self) -> Iterator[None]:
        self.interrupts = 0
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return

        def note(number: int, frame: Any) -> None:
            self.interrupts += 1
            if self.interrupts > 1:
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _all_fail(self) -> bool:
        """Whether the others come here too, within a short time."""
        request, end = self._failures.Ibarrier(), time.monotonic() + GRACE_SECONDS
        while not request.Test():
            if time.monotonic() > end:
                return False
            time.sleep(1e-3)
        return True

    def _end(self, error: BaseException) -> None:
        what = f"{type(error).__name__}: {error}".removesuffix(": ")
        text = (
            f"{''.join(traceback.format_exception(error))}"
            f"fastnn: rank {self.rank} of {self.size} failed and the others did not, so all are "
            f"ended ({what}). The last checkpoint, if there is one, is whole.\n"
        )
        print(text, end="", file=sys.stderr, flush=True)
        time.sleep(GRACE_SECONDS / 10)  # mpiexec ends all before it has passed on what they say
        self.given.Abort(1)


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.reshape(-1).view(np.uint8)


def _longest() -> float:
    text = os.environ.get("FASTNN_MPI_TIMEOUT", "")
    try:
        seconds = float(text) if text else LONGEST_SECONDS
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"FASTNN_MPI_TIMEOUT: expected seconds above 0, got {text!r}")
    return seconds


def _machine() -> str:
    return os.uname().nodename if hasattr(os, "uname") else ""


def _let_others_run() -> None:
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        time.sleep(0)

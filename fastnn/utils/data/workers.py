"""Worker processes of a DataLoader: each fetches every n-th batch, ahead of the training."""

from __future__ import annotations

import multiprocessing
import os
import queue
import random
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from fastnn._support.threads import set_num_threads
from fastnn.random import manual_seed
from fastnn.utils.data.fetch import Fetcher

__all__ = ["WorkerInfo", "get_worker_info"]

_CHECK = 5.0  # seconds between a worker's looks at whether its loader still lives


@dataclass(frozen=True)
class WorkerInfo:
    """A worker process: its number `id` of `num_workers`, its `seed`, its copy of the data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Within a DataLoader's worker process, which one it is; None in any other process.

    >>> from fastnn.utils.data import get_worker_info
    >>> get_worker_info() is None
    True
    """
    return _info


# What a worker sends back: how it went, and a batch or (type of the exception, its text).
_BATCH, _END, _ERROR = range(3)


def _work(
    place: Connection,
    parent: int,
    info: WorkerInfo,
    fetcher: Callable[[], Fetcher],
    init: Callable[[int], object] | None,
) -> None:
    """The loop of a worker: tasks are ("epoch", seed), ("fetch", index) or ("stop", None)."""
    global _info
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the loader's
    set_num_threads(1)
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # Tasks are taken off the pipe at once, so that the loader never waits while it sends one.
    threading.Thread(target=_receive, args=(place, tasks), daemon=True).start()
    fetch: Fetcher | None = None
    failed: BaseException | None = None
    while True:
        try:
            what, value = tasks.get(timeout=_CHECK)
        except queue.Empty:
            if os.getppid() != parent:
                return
            continue
        if what == "stop":
            return
        try:
            if what == "epoch":
                failed, first = None, _info is None
                _info = WorkerInfo(info.id, info.num_workers, value + info.id, info.dataset)
                _seed(_info.seed)
                if first and init is not None:
                    init(info.id)
                fetch = fetcher()
                continue
            if failed is not None:
                raise failed
            assert fetch is not None
            answer: Any = _BATCH, fetch(value)
        except StopIteration:
            answer = _END, None
        except Exception as error:
            if what == "epoch":
                failed = error
                continue
            answer = _ERROR, (type(error), traceback.format_exc())
        _send(place, answer)


def _receive(place: Connection, tasks: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            tasks.put(place.recv())
    except (EOFError, OSError):
        tasks.put(("stop", None))


def _send(place: Connection, answer: Any) -> None:
    try:
        place.send(answer)
    except (BrokenPipeError, ConnectionResetError):
        return
    except Exception:  # the batch, or the exception's type, cannot be pickled
        place.send((_ERROR, (RuntimeError, traceback.format_exc())))


def _seed(seed: int) -> None:
    manual_seed(seed)
    random.seed(seed)
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))


class Workers:
    """The worker processes of a loader.

    Args:
        count: how many. prefetch: batches that each may be ahead.
        dataset: each worker gets a copy. fetcher: makes a Fetcher, in the worker.
        init: called with the worker's number, after its seeding.
        timeout: seconds to wait for a batch; 0: for ever.
        context: of multiprocessing, or a start method's name.
        in_order: yield batches in the order of their tasks.
    """

    prefetch: int
    timeout: float
    in_order: bool

    def __init__(
        self,
        count: int,
        prefetch: int,
        dataset: Any,
        fetcher: Callable[[], Fetcher],
        init: Callable[[int], object] | None,
        timeout: float,
        context: Any,
        in_order: bool,
    ) -> None:
        self.prefetch, self.timeout, self.in_order = prefetch, timeout, in_order
        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        self.places: list[Connection] = []
        self.processes: list[Any] = []
        for i in range(count):
            place, end = context.Pipe()
            process = context.Process(
                target=_work,
                args=(end, os.getpid(), WorkerInfo(i, count, 0, dataset), fetcher, init),
                daemon=True,
            )
            process.start()
            end.close()  # so that the pipe ends with the worker
            self.places.append(place)
            self.processes.append(process)

    def batches(self, tasks: Iterator[Any], seed: int) -> Iterator[Any]:
        """Yield the batches of one epoch; tasks: indices for the fetcher."""
        for i in range(len(self.places)):
            self._tell(i, ("epoch", seed))
        alive = list(range(len(self.places)))
        pending: list[int] = []  # the workers of the batches that are under way, in order
        turn = 0
        try:
            while True:
                while alive and len(pending) < self.prefetch * len(alive):
                    try:
                        task = next(tasks)
                    except StopIteration:
                        break
                    worker = alive[turn % len(alive)]
                    turn += 1
                    self._tell(worker, ("fetch", task))
                    pending.append(worker)
                if not pending:
                    return
                worker, (what, value) = self._answer(pending)
                if what == _BATCH:
                    yield value
                elif what == _ERROR:
                    kind, text = value
                    raise _caught(worker, kind, text)
                elif worker in alive:
                    alive.remove(worker)
        finally:  # an epoch that is left early: the workers may be used again
            while pending:
                try:
                    self._answer(pending)
                except RuntimeError:
                    break

    def _tell(self, worker: int, task: Any) -> None:
        try:
            self.places[worker].send(task)
        except (BrokenPipeError, ConnectionResetError):
            raise self._dead(worker) from None

    def _answer(self, pending: list[int]) -> tuple[int, Any]:
        """Wait for the next batch; takes its worker off `pending`."""
        among = pending[:1] if self.in_order else sorted(set(pending))
        ready: list[Any] = wait([self.places[i] for i in among], self.timeout or None)
        if not ready:
            raise RuntimeError(f"DataLoader: no batch came within timeout={self.timeout} seconds")
        worker = self.places.index(ready[0])
        pending.remove(worker)
        try:
            return worker, self.places[worker].recv()
        except (EOFError, ConnectionResetError):
            raise self._dead(worker) from None

    def _dead(self, worker: int) -> RuntimeError:
        process = self.processes[worker]
        process.join(1.0)
        why = "a negative one is a signal, -9 often a lack of memory"
        if process.exitcode == 1:
            why = (
                "it has said why. One that is no fork finds what stands at the top of a module, "
                'and in a script nothing that is made under `if __name__ == "__main__":`'
            )
        return RuntimeError(
            f"DataLoader: worker {worker} (pid {process.pid}) ended unexpectedly with exit code "
            f"{process.exitcode}; {why}"
        )

    def close(self) -> None:
        """End the processes."""
        for place in self.places:
            try:
                place.send(("stop", None))
            except OSError:
                pass
            place.close()
        for process in self.processes:
            process.join(1.0)
            if process.is_alive():
                process.terminate()
                process.join()


def _caught(worker: int, kind: type[BaseException], text: str) -> BaseException:
    message = f"Caught {kind.__name__} in DataLoader worker process {worker}.\n{text}"
    try:
        return kind(message)
    except Exception:  # an exception that takes other arguments
        return RuntimeError(message)

"""A DataLoader's worker without a process of its own: what it answers to which task."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn.utils.data import DataLoader, workers
from fastnn.utils.data.workers import _BATCH, _END, _ERROR, WorkerInfo


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker sets threads, seeds and what Ctrl-C does for its process."""
    monkeypatch.setattr(workers, "_info", None)
    monkeypatch.setattr(workers, "set_num_threads", lambda count: None)
    monkeypatch.setattr(workers.signal, "signal", lambda number, handler: None)
    kept = fastnn.get_rng_state(), random.getstate(), np.random.get_state()
    yield
    fastnn.set_rng_state(kept[0])
    random.setstate(kept[1])
    np.random.set_state(kept[2])


def answers(
    *tasks: Any, fetcher: Callable[[], Any], init: Any = None, parent: int | None = None
) -> list[Any]:
    """What a worker sends back for tasks; it ends after them."""
    place, end = multiprocessing.Pipe()
    for task in tasks:
        place.send(task)
    if parent is None:
        place.send(("stop", None))
        parent = os.getppid()
    workers._work(end, parent, WorkerInfo(2, 4, 0, "data"), fetcher, init)
    end.close()
    found = []
    while place.poll():
        try:
            found.append(place.recv())
        except EOFError:
            break
    place.close()
    return found


def test_batches_of_two_epochs() -> None:
    """`init` is called once, after the seeding; each epoch has a fetcher and a seed of its own."""
    started: list[Any] = []
    made: list[Any] = []

    def init(number: int) -> None:
        started.append((number, workers.get_worker_info()))

    def fetcher() -> Callable[[Any], Any]:
        made.append((workers.get_worker_info().seed, random.random(), fastnn.rand(1).item()))
        return lambda index: index * 10

    tasks = [("epoch", 5), ("fetch", 1), ("fetch", 2), ("epoch", 6), ("fetch", 3)]
    assert answers(*tasks, fetcher=fetcher, init=init) == [(_BATCH, n) for n in (10, 20, 30)]
    assert started == [(2, WorkerInfo(2, 4, 7, "data"))]
    assert [seed for seed, *_ in made] == [7, 8] and made[0][1:] != made[1][1:]
    random.seed(7)
    assert made[0][1] == random.random()


def test_the_end_and_errors() -> None:
    def fetch(index: int) -> int:
        if index == 0:
            raise StopIteration
        return [7][index - 1]

    tasks = [("epoch", 0), ("fetch", 1), ("fetch", 2), ("fetch", 0)]
    first, error, end = answers(*tasks, fetcher=lambda: fetch)
    assert first == (_BATCH, 7) and end == (_END, None)
    assert error[0] == _ERROR and error[1][0] is IndexError and "list index" in error[1][1]


def test_an_epoch_that_fails_is_told_with_its_first_batch() -> None:
    """And the next epoch begins anew."""
    fails = iter([True, False])

    def fetcher() -> Callable[[Any], Any]:
        if next(fails):
            raise OSError("no file")
        return lambda index: index

    tasks = [("epoch", 0), ("fetch", 1), ("fetch", 2), ("epoch", 1), ("fetch", 3)]
    found = answers(*tasks, fetcher=fetcher)
    assert [kind for kind, _ in found] == [_ERROR, _ERROR, _BATCH]
    assert all(kind is OSError and "no file" in text for kind, text in (e[1] for e in found[:2]))


def test_a_batch_that_cannot_be_sent() -> None:
    ((kind, (error, text)),) = answers(
        ("epoch", 0), ("fetch", 1), fetcher=lambda: lambda index: lambda: index
    )
    assert kind == _ERROR and error is RuntimeError and "pickle" in text.lower()


def test_a_worker_ends_with_its_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks now and then whether the process that started it is still there."""
    looks = iter([77, 77, 1])
    monkeypatch.setattr(workers, "_CHECK", 1e-4)
    monkeypatch.setattr(workers.os, "getppid", lambda: next(looks))
    assert answers(fetcher=lambda: None, parent=77) == [] and list(looks) == []


def test_a_context_of_the_users() -> None:
    """Its processes, not those of the default."""
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    started: list[Any] = []

    class Context:
        Pipe = staticmethod(context.Pipe)

        class Process:
            pid, exitcode = 0, None

            def __init__(self, target: Any, args: Any, daemon: bool) -> None:
                started.append((target, args[2].id, daemon))

            def start(self) -> None:
                pass

            def join(self, timeout: float | None = None) -> None:
                pass

            def is_alive(self) -> bool:
                return False

    made = workers.Workers(2, 1, None, lambda: None, None, 0.0, Context, True)  # type: ignore[arg-type, return-value]
    made.close()
    assert started == [(workers._work, 0, True), (workers._work, 1, True)]
    with pytest.raises(ValueError, match=r"multiprocessing_context: .*got 'threads'"):
        list(DataLoader([1, 2], num_workers=1, multiprocessing_context="threads"))
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


SCRIPT = """
from fastnn.utils.data import DataLoader, Dataset
class Rows(Dataset):
    def __getitem__(self, i): return i
    def __len__(self): return 4
{}print([b.tolist() for b in DataLoader({}, batch_size=2, num_workers=1,
                                        multiprocessing_context="spawn")])
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "text, said",
    [
        (SCRIPT.format("", "Rows()"), "DataLoader: worker 0"),
        (SCRIPT.format("if __name__ == '__main__':\n    class Own(Rows): pass\n    ", "Own()"),
         "it has said why. One that is no fork finds what stands at the top of a module"),
        (SCRIPT.format("if __name__ == '__main__': ", "Rows()"), "[[0, 1], [2, 3]]"),
    ],
    ids=["no guard", "under the guard", "as it should be"],
)  # fmt: skip
def test_scripts_whose_workers_are_no_forks(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert said in (done.stdout + done.stderr).replace("\n", " ")


@pytest.mark.parametrize(
    "given",
    [{"worker_init_fn": 3}, {"multiprocessing_context": "xx"}],
    ids=str,
)
def test_settings_of_workers_are_refused_at_once(given: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{next(iter(given))}: expected "):
        DataLoader([1, 2], num_workers=1, **given)

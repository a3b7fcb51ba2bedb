"""A fork while a thread is anywhere in fastnn: its child works (R20)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fastnn._support import forks

PACKAGE = Path(__file__).resolve().parents[1] / "fastnn"
HANG = 20  # seconds; only a hang takes so long
FORKS = {"predict": 10, "fit": 10, "compile": 10, "load": 10}  # of the others 3

# What a thread does again and again while others fork.
BUSY = {
    "predict": "model.predict(x)",
    "predict by new shapes": "model.predict(x[: 1 + next(count) % 500])",
    "predict of a new model": "net().predict(x)",
    "fit": "trainer_of(net()).fit(x, y, epochs=2, batch_size=256, verbose=0)",
    "fit again": "busy.fit(x, y, epochs=2, batch_size=256, verbose=0)",
    "fit in Python": "in_python.fit(x, y, batch_size=256, verbose=0)",
    "evaluate": "busy.evaluate(x, y)",
    "compile": "fastnn.compile(lambda a: (a @ a.T).tanh().sum())(fastnn.ones(64, 64))",
    "a compiled function": "compiled(big)",
    "eager": "(big @ big).exp()",
    "load": "fastnn.io.load(path).predict(x)",
    "draws": "fastnn.randn(300, 300)",
    "seeds": "fastnn.manual_seed(3)",
    "many nets": (
        "fastnn.fit_many(lambda: net(), x, y, configs=[{}, {}], loss=nn.CrossEntropyLoss(), "
        "batch_size=256, verbose=0)"
    ),
}

SCRIPT = """
import itertools, os, signal, sys, tempfile, threading, warnings
import numpy as np
import fastnn
from fastnn import nn, optim
warnings.simplefilter("ignore")

fastnn.set_num_threads(2)
count = itertools.count()
rng = np.random.default_rng(1)
x, y = rng.normal(size=(512, 64)).astype(np.float32), rng.integers(0, 8, 512)

def net():
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 8))

def trainer_of(model):
    return fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=1e-3))

class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.calls = nn.Linear(64, 8), 0

    def forward(self, x):
        self.calls += 1
        return self.linear(x)

model, busy, in_python = net(), trainer_of(net()), trainer_of(Odd())
big = fastnn.randn(200, 200)
compiled = fastnn.compile(lambda a: (a @ a.T @ a).tanh())
path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
fastnn.io.save(model, path)
want = model.predict(x).tobytes()

def child():
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(HANG)  # ends the process, whatever it waits for
    same = model.predict(x).tobytes() == want
    busy.evaluate(x, y)
    busy.fit(x, y, epochs=1, batch_size=256, verbose=0)
    trainer_of(net()).fit(x, y, epochs=1, batch_size=256, verbose=0)
    fastnn.randn(3)
    return same

def forked():
    number = os.fork()
    if number == 0:
        code = 4
        try:
            code = 0 if child() else 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

def codes(text, forks):
    begun, over = threading.Event(), threading.Event()

    def work():
        try:
            while not over.is_set():
                exec(text, globals())
                begun.set()
        finally:
            begun.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    found = [forked() for _ in range(forks)]
    over.set()
    thread.join()
    return found

for name, text in BUSY.items():
    print(name, *codes(text, FORKS.get(name, 3)), sep=",", flush=True)
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_works_whatever_a_thread_was_doing() -> None:
    code = f"BUSY, FORKS, HANG = {BUSY!r}, {FORKS!r}, {HANG}\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30 * HANG
    )
    found = {name: codes for name, *codes in (line.split(",") for line in done.stdout.split("\n"))}
    del found[""]
    assert found == {name: ["0"] * FORKS.get(name, 3) for name in BUSY}, done.stderr
    assert "Error" not in done.stderr, done.stderr  # of the thread


def test_every_lock_is_known_to_forks() -> None:
    """Locks of Python's are made in one file; C has the gate, and a program its own, which
    `renew` makes anew."""
    made = re.compile(r"threading\.(?:R?Lock|Condition|Semaphore|Event)\b|\ballocate_lock")
    found = {
        str(path.relative_to(PACKAGE))
        for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.p[yx][xdi]")]
        if made.search(path.read_text())
    }
    assert found == {"_support/forks.py"}
    mutexes = {
        path.name
        for path in (PACKAGE / "_core/src").rglob("*.c")
        if "PTHREAD_MUTEX_INITIALIZER" in path.read_text()
    }
    again = [(PACKAGE / "_core/src" / name).read_text() for name in mutexes]
    assert mutexes == {"sleep.c", "threads.c"}
    assert all("pthread_mutex_init(&lock, NULL)" in text for text in again)  # in the child


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_lock_that_cannot_be_had_is_free_in_the_child() -> None:
    """One whose thread waits for the one that forks; and a turn, for which no fork waits."""
    code = textwrap.dedent(
        f"""
        import os, signal, threading
        from fastnn._support import forks
        forks.PATIENCE = 0.2
        mine, lock, turn, own = threading.Lock(), forks.lock(), forks.Turn(), forks.Turn()
        held = threading.Event()
        mine.acquire()

        def work():
            with lock:
                assert turn.begin()
                held.set()
                mine.acquire()

        thread = threading.Thread(target=work)
        thread.start()
        held.wait()
        assert own.begin() and not own.begin() and not turn.begin()
        child = os.fork()
        if child == 0:
            signal.alarm({HANG})
            with lock:
                os._exit(0 if turn.begin() and not own.begin() else 3)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), lock.acquire(False), turn.begin())
        mine.release()
        thread.join()
        print(lock.acquire(False))
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["0", "False", "False", "True"], done.stderr


def test_a_dropped_lock_is_forgotten() -> None:
    before = len(forks._locks)
    made = [forks.lock() for _ in range(5)]
    assert len(forks._locks) == before + 5
    made.clear()
    assert len(forks._locks) == before


IMPORTING = """
import os, sys, threading, time
import fastnn
sys.path.insert(0, sys.argv[1])
thread = threading.Thread(target=__import__, args=("slow_to_import",))
thread.start()
while "slow_to_import" not in sys.modules:
    time.sleep(0.001)
child = os.fork()
if not child:
    import slow_to_import
    os._exit(slow_to_import.value)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_waits_for_imports(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(0.3)\nvalue = 7\n")
    command = [sys.executable, "-c", IMPORTING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.strip() == "7", done.stderr


# ---- the steps of a fork, one by one, beside nothing that is real ----


class Around:
    """What runs without Python's lock: it notes what it is told."""

    def __init__(self, running: tuple[int, ...] = ()) -> None:
        self.told: list[Any] = []
        self.left = list(running)

    def running(self) -> int:
        return self.left.pop(0) if self.left else 0

    def renew(self) -> None:
        self.told.append("renew")


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Around:
    """Forks without the locks of this process."""
    for name in ("_locks", "_turns"):
        monkeypatch.setattr(forks, name, {})
    for name in ("_gate", "_forking"):
        monkeypatch.setattr(forks, name, threading.Lock())
    monkeypatch.setattr(forks, "_taken", [])
    monkeypatch.setattr(forks, "PATIENCE", HANG)
    found = Around((2, 1))
    monkeypatch.setattr(forks, "_around", [(found.told.append, found.running, found.renew)])
    monkeypatch.setattr(forks, "_others_import", lambda: False)
    return found


@pytest.fixture
def held(around: Around) -> Iterator[Any]:
    """A lock that another thread holds."""
    lock, taken, over = forks.lock(), threading.Event(), threading.Event()

    def work() -> None:
        lock.acquire()
        taken.set()
        over.wait()

    thread = threading.Thread(target=work)
    thread.start()
    taken.wait()
    yield lock
    over.set()
    thread.join()


def is_free(lock: Any) -> bool:
    """For another thread than this one."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(lock.acquire(False)))
    thread.start()
    thread.join()
    return found[0]


def test_a_fork_takes_what_is_free_and_gives_it_back(around: Around) -> None:
    """It waits until nothing runs any more; a lock let go of is free, the gate open."""
    lock = forks.lock()
    forks._before()
    assert forks._wanted and forks._gate.locked() and not around.left and not is_free(lock)
    forks._after()
    assert around.told == [True, False] and not forks._taken
    assert not (forks._wanted or forks._gate.locked() or forks._forking.locked()) and is_free(lock)


def test_an_import_that_begins_meanwhile_gets_its_locks(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is given back, and taken again after it."""
    found = iter((False, True, True, False, False))
    monkeypatch.setattr(forks, "_others_import", lambda: next(found))
    forks._before()
    assert list(found) == [] and around.told == [True, False, True]
    forks._after()


def test_an_import_that_does_not_end_is_not_waited_for_longer(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "_others_import", lambda: True)
    monkeypatch.setattr(forks, "PATIENCE", 0.01)
    around.left = [1] * 10**6
    forks._before()
    assert around.told == [True] and around.left
    forks._after()


def test_all_locks_are_taken_or_none(held: Any) -> None:
    own = forks.lock()
    assert not forks._take_all() and not forks._taken and is_free(own)


def test_a_child_makes_anew_what_others_held(
    around: Around, held: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 0.01)
    own, turn = forks.lock(), forks.Turn()
    assert turn.begin()
    forks._before()
    forks._in_child()
    assert around.told == [True, "renew", False]
    assert is_free(held) and is_free(own) and not is_free(turn._lock)


def test_a_gate_that_somebody_else_has_opened(around: Around) -> None:
    forks._forking.acquire()
    forks._after()
    assert not forks._gate.locked() and not forks._forking.locked()


@pytest.mark.parametrize("forking", (False, True))
def test_who_takes_a_patient_lock_lets_a_fork_go_first(
    forking: bool, around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes the gate, but not where it has the lock already."""
    passed: list[float] = []
    gate = SimpleNamespace(
        acquire=lambda timeout: passed.append(timeout) or True, release=lambda: passed.append(0)
    )
    monkeypatch.setattr(forks, "_gate", gate)
    monkeypatch.setattr(forks, "_wanted", forking)
    lock = forks.PatientLock()
    with lock, lock:
        assert passed == [forks.PASSING, 0] * forking
        assert not is_free(lock._lock)
    assert is_free(lock._lock)

"""A fork while a thread is anywhere in fastnn: its child works (R20)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

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

"""R15, R18, R20, R22: processes that are killed, interrupted, or started in every way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure_interrupt
import measure_resume
import numpy as np

import fastnn
from fastnn import nn, optim
from matrix.progress import ROOT
from matrix.row import Result, Row
from matrix.suites import tested

KILLS, RESUMES, SIGNALS, STARTS = 1000, 100, 100, 100
SECONDS = 10  # a process that has not ended by then hangs
SLOWEST = 200.0  # milliseconds to KeyboardInterrupt


# R15


def states() -> list[dict[str, object]]:
    """Of two trainings, as checkpoints hold them; 200 kB each."""
    found: list[dict[str, object]] = []
    for seed in (0, 1):
        fastnn.manual_seed(seed)
        model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
        optimizer = optim.Adam(model.parameters())
        model(fastnn.ones(2, 64)).sum().backward()
        optimizer.step()
        found.append({"net": model.state_dict(), "optimizer": optimizer.state_dict()})
    return found


def killed_at_random(kills: int) -> Result:
    """A process saves one state after the other; it is killed at a random time."""
    rng, failures, within = random.Random(0), [], 0
    with tempfile.TemporaryDirectory() as folder:
        path, both = Path(folder, "a"), states()
        whole = []
        for state in both:
            fastnn.save(state, path)
            whole.append(path.read_bytes())
        for kill in range(kills):
            child = os.fork()
            if not child:
                while True:
                    for state in both:
                        fastnn.save(state, path)
            time.sleep(rng.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            within += len(os.listdir(folder)) > 1  # a temporary file: in the middle of a save
            if path.read_bytes() not in whole:
                failures.append(f"kill {kill}: neither old nor new")
            fastnn.load(path)
            fastnn.save(both[0], path)
            if os.listdir(folder) != ["a"]:
                failures.append(f"kill {kill}: left {os.listdir(folder)}")
    return {"kills": kills, "within": within, "failures": failures}


def run_saving(part: str) -> Result:
    if part == "every call":
        return tested("tests/test_io_saving.py::test_kill_while_saving")
    return killed_at_random(KILLS)


def say_saving(done: dict[str, Result]) -> str:
    one = done.get("random times", {"kills": 0, "within": 0})
    calls = "; and at each system call of a save" if "every call" in done else ""
    return f"{one['kills']:,} kills, {one['within']} of them in the middle of a save{calls}"


# R18


def run_resume(part: str) -> Result:
    """Some of the kills, from a seed of their own."""
    found = measure_resume.measure(RESUMES // len(RESUME_PARTS), threads=2, seed=int(part))
    same = sum(kill.same for kill in found)
    failures = [f"{len(found) - same} ended with other bits"] if same < len(found) else []
    within, writing = sum(k.within for k in found), sum(k.writing for k in found)
    return {"kills": len(found), "within": within, "writing": writing, "failures": failures}


RESUME_PARTS = tuple(map(str, range(10)))


def say_resume(done: dict[str, Result]) -> str:
    kills, within, writing = (
        sum(r[key] for r in done.values()) for key in ("kills", "within", "writing")
    )
    return (
        f"{kills} trainings killed and resumed, {within} in the middle of an epoch, "
        f"{writing} while they wrote: the bits of the unbroken run"
    )


# R20

JOB = """
import hashlib, os, sys
import numpy as np
import fastnn
from fastnn import nn, optim

rng = np.random.default_rng(0)
x, y = rng.normal(size=(512, 32)).astype("f"), rng.integers(0, 5, 512)

def fitted(_=0):
    fastnn.manual_seed(3)
    model = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 5))
    fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters())).fit(
        x, y, batch_size=128, verbose=0)
    return hashlib.sha256(model.predict(x).tobytes()).hexdigest()
"""
WAYS = {
    "fork": """
        child = os.fork()
        if child == 0:
            os._exit(0 if job.fitted() == want else 3)
        ok = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """,
    "Pool(fork)": """
        with multiprocessing.get_context("fork").Pool(2) as pool:
            ok = pool.map(job.fitted, range(2)) == [want] * 2
    """,
    "forkserver": """
        with multiprocessing.get_context("forkserver").Pool(1) as pool:
            ok = pool.map(job.fitted, range(1)) == [want]
    """,
    "spawn": """
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            ok = pool.map(job.fitted, range(1)) == [want]
    """,
    "loky": """
        from joblib.externals.loky import ProcessPoolExecutor
        with ProcessPoolExecutor(1) as pool:
            ok = list(pool.map(job.fitted, range(1))) == [want]
    """,
}
MAIN = """
import multiprocessing, os, sys, time
import job

def main():
    want = job.fitted()
    for _ in range(int(sys.argv[1])):
        began = time.monotonic()
        BODY
        print(int(ok), time.monotonic() - began, flush=True)

if __name__ == "__main__":
    main()
"""
BATCH = 10  # starts by one parent


def run_starts(part: str) -> Result:
    """Fit with threads, then start processes this way, in which models are fitted."""
    way, batch = part.rsplit(" ", 1)
    body = WAYS[way].strip()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "job.py").write_text(JOB)
        Path(folder, "main.py").write_text(MAIN.replace("BODY", body))
        environment = {"PYTHONPATH": f"{ROOT}:{folder}", "FASTNN_NUM_THREADS": "2"}
        try:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "main.py", str(BATCH)],
                cwd=folder,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=BATCH * SECONDS,
            )
            lines, error = done.stdout.split("\n")[:-1], done.stderr[-300:]
        except subprocess.TimeoutExpired:
            lines, error = [], f"hangs (batch {batch})"
    told = [(line.split()[0] == "1", float(line.split()[1])) for line in lines]
    good = sum(same and seconds <= SECONDS for same, seconds in told)
    failures = [] if good == BATCH else [f"{good} of {BATCH}: {error}"]
    return {"good": good, "slowest": max((s for _, s in told), default=0), "failures": failures}


def say_starts(done: dict[str, Result]) -> str:
    ways = {way: [r for part, r in done.items() if part.startswith(way + " ")] for way in WAYS}
    told = [
        f"{way} {sum(r['good'] for r in results)} of {BATCH * len(results)}"
        for way, results in ways.items()
        if results
    ]
    return f"{', '.join(told)}; slowest {max(r['slowest'] for r in done.values()):.1f} s"


# R22

UNITS = {"small steps": 64, "medium steps": 256, "large steps": 2048}


def run_interrupt(part: str) -> Result:
    """Ctrl-C at random times in fits of this width."""
    waits = measure_interrupt.measure(SIGNALS, 2, UNITS[part])
    p99 = waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    failures = [] if p99 <= SLOWEST else [f"p99 {p99:.0f} ms"]
    return {"p50": waits[len(waits) // 2], "p99": p99, "most": waits[-1], "failures": failures}


def say_interrupt(done: dict[str, Result]) -> str:
    return "; ".join(
        f"{part} ({UNITS[part]} units): {SIGNALS} of {SIGNALS}, p99 {r['p99']:.0f} ms, "
        f"largest {r['most']:.0f} ms"
        for part, r in done.items()
    )


# R24


def run_denormals(part: str) -> Result:
    """Steps of weights at 1e-40 beside steps of normal ones, the quickest of many of each."""
    best, rng = {}, np.random.default_rng(0)
    for size in (1e-40, 1e-2):
        model = nn.Sequential(nn.Linear(256, 256), nn.Tanh(), nn.Linear(256, 256)).to(part)
        with fastnn.no_grad():
            for p in model.parameters():
                p.copy_(fastnn.tensor(rng.standard_normal(p.shape) * size))
        trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.0))
        x = np.random.default_rng(1).standard_normal((512, 256)).astype(part)
        times = []
        for _ in range(25):
            began = time.perf_counter()
            trainer.fit(x, x, batch_size=512, verbose=0)
            times.append(time.perf_counter() - began)
        best[size] = min(times)
    ratio = best[1e-40] / best[1e-2]
    return {"ratio": ratio, "failures": [] if ratio <= 1.5 else [f"{ratio:.2f} times as long"]}


def say_denormals(done: dict[str, Result]) -> str:
    return "a step with weights at 1e-40 takes " + ", ".join(
        f"{r['ratio']:.2f} times a normal one ({part})" for part, r in done.items()
    )


DENORMALS = Row("denormals", "a step with weights at 1e-40 takes at most 1.5 times a normal one",
                lambda: ("float32", "float64"), run_denormals, say_denormals)  # fmt: skip
PROCESSES = {
    "R15": Row("kill -9 while saving",
               "1,000 of 1,000: old or new, bit for bit; the next save clears up",
               lambda: ("random times", "every call"), run_saving, say_saving),
    "R18": Row("crash and resume", "100 of 100 end with the bits of the unbroken run",
               lambda: RESUME_PARTS, run_resume, say_resume),
    "R20": Row("fork", "100 of 100 finish within 10 s, for each way to start a process",
               lambda: [f"{way} {i}" for way in WAYS for i in range(STARTS // BATCH)], run_starts,
               say_starts),
    "R22": Row("Ctrl-C", "100 of 100: KeyboardInterrupt within 200 ms (p99), the model valid",
               lambda: UNITS, run_interrupt, say_interrupt),
}  # fmt: skip

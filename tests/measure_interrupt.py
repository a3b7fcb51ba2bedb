"""How long Ctrl-C takes (R22): `python tests/measure_interrupt.py [signals] [threads] [units]`.

A process fits a job that never ends. For every signal it says that it has begun, the parent waits
a random time and sends SIGINT, and the process says when KeyboardInterrupt reached it. Both read
the system's monotonic clock. Prints p50, p99 and the largest, in milliseconds.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHILD = """
import os, sys, time
import numpy as np
import fastnn
from fastnn import nn, optim

signals, units = int(sys.argv[1]), int(sys.argv[2])
fastnn.manual_seed(1)
layers = nn.Linear(64, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU(), nn.Linear(units, 10)
model = nn.Sequential(*layers)
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(20_000, 64)).astype("f"), rng.integers(0, 10, 20_000)
begin = fastnn.train.loop.Loop.start

def start(loop, *span):
    begin(loop, *span)
    os.write(1, b"begun\\n")

fastnn.train.loop.Loop.start = start
for _ in range(signals):
    try:
        trainer.fit(x, y, epochs=10**9, batch_size=256, verbose=0)
    except KeyboardInterrupt:
        os.write(1, f"{time.monotonic_ns()}\\n".encode())
    if not all(np.isfinite(p.detach().numpy()).all() for p in model.parameters()):
        sys.exit("the model is not finite")
"""


def measure(signals: int, threads: int, units: int) -> list[float]:
    """Milliseconds from each signal to its KeyboardInterrupt, sorted."""
    waits, rng = [], random.Random(0)
    environment = {"PYTHONPATH": str(ROOT), "FASTNN_NUM_THREADS": str(threads)}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(signals), str(units)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as child:
        assert child.stdout is not None
        for _ in range(signals):
            assert child.stdout.readline() == "begun\n"
            time.sleep(rng.uniform(0, 0.15))
            sent = time.monotonic_ns()
            child.send_signal(signal.SIGINT)
            waits.append((int(child.stdout.readline()) - sent) / 1e6)
    assert child.returncode == 0
    return sorted(waits)


def main() -> None:
    """Measure and print."""
    given = [int(text) for text in sys.argv[1:]]
    signals, threads, units = [*given, *(50, 2, 256)[len(given) :]]
    waits = measure(signals, threads, units)
    p50, p99 = waits[len(waits) // 2], waits[min(len(waits) - 1, int(0.99 * len(waits)))]
    print(f"{signals} signals, {threads} threads, {units} units: ", end="")
    print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, largest {waits[-1]:.1f} ms")


if __name__ == "__main__":
    main()

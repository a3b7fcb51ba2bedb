"""Whether a killed training goes on (R18): `python tests/measure_resume.py [kills] [threads]`.

A process trains with checkpoints and says when each of its epochs begins. The parent waits for one
of them, waits a random part of an epoch more, and kills it (SIGKILL); the same script, started
again, goes on from the file and trains to the end. Half of the trainings write after every epoch,
half every few milliseconds, in the middle of epochs. Prints how many ended with the bits of a
training that nobody killed: the last checkpoint (weights, moments, step counts, random numbers,
place, schedule, early stopping, history), the best weights, the log, and no file besides these.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import fastnn

ROOT = Path(__file__).resolve().parents[1]
EPOCHS = 12
EVERY = ("epoch", "0.002")
CHILD = """
import hashlib, os, sys
import numpy as np
import fastnn
from fastnn import callbacks, nn, optim
from fastnn.train import loop

loop.CHUNK_SECONDS = 1e-3
epochs, every = int(sys.argv[1]), sys.argv[2]
fastnn.manual_seed(1)
model = nn.Sequential(nn.Linear(8, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.2),
                      nn.Linear(24, 3))
optimizer = optim.Adam(model.parameters(), lr=0.01)
rng = np.random.RandomState(0)
x, y = rng.standard_normal((3000, 8)), rng.randint(0, 3, 3000)

def begun(epoch, logs):
    os.write(1, b"epoch\\n")

stopping = callbacks.EarlyStopping(patience=epochs)
told = callbacks.LambdaCallback(on_epoch_begin=begun)
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer)
trainer.fit(
    x, y, epochs=epochs, batch_size=16, validation_split=0.2, metrics=["accuracy"],
    class_weight="balanced", scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, 900),
    schedule="step", accumulate_steps=2, checkpoint="fit", verbose=0,
    checkpoint_every=every if every == "epoch" else float(every),
    callbacks=[stopping, callbacks.CSVLogger("log.csv"), told],
)
found = hashlib.sha256()
for name in sorted(os.listdir(".")):
    found.update(name.encode() + open(name, "rb").read())
for value in model.state_dict().values():
    found.update(value.numpy().tobytes())
os.write(1, f"end {found.hexdigest()} of epoch {stopping.best_epoch}\\n".encode())
"""


class Kill(NamedTuple):
    """What became of one training.

    same: it ended with the bits of the unbroken one.
    within: it went on in the middle of an epoch.
    writing: it was killed while it wrote a checkpoint.
    """

    same: bool
    within: bool
    writing: bool


def start(folder: str, every: str, threads: int) -> subprocess.Popen[str]:
    """The training, from its checkpoint in the folder, if there is one."""
    environment = {"PYTHONPATH": str(ROOT), "FASTNN_NUM_THREADS": str(threads)}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(EPOCHS), every],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )


def finished(folder: str, every: str, threads: int) -> tuple[str, float]:
    """The training to its end: what it came to, and the seconds of an epoch."""
    with start(folder, every, threads) as child:
        assert child.stdout is not None
        last, began = child.stdout.readline(), time.monotonic()
        for line in child.stdout:
            last = line
    assert child.returncode == 0 and last.startswith("end "), last
    return last, (time.monotonic() - began) / EPOCHS


def killed(folder: str, every: str, threads: int, epoch: int, wait: float) -> bool:
    """Kill the training so many seconds after an epoch has begun; False: it was over before."""
    with start(folder, every, threads) as child:
        assert child.stdout is not None
        for _ in range(epoch + 1):
            child.stdout.readline()
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
    return child.returncode == -signal.SIGKILL


def measure(kills: int, threads: int, spread: float = 1.0, seed: int = 0) -> list[Kill]:
    """What became of trainings that were killed at random moments.

    spread: how many epochs the kill may come after one has begun. seed: of those moments.
    """
    rng, found = random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        unbroken, seconds = finished(folder, EVERY[0], threads)
    while len(found) < kills:
        every = EVERY[len(found) % len(EVERY)]
        with tempfile.TemporaryDirectory() as folder:
            wait = rng.uniform(0, spread * seconds)
            if killed(folder, every, threads, rng.randrange(EPOCHS), wait):
                state = fastnn.load(Path(folder, "fit"))
                writing = any(name.endswith(".tmp") for name in os.listdir(folder))
                same = finished(folder, every, threads)[0] == unbroken
                found.append(Kill(same, state["step"] > 0, writing))
    return found


def main() -> None:
    """Measure and print."""
    given = [int(text) for text in sys.argv[1:]]
    kills, threads = [*given, *(200, 2)[len(given) :]]
    found = measure(kills, threads)
    same, within, writing = (sum(kind) for kind in zip(*found, strict=True))
    print(
        f"{kills} kills, {threads} threads: {same} ended with the bits of the unbroken run; ",
        end="",
    )
    print(f"{within} went on in the middle of an epoch, {writing} were killed while writing")
    sys.exit(0 if same == kills else 1)


if __name__ == "__main__":
    main()

"""A trainer, files and faults for tests of large tables."""

from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn import callbacks, nn, optim
from fastnn.io import open_table

ROWS = 400
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
Y = np.arange(ROWS) % 3
SMALL: dict[str, Any] = {"memory": "50KB", "window": 40, "block": 5}


def bits_of(model: Any) -> bytes:
    return pickle.dumps(
        [t.detach().numpy().copy() for t in (*model.parameters(), *model.buffers())]
    )


class Setup:
    """A trainer that was trained before, and everything that a fit could change."""

    def __init__(self) -> None:
        fastnn.manual_seed(3)
        self.model = nn.Sequential(
            nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.1), nn.Linear(4, 3)
        )
        self.trainer = fastnn.Trainer(
            self.model, nn.CrossEntropyLoss(), optim.Adam(self.model.parameters(), lr=0.01)
        )
        self.trainer.fit(X[:50], Y[:50], verbose=0)

    def state(self) -> list[Any]:
        trainer = self.trainer
        return [
            bits_of(self.model),
            pickle.dumps(trainer.optimizer.state_dict()),
            fastnn.get_rng_state().numpy().tobytes(),
            id(trainer.history),
            dict(trainer.history.history),
            trainer.seed,
        ]


def no_thread_is_left() -> bool:
    return not any(t.name == "fastnn reads ahead" for t in threading.enumerate())


def changed(array: np.ndarray, row: int, value: Any) -> np.ndarray:
    found = array.copy()
    found[row] = value
    return found


def files(folder: Path, x: np.ndarray = X, cuts: tuple[int, ...] = (0, 90, ROWS)) -> list[str]:
    paths = [str(folder / f"x{i}.npy") for i in range(len(cuts) - 1)]
    for path, begin, end in zip(paths, cuts, cuts[1:], strict=False):
        np.save(path, x[begin:end])
    return paths


def other_width(folder: Path) -> list[str]:
    paths = files(folder)
    np.save(paths[1], np.zeros((ROWS - 90, 4), np.float32))
    return paths


def cut_short(folder: Path) -> list[str]:
    paths = files(folder)
    os.truncate(paths[1], os.path.getsize(paths[1]) - 100)
    return paths


def written(folder: Path, content: bytes) -> str:
    (folder / "bad.npy").write_bytes(content)
    return str(folder / "bad.npy")


def fit(setup: Setup, *given: Any, **options: Any) -> None:
    table = open_table(*given, **SMALL)
    setup.trainer.fit(table, epochs=3, batch_size=16, verbose=0, **options)


class Cuts(callbacks.Callback):
    """Cuts a file short after an epoch."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        os.truncate(self.path, 1000)

"""Nets of the playground as numbers, for its tests: what the page's net.js makes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

ACTIVATIONS = ["linear", "relu", "sigmoid", "tanh", "gelu", "sin"]
LOSSES = ["squared", "cross_entropy", "absolute"]
SCHEDULES = ["constant", "steps", "exponential", "cosine", "warmup"]
# The optimizer's own numbers, which moments it keeps, and its attrs.
OPTIMIZERS: dict[str, tuple[tuple[float, ...], int, tuple[int, int]]] = {
    "sgd": ((0.9, 0.0), 1, (0, 0)),
    "rmsprop": ((0.99, 1e-8, 0.0), 1, (0, 0)),
    "adagrad": ((0.0, 0.0, 1e-10), 1, (0, 0)),
    "adam": ((0.9, 0.999, 1e-8), 3, (0, 0)),
    "nadam": ((0.9, 0.999, 1e-8, 0.004), 3, (0, 0)),
    "lion": ((0.9, 0.99), 1, (0, 0)),
    "rprop": ((0.5, 1.2, 1e-6, 50.0), 3, (0, 0)),
}
HEAD, BINS = 8, 24


@dataclass
class Net:
    """A net's settings and data; `numbers` and `data` are what the engine takes."""

    units: tuple[int, ...] = (8, 8, 1)
    activation: str = "tanh"
    loss: str = "squared"
    optimizer: str = "adam"
    lr: float = 0.01
    batch: int = 10
    seed: int = 3
    dropout: float = 0.0
    decay: float = 0.0
    decoupled: float = 0.0
    l1: float = 0.0
    schedule: str = "constant"
    period: int = 10
    factor: float = 0.5
    rows: tuple[int, int, int] = (47, 20, 16)
    changes: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.x = [rng.uniform(-1, 1, (n, 2)).astype(np.float32) for n in self.rows]
        self.y = [np.sign(x[:, 0] * x[:, 1]).astype(np.float32) for x in self.x]
        if self.loss == "cross_entropy":
            self.y = [(y > 0).astype(np.float32) for y in self.y]
        widths = [2, *self.units]
        self.weights = [
            (
                rng.uniform(-1, 1, (a, b)).astype(np.float32),
                rng.uniform(-1, 1, b).astype(np.float32),
            )
            for a, b in pairwise(widths)
        ]

    @property
    def numbers(self) -> bytes:
        own, moments, attrs = OPTIMIZERS[self.optimizer]
        own = (*own, *(0.0,) * (4 - len(own)))
        values: list[float] = [
            *self.rows, 2, self.batch, self.seed,
            ACTIVATIONS.index(self.activation), LOSSES.index(self.loss), self.dropout,
            list(OPTIMIZERS).index(self.optimizer), self.lr, self.decay, self.decoupled, self.l1,
            *own, moments, *attrs, SCHEDULES.index(self.schedule), self.period, self.factor,
            len(self.units), *self.units,
        ]  # fmt: skip
        for at, value in self.changes.items():
            values[at] = value
        return struct.pack(f"{len(values)}d", *values)

    @property
    def data(self) -> bytes:
        parts = [self.x[0], self.y[0], self.x[1], self.y[1], self.x[2]]
        return b"".join(a.tobytes() for a in [*parts, *(w for pair in self.weights for w in pair)])

    @property
    def n_parameters(self) -> int:
        return sum(w.size + b.size for w, b in self.weights)


@dataclass
class Frame:
    """The parts of a frame's bytes."""

    status: int
    epoch: int
    step: int
    rate: float
    train_loss: float
    test_loss: float
    parameters: np.ndarray[Any, Any]
    gradients: np.ndarray[Any, Any]
    rest: np.ndarray[Any, Any]


def frame_of(raw: bytes | bytearray) -> Frame:
    head = np.frombuffer(raw, np.float64, HEAD)
    body = np.frombuffer(raw, np.float32, offset=8 * HEAD)
    n = int(head[6])
    status, epoch, step = (int(x) for x in head[:3])
    return Frame(
        status,
        epoch,
        step,
        *(float(x) for x in head[3:6]),
        body[:n],
        body[n : 2 * n],
        body[2 * n :],
    )


# Places of what `enum fnn_play_number` lists, by name; OWN has four, ATTRS two.
PLACES = {
    name: at
    for at, name in enumerate(
        """TRAIN TEST GRID INPUTS BATCH SEED ACTIVATION LOSS DROPOUT OPTIMIZER LR DECAY DECOUPLED L1
        OWN own own own MOMENTS ATTRS attrs SCHEDULE PERIOD FACTOR N_LAYERS UNITS""".split()
    )
}

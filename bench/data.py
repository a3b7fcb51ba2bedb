"""Data set and initial weights of a case, the same for every rival."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.cases import Case

SEED = 20261101
LABEL_NOISE = 0.2


@dataclass(frozen=True)
class Data:
    """x (rows, in); y int64 classes (rows,) or float32 (rows, out); w[i] (in, out), b[i] (out,)."""

    x: np.ndarray
    y: np.ndarray
    w: list[np.ndarray]
    b: list[np.ndarray]

    def batch(self, case: Case, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows of one unshuffled step; after the last batch it starts over."""
        start = step % case.steps * case.batch
        return self.x[start : start + case.batch], self.y[start : start + case.batch]


def _labels(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows, classes = scores.shape
    y = scores.argmax(axis=1)
    noisy = rng.random(rows) < LABEL_NOISE
    y[noisy] = rng.integers(classes, size=int(noisy.sum()))
    y[:classes] = np.arange(classes)
    return y.astype(np.int64)


def make(case: Case) -> Data:
    """Noisy labels of a linear teacher, so that gradients do not vanish during training."""
    rng = np.random.default_rng(SEED)
    n_in, n_out = case.widths[0], case.widths[-1]
    x = rng.standard_normal((case.rows, n_in), dtype=np.float32)
    scores = x @ rng.standard_normal((n_in, n_out), dtype=np.float32) / np.float32(np.sqrt(n_in))
    if case.loss == "cross_entropy":
        y = _labels(scores, rng)
    else:
        noise = rng.standard_normal(scores.shape, dtype=np.float32)
        y = scores + np.float32(LABEL_NOISE) * noise
        if case.loss == "bce":
            y = (y > 0).astype(np.float32)
    w, b = [], []
    for layer_in, layer_out in case.pairs:
        bound = 1 / np.sqrt(layer_in)
        w.append(rng.uniform(-bound, bound, (layer_in, layer_out)).astype(np.float32))
        b.append(rng.uniform(-bound, bound, layer_out).astype(np.float32))
    return Data(x, y, w, b)


def save(path: Path, data: Data) -> None:
    arrays = {f"w{i}": w for i, w in enumerate(data.w)} | {f"b{i}": b for i, b in enumerate(data.b)}
    np.savez(path, x=data.x, y=data.y, **arrays)


def load(path: Path, case: Case) -> Data:
    with np.load(path) as stored:
        layers = range(len(case.pairs))
        w = [stored[f"w{i}"] for i in layers]
        b = [stored[f"b{i}"] for i in layers]
        return Data(stored["x"], stored["y"], w, b)

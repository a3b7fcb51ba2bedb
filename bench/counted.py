"""Entries that `bench.instructions` counts: each runs once to warm up, then between two marks.

`python -m bench.counted marks.so` runs all entries under valgrind. The instruction count depends on
shapes alone, so the values are arbitrary.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import fastnn
from bench.cases import CASES, MAIN, Case
from bench.data import Data
from bench.eager import driven, stepper
from bench.rival_fastnn import Rival
from fastnn import nn, optim
from fastnn.nn import functional as f

Run = Callable[[], Any]
SEED = 1
ELEMENTS = 8192
FITTED_ROWS = 8 * 32
CLASSES = 10
# Smaller batches where those of the case would take minutes: valgrind takes 60 ns per multiply-add
# of one lane. Each is a multiple of six, the rows of an AVX2 tile.
ROWS_OF_A_STEP = {"mnist2": 24, "deep": 96, "large": 6}


def _normal(*shape: int) -> Any:
    values = np.random.default_rng(SEED).standard_normal(shape, dtype=np.float32)
    return fastnn.tensor(values)


def products() -> dict[str, Run]:
    """The three products of a layer, and the first again in double precision."""
    x, w, dz = _normal(96, 256), _normal(256, 128), _normal(96, 128)
    x64, w64 = x.double(), w.double()
    return {
        "matmul x w": lambda: x @ w,
        "matmul x' dz": lambda: x.T @ dz,
        "matmul dz w'": lambda: dz @ w.T,
        "matmul float64": lambda: x64 @ w64,
    }


def elementwise() -> dict[str, Run]:
    x, row = _normal(ELEMENTS // 64, 64), _normal(64)
    positive = x.abs()
    return {
        "exp": lambda: fastnn.exp(x),
        "log": lambda: fastnn.log(positive),
        "tanh": lambda: fastnn.tanh(x),
        "sigmoid": lambda: fastnn.sigmoid(x),
        "gelu": lambda: f.gelu(x),
        "add a row": lambda: x + row,
        "mul of a transposed": lambda: x.T * 2.0,
        "sum over rows": lambda: x.sum(0),
        "sum over columns": lambda: x.sum(1),
        "layer norm": lambda: f.layer_norm(x, (64,)),
    }


def losses() -> dict[str, Run]:
    """Losses with their gradients."""
    z, logits = _normal(ELEMENTS // CLASSES, CLASSES), _normal(ELEMENTS)
    y, target = fastnn.arange(len(z)) % CLASSES, fastnn.sigmoid(logits)
    z.requires_grad_(), logits.requires_grad_()
    return {
        "cross entropy": lambda: f.cross_entropy(z, y),
        "BCE of logits": lambda: f.binary_cross_entropy_with_logits(logits, target),
    }


def updates() -> dict[str, Run]:
    def step_of(kind: Any, **settings: Any) -> Run:
        p = nn.Parameter(_normal(ELEMENTS))
        p.grad = _normal(ELEMENTS)
        return kind([p], **settings).step  # type: ignore[no-any-return]

    return {
        "Adam": step_of(optim.Adam, lr=1e-3),
        "SGD with momentum": step_of(optim.SGD, lr=1e-3, momentum=0.9),
    }


def nets() -> dict[str, Run]:
    """A compiled step of each main case; for the smallest net also the calls around it."""
    runs: dict[str, Run] = {}
    for case in MAIN:
        rows = ROWS_OF_A_STEP.get(case.name, case.batch)
        short = replace(case, batch=rows, rows=rows)
        once: Any = stepper(fastnn, _data(short), short)
        runs[f"step of {case.name}"] = driven(fastnn.compile(once.step), once.batches)
    tiny = replace(CASES["tiny"], rows=FITTED_ROWS)
    stored = _data(tiny)
    runs["eager step of tiny"] = stepper(fastnn, stored, tiny)
    rival = Rival(tiny, stored, 1)
    runs["fit of tiny"] = lambda: rival.epochs(1)
    runs["one row of tiny"] = lambda: rival.outputs(stored.x[:1])
    return runs


def _data(case: Case) -> Data:
    """Like `data.make`, but with zero weights, which is fast under valgrind."""
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((case.rows, case.widths[0]), dtype=np.float32)
    w = [np.zeros(pair, np.float32) for pair in case.pairs]
    return Data(x, np.arange(case.rows) % case.widths[-1], w, [v[0].copy() for v in w])


def main() -> int:
    marks = ctypes.CDLL(sys.argv[1])
    fastnn.set_num_threads(1)
    for make in (products, elementwise, losses, updates, nets):
        for name, run in make().items():
            run()
            marks.marks_begin()
            run()
            marks.marks_end(name.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())

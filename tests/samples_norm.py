"""Calls of the rows that normalise, and of those that draw; see samples.py."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Case
from numpy.random import Generator
from numpy.typing import NDArray

Dims = tuple[int, ...]
Values = Callable[[Generator, Dims, str, str], NDArray[Any]]
Make = Callable[[str, Dims, Generator, str], Case]


def bits_of(x: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", x))[0])


def norm(op: str, values: Values) -> Make:
    """The value or, where the name ends in _grad, the gradient."""
    by_rows = op.startswith("layer")

    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        n, c = dims
        x = values(rng, dims, real, flavour)
        x += np.asarray(rng.choice([0, 100]), real)  # a mean that is far from 0
        shape = (n, 2) if by_rows else (3, c)
        gain, shift = (
            None if rng.random() < 0.3 else values(rng, (c,), real, "normal") for _ in range(2)
        )
        centred = bool(rng.random() < 0.5) if by_rows else True
        keywords: dict[str, Any] = {"centred": centred} if by_rows else {}
        attrs: tuple[int, ...] = (int(centred),) if by_rows else ()
        if op.endswith("_grad"):
            stats = np.abs(values(rng, shape, real, "normal")) + np.asarray(0.01, real)
            dy = values(rng, dims, real, flavour)
            outputs = [(dims, real), ((2, c), real)]
            return Case(op, real, [dy, x, stats, gain], outputs, dims, keywords, attrs)
        eps = float(rng.choice([1e-5, 1e-3, 0.1]))
        attrs = (bits_of(eps), *attrs)
        outputs = [(dims, real), (shape, real)]
        return Case(op, real, [x, gain, shift], outputs, dims, {"eps": eps, **keywords}, attrs)

    return make


def running_moments(values: Values) -> Make:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        c, rows = dims
        mean, var = values(rng, (c,), real, flavour), np.abs(values(rng, (c,), real, flavour))
        stats = np.abs(values(rng, (3, c), real, flavour))
        count = rng.integers(0, 1000, 1)
        momentum = float(rng.choice([0.1, 0.0, 1.0, -1.0]))
        keywords = {"rows": rows, "momentum": momentum}
        inputs = [mean, var, count, stats]
        op, attrs = "running_moments_step", (bits_of(momentum),)
        return Case(op, real, inputs, [], dims, keywords, attrs, 3)

    return make


def draw_key(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
    state = rng.integers(-(2**62), 2**62, 2)
    return Case("draw_key", real, [state, np.zeros(2, np.int64)], [], dims, in_place=2)


def dropout(values: Values) -> Make:
    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        p = float(rng.choice([0.5, 0.1, 0.3, 0.9, 1e-9, 1 - 1e-9]))
        x, key = values(rng, dims, real, flavour), rng.integers(-(2**62), 2**62, 2)
        outputs = [(dims, real)]
        return Case("dropout", real, [x, key], outputs, dims, {"p": p}, (bits_of(p),))

    return make

"""Distributions of the goldens: the same for `goldens/make_info.py` and `test_info.py`."""

from __future__ import annotations

import numpy as np


def pair() -> tuple[np.ndarray, np.ndarray]:
    """p with zeros and q without, (4, 5), rows that sum to 1."""
    rng = np.random.RandomState(11)
    p, q = rng.rand(4, 5), rng.rand(4, 5) + 0.05
    p[rng.rand(4, 5) < 0.3] = 0
    p[3] = np.arange(5) == 2
    return p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)


def counts() -> np.ndarray:
    """How often each x comes with each y, (3, 4), with an empty cell."""
    table = np.random.RandomState(12).randint(0, 9, (3, 4))
    table[1, 2] = 0
    return table

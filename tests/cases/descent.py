"""The net and data for optimizer comparisons, and the settings for LBFGS and averaging.

Both sides import this: the tests and goldens/make_optimizers.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Settings = dict[str, Any]

STEPS, HALVED_AT = 50, 25  # lr is halved before step HALVED_AT
WIDTHS = (6, 8, 3)

LBFGS_STEPS = 4
LBFGS: dict[str, Settings] = {
    "plain": {"lr": 0.3, "max_iter": 5},
    "strong_wolfe": {"max_iter": 4, "line_search_fn": "strong_wolfe"},
    "history": {"max_iter": 6, "history_size": 2, "line_search_fn": "strong_wolfe", "lr": 2.0},
    "long_steps": {"lr": 50.0, "max_iter": 3, "line_search_fn": "strong_wolfe"},
    "few_evaluations": {"max_iter": 10, "max_eval": 5, "line_search_fn": "strong_wolfe"},
    "no_slope": {"lr": 0.5, "max_iter": 3, "tolerance_change": 0.6},
    "small_moves": {"lr": 0.001, "max_iter": 3, "tolerance_change": 0.001},
    "tolerances": {"lr": 0.5, "tolerance_grad": 0.05, "tolerance_change": 1e-3},
}

# Functions of a number for line searches: value and slope at t; the slope at 0 is negative.
LINES: dict[str, Callable[[float], tuple[float, float]]] = {
    "valley": lambda t: ((t - 3) ** 2, 2 * (t - 3)),
    "steep": lambda t: (math.cosh(min(t, 300.0) - 2), math.sinh(min(t, 300.0) - 2)),
    "waves": lambda t: (t * t / 50 - math.sin(3 * t), t / 25 - 3 * math.cos(3 * t)),
    "ripples": lambda t: (t * t / 9 - t - math.sin(40 * t) / 99, t / 4.5 - 1 - math.cos(40 * t)),
    "kink": lambda t: (abs(t - 1.3), math.copysign(1.0, t - 1.3)),
    "late": lambda t: ((t - 50) ** 4 / 1e4, 4 * (t - 50) ** 3 / 1e4),
    "basin": lambda t: (-t / (t * t + 2), (t * t - 2) / (t * t + 2) ** 2),
    "falls": lambda t: (-t, -1.0),
    "fifth": lambda t: ((t + 0.004) ** 5 - 2 * (t + 0.004) ** 4,
                        5 * (t + 0.004) ** 4 - 8 * (t + 0.004) ** 3),
    "wrong": lambda t: (-1e-3 * t if t < 1 else 5.0 - t / 1e3, -1e-3),
}  # fmt: skip
FIRST_STEPS = (1e-3, 0.02, 0.3, 1.0, 7.0, 90.0, 1e4)

# Settings of an AveragedModel, given the module swa_utils
AVERAGES: dict[str, Callable[[Any], Settings]] = {
    "swa": lambda swa: {},
    "swa_avg_fn": lambda swa: {"avg_fn": swa.get_swa_avg_fn()},
    "swa_multi_avg_fn": lambda swa: {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
    "ema": lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.9)},
    "ema_avg_fn": lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9)},
    "own": lambda swa: {"avg_fn": lambda a, p, n: 0.5 * a + 0.5 * p},
}
SWALR: list[Settings] = [
    {"swa_lr": 0.05},
    {"swa_lr": 0.5, "anneal_epochs": 5, "anneal_strategy": "linear"},
    {"swa_lr": 0.05, "anneal_epochs": 0},
]


def data() -> tuple[Array, Array]:
    """x (12, 6) and y (12, 3)."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((12, WIDTHS[0]))
    return x, np.sin(x[:, :3]) + 0.1 * rng.standard_normal((12, WIDTHS[2]))


def weights() -> list[Array]:
    """Weights (out, in) and biases of a net with tanh between its two layers."""
    rng = np.random.RandomState(1)
    shapes: list[tuple[int, ...]] = []
    for n_in, n_out in itertools.pairwise(WIDTHS):
        shapes += [(n_out, n_in), (n_out,)]
    return [0.5 * rng.standard_normal(shape) for shape in shapes]


def summary(arrays: list[Array]) -> list[float]:
    """The first elements, and three projections of all."""
    flat = np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays])
    directions = np.random.RandomState(2).standard_normal((3, flat.size)) / np.sqrt(flat.size)
    return [*flat[:3].tolist(), *(directions * flat).sum(axis=1).tolist()]

"""The net, the data and the settings that optimizers are held against torch with.

Both sides import this: the tests and `goldens/make_optimizers.py`. Neither imports the other's
library.
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

# name: the class and its settings
CASES: dict[str, tuple[str, Settings]] = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd_decay": ("SGD", {"lr": 0.1, "weight_decay": 0.05}),
    "sgd_momentum": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "sgd_dampening": (
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01},
    ),
    "sgd_nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    "sgd_maximize": ("SGD", {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    "adagrad": ("Adagrad", {"lr": 0.05}),
    "adagrad_all": (
        "Adagrad",
        {
            "lr": 0.1,
            "lr_decay": 0.02,
            "weight_decay": 0.03,
            "initial_accumulator_value": 0.2,
            "eps": 1e-3,
        },
    ),
    "adagrad_maximize": ("Adagrad", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    "rmsprop": ("RMSprop", {"lr": 0.005}),
    "rmsprop_momentum": ("RMSprop", {"lr": 0.002, "momentum": 0.8, "alpha": 0.9, "eps": 1e-3}),
    "rmsprop_centered": ("RMSprop", {"lr": 0.005, "centered": True, "weight_decay": 0.02}),
    "rmsprop_all": (
        "RMSprop",
        {"lr": 0.003, "centered": True, "momentum": 0.5, "maximize": True, "eps": 1e-3},
    ),
    "adam": ("Adam", {"lr": 0.02}),
    "adam_decay": ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.05}),
    "adam_amsgrad": ("Adam", {"lr": 0.02, "amsgrad": True, "betas": (0.9, 0.9)}),
    "adam_amsgrad_maximize": ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True}),
    "adam_decoupled": ("Adam", {"lr": 0.02, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    "adamw": ("AdamW", {"lr": 0.02}),
    "adamw_amsgrad": (
        "AdamW",
        {"lr": 0.02, "weight_decay": 0.2, "amsgrad": True, "betas": (0.9, 0.9)},
    ),
    "adamw_maximize": ("AdamW", {"lr": 0.01, "weight_decay": 0.2, "maximize": True}),
    "nadam": ("NAdam", {"lr": 0.02}),
    "nadam_decay": (
        "NAdam",
        {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.05, "momentum_decay": 0.1},
    ),
    "nadam_decoupled": (
        "NAdam",
        {"lr": 0.02, "weight_decay": 0.3, "decoupled_weight_decay": True, "eps": 1e-3},
    ),
    "nadam_maximize": ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    "radam": ("RAdam", {"lr": 0.02}),
    "radam_decay": ("RAdam", {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.05}),
    "radam_decoupled": (
        "RAdam",
        {"lr": 0.02, "weight_decay": 0.3, "decoupled_weight_decay": True, "eps": 1e-3},
    ),
    "radam_maximize": ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    "adamax": ("Adamax", {"lr": 0.02}),
    "adamax_all": (
        "Adamax",
        {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.05, "maximize": True},
    ),
    "adadelta": ("Adadelta", {"eps": 1e-3}),
    "adadelta_all": (
        "Adadelta",
        {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.05, "maximize": True},
    ),
    "rprop": ("Rprop", {"lr": 0.01}),
    "rprop_all": ("Rprop", {"etas": (0.7, 1.1), "step_sizes": (1e-3, 0.03)}),
    "rprop_maximize": ("Rprop", {"lr": 0.001, "maximize": True, "step_sizes": (1e-6, 0.01)}),
    "asgd": ("ASGD", {"lr": 0.1}),
    "asgd_all": (
        "ASGD",
        {"lr": 0.1, "lambd": 0.1, "alpha": 0.6, "t0": 10, "weight_decay": 0.05},
    ),
    "asgd_maximize": ("ASGD", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
}

# scikit-learn's optimizers, and ours that are to do the same
SKLEARN: dict[str, tuple[str, Settings, str, Settings]] = {
    "sgd": (
        "SGDOptimizer",
        {"learning_rate_init": 0.05, "momentum": 0.9, "nesterov": False},
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "compat": "sklearn"},
    ),
    "sgd_nesterov": (
        "SGDOptimizer",
        {"learning_rate_init": 0.05, "momentum": 0.9, "nesterov": True},
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "compat": "sklearn"},
    ),
    "adam": (
        "AdamOptimizer",
        {"learning_rate_init": 0.02, "epsilon": 1e-3},
        "Adam",
        {"lr": 0.02, "eps": 1e-3, "compat": "sklearn"},
    ),
}


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

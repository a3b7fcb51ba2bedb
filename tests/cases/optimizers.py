"""Optimizer cases: settings compared with torch and scikit-learn, and those only we have.

One without an entry in OPTIMIZERS is tried with its defaults and with each of its switches; what
its step computes is in families/update.py or update_adaptive.py, beside its op's other values.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = dict[str, Any]


@dataclass(frozen=True)
class Optimizer:
    """The test case of one optimizer.

    torch: settings with values in goldens/optimizers.json, by a name that no other uses.
    ours: more settings, those that torch has not.
    closure: its step needs one, so that the loop of Trainer has no use for it.
    matrices: it takes no other parameters.
    signature: its arguments where torch has none; else their descriptions alone are looked for.
    """

    torch: Mapping[str, Settings] = field(default_factory=dict)
    ours: Mapping[str, Settings] = field(default_factory=dict)
    closure: bool = False
    matrices: bool = False
    signature: str | None = None


# torch's words for how a step is computed, which change nothing here
WITHOUT_EFFECT = {"foreach", "capturable", "differentiable", "fused"}


def tries(name: str, entry: Optimizer, kind: type) -> dict[str, Settings]:
    """The settings of an entry by name; without any: the defaults, and each switch on."""
    if entry.torch or entry.ours or entry.closure:
        return {**entry.torch, **entry.ours}
    given = inspect.signature(kind).parameters
    found: dict[str, Settings] = {name.lower(): {}}
    for key, parameter in given.items():
        if parameter.default is False and key not in WITHOUT_EFFECT:
            found[f"{name.lower()}_{key}"] = {key: True}
        elif key in ("weight_decay", "l1"):
            found[f"{name.lower()}_{key}"] = {key: 0.1}
    return found


OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": Optimizer(
        torch={
            "sgd": {"lr": 0.1},
            "sgd_decay": {"lr": 0.1, "weight_decay": 0.05},
            "sgd_momentum": {"lr": 0.05, "momentum": 0.9},
            "sgd_dampening": {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01},
            "sgd_nesterov": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02},
            "sgd_maximize": {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1, "maximize": True},
        },
        ours={
            "sgd_keras": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "compat": "keras"},
            "sgd_l1": {"lr": 0.05, "l1": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True},
            "sgd_sklearn": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "compat": "sklearn"},
        },
    ),
    "Adagrad": Optimizer(
        torch={
            "adagrad": {"lr": 0.05},
            "adagrad_all": {
                "lr": 0.1,
                "lr_decay": 0.02,
                "weight_decay": 0.03,
                "initial_accumulator_value": 0.2,
                "eps": 0.001,
            },
            "adagrad_maximize": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
        },
        ours={
            "adagrad_keras": {"lr": 0.05, "compat": "keras"},
            "adagrad_l1": {"lr": 0.05, "l1": 0.1, "weight_decay": 0.1},
            "adagrad_decoupled": {"weight_decay": 0.1, "decoupled_weight_decay": True},
        },
    ),
    "RMSprop": Optimizer(
        torch={
            "rmsprop": {"lr": 0.005},
            "rmsprop_momentum": {"lr": 0.002, "momentum": 0.8, "alpha": 0.9, "eps": 0.001},
            "rmsprop_centered": {"lr": 0.005, "centered": True, "weight_decay": 0.02},
            "rmsprop_all": {
                "lr": 0.003,
                "centered": True,
                "momentum": 0.5,
                "maximize": True,
                "eps": 0.001,
            },
        },
        ours={
            "rmsprop_keras": {"lr": 0.01, "momentum": 0.5, "centered": True, "compat": "keras"},
            "rmsprop_decoupled": {"weight_decay": 0.1, "decoupled_weight_decay": True, "l1": 0.05},
        },
    ),
    "Adam": Optimizer(
        torch={
            "adam": {"lr": 0.02},
            "adam_decay": {"lr": 0.02, "betas": (0.8, 0.95), "eps": 0.001, "weight_decay": 0.05},
            "adam_amsgrad": {"lr": 0.02, "amsgrad": True, "betas": (0.9, 0.9)},
            "adam_amsgrad_maximize": {"lr": 0.01, "amsgrad": True, "maximize": True},
            "adam_decoupled": {"lr": 0.02, "weight_decay": 0.3, "decoupled_weight_decay": True},
        },
        ours={
            "adam_keras": {"lr": 0.01, "amsgrad": True, "compat": "keras"},
            "adam_sklearn": {"lr": 0.01, "compat": "sklearn", "l1": 0.3},
        },
    ),
    "AdamW": Optimizer(
        torch={
            "adamw": {"lr": 0.02},
            "adamw_amsgrad": {
                "lr": 0.02,
                "weight_decay": 0.2,
                "amsgrad": True,
                "betas": (0.9, 0.9),
            },
            "adamw_maximize": {"lr": 0.01, "weight_decay": 0.2, "maximize": True},
        },
        ours={
            "adamw_keras": {"lr": 0.01, "l1": 0.1, "compat": "keras"},
        },
    ),
    "NAdam": Optimizer(
        torch={
            "nadam": {"lr": 0.02},
            "nadam_decay": {
                "lr": 0.02,
                "betas": (0.8, 0.95),
                "weight_decay": 0.05,
                "momentum_decay": 0.1,
            },
            "nadam_decoupled": {
                "lr": 0.02,
                "weight_decay": 0.3,
                "decoupled_weight_decay": True,
                "eps": 0.001,
            },
            "nadam_maximize": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
        },
        ours={
            "nadam_l1": {"lr": 0.01, "l1": 0.1},
        },
    ),
    "RAdam": Optimizer(
        torch={
            "radam": {"lr": 0.02},
            "radam_decay": {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.05},
            "radam_decoupled": {
                "lr": 0.02,
                "weight_decay": 0.3,
                "decoupled_weight_decay": True,
                "eps": 0.001,
            },
            "radam_maximize": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
        },
        ours={
            "radam_l1": {"lr": 0.01, "l1": 0.1},
        },
    ),
    "Adamax": Optimizer(
        torch={
            "adamax": {"lr": 0.02},
            "adamax_all": {
                "lr": 0.02,
                "betas": (0.8, 0.95),
                "eps": 0.001,
                "weight_decay": 0.05,
                "maximize": True,
            },
        },
        ours={
            "adamax_decoupled": {"weight_decay": 0.1, "decoupled_weight_decay": True, "l1": 0.05},
        },
    ),
    "Adadelta": Optimizer(
        torch={
            "adadelta": {"eps": 0.001},
            "adadelta_all": {
                "lr": 0.5,
                "rho": 0.8,
                "eps": 0.001,
                "weight_decay": 0.05,
                "maximize": True,
            },
        },
        ours={
            "adadelta_decoupled": {"weight_decay": 0.1, "decoupled_weight_decay": True, "l1": 0.05},
        },
    ),
    "Rprop": Optimizer(
        torch={
            "rprop": {"lr": 0.01},
            "rprop_all": {"etas": (0.7, 1.1), "step_sizes": (0.001, 0.03)},
            "rprop_maximize": {"lr": 0.001, "maximize": True, "step_sizes": (1e-06, 0.01)},
        },
        ours={
            "rprop_l1": {"lr": 0.01, "l1": 0.1},
        },
    ),
    "ASGD": Optimizer(
        torch={
            "asgd": {"lr": 0.1},
            "asgd_all": {"lr": 0.1, "lambd": 0.1, "alpha": 0.6, "t0": 10, "weight_decay": 0.05},
            "asgd_maximize": {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
        },
        ours={
            "asgd_l1": {"lr": 0.1, "t0": 2, "l1": 0.1},
        },
    ),
    "EMAMomentum": Optimizer(
        ours={
            "ema_momentum": {"lr": 0.1, "weight_decay": 0.01},
            "ema_momentum_all": {
                "momentum": 0.5,
                "weight_decay": 0.1,
                "decoupled_weight_decay": True,
                "maximize": True,
            },
            "ema_momentum_l1": {"momentum": 0.0, "lr": 0.1, "l1": 0.1},
        },
        signature="params, lr=0.001, momentum=0.9, weight_decay=0, *, maximize=False, "
        "decoupled_weight_decay=False, l1=0",
    ),
    "Lion": Optimizer(
        ours={
            "lion_betas": {"lr": 0.005, "betas": (0.5, 0.8), "l1": 0.3},
            "lion": {"lr": 0.005, "weight_decay": 0.1},
            "lion_maximize": {"lr": 0.001, "maximize": True},
        },
        signature="params, lr=0.0001, betas=[0.9, 0.99], weight_decay=0, *, maximize=False, l1=0",
    ),
    "Muon": Optimizer(
        ours={
            "muon": {"lr": 0.02},
            "muon_plain": {"lr": 0.02, "nesterov": False, "momentum": 0.5, "weight_decay": 0.3},
            "muon_rms": {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3},
            "muon_all": {"lr": 0.01, "eps": 0.1, "ns_coefficients": (2.0, -1.5, 0.5), "l1": 0.1},
        },
        matrices=True,  # test_muon.py
    ),
    "LBFGS": Optimizer(
        closure=True,  # test_optim_closures.py
    ),
    "LevenbergMarquardt": Optimizer(
        closure=True,  # test_optim_closures.py
        signature="params, damping=0.001, weight_decay=0, max_tries=10, tolerance_grad=1e-10",
    ),
}


def taken(kind: str, parameters: Iterable[Any]) -> list[Any]:
    """Those of the parameters that an optimizer takes."""
    entry = OPTIMIZERS.get(kind, Optimizer())
    return [p for p in parameters if p.ndim == 2 or not entry.matrices]


# name: the optimizer and its settings, of all that are held against torch
OF_TORCH = {n: (kind, s) for kind, entry in OPTIMIZERS.items() for n, s in entry.torch.items()}
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

"""The settings of the estimators: what is allowed, and what they mean layer by layer."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastnn.sklearn.net import ACTIVATIONS, Activation
from fastnn.train.precision import TRAINING

_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [StrOptions(set(ACTIVATIONS)), list, tuple, callable],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_FRACTION],
    "beta_1": [_FRACTION],
    "beta_2": [_FRACTION],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "max_fun": [_COUNT],
    "dropout": [_FRACTION, list, tuple],
    "batch_norm": ["boolean"],
    "optimizer": [str, callable, None],
    "lr_schedule": [callable, None],
    "callbacks": [list, tuple, None],
    "time_limit": [_POSITIVE, None],
    "n_threads": [_COUNT, None],
    "precision": [StrOptions(set(TRAINING))],
}


def hidden_sizes(estimator: Any) -> list[int]:
    """The widths of the hidden layers."""
    given = estimator.hidden_layer_sizes
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def check_together(estimator: Any, layers: int, validates: bool) -> None:
    """Check settings that depend on each other."""
    activations(estimator, layers)
    dropout_rates(estimator, layers)
    policy = estimator.learning_rate if estimator.solver == "sgd" else "constant"
    if estimator.lr_schedule is not None and policy != "constant":
        raise ValueError(
            f"lr_schedule: expected None with learning_rate={policy!r}, which sets the rate "
            "itself; use learning_rate='constant'"
        )
    if estimator.solver == "lbfgs":
        asked = {
            "dropout": any(dropout_rates(estimator, layers)),
            "batch_norm": estimator.batch_norm,
            "optimizer": estimator.optimizer is not None,
            "lr_schedule": estimator.lr_schedule is not None,
            "callbacks": bool(estimator.callbacks),
            "precision": estimator.precision != "float32",
            "X_val": validates,
        }
        for name in (name for name, is_set in asked.items() if is_set):
            raise ValueError(f"{name}: is for solver 'adam' or 'sgd', got solver='lbfgs'")


def check_type(estimator: Any, dtype: np.dtype[Any]) -> None:
    """Check that the precision suits X of this type.

    Raises:
        TypeError: it is for float32.
    """
    if estimator.precision != "float32" and dtype == np.float64:
        raise TypeError(
            f"precision: {estimator.precision!r} is for products of float32, but X is float64; "
            "convert it by X.astype(numpy.float32), or use precision='float32'"
        )


def activations(estimator: Any, layers: int) -> list[Activation]:
    """The activation of each hidden layer."""
    given = estimator.activation
    if not isinstance(given, list | tuple):
        return [given] * layers
    for one in given:
        if not (isinstance(one, str) and one in ACTIVATIONS) and (
            isinstance(one, str) or not callable(one)
        ):
            raise ValueError(
                f"activation: expected {list(ACTIVATIONS)} or classes such as nn.GELU in the "
                f"list, got {one!r}"
            )
    if len(given) != layers:
        raise ValueError(
            f"activation: expected one for each of {layers} hidden layers, got {len(given)}"
        )
    return list(given)


def dropout_rates(estimator: Any, layers: int) -> list[float]:
    """The dropout rate of each hidden layer."""
    given = estimator.dropout
    rates = list(given) if isinstance(given, list | tuple) else [given] * layers
    if len(rates) != layers or not all(0 <= rate < 1 for rate in rates):
        raise ValueError(
            f"dropout: expected a rate in [0, 1) for each of {layers} hidden layers, got {given!r}"
        )
    return [float(rate) for rate in rates]

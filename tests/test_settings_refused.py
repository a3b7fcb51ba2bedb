"""Settings that would train to nonsense, or that mean nothing, are refused where they are given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.nn import utils
from fastnn.optim import lr_scheduler

P = nn.Parameter(fastnn.ones(2))


def sgd() -> Any:
    return optim.SGD([P], lr=0.1)


# ---- factors of schedules: below 0 the rate would be, too ----

FACTORS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "StepLR": ("gamma", lambda v: lr_scheduler.StepLR(sgd(), 2, gamma=v)),
    "MultiStepLR": ("gamma", lambda v: lr_scheduler.MultiStepLR(sgd(), [1], gamma=v)),
    "ExponentialLR": ("gamma", lambda v: lr_scheduler.ExponentialLR(sgd(), gamma=v)),
    "CyclicLR": ("gamma", lambda v: lr_scheduler.CyclicLR(
        sgd(), 0.1, 0.2, gamma=v, cycle_momentum=False)),
    "PolynomialLR": ("power", lambda v: lr_scheduler.PolynomialLR(sgd(), power=v)),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTORS)
def test_factors_below_zero(name: str) -> None:
    argument, make = FACTORS[name]
    for value in (-1, -0.5, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"^{argument}: expected a finite number >= 0, got "):
            make(value)
    make(0.0)


# ---- shares of new moments: beyond 0..1 a running variance can fall below 0 ----

NORMS: dict[str, Callable[[Any], Any]] = {
    "BatchNorm1d": lambda v: nn.BatchNorm1d(3, momentum=v),
    "LazyBatchNorm1d": lambda v: nn.LazyBatchNorm1d(momentum=v),
    "InstanceNorm1d": lambda v: nn.InstanceNorm1d(3, momentum=v),
}


@pytest.mark.parametrize("name", NORMS)
def test_shares_that_are_none(name: str) -> None:
    for value in (-1, 1.5, np.nan):
        with pytest.raises(ValueError, match=r"^momentum: expected a finite number >= 0 and <= 1"):
            NORMS[name](value)
    for value in (0.0, 1.0):
        NORMS[name](value)


# ---- torch's choices of an implementation ----

CHOICES = ("foreach", "fused", "capturable")
TAKERS: dict[str, Callable[..., Any]] = {
    name: lambda kind=kind, **given: kind([P], lr=0.1, **given)  # type: ignore[misc]
    for name in optim.__all__
    if inspect.isclass(kind := getattr(optim, name)) and kind is not optim.Optimizer
} | {
    "get_total_norm": lambda **given: utils.get_total_norm([fastnn.ones(2)], **given),
    "clip_grad_norm_": lambda **given: utils.clip_grad_norm_([P], 1.0, **given),
    "clip_grads_with_norm_": lambda **given: utils.clip_grads_with_norm_(
        [P], 1.0, fastnn.ones(()), **given
    ),
    "clip_grad_value_": lambda **given: utils.clip_grad_value_([P], 1.0, **given),
}
TAKEN = [
    (name, choice)
    for name in TAKERS
    for choice in CHOICES
    if choice in inspect.signature(getattr(optim, name, None) or getattr(utils, name)).parameters
]


@pytest.mark.parametrize(("name", "choice"), TAKEN)
def test_choices_are_true_or_false(name: str, choice: str) -> None:
    for value in ("a", np.nan, 3, np.ones(2)):
        with pytest.raises(TypeError, match=f"^{choice}: expected True or False, got "):
            TAKERS[name](**{choice: value})
    for value in (True, False, None, np.bool_(True)):
        TAKERS[name](**{choice: value})


def test_all_that_take_them_are_tried() -> None:
    assert len(TAKEN) >= 29 and len({name for name, _ in TAKEN}) >= 16


# ---- weights of which a mean is nan ----


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_classes_of_which_none_counts(kind: Any) -> None:
    none = fastnn.zeros(2)
    with pytest.raises(ValueError, match=r"^weight: expected a class that counts, got zeros alone"):
        kind(weight=none)
    kind(weight=none, reduction="sum")
    for fine in ([0.0, 1.0], [-1.0, 1.0]):  # torch takes them, and a mean there can be
        kind(weight=fastnn.tensor(fine))

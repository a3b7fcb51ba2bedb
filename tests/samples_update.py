"""How to draw a call of each row of FNN_UPDATES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from harness import Case
from numpy.random import Generator
from reference_update import OWN, STATE, STEPS

Dims = tuple[int, ...]


@dataclass(frozen=True)
class Update:
    """moments: "mean" of any sign, "square" >= 0; with a ? it may be left out. own: what the row's
    numbers are drawn from, and so the keywords, which are the row's attributes."""

    moments: tuple[str, ...]
    own: tuple[tuple[float, ...], ...] = ()
    keywords: tuple[tuple[str, tuple[int, ...]], ...] = ()
    decays: bool = True


_BETAS = (0.0, 0.5, 0.9), (0.9, 0.99, 0.999)
_EPS = (1e-8, 1e-3)
_ADAM = (*_BETAS, _EPS)

UPDATES = {
    "sgd_step": Update(
        ("mean?",), ((0.5, 0.9), (0, 0.3)), (("nesterov", (0, 1)), ("form", (0, 1, 2)))
    ),
    "adagrad_step": Update(("square",), ((0, 0.1), (0, 0.5), _EPS), (("inside", (0, 1)),)),
    "rmsprop_step": Update(
        ("square", "mean?", "mean?"), ((0.9, 0.99), _EPS, (0.5, 0.9)), (("inside", (0, 1)),)
    ),
    "adadelta_step": Update(("square", "square"), ((0.9, 0.95), (1e-6, 1e-3))),
    "adam_step": Update(("mean", "square", "square?"), _ADAM, (("scaled", (0, 1)),)),
    "nadam_step": Update(("mean", "square"), (*_ADAM, (0, 4e-3))),
    "radam_step": Update(("mean", "square"), _ADAM),
    "adamax_step": Update(("mean", "square"), _ADAM),
    "lion_step": Update(("mean",), _BETAS),
    "rprop_step": Update(("mean", "square"), ((0.5,), (1.2,), (1e-6,), (50.0,)), decays=False),
    "asgd_step": Update(("mean",), ((0, 1e-4, 0.1), (0.75,), (3.0, 1e6)), decays=False),
}


def update(op: str, values: Callable[..., Any]) -> Callable[[str, Dims, Generator, str], Case]:
    """`values` draws an array."""
    kind = UPDATES[op]

    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        def moment(name: str) -> Any:
            if name.endswith("?") and rng.random() < 0.4:
                return None
            x = values(rng, dims, real, flavour) * (hyper[STEPS] > 0)
            return (np.square(x) if name.startswith("square") else x).astype(real)

        hyper = np.zeros(12)
        hyper[0] = rng.choice([1e-3, 0.1, 1])
        hyper[3] = rng.choice([1, -1])
        if kind.decays:
            hyper[1], hyper[2] = rng.choice([[0, 0], [0.01, 0], [0, 0.3]])
        hyper[OWN : OWN + len(kind.own)] = [rng.choice(choices) for choices in kind.own]
        hyper[STEPS] = rng.choice([0, 1, 7, 1000])
        hyper[STATE:] = (rng.random(2) if op in ("nadam_step", "asgd_step") else 0) * hyper[STEPS]
        hyper[STATE:] %= 1
        keywords = {name: int(rng.choice(choices)) for name, choices in kind.keywords}
        p, g = values(rng, dims, real, flavour), values(rng, dims, real, flavour)
        inputs = [p, hyper, *(moment(name) for name in kind.moments), g]
        attrs = tuple(keywords.values())
        return Case(op, real, inputs, [], dims, keywords, attrs, len(inputs) - 1)

    return make


def shrink(values: Callable[..., Any]) -> Callable[[str, Dims, Generator, str], Case]:
    """shrink_step has no gradient."""

    def make(real: str, dims: Dims, rng: Generator, flavour: str) -> Case:
        hyper = np.zeros(12)
        hyper[[0, 4]] = rng.choice([0.1, 1]), rng.choice([0, 0.3, 10])
        return Case(
            "shrink_step", real, [values(rng, dims, real, flavour), hyper], [], dims, in_place=2
        )

    return make

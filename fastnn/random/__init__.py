"""Random numbers: torch's generator and distributions, and random tensors."""

from typing import Final

from fastnn._support.blame import name_arguments
from fastnn.random import methods, sampling
from fastnn.random.generator import (
    Generator,
    default_generator,
    derive_seed,
    engine_state,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from fastnn.tensor.attach import attach

METHODS = methods.METHODS
for _module in (sampling, methods):
    name_arguments(_module)
rand: Final = sampling.rand
randint: Final = sampling.randint
randn: Final = sampling.randn
randperm: Final = sampling.randperm

__all__ = [
    "Generator",
    "default_generator",
    "derive_seed",
    "engine_state",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "rand",
    "randint",
    "randn",
    "randperm",
    "seed",
    "set_rng_state",
]

attach(METHODS)

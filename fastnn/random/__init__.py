"""Random numbers: torch's generator and distributions, and random tensors."""

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
from fastnn.random.methods import METHODS
from fastnn.random.sampling import rand, randint, randn, randperm
from fastnn.tensor.attach import attach

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

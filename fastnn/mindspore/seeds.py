"""Seeds of the random numbers."""

from __future__ import annotations

from fastnn import random


def set_seed(seed: int) -> None:
    """Seed the default generator, like `manual_seed`. The numbers are torch's, not MindSpore's."""
    random.manual_seed(seed)


def get_seed() -> int:
    """The seed of the default generator."""
    return random.initial_seed()

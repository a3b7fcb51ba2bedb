"""MindSpore's `dataset.config`: the seed; other settings have no effect."""

from __future__ import annotations

from fastnn.mindspore.seeds import get_seed, set_seed

__all__ = ["get_seed", "set_num_parallel_workers", "set_prefetch_size", "set_seed"]


def set_num_parallel_workers(num: int) -> None:
    """No effect: rows are made where they are asked for."""


def set_prefetch_size(size: int) -> None:
    """No effect: rows are made when they are asked for."""

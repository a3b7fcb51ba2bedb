"""What a training step does with each batch: how gradients update the weights, and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastnn._support import check
from fastnn.train.metrics import Metric


@dataclass(frozen=True)
class Update:
    """How gradients update the weights: accumulation and clipping.

    accumulate: batches whose gradients are accumulated for one update.
    clip_norm, clip_value: bounds of the gradients, or None.
    """

    accumulate: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None

    @classmethod
    def checked(cls, accumulate: Any, clip_norm: Any, clip_value: Any) -> Update:
        """From arguments of `fit`, whose names appear in error messages."""
        count = check.integer("accumulate_steps", accumulate, 1)
        bounds = {"clip_norm": clip_norm, "clip_value": clip_value}
        found = [None if b is None else check.real(n, b, 0.0) for n, b in bounds.items()]
        return cls(count, *found)


@dataclass(frozen=True)
class Asked:
    """What a step does with each batch besides forward and backward."""

    metrics: dict[str, Metric]
    update: Update = Update()

"""Whether `vmap` was ever used. Below everything that asks, so that nothing is circular."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.batching.rules import Rules

rules: Rules | None = None  # how rows run on tensors that stand for a whole batch

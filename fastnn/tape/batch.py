"""Whether `vmap` was ever used. Below everything that asks, so that nothing is circular."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.transforms.vmap.rules import Rules


class Batch:
    """An array that stands for a batch; see `fastnn.transforms.vmap.array`."""

    __slots__ = ()


rules: Rules | None = None  # how rows run on tensors that stand for a whole batch

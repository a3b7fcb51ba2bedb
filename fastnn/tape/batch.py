"""Whether `vmap` was ever used. Below everything that asks, so that nothing is circular."""

from __future__ import annotations

from typing import Any


class Batch:
    """An array that stands for a batch; see `fastnn.transforms.vmap.array`."""

    __slots__ = ()


rules: Any = None  # vmap's `Rules`, once it was used: how ops run on a whole batch

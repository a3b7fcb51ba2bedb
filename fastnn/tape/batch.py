"""Whether `vmap` was ever used; a module of its own so that no import is circular."""

from __future__ import annotations

from typing import Any


class Batch:
    """A batched array; see `fastnn.transforms.vmap.array`."""

    __slots__ = ()


rules: Any = None  # vmap's `Rules`, from its first use on: how ops run on a whole batch


def batched(*tensors: Any) -> bool:
    """Whether any of the tensors is batched; None counts as none."""
    return rules is not None and bool(rules.any(*tensors))

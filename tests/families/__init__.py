"""The ops once more, family by family: what each computes, how to call it, how far it may be off.

One file for each family of ops; OPS has them all by name. None of these files imports fastnn.
"""

from types import SimpleNamespace

from families import (
    activations,
    elementwise,
    integer,
    loss,
    matmul,
    norm,
    random,
    reduce,
    rows,
    update,
    update_adaptive,
)
from families.base import OPS

reference = SimpleNamespace(**{name: op.reference for name, op in OPS.items()})

__all__ = ["OPS", "reference"]

"""Reference implementations of the ops by family, with sample calls and error bounds.

One file for each family of ops; OPS has them all by name. None of these files imports fastnn.
"""

from types import SimpleNamespace

from families import (
    activations,
    columns,
    elementwise,
    integer,
    loss,
    matmul,
    norm,
    random,
    reduce,
    rows,
    special,
    transcendental,
    update,
    update_adaptive,
)
from families.base import OPS

reference = SimpleNamespace(**{name: op.reference for name, op in OPS.items()})

__all__ = ["OPS", "reference"]

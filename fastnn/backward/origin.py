"""Where a tensor on the tape came from."""

from __future__ import annotations

import numpy as np

from fastnn import ops
from fastnn._core.backward import inputs_of
from fastnn.tensor import Tensor

_COPIES = ("copy", "cast")


def inputs_to(x: Tensor) -> list[Tensor]:
    """What x was computed from; nothing if it is not on the tape."""
    return [] if x._node is None else [t for t in inputs_of(x._node) if t is not None]


def op_of(x: Tensor) -> str:
    """Name of the op that made a tensor; '' if it is not in the op table."""
    rule = None if x._node is None else x._node.rule
    return next((op.name for op in ops.TABLE.values() if op.gradient is rule), "") if rule else ""


def source_of(x: Tensor) -> Tensor:
    """The tensor that x is a view or a copy of, else x."""
    while inputs := inputs_to(x):
        if op_of(x) not in _COPIES and not np.may_share_memory(x._array, inputs[0]._array):
            break
        x = inputs[0]
    return x

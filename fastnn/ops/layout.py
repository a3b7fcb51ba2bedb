"""Whether a tensor lies in memory as torch's would: `view` must not refuse what torch takes."""

from __future__ import annotations

import numpy as np

from fastnn.ops.table import made_by
from fastnn.tensor import Tensor

_VIEWS = ("PermuteBackward0", "ReshapeBackward0", "ExpandBackward0", "GetitemBackward0")
_FRESH = ("LinearBackward0",)  # in C's order in torch too; matmul also turns gradients around


def lies_as_torchs(x: Tensor) -> bool:
    """Whether x is certain to have torch's strides: a view of what was made of values, of a leaf or
    of a linear layer. In torch the results of most other ops have the strides of their
    inputs; here they are in C's order."""
    if x._array.__class__ is not np.ndarray:  # of a transform
        return False
    while x._node is not None and made_by(x._node) in _VIEWS:
        x = x._node.input(0)  # no array, once a backward pass has given it back
    source = x if x._base is None else x._base
    if source._array.__class__ is not np.ndarray or not source._array.flags.c_contiguous:
        return False
    if source._node is not None:
        return made_by(source._node) in _FRESH
    return source._given or (source.requires_grad and not source._stand_in)

"""torch.utils.dlpack: tensors lent to other libraries, and theirs here, without a copy."""

from __future__ import annotations

from fastnn.ops.creation import from_dlpack
from fastnn.tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Tensor:
    """The tensor off the tape: what every library's `from_dlpack` takes."""
    return tensor.detach()

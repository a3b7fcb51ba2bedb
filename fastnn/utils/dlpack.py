"""torch.utils.dlpack: exchange tensors with other libraries without a copy."""

from __future__ import annotations

from fastnn.ops.creation import from_dlpack
from fastnn.tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Tensor:
    """Detach a tensor from the tape, for `from_dlpack` of any library; shares memory."""
    return tensor.detach()

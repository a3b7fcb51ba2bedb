"""Utilities: `data` has data sets and loaders, `dlpack` exchanges tensors with other libraries."""

from fastnn.utils import checkpoint, data, dlpack

__all__ = ["checkpoint", "data", "dlpack"]

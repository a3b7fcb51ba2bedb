"""Utilities: `data` has data sets and loaders, `dlpack` exchanges tensors with other libraries."""

from fastnn.utils import data, dlpack

__all__ = ["data", "dlpack"]

"""Tools beside the nets: `data` has data sets and loaders, `dlpack` lends memory."""

from fastnn.utils import data, dlpack

__all__ = ["data", "dlpack"]

"""Tools beside the nets: `data` has data sets and loaders."""

from fastnn.utils import data

__all__ = ["data"]

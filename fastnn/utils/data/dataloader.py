"""torch's place of the loader, which is in `fastnn.utils.data`."""

from fastnn.utils.data.collate import default_collate, default_convert
from fastnn.utils.data.loader import DataLoader
from fastnn.utils.data.workers import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

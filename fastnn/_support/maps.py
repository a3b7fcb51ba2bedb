"""Arrays in memory maps of files: who reads one after it was closed ends the process."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


def _root(value: Any) -> Any:
    """What owns the memory of an array."""
    while isinstance(value, np.ndarray):
        value = value.base
    return value


def refuse_closed(value: Any, name: str) -> None:
    """Refuse an array whose memory map is closed.

    Raises:
        ValueError: it is.
    """
    root = _root(value)
    if isinstance(root, mmap.mmap) and root.closed:
        raise ValueError(f"{name}: expected an open memory map, got a closed one")


def held(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """The array; of a memory map a view that keeps it open: to close it raises a BufferError.

    Raises:
        ValueError: it is closed already.
    """
    root = _root(array)
    if not isinstance(root, mmap.mmap):
        return array
    refuse_closed(array, name)
    whole = np.frombuffer(root, np.uint8)  # a memoryview is its base, which np.ndarray would skip
    begin, first = (a.__array_interface__["data"][0] for a in (whole, array))
    view = np.ndarray(array.shape, array.dtype, whole, first - begin, array.strides)
    view.flags.writeable = view.flags.writeable and array.flags.writeable
    return view

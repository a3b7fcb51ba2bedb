"""Arrays in memory maps of files: who reads one after it was closed ends the process."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


def _root(value: Any) -> Any:
    """What owns the memory of an array."""
    while isinstance(value, np.ndarray | memoryview):
        value = value.base if isinstance(value, np.ndarray) else value.obj
    return value


def refuse_closed(value: Any, name: str) -> None:
    """Refuse an array whose memory map is closed, and a list that holds one.

    A list is searched if it begins with an array or another list: one of numbers may be long.

    Raises:
        ValueError: it is.
    """
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], np.ndarray | memoryview | list | tuple):
            for part in value:
                refuse_closed(part, name)
        return
    root = _root(value)
    if isinstance(root, mmap.mmap) and root.closed:
        raise ValueError(f"{name}: expected an open memory map, got a closed one")


def array_of(value: Any, name: str) -> npt.NDArray[Any]:
    """`np.asarray` of a user's value.

    Raises:
        ValueError: of a memory map that is closed; what NumPy raises.
    """
    refuse_closed(value, name)
    array = np.asarray(value)
    if array is not value:
        refuse_closed(array, name)  # a column of pandas, say, is a view
    return array


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

"""Batches of items: stacked tensors, also within tuples and dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check, maps
from fastnn._support.errors import InvalidValueError
from fastnn.ops.creation import as_tensor, tensor
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["default_collate", "default_convert"]


def _stacked(arrays: list[NDArray[Any]]) -> Tensor:
    try:
        return tensor(np.stack(arrays))
    except ValueError:
        shapes = ", ".join(sorted({str(a.shape) for a in arrays}))
        raise InvalidValueError(
            f"batch: expected items of one shape, got {shapes}; pad them, or use collate_fn"
        ) from None


def default_collate(batch: Sequence[Any]) -> Any:
    """Collate items into a batch: stack tensors, arrays and numbers, also in tuples and dicts.

    Raises:
        TypeError: items of another kind, or of several kinds.
        ValueError: tensors of several shapes, tuples of several lengths.

    >>> from fastnn.utils.data import default_collate
    >>> default_collate([(1.0, 2), (3.0, 4)])
    [tensor([1., 3.], dtype=fastnn.float64), tensor([2, 4])]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked([x._array for x in batch])
    if isinstance(first, np.ndarray | np.generic | float | int):
        return _stacked([maps.array_of(x, "batch") for x in batch])
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(part) for part in zip(*batch, strict=True)))
    if isinstance(first, tuple | list):
        return [default_collate(part) for part in zip(*batch, strict=True)]
    if isinstance(first, str | bytes):
        return list(batch)
    raise TypeError(
        "collate: expected tensors, arrays, numbers, texts, tuples or dicts, got "
        f"{check.show(first)}; pass a collate_fn"
    )


def default_convert(data: Any) -> Any:
    """Arrays as tensors on their memory, also in tuples and dicts; what a loader without batches
    does to its items. Other values stay as they are.

    >>> import numpy as np
    >>> from fastnn.utils.data import default_convert
    >>> default_convert((np.array([1, 2]), "a"))
    (tensor([1, 2]), 'a')
    """
    if isinstance(data, np.ndarray | np.generic) and data.dtype.kind in "fiub":
        return as_tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple | list):
        return type(data)(default_convert(value) for value in data)
    return data

"""The cache key of a recorded step, and what the recording keeps alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.train.update import Update

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[tuple[int, ...], np.dtype[Any]]


def shapes_of(*arrays: NDArray[Any]) -> tuple[Shape, ...]:
    """Shape and dtype of one row of each array."""
    return tuple((a.shape[1:], a.dtype) for a in arrays)


class Key(NamedTuple):
    """The cache key of a recording.

    kind: "update"; "within", which only accumulates gradients; or "evaluate".
    rows: rows per batch.
    parts: the ids of model, loss, optimizer and metrics.
    shapes: shapes of one row of x, y and weights.
    ignores: whether y has ignored labels.
    """

    kind: str
    update: Update
    rows: int
    parts: tuple[int, ...]
    shapes: tuple[Shape, ...]
    ignores: bool


class Parts(NamedTuple):
    """The objects of a recording, kept alive so that their ids stay unique.

    outputs: the shape of the model's output for one row.
    """

    of: tuple[Any, ...]
    outputs: tuple[int, ...]

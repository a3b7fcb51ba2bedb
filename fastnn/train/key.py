"""The recorded steps of a trainer: their keys, and what they keep alive."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.compiler.advice import Shapes
from fastnn.train.update import Update

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording

MAX_RECORDINGS = 16  # per trainer: batch shapes, lists of metrics

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


class Recordings(OrderedDict[Key, "Recording"]):
    """The recorded steps of a trainer, the last used last."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes = Shapes()  # rows per batch of the training steps so far

    def keep(self, key: Key, recording: Recording) -> None:
        """Add one; the least recently used is dropped if there are too many."""
        self[key] = recording
        self.move_to_end(key)
        while len(self) > MAX_RECORDINGS:
            self.popitem(last=False)
        if key.kind != "evaluate":
            self._sizes.add(key.rows)

    def advise(self) -> None:
        """Warn once if there were training steps of many sizes."""
        self._sizes.advise("fit", "a step")

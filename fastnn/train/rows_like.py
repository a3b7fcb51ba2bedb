"""Rows like those of an earlier fit: C can tell most of what the checks would find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.replay import Feeds
from fastnn._support.dtypes import wide
from fastnn._support.rows import as_rows
from fastnn.train.loop import Loop
from fastnn.train.validation import Given, Rows, check_values, real_of
from fastnn.train.weights import row_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.train.session import Session

__all__ = ["RowsLike"]


class RowsLike:
    """What rows have to be to take the place of some that were checked.

    Args:
        session: a fit of a model and a loss that took them.
        rows: the rows, checked. y: their targets as they were given.
        class_weight: as of `fit`.
    """

    def __init__(self, session: Session, rows: Rows, y: Any, class_weight: Any = None) -> None:
        steps, loop = session.steps, session.training.loop
        assert isinstance(loop, Loop)
        recording: Any = loop.recordings[0]
        self._loss, self._real = steps.loss, real_of(steps.model)
        self._outputs, self._recorder = recording.parts.outputs, recording.recorder
        self._types = rows.x.dtype, rows.y.dtype
        self._column = np.ndim(y) == 1 and rows.y.ndim == 2
        self._classes = self._classes_of(rows.y)
        self._feeds = Feeds(rows.x, rows.y, self._classes)
        self._weighted, self._class_weight = rows.weight is not None, class_weight
        # Most checks of values ask for classes, as C does before.
        self._checks = any(
            not 0 <= self._classes <= asked.classes for asked in self._recorder.checks
        )

    def _classes_of(self, y: NDArray[Any]) -> int:
        """Class numbers as targets are less than this; -1 where other targets are."""
        if y.dtype.kind != "i" or y.ndim != 1:
            return -1
        of_outputs = getattr(self._loss, "targets", "") == "classes"
        return self._outputs[-1] if of_outputs else 2**31

    def suits(self) -> bool:
        """Whether C can check data of these types."""
        x, y = self._types
        if x.kind != "f" or x.itemsize < 4 or (y.kind != "f" and y != np.int64):
            return False
        ignored = getattr(self._loss, "ignore_index", None)  # whether y has it is part of a step
        return not isinstance(ignored, int) or ignored < 0 <= self._classes

    def take(self, x: Any, y: Any, sample_weight: Any = None) -> Rows | None:
        """The rows, checked; None if they are not like those, or not good: whoever looks at them
        again then raises it in the order of the checks there."""
        if self._column and type(y) is np.ndarray and y.ndim == 1:
            y = y.reshape(-1, 1)
        try:
            rows = Rows(x, y)
            if not self._feeds.take(x, y):
                rows = self._converted(x, y)
                if not self._feeds.take(rows.x, rows.y):
                    return None
            if sample_weight is not None or self._class_weight is not None:
                weight = row_weights(
                    sample_weight, self._class_weight, rows.y, self._outputs[-1], wide(self._real)
                )
                rows = Rows(rows.x, rows.y, weight)
            if (rows.weight is not None) != self._weighted:
                return None  # also where y has rows that count for nothing
            if self._checks:
                check_values(rows, self._recorder)
        except (TypeError, ValueError, IndexError):
            return None
        return rows

    def _converted(self, x: Any, y: Any) -> Rows:
        given = Given(self._loss, as_rows(x, "x", self._real), y, wide(self._real))
        return given.rows(self._outputs)

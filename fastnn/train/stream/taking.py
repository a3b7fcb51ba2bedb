"""Rows of a large table as the engine takes them: types, targets, weights, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn._support.dtypes import STORED, bool_, int64, readable
from fastnn._support.errors import InvalidValueError
from fastnn.io.rows.looks import check_rows
from fastnn.io.rows.source import with_row
from fastnn.train.validation import Given, Rows, check_values, targets_of
from fastnn.train.weights import check_weighted, class_weights, classes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recorder import Recorder
    from fastnn.io.rows.table import LargeTable

__all__ = ["Inputs", "Taking"]

_KEPT = frozenset((*STORED, int64, bool_))  # of x: the engine converts them


class Inputs:
    """How x of a table becomes that of a program.

    Args:
        table: whose x.
        name: a prefix of x in messages.
    """

    def __init__(self, table: LargeTable, name: str = "") -> None:
        self._source, self._name = table.source, name

    @staticmethod
    def dtype_of_x(dtype: np.dtype[Any], real: np.dtype[Any]) -> np.dtype[Any]:
        """The type in which x is kept in memory."""
        return dtype if dtype in _KEPT else real

    def put(self, raw: NDArray[Any], into: NDArray[Any], begin: int) -> None:
        """Write rows of x into memory, in its type, and check them.

        begin: the number of the first.

        Raises:
            ValueError: numbers that are not finite, or too large; says which row of the table.
        """
        name = f"{self._name}x"
        if raw is not into:
            with np.errstate(over="ignore", invalid="ignore"):
                into[...] = raw
        try:
            check_rows(into, name, self._source, begin)
        except ValueError:
            # As it was read: a number may be too large for the type of the model only.
            try:
                check.as_input(readable(raw), name, into.dtype)
            except ValueError as error:
                raise with_row(error, lambda row: begin + row, self._source.where) from None
            raise


class Taking(Inputs):
    """How the rows of a table become those of a loop.

    Args:
        table: with targets.
        given: the first rows as `Given`, with the model's loss and dtype.
        class_weight: as of `fit`.

    Attributes:
        labels: how often each label is in the table, or None.
        ignores: whether the table has a label that the loss ignores.
        recorder: of the first step, whose checks of values are run on all rows.
    """

    ignored: int | None

    def __init__(self, table: LargeTable, given: Given, class_weight: Any) -> None:
        self._given, self._class_weight = given, class_weight
        super().__init__(table, given.name)
        summary = table.look()
        self.labels: dict[int, int] | None = summary.labels
        if not summary.weighs:
            raise InvalidValueError("sample_weight: expected at least one weight > 0, got zeros")
        label = getattr(given.loss, "ignore_index", None)
        self.ignored = label if isinstance(label, int) and label in (self.labels or ()) else None
        self._outputs: tuple[int, ...] = ()
        self._by_class: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
        self.recorder: Recorder | None = None

    def learn(self, outputs: tuple[int, ...]) -> None:
        """Learn the shape of the model's output for a row, and with it what weights classes have.

        Raises:
            TypeError, ValueError: class weights that do not suit.
        """
        self._outputs = outputs
        if self._class_weight is None:
            return
        if self.labels is None:
            raise InvalidValueError(
                "class_weight: expected a class number for each row of the table; use sample_weight"
            )
        labels, counts = map(np.array, zip(*sorted(self.labels.items()), strict=True))
        counted = labels >= 0
        kinds = max(outputs[-1], 2)
        values = class_weights(self._class_weight, labels[counted], counts[counted], kinds)
        self._by_class = labels[counted], values

    def rows(self, x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any] | None) -> Rows:
        """These rows, checked but for x.

        Raises:
            TypeError, ValueError: targets or weights that do not fit; rows are numbered from 0.
        """
        given = self._given
        shape = (len(x), *self._outputs)
        y = targets_of(given.loss, y, shape, len(x), given.real, f"{given.name}y")
        return Rows(x, y, self._weights(y, weight))

    def _weights(self, y: NDArray[Any], weight: NDArray[Any] | None) -> NDArray[Any] | None:
        real, name = self._given.real, f"{self._given.name}sample_weight"
        found = None
        if weight is not None:
            found = check.regression_targets(weight, len(y), real, name)
            if (found < 0).any():
                row = int(np.argmax(found < 0))
                raise InvalidValueError(
                    f"{name}: expected numbers >= 0, got {found[row]:g} at row {row}"
                )
        if self._by_class is not None:
            own, classes = np.ones(len(y), real), classes_of(y)
            assert classes is not None
            labels, values = self._by_class
            counted = classes >= 0
            own[counted] = values[np.searchsorted(labels, classes[counted])]
            found = own if found is None else np.asarray(found * own)
        if found is None and self.ignored is not None:
            found = np.ones(len(y), real)
        if found is not None:
            check_weighted(self._given.loss, name)
        return found

    def check(self, rows: Rows) -> None:
        """Run the checks of values that model and loss asked for."""
        if self.recorder is not None:
            check_values(rows, self.recorder)

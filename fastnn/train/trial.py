"""The first run of a step, which checks the data against model, loss and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import guards
from fastnn.compiler.recorder import Recorder
from fastnn.nn.losses.suited import odd_targets
from fastnn.tape import listener
from fastnn.tensor import Tensor, of_array
from fastnn.train.validation import Given, Rows, check_loss, check_outputs

if TYPE_CHECKING:
    from fastnn.nn import Module


class Trial:
    """Checks the given data while a step is recorded on the first rows.

    Args:
        given: x, and the targets and weights, which are needed once the outputs are known.
        size: rows per step.
        metrics: the names of all metrics.

    Attributes:
        rows: all rows, once the model has run.
    """

    rows: Rows

    def __init__(self, model: Module, given: Given, size: int, metrics: Iterable[str]) -> None:
        self._model, self._given, self._size, self._metrics = model, given, size, metrics
        self._new = not guards.is_known(model, given.loss)
        self._warning: str | None = None
        self._applies = ""

    def targets(self, z: Tensor) -> list[Tensor]:
        """y and any weights for outputs z; they become inputs of the recording.

        Raises:
            TypeError, ValueError: outputs, targets or weights that do not fit.
        """
        check_outputs(z, self._size)
        self.rows = self._given.rows(z.shape[1:])
        sample = self.rows.sample(np.arange(self._size), self._given.loss).arrays()[1:]
        recorder = listener.active
        assert isinstance(recorder, Recorder)
        recorder.take(sample)
        return [of_array(a) for a in sample]

    def look(self, z: Tensor, value: Any) -> None:
        """Check the loss, and inspect how it depends on z while that is on the tape."""
        check_loss(self._given.loss, value)
        if self._new:
            applies = self._applies = guards.applied_to(z, value)
            found = guards.found_in(self._given.loss, z, applies, self._metrics)
            self._warning = found or odd_targets(self._given.loss, applies, self.rows.y)

    def report(self) -> None:
        """Warn about the findings of `look`."""
        if self._new:
            guards.report(self._model, self._given.loss, self._warning, self._applies)

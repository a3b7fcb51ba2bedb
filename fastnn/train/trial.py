"""The first run of a step: it also shows whether the data suit model, loss and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import guards
from fastnn.compiler.recorder import Recorder
from fastnn.tape import listener
from fastnn.tensor import Tensor
from fastnn.train.validation import Given, Rows, check_loss, check_outputs

if TYPE_CHECKING:
    from fastnn.nn import Module


class Trial:
    """Checks what is given while a step is recorded on its first rows.

    Args:
        given: x, and what the step asks for when it has the model's outputs.
        size: rows of the step.
        metrics: the names of all metrics.

    Attributes:
        rows: all rows, once the model has run.
    """

    rows: Rows

    def __init__(self, model: Module, given: Given, size: int, metrics: Iterable[str]) -> None:
        self._model, self._given, self._size, self._metrics = model, given, size, metrics
        self._new = not guards.is_known(model, given.loss)
        self._warning: str | None = None

    def targets(self, z: Tensor) -> list[Tensor]:
        """y and the weights, if there are some, for outputs z; inputs of the recording from here.

        Raises:
            TypeError, ValueError: outputs, targets or weights that do not fit.
        """
        check_outputs(z, self._size)
        self.rows = self._given.rows(z.shape[1:])
        sample = self.rows.sample(np.arange(self._size), self._given.loss).arrays()[1:]
        recorder = listener.active
        assert isinstance(recorder, Recorder)
        recorder.take(sample)
        return [Tensor(a) for a in sample]

    def look(self, z: Tensor, value: Any) -> None:
        """Check the loss, and look at how it is made of z, while that is on the tape."""
        check_loss(self._given.loss, value)
        if self._new:
            applies = guards.applied_to(z, value)
            self._warning = guards.found_in(self._given.loss, z, applies, self._metrics)

    def report(self) -> None:
        """Warn of what `look` has found."""
        if self._new:
            guards.report(self._model, self._given.loss, self._warning)

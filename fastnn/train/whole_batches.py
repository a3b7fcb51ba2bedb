"""A training loop of whole batches, in an order that the caller writes before each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.train.key import Recordings
from fastnn.train.loop import Loop
from fastnn.train.steps import Steps
from fastnn.train.update import Asked, Update

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastnn.nn import Module
    from fastnn.optim.block_optimizer import BlockOptimizer
    from fastnn.train.loop import Rates
    from fastnn.train.validation import Rows

__all__ = ["WholeBatches"]


class WholeBatches:
    """Epochs of n // batch steps; the rows that fill no batch are left out.

    Args:
        model, loss, optimizer: as for `Trainer`.
        rows: the training rows, checked.
        batch: rows of a step, at most all.
        mode: what operands of products are rounded to, see `tape.rounding`.

    Attributes:
        order: int64 of (steps * batch,): row numbers that the next epoch goes through; the caller
            fills it before each `start`.
        steps: steps of an epoch.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[..., Any],
        optimizer: BlockOptimizer,
        rows: Rows,
        batch: int,
        mode: int = 0,
    ) -> None:
        self.steps: int = len(rows.x) // batch
        self.order: NDArray[np.int64] = np.arange(self.steps * batch, dtype=np.int64)
        step = Steps(model, loss, optimizer, Recordings(), mode)
        asked = Asked({}, Update())
        recording = step.recording("update", rows, self.order[:batch].copy(), asked, first=True)
        if recording.captures.doubts:
            raise RuntimeError(f"the step does not compile: {recording.captures.doubts}")

        def record(part: int) -> Any:
            raise AssertionError("all batches are whole")

        self._loop = Loop(
            [recording, None, None], record, rows.arrays(), batch, self.order, False, 0
        )

    def start(self, rates: Rates | None = None) -> None:
        """Begin an epoch in the present order.

        rates: (target, values) each, a row of `values` for each step; see `Loop.start`.
        """
        self._loop.start(0, 1, rates)

    def run(self, at_most: int | None = None) -> bool:
        """Run steps for a moment; True while the epoch has more.

        at_most: threads; default: as many as are set for the process.

        Raises:
            FloatingPointError: the loss is not finite; that step is not applied.
        """
        return self._loop.run(at_most)

    @property
    def loss(self) -> float:
        """The mean loss of the epoch's steps so far."""
        total, done = self._loop.sums_of(0), self._loop.done
        return float(total[0]) / max(done * (len(self.order) // self.steps), 1)

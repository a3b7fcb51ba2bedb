"""Epochs in C: data, programs and figures of a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine, program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording

CHUNK_SECONDS = 0.05  # C runs this long before Python looks at signals and progress

Rates = list[tuple["NDArray[np.float64]", "NDArray[np.float64]"]]


def batch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the rows that `Trainer.fit` uses in an epoch of a fit with this seed."""
    order = np.empty(rows, np.int64)
    program.shuffle(order, seed, epoch)
    return order


def parted(rows: int, batch: int, merge: bool) -> tuple[int, int]:
    """How many batches an epoch has, and the rows of the last.

    merge: a single row that would be left is taken by the batch before it.
    """
    steps = -(-rows // batch)
    if merge and steps > 1 and rows == (steps - 1) * batch + 1:
        steps -= 1
    return steps, rows - (steps - 1) * batch


class Loop:
    """Epochs over data by recordings of full batches, and of the last one, if it is not full.

    Args:
        recordings: of a full batch; of the last batch; of a full batch that only adds to the
            gradients. None where no step needs it.
        data: arrays of as many rows.
        batch: rows of a full batch.
        order: the order of the rows, renewed for every epoch if `shuffle`.
        seed: the key of the shuffles.
        every: batches of a group, the last of which updates the weights.
        steps: of an epoch, as `parted` has them; the last takes the rows that are left.
    """

    def __init__(
        self,
        recordings: tuple[Recording, Recording | None, Recording | None],
        data: tuple[NDArray[Any], ...],
        batch: int,
        order: NDArray[np.int64],
        shuffle: bool,
        seed: int,
        every: int = 1,
        steps: int | None = None,
    ) -> None:
        body = recordings[0]
        self.before_run = body.recorder.before_run
        self.rows = len(order)
        self.steps = -(-self.rows // batch) if steps is None else steps
        self._order, self._batch = order, batch
        self._key = seed if shuffle else None
        last = self.rows - (self.steps - 1) * batch
        # All recordings gather into the same batch arrays; each has its own outputs.
        batches = [np.empty((max(batch, last), *a.shape[1:]), a.dtype) for a in data]
        bound: list[tuple[NDArray[Any], ...]] = []
        for recording in recordings:
            rows = last if recording is recordings[1] else batch
            given = tuple(b[:rows] for b in batches)
            bound.append(() if recording is None else given + self._outputs(recording))
        self._totals = [
            (_position(body, v), engine.DTYPES.index(v.dtype.name)) for v in body.outputs
        ]
        first, tail, within = (None if r is None else r.program for r in recordings)
        self._loop = program.Loop(
            (first, tail, within),
            tuple(bound),
            [np.ascontiguousarray(a) for a in data],
            self._totals,
            batch,
            self.steps,
            order,
            shuffle,
            seed,
            every,
        )

    @staticmethod
    def _outputs(recording: Recording) -> tuple[NDArray[Any], ...]:
        made = recording.bound[recording.n_inputs :]
        return tuple(np.empty(s.array.shape, s.array.dtype) for s in made)

    def start(
        self,
        epoch: int,
        last: int,
        rates: Rates | None = None,
        step: int = 0,
        sums: NDArray[Any] | None = None,
    ) -> None:
        """Begin with an epoch, at one of its steps, and stop before another epoch.

        rates: (target, values) each: before the i-th step from here the float64 vector `target`
            becomes row i of `values`.
        sums: what the steps of the first epoch up to `step` have added up.
        """
        self._first = epoch
        self.sums = np.zeros((last - epoch, len(self._totals)))
        if sums is not None:
            self.sums[0] = sums
        if step and self._key is not None:
            program.shuffle(self._order, self._key, epoch)
        self._loop.start(epoch, step, last, self.sums, rates)

    def run(self) -> bool:
        """Steps for about CHUNK_SECONDS; True while there are more."""
        for sync in self.before_run:
            sync()
        more: bool = self._loop.run(CHUNK_SECONDS)
        return more

    def rows_of_step(self) -> NDArray[np.int64]:
        """The rows of the next step, within an epoch or after a step that failed."""
        begin, last = self.step * self._batch, self.step == self.steps - 1
        return self._order[begin : None if last else begin + self._batch]

    def sums_of(self, epoch: int) -> NDArray[np.float64]:
        """What the steps of an epoch have added up: each output times the rows of its batch."""
        found: NDArray[np.float64] = self.sums[epoch - self._first]
        return found

    @property
    def epoch(self) -> int:
        """The epoch of the next step."""
        return self._loop.epoch

    @property
    def step(self) -> int:
        """The next step within its epoch."""
        return self._loop.step

    @property
    def done(self) -> int:
        """Steps done since the start."""
        return self._loop.done


def _position(recording: Recording, value: Any) -> int:
    return recording.bound.index(value.storage)

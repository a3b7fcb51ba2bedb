"""Epochs in C: data, programs and figures of a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.recording import Recording

CHUNK_SECONDS = 0.05  # C runs this long before Python looks at signals and progress


def batch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the rows that `Trainer.fit` uses in an epoch of a fit with this seed."""
    order = np.empty(rows, np.int64)
    engine.shuffle(order, seed, epoch)
    return order


class Loop:
    """Epochs over data by recordings of full batches, and of the last, smaller one.

    Args:
        recordings: of a full batch; of the last, smaller one; of a full batch that only adds to
            the gradients. None where no step needs it.
        data: arrays of as many rows.
        batch: rows of a full batch.
        order: the order of the rows, renewed for every epoch if `shuffle`.
        seed: the key of the shuffles.
        every: batches of a group, the last of which updates the weights.
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
    ) -> None:
        body = recordings[0]
        self.before_run = body.recorder.before_run
        self.rows = len(order)
        self.steps = -(-self.rows // batch)  # of an epoch
        # All recordings gather into the same batch arrays; each has its own outputs.
        batches = [np.empty((batch, *a.shape[1:]), a.dtype) for a in data]
        bound: list[tuple[NDArray[Any], ...]] = []
        for recording in recordings:
            rows = self.rows % batch if recording is recordings[1] else batch
            given = tuple(b[:rows] for b in batches)
            bound.append(() if recording is None else given + self._outputs(recording))
        self._totals = [(_position(body, v), int(v.dtype.itemsize == 8)) for v in body.outputs]
        first, tail, within = (None if r is None else r.program for r in recordings)
        self._loop = engine.Loop(
            (first, tail, within),
            tuple(bound),
            [np.ascontiguousarray(a) for a in data],
            self._totals,
            batch,
            self.rows,
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
        rates: list[tuple[NDArray[Any], NDArray[Any]]] | None = None,
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
        self._loop.start(epoch, step, last, self.sums, rates)

    def run(self) -> bool:
        """Steps for about CHUNK_SECONDS; True while there are more."""
        more: bool = self._loop.run(CHUNK_SECONDS)
        return more

    def means(self, epoch: int) -> list[float]:
        """Loss and metrics of a finished epoch, averaged over rows."""
        means: list[float] = (self.sums[epoch - self._first] / self.rows).tolist()
        return means

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

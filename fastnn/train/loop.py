"""Epochs in C: data, programs and figures of a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compile import Recording

CHUNK_SECONDS = 0.05  # C runs this long before Python looks at signals and progress


def batch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the rows that `Trainer.fit` uses in an epoch of a fit with this seed."""
    order = np.empty(rows, np.int64)
    engine.shuffle(order, seed, epoch)
    return order


class Loop:
    """Epochs over data by one or two recordings: full batches, and the last, smaller one."""

    def __init__(
        self,
        recordings: list[Recording],
        data: tuple[NDArray[Any], ...],
        batch: int,
        order: NDArray[np.int64],
        shuffle: bool,
        seed: int,
    ) -> None:
        body, tail = recordings[0], recordings[1] if len(recordings) > 1 else None
        self.before_run = body.recorder.before_run
        self.rows = len(order)
        # Both recordings gather into the same batch arrays; each has its own outputs.
        batches = [np.empty((batch, *a.shape[1:]), a.dtype) for a in data]
        outputs = [self._outputs(r) for r in recordings]
        tail_rows = self.rows % batch
        tail_bound = tuple(b[:tail_rows] for b in batches) + outputs[-1]
        self._totals = [(_position(body, v), int(v.dtype.itemsize == 8)) for v in body.outputs]
        self._loop = engine.Loop(
            body.program,
            tail.program if tail else None,
            (*batches, *outputs[0]),
            tail_bound if tail else (),
            [np.ascontiguousarray(a) for a in data],
            self._totals,
            batch,
            self.rows,
            order,
            shuffle,
            seed,
        )

    @staticmethod
    def _outputs(recording: Recording) -> tuple[NDArray[Any], ...]:
        made = recording.bound[recording.n_inputs :]
        return tuple(np.empty(s.array.shape, s.array.dtype) for s in made)

    def start(self, epoch: int, last: int) -> None:
        """Begin with an epoch and stop before another one."""
        self._first = epoch
        self._sums = np.zeros((last - epoch, len(self._totals)))
        self._loop.start(epoch, 0, last, self._sums)

    def run(self) -> bool:
        """Steps for about CHUNK_SECONDS; True while there are more."""
        more: bool = self._loop.run(CHUNK_SECONDS)
        return more

    def means(self, epoch: int) -> list[float]:
        """Loss and metrics of a finished epoch, averaged over rows."""
        means: list[float] = (self._sums[epoch - self._first] / self.rows).tolist()
        return means

    @property
    def epoch(self) -> int:
        """The epoch of the next step."""
        return self._loop.epoch

    @property
    def step(self) -> int:
        """The next step within its epoch."""
        return self._loop.step


def _position(recording: Recording, value: Any) -> int:
    return recording.bound.index(value.storage)

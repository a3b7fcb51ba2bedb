"""The training loop in C: data, programs and sums of losses and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core import engine, program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording

CHUNK_SECONDS = 0.05  # C runs this long before Python handles signals and progress

Rates = list[tuple["NDArray[np.float64]", "NDArray[np.float64]"]]


def batch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the rows in an epoch of a `Trainer.fit` with this seed."""
    order = np.empty(rows, np.int64)
    program.shuffle(order, seed, epoch)
    return order


def parted(rows: int, batch: int, merge: bool) -> tuple[int, int]:
    """The number of batches in an epoch, and the rows of the last.

    merge: a single remaining row joins the batch before it.
    """
    steps = -(-rows // batch)
    if merge and steps > 1 and rows == (steps - 1) * batch + 1:
        steps -= 1
    return steps, rows - (steps - 1) * batch


def team(cost: float, at_most: int | None) -> int | None:
    """The size of the team for a run of so many microseconds; None leaves it to the engine."""
    return None if at_most is None else program.team_size(cost, at_most)


class _Parts:
    """The programs of a loop and their arrays.

    data: the arrays from which batches are gathered.
    rows: rows per batch of each program.
    record: makes the recording of a program.
    """

    def __init__(
        self,
        data: tuple[NDArray[Any], ...],
        rows: tuple[int, int, int],
        record: Callable[[int], Recording],
    ) -> None:
        self._rows, self._record = rows, record
        self.recordings: list[Recording | None] = [None] * len(rows)
        self.reached: list[Recording] = []  # those that there are
        # All programs gather into the same batch arrays; each has its own outputs.
        self._batches = [np.empty((max(rows), *a.shape[1:]), a.dtype) for a in data]
        self.before_run: list[Callable[[], object]] = []

    def let_go(self) -> None:
        """Let go of what makes recordings, and of the data that it has: all are made."""
        self._record = _none_is_left

    def make(self, part: int) -> tuple[program.Program, tuple[NDArray[Any], ...]]:
        """Make the program of a kind of step that is reached for the first time, and its arrays."""
        recording = self._record(part)
        return recording.program, self.bound(part, recording)

    def bound(self, part: int, recording: Recording) -> tuple[NDArray[Any], ...]:
        """The arrays of a program: the batch, then new outputs."""
        self.recordings[part] = recording
        self.reached.append(recording)
        self.before_run = recording.recorder.before_run or self.before_run
        made = recording.bound[recording.n_inputs :]
        outputs = tuple(np.empty(s.array.shape, s.array.dtype) for s in made)
        return tuple(b[: self._rows[part]] for b in self._batches) + outputs


def _none_is_left(part: int) -> Recording:
    raise AssertionError(f"all recordings were made, but number {part} was not")


class Loop:
    """Epochs over data by recorded steps for full batches and for a smaller last batch.

    Args:
        recordings: of a full batch; of the last batch; of a full batch that only adds to the
            gradients. None where no step needs it, or it is not recorded yet; at least one is.
        record: makes one of them, by its number, when a step first needs it.
        data: arrays of as many rows.
        batch: rows of a full batch.
        order: the order of the rows, reshuffled for every epoch if `shuffle`.
        seed: the key of the shuffles.
        every: batches per update; the last of them updates the weights.
        steps: steps per epoch, as from `parted`; the last takes the remaining rows.

    Attributes:
        recordings: those of the kinds of steps that were reached.
        synced: set it to True if all that the next run reads is written, as hyperparameters are.
    """

    synced: bool

    def __init__(
        self,
        recordings: Sequence[Recording | None],
        record: Callable[[int], Recording],
        data: tuple[NDArray[Any], ...],
        batch: int,
        order: NDArray[np.int64],
        shuffle: bool,
        seed: int,
        every: int = 1,
        steps: int | None = None,
    ) -> None:
        self.rows: int = len(order)
        self.steps: int = -(-self.rows // batch) if steps is None else steps
        self._order, self._batch = order, batch
        self._key = seed if shuffle else None
        self.synced = False
        last = self.rows - (self.steps - 1) * batch
        self._needed = {0 if last == batch else 1, *((0,) if self.steps > 1 else ())}
        self._needed |= {2} if every > 1 and self.steps > 1 else set()
        self._parts = parts = _Parts(data, (batch, last, batch), record)
        self.recordings: list[Recording] = parts.reached
        first = next(r for r in recordings if r is not None)
        self._totals = [
            (_position(first, v), engine.DTYPES.index(v.dtype.name)) for v in first.outputs
        ]
        bound = [() if r is None else parts.bound(i, r) for i, r in enumerate(recordings)]
        self._loop = program.Loop(
            [None if r is None else r.program for r in recordings],
            bound,
            [np.ascontiguousarray(a) for a in data],
            self._totals,
            batch,
            self.steps,
            order,
            shuffle,
            seed,
            every,
            parts.make,
        )

    def renew(self, data: tuple[NDArray[Any], ...], seed: int) -> None:
        """Take other data of the same types and shapes, and another key of the shuffles; or
        no data, until there are others. All kinds of steps were reached, if it is to run again.
        """
        self._loop.renew(list(map(np.ascontiguousarray, data)), seed)
        if not data:
            self._parts.let_go()
        self._key = self._key if self._key is None else seed

    def is_whole(self) -> bool:
        """Whether all kinds of steps were reached."""
        return all(self._parts.recordings[part] is not None for part in self._needed)

    def start(
        self,
        epoch: int,
        last: int,
        rates: Rates | None = None,
        step: int = 0,
        sums: NDArray[Any] | None = None,
    ) -> None:
        """Start at a step of an epoch, and stop before another epoch.

        rates: (target, values) each: before the i-th step from here the float64 vector `target`
            becomes row i of `values`.
        sums: the sums of the first epoch's steps before `step`.
        """
        self._first = epoch
        self.sums: NDArray[Any] = np.zeros((last - epoch, len(self._totals)))
        if sums is not None and sums.shape != self.sums[0].shape:
            raise ValueError(f"sums: expected shape {self.sums[0].shape}, got {sums.shape}")
        if sums is not None:
            self.sums[0] = sums
        if step and self._key is not None:
            program.shuffle(self._order, self._key, epoch)
        self._loop.start(epoch, step, last, self.sums, rates)

    def run(self, at_most: int | None = None) -> bool:
        """Run steps for about CHUNK_SECONDS; True while there are more.

        at_most: threads; default: as many as are set for the process.
        """
        for sync in () if self.synced else self._parts.before_run:
            sync()
        self.synced = False
        threads = None if at_most is None else team(self._cost(), at_most)
        more: bool = self._loop.run(CHUNK_SECONDS, threads)
        return more

    def _cost(self) -> float:
        """Microseconds of the longest step on one thread."""
        return max(p.cost for p in self._loop.programs if p is not None)

    def rows_of_step(self) -> NDArray[np.int64]:
        """The rows of the next step, or of the step that failed."""
        begin, last = self.step * self._batch, self.step == self.steps - 1
        return self._order[begin : None if last else begin + self._batch]

    def sums_of(self, epoch: int) -> NDArray[np.float64]:
        """The sums over an epoch's steps: each output times the rows of its batch."""
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

"""The training loop of a fit that several ranks share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.check import are_finite
from fastnn.ranks import Sums, own
from fastnn.train.loop import CHUNK_SECONDS
from fastnn.train.python_loop import PythonLoop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.ranks.sums import Vectors
    from fastnn.train.dealing import Dealing

Arrays = tuple["NDArray[Any]", ...]
Compute = Callable[["NDArray[np.int64]", int], Sequence[float]]
_FLAGS = 3  # asked to stop, interrupted, random keys drawn


class Work(NamedTuple):
    """What the steps of a loop do.

    compute: the gradients of some rows, given their numbers and that of their slice; it gives loss
        and metrics.
    update: updates the weights by the gradients.
    cuts: where the slices of a batch of so many rows begin and end.
    gradients, buffers: memory that a slice writes. Buffers of floats are averaged over slices.
    drawn: int64 (2), of which the second counts the random keys drawn.
    adds: whether the loss is a sum over rows.
    figures, metrics: how many figures `compute` gives, and how many of them are metrics.
    weighs: whether rows have weights of their own, not only by the loss's weights of classes.
    """

    compute: Compute
    update: Callable[[], object]
    cuts: Callable[[int], list[tuple[int, int]]]
    gradients: list[NDArray[Any]]
    buffers: list[NDArray[Any]]
    drawn: NDArray[np.int64]
    adds: bool
    figures: int
    metrics: int
    weighs: bool


class DealtLoop(PythonLoop):
    """Epochs over data like those of `Loop`; of each batch this rank computes its slices.

    The gradients of a batch are sum_s w_s g_s / sum_s w_s, where slice s has the gradients g_s, and
    w_s rows or, if rows have weights, their sum; of a loss that is a sum over rows sum_s g_s.

    Args:
        dealing: who takes part.
        work: what a step does.
        doubts: why the slices run in Python, if they do.
        data, batch, key, steps: as of `PythonLoop`.

    Attributes:
        wants_to_stop: set it to True to stop all ranks after the same step.
        stopped: whether they have.
    """

    wants_to_stop: bool
    stopped: bool

    def __init__(
        self,
        dealing: Dealing,
        work: Work,
        doubts: tuple[str, ...],
        data: Arrays,
        batch: int,
        key: int | None,
        steps: int,
    ) -> None:
        order = np.arange(len(data[0]), dtype=np.int64)
        super().__init__(doubts, _of_slices, _of_slices, data, batch, order, key, 1, steps)
        self._ranks, self._work = dealing.ranks, work
        self._averaged = [b.reshape(-1) for b in work.buffers if b.dtype.kind == "f"]
        self._counted = [b.reshape(-1) for b in work.buffers if b.dtype.kind != "f"]
        numbers = np.zeros(1 + work.figures + _FLAGS)
        like = [*work.gradients, *self._averaged, *self._counted, numbers]
        self._sums = Sums(self._ranks, like)
        self._cuts: dict[int, list[tuple[int, int]]] = {}  # by the rows of a batch
        self._is_weighted = work.figures - work.metrics == 3
        self._interrupted = False
        self.wants_to_stop = self.stopped = False

    def run(self) -> bool:
        """Run steps for about CHUNK_SECONDS; True while there are more and nobody asked to stop.

        Raises:
            KeyboardInterrupt: on all ranks after the same step, if one had Ctrl-C.
            FloatingPointError: on all ranks, if the loss or a buffer is not finite.
        """
        end = time.perf_counter() + CHUNK_SECONDS
        while self.epoch < self._last:
            self._run_step()
            if self._interrupted:
                self._ranks.interrupts = 0
                raise KeyboardInterrupt
            if self.stopped or time.perf_counter() >= end:
                break
        return self.epoch < self._last and not self.stopped

    def _figures_of(self, rows: NDArray[np.int64], updates: bool) -> Sequence[float]:
        """One step, of all ranks."""
        work, ranks = self._work, self._ranks
        cuts = self._cuts.get(len(rows))
        if cuts is None:
            cuts = self._cuts[len(rows)] = work.cuts(len(rows))
        before = [buffer.copy() for buffer in work.buffers]
        drawn = int(work.drawn[1])
        first = own(ranks.rank, ranks.size, len(cuts)).first

        def undo() -> None:
            for buffer, values in zip(work.buffers, before, strict=True):
                buffer[...] = values
            work.drawn[1] = drawn

        def compute(number: int, vectors: Vectors) -> None:
            undo()
            begin, end = cuts[number]
            self._take(work.compute(rows[begin:end], number), number, end - begin, vectors)
            draws = int(work.drawn[1]) - drawn
            told = (self.wants_to_stop, ranks.interrupts) if number == first else (0, 0)
            vectors[-1][-_FLAGS:] = *told, draws

        *vectors, numbers = self._sums.run(len(cuts), compute)
        weight, *figures = numbers[:-_FLAGS].tolist()
        stops, interrupts, draws = numbers[-_FLAGS:].tolist()
        undo()
        averaged = vectors[len(work.gradients) :][: len(self._averaged)]
        if not math.isfinite(figures[0]) or not all(map(are_finite, averaged)):
            raise FloatingPointError("loss or buffers: not finite")
        work.drawn[1] = drawn + int(draws) // len(cuts)
        self._give(vectors, weight, len(rows))
        work.update()
        self.stopped, self._interrupted = stops > 0, interrupts > 0
        loss, *others = (figure / len(rows) for figure in figures)
        if work.adds:
            loss = figures[0]
        elif self._is_weighted:
            loss = figures[1] / weight if weight else 0.0
            others = others if work.weighs else others[2:]
        return [loss, *others]

    def _take(self, figures: Sequence[float], number: int, rows: int, vectors: Vectors) -> None:
        """Write what a slice gave, times its weight: gradients, buffers, figures. Buffers of whole
        numbers, such as a count of steps, become those of slice 0."""
        work, places = self._work, iter(vectors)
        weight = float(rows)
        if work.adds:
            weight = 1.0
        elif self._is_weighted:  # the third is the mean of the weights
            weight = figures[2] * rows
        for gradient in work.gradients:
            np.multiply(gradient, weight, out=next(places))
        for buffer in self._averaged:
            np.multiply(buffer, float(rows), out=next(places))
        for count in self._counted:
            next(places)[:] = 0 if number else count
        loss = figures[0] if work.adds else figures[0] * rows
        next(places)[:-_FLAGS] = weight, loss, *(figure * rows for figure in figures[1:])

    def _give(self, vectors: Vectors, weight: float, rows: int) -> None:
        """Write the means to where the update and the next step read them."""
        work, places = self._work, iter(vectors)
        for gradient in work.gradients:
            np.divide(next(places), 1.0 if work.adds else weight or 1.0, out=gradient)
        for buffer in self._averaged:
            np.divide(next(places), float(rows), out=buffer)
        for count in self._counted:
            count[:] = next(places)


def _of_slices(batch: Arrays) -> Sequence[float]:
    raise AssertionError("a step is computed slice by slice")

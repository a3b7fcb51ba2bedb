"""A loop that is used for another epoch or another fit, while a new one would be the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from fastnn.nn.modes import training_mode
from fastnn.tape import listener
from fastnn.train.loop import Loop
from fastnn.train.validation import Rows, ignored_label

if TYPE_CHECKING:
    import numpy as np

    from fastnn.train.python_loop import PythonLoop
    from fastnn.train.steps import Steps

    AnyLoop = Loop | PythonLoop

__all__ = ["Kept"]


class Kept:
    """The training loop of a fit, or its evaluation loop.

    Args:
        steps: what makes it.
        batch: rows of a full batch, as asked for.
        training: the mode of the model; False: evaluation.

    Attributes:
        loop: the last one; None before the first.
    """

    def __init__(self, steps: Steps, batch: int, training: bool) -> None:
        self.loop: AnyLoop | None = None
        self._steps, self._batch, self._training = steps, batch, training
        self._rows: Rows | None = None
        self._seed = 0
        self._kinds: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        self._parted: tuple[int, int, int] = (0, 0, 0)
        self._changes = 0  # of modules, when that was found
        self._ignores = False

    def over(self, rows: Rows, seed: int, make: Callable[[], AnyLoop]) -> AnyLoop:
        """The loop over these rows.

        seed: the key of its shuffles.
        make: makes a loop, if the last one is not as a new one would be.
        """
        loop, ignores = self.loop, ignored_label(self._steps.loss, rows.y) is not None
        if not (
            isinstance(loop, Loop)
            and ignores == self._ignores
            and self._takes(loop, rows, seed)
            and self.holds()
        ):
            loop = self.loop = make()
            self._kinds, self._ignores = _kinds_of(rows), ignores
            self._parted = self._steps.parted(len(rows.x), self._batch)
            self._changes = self._steps.model.changes
        self._rows, self._seed = rows, seed
        return loop

    def keep(self, loop: AnyLoop) -> AnyLoop:
        """Keep a loop that was made now, over rows that are not all in memory."""
        self.loop, self._changes = loop, self._steps.model.changes
        self._parted = self._steps.parted(loop.rows, self._batch)
        return loop

    def again(self, rows: Rows, seed: int) -> Loop:
        """The loop over other rows of the same kinds, which were looked at; it holds."""
        assert isinstance(self.loop, Loop)
        self.loop.renew(rows.arrays(), seed)
        self._rows, self._seed = rows, seed
        return self.loop

    def _takes(self, loop: Loop, rows: Rows, seed: int) -> bool:
        """Whether the loop can run over these rows; if so, it has them."""
        if rows is self._rows and seed == self._seed:
            # Where they are not packed, the loop has a copy, of what they were.
            return all([a.flags.c_contiguous for a in rows.arrays()])
        if not loop.is_whole() or _kinds_of(rows) != self._kinds:
            return False
        loop.renew(rows.arrays(), seed)
        return True

    def holds(self) -> bool:
        """Whether the recordings of the loop hold; if so, hyperparameters are written for a run."""
        assert isinstance(self.loop, Loop)
        model, recordings = self._steps.model, self.loop.recordings
        with listener.lock:  # while nobody sets modes for a while
            for recording in recordings:
                if not recording.same():
                    break
            else:
                self.loop.synced = True
                return True
            as_is = self._training and model.training
            with nullcontext() if as_is else training_mode(model, self._training):
                if not (_are_same(recordings) or all([r.look() for r in recordings])):
                    return False
            if not self._is_parted():
                return False
        self.loop.synced = True
        return True

    def _is_parted(self) -> bool:
        """Whether the model still takes batches of these sizes."""
        assert self.loop is not None
        changes = self._steps.model.changes
        if self._changes != changes:
            if self._parted != self._steps.parted(self.loop.rows, self._batch):
                return False
            self._changes = changes
        return True

    @property
    def steps(self) -> int:
        """Batches of an epoch of the loop."""
        return self._parted[0]

    def is_whole(self) -> bool:
        """Whether other rows of the same kinds can take the place of these."""
        return isinstance(self.loop, Loop) and self.loop.is_whole()

    def rest(self) -> None:
        """Let go of the rows."""
        self._rows = None
        assert isinstance(self.loop, Loop)
        self.loop.renew((), 0)


def _are_same(recordings: list[Any]) -> bool:
    """Whether nothing has changed, in any mode, since they were looked at, as C can tell."""
    return all(recording.same() for recording in recordings)


def _kinds_of(rows: Rows) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
    return [(a.shape, a.dtype) for a in rows.arrays()]

"""The state before a fit, to be put back where the fit is refused before its first step."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.columns import put_back, remembered
from fastnn.random.generator import default_generator
from fastnn.train.gradients import Gradients
from fastnn.train.plan import Plan
from fastnn.train.session import Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SET_BY_A_FIT = ("_asked", "seed", "validation_rows", "history", "stop_training")


class Before:
    """What a fit changes before its first step, so that it can be put back.

    Args:
        trainer: whose fit it is.
        records: whether it may record steps, which changes gradients.

    Attributes:
        session: the fit, once it runs.
    """

    def __init__(self, trainer: Any, records: bool = True) -> None:
        self._trainer = trainer
        self._set = {name: getattr(trainer, name) for name in _SET_BY_A_FIT}
        self._random = default_generator.__getstate__()
        self._columns = remembered(trainer.model)
        self._gradients = Gradients(trainer.model, trainer.optimizer) if records else None
        self._stateful: list[Any] = []
        self._callbacks: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._state: tuple[list[NDArray[Any]], list[Any]] | None = None
        self.session: Session | None = None

    def take(self, plan: Plan, resumes: bool) -> None:
        """Keep what a plan brings, and where it resumes from a checkpoint, all that this has."""
        scheduler = plan.schedule.scheduler
        self._stateful = [self._trainer.optimizer, *([] if scheduler is None else [scheduler])]
        self._callbacks = [(vars(each), dict(vars(each))) for each in plan.callbacks]
        self._state = self._all() if resumes else None

    def _tensors(self) -> list[NDArray[Any]]:
        model = self._trainer.model
        return [t._array for t in (*model.parameters(), *model.buffers())]

    def _all(self) -> tuple[list[NDArray[Any]], list[Any]]:
        states = [copy.deepcopy(part.state_dict()) for part in self._stateful]
        return [array.copy() for array in self._tensors()], states

    def put_back(self) -> None:
        """Put everything back, unless the first step has begun."""
        if self.session is not None and self.session.has_trained:
            return
        for name, value in self._set.items():
            setattr(self._trainer, name, value)
        put_back(self._trainer.model, self._columns)
        if self._gradients is not None:
            self._gradients.put_back()
        for own, values in self._callbacks:
            own.clear()
            own.update(values)
        if self._state is not None:
            arrays, states = self._state
            for part, state in zip(self._stateful, states, strict=True):
                part.load_state_dict(state)
            for array, value in zip(self._tensors(), arrays, strict=True):
                np.copyto(array, value)
        default_generator.set_state(self._random)


@contextmanager
def undone_if_refused(trainer: Any, records: bool = True) -> Iterator[Before]:
    """Within it a fit runs; where it is refused before its first step, everything is put back.

    records: as of `Before`.
    """
    before = Before(trainer, records)
    try:
        yield before
    except Exception:  # a callback raises what it likes
        before.put_back()
        raise

"""A fit like an earlier one: what that was made of is kept, and used again if nothing changed."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fastnn._core.replay import Feeds
from fastnn._support import check
from fastnn._support.dtypes import wide
from fastnn._support.forks import Turn
from fastnn._support.rows import as_rows
from fastnn.nn.modes import training_mode
from fastnn.tape import listener
from fastnn.train.callbacks import Training
from fastnn.train.loop import Loop
from fastnn.train.progress import ProgressBar
from fastnn.train.session import EPOCHS_AT_ONCE, Session
from fastnn.train.validation import Given, Rows, check_finite, check_values, real_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.nn import Module
    from fastnn.train.history import History

MOST = 4  # fits that are kept, by their number of rows
MOST_ROWS = 1 << 16  # of such a fit: its steps take longer than what is saved
_PLAIN = (int, float, str, bool)


class Trains(Training, Protocol):
    """The part of `Trainer` that a fit again uses."""

    _fitting: Turn

    def _begin(self, asked: Any, seed: int, held_out: Any) -> None: ...

    def _new_seed(self) -> int: ...


class Again:
    """What the last fits of a trainer were made of.

    Only plain fits are kept, where nothing but steps happens: no callbacks, validation, schedule,
    weights of rows, accumulation or file.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Fit] = OrderedDict()

    def fit(
        self, trainer: Trains, x: Any, y: Any, epochs: Any, verbose: Any, settings: tuple[Any, ...]
    ) -> History | None:
        """The history of a fit; None, and nothing was done, where `Trainer.fit` has to look."""
        try:
            kept = self._kept.get(len(x))
        except TypeError:
            return None
        if kept is None or type(epochs) is not int or not 0 < epochs <= EPOCHS_AT_ONCE:
            return None
        if verbose != 0 and not (verbose == 1 and not ProgressBar(1).active):
            return None
        if not _alike(settings, kept.settings):
            return None
        return kept.fit(trainer, x, y, epochs)

    def keep(self, session: Session, loop: Any, settings: tuple[Any, ...], y: Any) -> None:
        """Keep what a fit that is over was made of, if it was a plain one.

        y: the targets as they were given.
        """
        rows, steps = session.rows, session.steps
        plain = session.is_plain() and isinstance(loop, Loop) and steps.model.training
        if not plain or rows.weight is not None or len(rows.x) > MOST_ROWS:
            return
        fit = Fit(session, loop, settings, y)
        if fit.suits():
            self._kept.pop(len(rows.x), None)
            self._kept[len(rows.x)] = fit
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            session.rest()
            loop.renew((), 0)


class Fit:
    """One such fit, with what has to be the same for another."""

    def __init__(self, session: Session, loop: Loop, settings: tuple[Any, ...], y: Any) -> None:
        steps, rows = session.steps, session.rows
        self._session, self._loop, self.settings = session, loop, settings
        self._of = steps.model, steps.loss, steps.optimizer
        self._asked = session.plan.asked
        self._recordings = loop.recordings
        self._outputs = self._recordings[0].parts.outputs  # type: ignore[attr-defined]
        self._real, self._ignored = real_of(steps.model), getattr(steps.loss, "ignore_index", None)
        self._types = rows.x.dtype, rows.y.dtype
        self._column = np.ndim(y) == 1 and rows.y.ndim == 2
        self._classes = self._classes_of(rows.y)
        self._feeds = Feeds(rows.x, rows.y, self._classes)
        # Most checks of values ask for classes, as C does before.
        self._checks = any(
            not 0 <= self._classes <= asked.classes for asked in self._recordings[0].recorder.checks
        )

    def _classes_of(self, y: NDArray[Any]) -> int:
        """Class numbers as targets are less than this; -1 where other targets are."""
        if y.dtype.kind != "i" or y.ndim != 1:
            return -1
        of_outputs = getattr(self._of[1], "targets", "") == "classes"
        return self._outputs[-1] if of_outputs else 2**31

    def suits(self) -> bool:
        """Whether C can check data of these types, and the recordings hold now."""
        x, y = self._types
        if x.kind != "f" or x.itemsize < 4 or (y.kind != "f" and y != np.int64):
            return False
        if isinstance(self._ignored, int) and not self._ignored < 0 <= self._classes:
            return False  # whether y has it says which step is needed
        with listener.lock:
            return self._look()

    def fit(self, trainer: Trains, x: Any, y: Any, epochs: int) -> History | None:
        """As `Again.fit`, for settings like those here."""
        model, loss, optimizer = self._of
        if (
            trainer.model is not model
            or trainer.loss is not loss
            or trainer.optimizer is not optimizer
            or getattr(loss, "ignore_index", None) is not self._ignored
            or not trainer._fitting.begin()
        ):
            return None
        try:
            rows = self._rows(x, y)
            if rows is None or not self._holds():
                return None
            return self._run(trainer, rows, epochs)
        finally:
            trainer._fitting.end()

    def _rows(self, x: Any, y: Any) -> Rows | None:
        """The checked rows; None if they are not like those of this fit, or not good."""
        if self._column and type(y) is np.ndarray and y.ndim == 1:
            y = y.reshape(-1, 1)
        rows = Rows(x, y)
        try:
            if not self._feeds.take(x, y):
                rows = self._converted(x, y)
                if rows.weight is not None or not self._feeds.take(rows.x, rows.y):
                    return None
            if self._checks:
                check_values(rows, self._recordings[0].recorder)
        except (TypeError, ValueError, IndexError):
            return None  # whoever looks again raises it in the order of the checks there
        return rows

    def _converted(self, x: Any, y: Any) -> Rows:
        given = Given(self._of[1], as_rows(x, "x", self._real), y, wide(self._real))
        return given.rows(self._outputs)

    def _holds(self) -> bool:
        """Whether a fit may run as before."""
        with listener.lock:  # while nobody sets modes for a while
            if not self._of[0].training:
                return False
            for recording in self._recordings:
                if not recording.same():
                    return self._look()
        return True

    def _look(self) -> bool:
        """Whether the recordings hold; if so, C tells from here on."""
        model = self._of[0]
        with training_mode(model, True):
            if not all([recording.look() for recording in self._recordings]):
                return False
        self._vectors = _vectors_of(model)
        self._buffered = any(True for _ in model.buffers())
        return True

    def _run(self, trainer: Trains, rows: Rows, epochs: int) -> History:
        seed = trainer._new_seed()
        trainer._begin(self._asked, seed, None)
        try:
            self._loop.renew(rows.arrays(), seed)
            self._session.again(trainer, rows, seed, epochs, self._loop)
        finally:
            self._session.rest()
            self._loop.renew((), 0)  # the user's data are not kept
        self._check_finite()
        return trainer.history

    def _check_finite(self) -> None:
        """As `check_finite`, which is asked where something is not."""
        if self._buffered:
            check_finite(self._of[0])
            return
        for flat in self._vectors:
            if flat is None or not (flat.is_intact() and check.are_finite(flat.values._array)):
                check_finite(self._of[0])
                return


def _alike(given: tuple[Any, ...], kept: tuple[Any, ...]) -> bool:
    """Whether settings are the same objects, equal numbers or texts, or lists of such."""
    for a, b in zip(given, kept, strict=True):  # noqa: SIM110 - `all` costs a call for each
        if a is not b and not _equal(a, b):
            return False
    return True


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and _alike(tuple(a), tuple(b))
    return type(a) in _PLAIN and bool(a == b)


def _vectors_of(model: Module) -> list[Any]:
    """The vectors of optimizers that hold the weights; None stands for weights elsewhere."""
    return list({id(p._flat): p._flat for p in model.parameters()}.values())

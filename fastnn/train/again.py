"""A fit like an earlier one: what that was made of is kept, and used again if nothing changed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from fastnn._support import check
from fastnn._support.columns import in_order
from fastnn._support.forks import Turn
from fastnn.train.before import undone_if_refused
from fastnn.train.callbacks import Training, listed
from fastnn.train.plan import OBJECTS, Arguments, Plan
from fastnn.train.progress import ProgressBar
from fastnn.train.rows_like import RowsLike
from fastnn.train.schedule import Schedule
from fastnn.train.session import EPOCHS_AT_ONCE, Session
from fastnn.train.validation import Rows, check_finite

if TYPE_CHECKING:
    from fastnn.nn import Module
    from fastnn.train.history import History

MOST = 4  # fits that are kept, by their number of rows and what they are given
MOST_ROWS = 1 << 16  # of such a fit: its steps take longer than what is saved
_PLAIN = (int, float, str, bool)

Kind = tuple[int, bool, bool]

SILENT = ProgressBar(0)


class Trains(Training, Protocol):
    """The part of `Trainer` that a fit again uses."""

    _fitting: Turn

    def _begin(self, asked: Any, seed: int, held_out: Any) -> None: ...

    def _new_seed(self) -> int: ...


class Again:
    """What the last fits of a trainer were made of.

    Kept are those of arrays as they are, without accumulation or file.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Kind, Fit] = OrderedDict()

    def fit(
        self, trainer: Trains, x: Any, y: Any, epochs: Any, verbose: Any, given: Arguments
    ) -> History | None:
        """The history of a fit; None, and nothing was done, where `Trainer.fit` has to look."""
        try:
            kept = self._kept.get(_kind_of(x, given))
        except TypeError:
            return None
        if kept is None or type(epochs) is not int or not 0 < epochs <= EPOCHS_AT_ONCE:
            return None
        if type(verbose) is not int or verbose not in (0, 1):
            return None
        bar = ProgressBar(verbose) if verbose else SILENT
        if bar.active:
            return None
        if not _alike(given[OBJECTS:], kept.given[OBJECTS:]):
            return None
        return kept.fit(trainer, x, y, epochs, bar, given)

    def keep(self, session: Session, rows: Rows, y: Any, given: Arguments) -> None:
        """Keep what a fit that is over was made of, if another one can use it.

        rows: all rows. y: the targets as they were given.
        """
        many = len(rows.x) > MOST_ROWS
        if many or not (session.can_run_again() and session.steps.model.training):
            return
        fit, kind = Fit(session, rows, y, given), _kind_of(rows.x, given)
        if fit.suits():
            self._kept.pop(kind, None)
            self._kept[kind] = fit
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            session.rest()


class Fit:
    """One such fit, with what has to be the same for another."""

    def __init__(self, session: Session, rows: Rows, y: Any, given: Arguments) -> None:
        steps, plan = session.steps, session.plan
        self._session, self._of = session, (steps.model, steps.loss, steps.optimizer)
        # Neither data nor callbacks are kept.
        self.given: Arguments = Arguments(*(None,) * OBJECTS, *given[OBJECTS:])
        none = Schedule(None, steps.optimizer, given.schedule, 1)
        self._plan = replace(plan, callbacks=[], schedule=none, bar=SILENT)
        self._ignored = getattr(steps.loss, "ignore_index", None)
        self._rows = RowsLike(session, rows, y, given.class_weight)
        self._held_out: RowsLike | None = None
        self._share = 0.0
        held, pair = session.held_out, given.validation_data
        if held is not None and pair is None:
            self._share = float(given.validation_split)
        elif held is not None and _is_pair(pair):
            self._held_out = RowsLike(session, held, pair[1])
        self._changes, self._vectors = steps.model.changes, _vectors_of(steps.model)

    def suits(self) -> bool:
        """Whether C can check data of these types, and the recordings hold now."""
        held = bool(self._share) or self._held_out is not None
        if held is not self._plan.validates or not self._rows.suits():
            return False
        if self._held_out is not None and not self._held_out.suits():
            return False
        return self._session.training.holds()

    def fit(
        self, trainer: Trains, x: Any, y: Any, epochs: int, bar: ProgressBar, given: Arguments
    ) -> History | None:
        """As `Again.fit`, for arguments like those here."""
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
            shown = replace(self._plan, bar=bar) if bar.telling else self._plan
            plan = self._plan_of(shown, given, epochs)
            rows = None if plan is None else self._rows.take(x, y, given.sample_weight)
            if plan is None or rows is None or not model.training:
                return None
            held = None
            if self._held_out is not None:
                x_held, *others = given.validation_data
                x_held = in_order(model, x_held, "validation x")
                held = self._held_out.take(x_held, *others)
                if held is None:
                    return None
            return (
                self._run(trainer, plan, rows, held, epochs)
                if self._session.training.holds()
                else None
            )
        finally:
            trainer._fitting.end()

    def _plan_of(self, plan: Plan, given: Arguments, epochs: int) -> Plan | None:
        """This plan with these objects; None if they are not good, or not looked at here."""
        pair, callbacks = given.validation_data, given.callbacks
        if (pair is None) is not (self._held_out is None) or not (pair is None or _is_pair(pair)):
            return None
        if given.scheduler is None and given.schedule != "epoch":
            return None  # which is refused
        if not callbacks and given.scheduler is None and given.monitor is None:
            return plan
        if not isinstance(callbacks, list | tuple):
            return None  # an iterator can be looked at once
        try:
            optimizer, unit = self._of[2], given.schedule
            schedule = Schedule(given.scheduler, optimizer, unit, 1, given.monitor)
            schedule.check_steps(0, 0, epochs, self._session.training.steps)
            return replace(plan, callbacks=listed(callbacks), schedule=schedule)
        except (TypeError, ValueError):
            return None

    def _run(
        self, trainer: Trains, plan: Plan, rows: Rows, held: Rows | None, epochs: int
    ) -> History:
        if not plan.callbacks:  # nothing of the user's can refuse it any more
            return self._trained(trainer, plan, rows, held, epochs)
        with undone_if_refused(trainer, records=False) as before:
            before.take(plan, resumes=False)
            before.session, self._session.has_trained = self._session, False
            return self._trained(trainer, plan, rows, held, epochs)

    def _trained(
        self, trainer: Trains, plan: Plan, rows: Rows, held: Rows | None, epochs: int
    ) -> History:
        seed, numbers = trainer._new_seed(), None
        if self._share:
            rows, held, numbers = rows.split(self._share, seed)
        trainer._begin(plan.asked, seed, numbers)
        self._session.again(trainer, plan, rows, held, seed, epochs)
        self._check_finite()
        return trainer.history

    def _check_finite(self) -> None:
        """As `check_finite`, which is asked where something is not."""
        model = self._of[0]
        if self._changes != model.changes:
            self._changes, self._vectors = model.changes, _vectors_of(model)
        if self._session.buffered:
            check_finite(model)
            return
        for flat in self._vectors:
            if flat is None or not (flat.is_intact() and check.are_finite(flat.values._array)):
                check_finite(model)
                return


def _kind_of(x: Any, given: Arguments) -> Kind:
    return len(x), given.validation_data is None, given.sample_weight is None


def _is_pair(given: Any) -> bool:
    return isinstance(given, list | tuple) and len(given) in (2, 3)


def _alike(given: tuple[Any, ...], kept: tuple[Any, ...]) -> bool:
    """Whether settings are the same objects, equal numbers or texts, or lists or dicts of such."""
    for a, b in zip(given, kept, strict=True):  # noqa: SIM110 - `all` costs a call for each
        if a is not b and not _equal(a, b):
            return False
    return True


def _equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and _alike(tuple(a), tuple(b))
    if type(a) is dict:  # the order of the keys does not matter
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    return type(a) in _PLAIN and bool(a == b)


def _vectors_of(model: Module) -> list[Any]:
    """The vectors of optimizers that hold the weights; None stands for weights elsewhere."""
    return list({id(p._flat): p._flat for p in model.parameters()}.values())

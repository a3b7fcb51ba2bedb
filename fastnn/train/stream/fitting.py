"""`Trainer.fit`, `evaluate`, `score` and `predict` of large tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastnn._support import check, columns
from fastnn._support.dtypes import wide
from fastnn._support.errors import InvalidTypeError, InvalidValueError
from fastnn.io.rows.table import LargeTable
from fastnn.train.checkpoint import Checkpoint, identity_of
from fastnn.train.feed import Feed
from fastnn.train.first_step import check_sizes
from fastnn.train.metrics import Metric, OfAllRows, named, whole_set
from fastnn.train.plan import Arguments, Plan, planned
from fastnn.train.predict import predict
from fastnn.train.session import Session
from fastnn.train.split import share_of
from fastnn.train.steps import Steps
from fastnn.train.stream.ahead import Ahead
from fastnn.train.stream.stream import Stream
from fastnn.train.stream.taking import Inputs
from fastnn.train.validation import (
    Known,
    Rows,
    SeveralOutputs,
    check_finite,
    checked_pair,
    ignored_in,
    real_of,
    tried,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.train.before import Before
    from fastnn.train.sums import AnyLoop
    from fastnn.train.update import Update

__all__ = ["evaluate_table", "fit_table", "predict_table"]

Figures = dict[str, float]


class _Session(Session):
    """A running fit over the rows of a table.

    Attributes:
        stream: of the training rows.
    """

    def __init__(
        self,
        trainer: Any,
        steps: Steps,
        plan: Plan,
        stream: Stream,
        held: Rows | Stream | None,
        seed: int,
        file: Checkpoint | None,
    ) -> None:
        self.stream, self._held = stream, held
        batch = steps.parted(stream.count, plan.batch)[1]
        self._ahead = stream.ahead(batch, seed if plan.shuffle else None, plan.epochs)
        super().__init__(trainer, steps, plan, stream.like, cast(Any, held), seed, file)

    @property
    def count(self) -> int:
        """Training rows."""
        return self.stream.count

    def _loop(self) -> AnyLoop:
        kept = self.training
        if kept.loop is None or self.plan.update.accumulate > 1 or not self._holds():
            self._ahead.stop()
            loop = self.stream.training(self.steps, self.plan, self._ahead)
            if self.plan.schedule.by_step and hasattr(loop, "after_update"):
                loop.after_update = self.plan.schedule.scheduler.step
            return kept.keep(loop)
        return kept.loop

    def _holds(self) -> bool:
        return not hasattr(self.training.loop, "doubts") and self.training.holds()

    def _x_of_step(self, loop: Any) -> NDArray[Any]:
        found: NDArray[Any] = loop.place.x_of(loop.step)
        return found

    def _figures(self, sums: NDArray[np.float64], loop: AnyLoop) -> Figures:
        return self.stream.figures(sums, self.plan.metrics)

    def _validated(self, rows: Any) -> Figures:
        if not isinstance(rows, Stream):
            return super()._validated(rows)
        kept, metrics = self._evaluation, self.plan.metrics
        if not (kept.loop is not None and not hasattr(kept.loop, "doubts") and kept.holds()):
            kept.keep(rows.evaluation(self.steps, metrics))
        return rows.evaluated(cast(Any, kept.loop), metrics)

    def run(self) -> None:
        """Run all epochs; if rows cannot be read, nothing counts as trained."""
        try:
            super().run()
        except Exception:
            of_held: Any = self._evaluation.loop if isinstance(self._held, Stream) else None
            if self._ahead.failed or (of_held is not None and of_held.place.ahead.failed):
                self.has_trained = False  # `Before` puts everything back
            raise
        finally:
            self._ahead.stop()


def fit_table(
    trainer: Any,
    table: LargeTable,
    beside: tuple[Any, Any],
    epochs: int,
    update: Update,
    verbose: int,
    given: Arguments,
    file: Checkpoint | None,
    before: Before,
) -> None:
    """Train on a table. beside: y and sample_weight, which it has itself."""
    check_alone(*beside)
    if trainer._dealing is not None:
        raise InvalidValueError(
            "x: expected arrays, as ranks train together (comm), got an open_table; each rank may "
            "train on a table of its own without comm"
        )
    table = _in_order(trainer.model, table)
    if getattr(trainer.optimizer, "closure_gives_loss", False):
        raise InvalidValueError(
            "optimizer: LBFGS takes its steps over all rows at once; expected arrays as x, or "
            "another optimizer"
        )
    share = share_of(given.validation_split, given.validation_data)
    batch = check.batch_size(given.batch_size)
    found = None if file is None else file.found
    seed = trainer._new_seed() if found is None else found["seed"]
    table, held = table.split(share, seed) if share else (table, given.validation_data)
    if isinstance(held, LargeTable):
        held = _in_order(trainer.model, held, columns.columns_of(table))
    model, loss = trainer.model, trainer.loss
    stream = Stream(table, model, loss, given.class_weight, "", min(batch, table.rows))
    feed = _feed_of(trainer, stream, table)
    held = held if isinstance(held, LargeTable) else feed.pair(held)
    plan = planned(feed, held, share, epochs, update, verbose, trainer.optimizer, given)
    steps = trainer._steps(model, loss)
    rows = _first(steps, plan, stream, held)
    if file is not None:
        digest = stream.digest() + (rows.digest() if isinstance(rows, Stream) else "")
        file.identify(identity_of(trainer, plan, digest, share, feed.columns))
    before.take(plan, True)
    trainer._begin(plan.asked, seed, None)
    if feed.columns is not None:
        columns.remember(model, feed.columns)
    session = _Session(trainer, steps, plan, stream, rows, seed, file)
    before.session = session
    try:
        session.run()
    except Exception:
        before.put_back()
        raise
    check_finite(model)
    trainer._recordings.advise()


def check_alone(y: Any, sample_weight: Any) -> None:
    """Check that nothing is given beside a table."""
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise InvalidTypeError(
                f"{name}: expected it in the table, open_table(x, y, sample_weight=...), got "
                f"{check.show(value)} beside it"
            )


def _in_order(model: Any, table: LargeTable, names: Any = None) -> LargeTable:
    """The table with its columns in the order that the model knows, or in that of `names`."""
    known = columns.of_model(model) if names is None else names
    found: LargeTable = columns.matched(table, known)
    return found


def _feed_of(trainer: Any, stream: Stream, table: LargeTable) -> Feed:
    """What checks of arguments look at."""
    feed = Feed(trainer.model, trainer.loss, trainer._facades)
    feed.x, feed.columns = stream.first.x, columns.columns_of(table)
    feed.y = np.asarray(stream.first.y)
    if stream.taking.ignored is not None:
        feed.y = np.append(feed.y.reshape(-1), stream.taking.ignored)
    return feed


def _first(steps: Steps, plan: Plan, stream: Stream, held: Any) -> Rows | Stream | None:
    """Run the first step as a check, as `Trainer._checked`; the rows to evaluate."""
    names = *plan.metrics, *plan.whole
    try:
        try:
            known = steps.first(
                stream.first, stream.count, plan.batch, plan.metrics, plan.update, names
            )
        except SeveralOutputs:
            raise InvalidTypeError(
                "x: a table has one target, but the model gives several"
            ) from None
        except Exception:
            steps.undo()
            tried(steps.model, stream.first, plan.metrics)
            raise
        stream.learn(known)
        found = _held(steps, plan, known, held)
        if found is not None and plan.epochs >= plan.every:
            if isinstance(found, Stream):
                check_sizes(steps, found.like, found.count, plan.metrics)
            else:
                check_sizes(steps, found, len(found.x), plan.metrics)
        return found
    except BaseException:
        steps.undo()
        raise


def _held(steps: Steps, plan: Plan, known: Known, held: Any) -> Rows | Stream | None:
    """The rows to evaluate, checked."""
    if not isinstance(held, LargeTable):
        rows = checked_pair(steps.model, steps.loss, held, plan.metrics, known)
        if rows is None:
            _refuse_whole(plan.whole)
        return rows
    _refuse_whole(plan.whole)
    stream = Stream(held, steps.model, steps.loss, name="validation ")
    stream.check_like(known, plan.metrics)
    return stream


def _refuse_whole(whole: dict[str, OfAllRows]) -> None:
    if whole:
        raise InvalidValueError(
            f"metrics: {next(iter(whole))!r} needs the predictions for all rows at once, which a "
            "table that is larger than memory does not have; take an average over rows, such as "
            '"accuracy" or "mae", or give arrays as validation_data'
        )


def evaluate_table(
    trainer: Any, table: LargeTable, metrics: Sequence[str | Metric], beside: tuple[Any, Any]
) -> Figures:
    """Loss and metrics over all rows of a table."""
    check_alone(*beside)
    table = _in_order(trainer.model, table)
    model, loss = trainer.model, trainer.loss
    stream = Stream(table, model, loss)
    feed = _feed_of(trainer, stream, table)
    skipped = ignored_in(loss, feed.y)
    functions, whole = named(metrics, loss, skipped), whole_set(metrics, loss, skipped)
    _refuse_whole(whole)
    steps = trainer._steps(model, loss)
    stream.like = tried(model, stream.first, functions, warns=True)
    return stream.evaluated(stream.evaluation(steps, functions), functions)


def predict_table(
    model: Any, table: LargeTable, out: NDArray[Any] | None, precision: str
) -> NDArray[Any]:
    """What a model gives for the rows of a table, in their order."""
    table = _in_order(model, table)
    part, rows = table.source.parts[0], table.rows
    if rows < 1:
        raise InvalidValueError("x: expected at least one row, got none")
    inputs, found = Inputs(table), out
    like = np.empty((1, *part.shape), Inputs.dtype_of_x(part.dtype, wide(real_of(model))))
    ahead = Ahead(table, inputs, (like,), 0, None, 1)
    ahead.begin(0, 0)
    try:
        while True:
            window = ahead.take()
            ahead.go_on()
            end = window.begin + len(window.order)
            x = window.arrays[0][: len(window.order)]
            made = predict(
                model, x, None if found is None else found[window.begin : end], precision
            )
            if found is None:
                found = np.empty((rows, *made.shape[1:]), made.dtype)
                found[:end] = made
            if window.is_last:
                return found
    finally:
        ahead.stop()

"""The first step of a fit, which checks rows against model, loss and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn._support.errors import InvalidValueError
from fastnn.optim.loop import blocks_of
from fastnn.optim.state import check_finite
from fastnn.train.checkpoint import Checkpoint, identity
from fastnn.train.feed import Feed
from fastnn.train.metrics import Metric
from fastnn.train.metrics.suited import check_whole
from fastnn.train.plan import Plan
from fastnn.train.split import held_out
from fastnn.train.steps import EVALUATION_ROWS, Steps
from fastnn.train.validation import Given, Known, Rows, checked_pair, tried, tried_outputs

if TYPE_CHECKING:
    from fastnn.train.callbacks import Training


def checked_rows(
    trainer: Training,
    steps: Steps,
    plan: Plan,
    share: float,
    feed: Feed,
    given: Given,
    validation: Any,
    file: Checkpoint | None,
) -> tuple[Known, Rows | None]:
    """The training and validation rows. The first step checks that model, loss and metrics take
    them; after an error everything is as before.

    Raises:
        TypeError, ValueError: bad input, as in `evaluate`.
    """
    for block in blocks_of(trainer.optimizer):
        for name, vector in block.moments.items():
            check_finite("optimizer", name, vector._array)
    try:
        known = _first(steps, plan, share, given)
        held = checked_pair(feed.model, feed.loss, validation, plan.metrics, known)
        check_whole(plan.whole, known.outputs, (held or known.rows).y)
        if plan.validates and plan.epochs >= plan.every:
            rows = held or known.rows  # of a share any rows do
            count = len(rows.x) if held else held_out(len(rows.x), share)
            check_sizes(steps, rows, count, plan.metrics)
        if file is not None:
            file.identify(identity(trainer, plan, known.rows, held, share, feed.columns))
    except BaseException:
        steps.undo()
        raise
    return known, held


def check_sizes(steps: Steps, rows: Rows, count: int, metrics: dict[str, Metric]) -> None:
    """Check that a model with a forward of the user's own takes batches as large as those of an
    evaluation of so many rows, unless it did before.

    Raises:
        ValueError: it does not.
    """
    if all(type(module).__module__.startswith("fastnn.") for module in steps.model.modules()):
        return
    for size in {*steps.parted(count, EVALUATION_ROWS)[1:]}:
        if not steps.has_evaluated(rows, size, metrics):
            x = rows.x[:size]
            tried_outputs(steps.model, Given(steps.loss, x, (), x.dtype, name="validation "))


def _first(steps: Steps, plan: Plan, share: float, given: Given) -> Known:
    """Run the first step on these rows, as a check."""
    n = len(given.x) - (held_out(len(given.x), share) if share else 0)
    names = *plan.metrics, *plan.whole
    try:
        return steps.first(given, n, plan.batch, plan.metrics, plan.update, names)
    except Exception as error:
        failed = error
    steps.undo()
    tried(steps.model, given, plan.metrics)  # raises a clear error if the data are at fault
    if n and "more than 1 value per channel when training" in str(failed):
        raise InvalidValueError(
            f"{failed}: expected at least 2 rows in a batch, got {n} rows to train on and "
            f"batch_size={plan.batch}" + f", after validation_split={share}" * bool(share)
        ) from failed
    raise failed

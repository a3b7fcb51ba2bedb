"""A large table beside a model: its first rows, and loops over all of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.dtypes import wide
from fastnn._support.errors import InvalidValueError
from fastnn.guards import warn_of_targets
from fastnn.io.rows.looks import pieces
from fastnn.io.rows.source import with_row
from fastnn.train.metrics import Metric
from fastnn.train.steps import EVALUATION_ROWS
from fastnn.train.stream.ahead import Ahead
from fastnn.train.stream.loops import StreamLoop, StreamPythonLoop
from fastnn.train.stream.taking import Taking
from fastnn.train.sums import means_over, summed
from fastnn.train.update import Asked
from fastnn.train.validation import Given, Known, Rows, check_values, real_of, targets_of, tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording
    from fastnn.io.rows.table import LargeTable
    from fastnn.nn import Module
    from fastnn.train.plan import Plan
    from fastnn.train.steps import Steps

    Loss = Callable[..., Any]
    AnyLoop = StreamLoop | StreamPythonLoop

__all__ = ["FirstRows", "Stream"]


class FirstRows:
    """The first rows of a table, in place of `Given`: checked and recorded on; what their weights
    and labels are is looked up in all of the table."""

    loss: Loss
    x: NDArray[Any]
    real: np.dtype[Any]
    name: str

    def __init__(self, given: Given, taking: Taking) -> None:
        self.loss, self.x, self.real, self.name = given.loss, given.x, given.real, given.name
        self.y: Any = given.y
        self.sample_weight: Any = given.sample_weight
        self._taking = taking

    def rows(self, outputs: tuple[int, ...]) -> Rows:
        """As of `Given`."""
        self._taking.learn(outputs)
        found = self._taking.rows(self.x, self.y, self.sample_weight)
        if self._taking.ignored is not None:  # a sample of a recording has one
            found = found._replace(y=found.y.copy())
            found.y[0] = self._taking.ignored
        return found


class Stream:
    """The rows of a table for training or evaluation by a model with its loss.

    Args:
        table: with targets.
        model, loss: of the trainer.
        class_weight: as of `fit`.
        name: a prefix of x, y and sample_weight in messages.
        batch: rows of a step, at most.

    Attributes:
        count: rows of the table.
        first: the first rows, which model and loss are tried on.
        like: the same once they are checked.

    Raises:
        TypeError, ValueError: a table without targets, not of rows and columns, or with numbers
            that are not finite.
    """

    table: LargeTable
    count: int
    taking: Taking
    like: Rows

    def __init__(
        self,
        table: LargeTable,
        model: Module,
        loss: Loss,
        class_weight: Any = None,
        name: str = "",
        batch: int = 1,
    ) -> None:
        if not table.has_targets:
            raise InvalidValueError(f"{name}y: expected targets in the table, got x alone")
        self.table, self.count, self._model, self._loss = table, table.rows, model, loss
        real = wide(real_of(model))
        raw = table.read(0, max(batch + 1, EVALUATION_ROWS + 1))
        x = np.empty(raw[0].shape, Taking.dtype_of_x(raw[0].dtype, real))
        weight = raw[2] if len(raw) > 2 else None
        given = Given(loss, x, raw[1], real, weight, class_weight, name)
        self.taking = Taking(table, given, class_weight)
        self.taking.put(raw[0], x, 0)
        self.first: Any = FirstRows(given, self.taking)

    def learn(self, known: Known) -> None:
        """Take over what the first step has found.

        Raises:
            TypeError, ValueError: targets that do not suit, wherever they are.
        """
        self.like, self.taking.recorder = known.rows, known.recorder
        self._check_labels(known.outputs)

    def check_like(self, known: Known, metrics: dict[str, Metric]) -> None:
        """Check that the model takes the first rows; `known`: from others.

        Raises:
            TypeError, ValueError: it does not.
        """
        alike = self.first.x.shape[1:] == known.rows.x.shape[1:]
        rows = self.first.rows(known.outputs) if alike else None
        if rows is None or not known.suits(rows, self._loss):
            rows = tried(self._model, self.first, metrics)
        else:
            check_values(rows, known.recorder)
        warn_of_targets(self._model, self._loss, rows.y, self.first.name)
        self.like, self.taking.recorder = rows, known.recorder
        self._check_labels(known.outputs)

    def _check_labels(self, outputs: tuple[int, ...]) -> None:
        """Check all labels by those that are known to be there; a wrong one is looked for."""
        labels = self.taking.labels
        if labels is None or getattr(self._loss, "targets", "") != "classes":
            return
        if all(0 <= label < outputs[-1] or label == self.taking.ignored for label in labels):
            return
        name, source = f"{self.first.name}y", self.table.source
        for begin, (_, y, *_rest) in pieces(source):
            try:
                targets_of(self._loss, y, (len(y), *outputs), len(y), self.first.real, name)
            except ValueError as error:
                raise with_row(error, lambda row, b=begin: b + row, source.where) from None

    def ahead(self, batch: int, seed: int | None, epochs: int) -> Ahead:
        """What reads windows. batch: rows of a step."""
        return Ahead(self.table, self.taking, self.like.arrays(), 2 * batch, seed, epochs)

    def training(self, steps: Steps, plan: Plan, ahead: Ahead) -> AnyLoop:
        """The training loop; as `Steps.training`."""
        asked, count = Asked(plan.metrics, plan.update), self.count
        number, batch, last = steps.parted(count, plan.batch)
        every = plan.update.accumulate if number > 1 else 1
        kinds, sizes = ("update", "update", "within"), (batch, last, batch)

        def record(part: int) -> Recording:
            return steps.recording(kinds[part], self.like, np.arange(sizes[part]), asked)

        first = 2 if every > 1 else 0
        made: list[Recording | None] = [None, None, None]
        rows = np.arange(sizes[first])
        known = made[first] = steps.recording(kinds[first], self.like, rows, asked, first=True)
        if known.captures.doubts:
            if every > 1:
                steps.optimizer.zero_grad()
            runs = steps.in_python("update", asked), steps.in_python("within", asked)
            return StreamPythonLoop(
                ahead, known.captures.doubts, *runs, batch, count, every, number
            )
        if plan.schedule.by_step and made[0] is None:
            made[0] = record(0)
        if last < batch:
            made[1] = record(1)
        return StreamLoop(ahead, made, record, self.like.arrays(), batch, count, every, number)

    def evaluation(self, steps: Steps, metrics: dict[str, Metric]) -> AnyLoop:
        """The evaluation loop; as `Steps.evaluation`."""
        asked, count = Asked(metrics), self.count
        number, batch, last = steps.parted(count, EVALUATION_ROWS)
        sizes = batch, last, batch
        ahead = self.ahead(batch, None, 1)

        def record(part: int) -> Recording:
            return steps.recording("evaluate", self.like, np.arange(sizes[part]), asked)

        known = record(0)
        if known.captures.doubts:
            run = steps.in_python("evaluate", asked)
            return StreamPythonLoop(ahead, known.captures.doubts, run, run, batch, count, 1, number)
        made = [known, None, None]
        return StreamLoop(ahead, made, record, self.like.arrays(), batch, count, 1, number)

    def figures(self, sums: Any, metrics: dict[str, Metric]) -> dict[str, float]:
        """Loss and metrics from the sums over all rows."""
        return means_over(sums, self.count, metrics, self._counted)

    def evaluated(self, loop: AnyLoop, metrics: dict[str, Metric]) -> dict[str, float]:
        """Loss and metrics over all rows, by a loop of `evaluation`."""
        try:
            return self.figures(summed(loop), metrics)
        finally:
            loop.place.ahead.stop()

    def _counted(self, metric: Metric) -> int:
        ignored: Any = getattr(metric, "ignored", None)
        return self.count - (self.taking.labels or {}).get(ignored, 0)

    def digest(self) -> str:
        """A text that tells this table from others, as far as its size and its first and last rows
        do."""
        table = self.table
        last = table.read(max(self.count - EVALUATION_ROWS, 0)) if not table.source.once else ()
        found = hashlib.sha256(f"{self.count} {table.source.parts} {table.window}".encode())
        for array in (table.cuts, *self.like.arrays(), *last):
            found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return found.hexdigest()[:32]

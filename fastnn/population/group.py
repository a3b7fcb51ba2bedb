"""Group: nets that are alike, and the programs that train all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support.dtypes import wide
from fastnn._support.rows import as_rows
from fastnn.compiler.relocation import NotRelocatableError, Relocatable
from fastnn.ops.random import bits_of
from fastnn.optim.loop import begin, cuts_of
from fastnn.population.likeness import Layout, memory, rates_of
from fastnn.population.net import Net
from fastnn.population.task import Task
from fastnn.random.generator import engine_state
from fastnn.train.key import Recordings
from fastnn.train.precision import check_float32, mode_of
from fastnn.train.steps import EVALUATION_ROWS, Steps
from fastnn.train.update import Asked, Update
from fastnn.train.validation import (
    Given,
    Known,
    Rows,
    checked_pair,
    ignored_label,
    real_of,
    tried,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.compiler.recording import Recording

Totals = list[tuple[int, int]]


class Course(NamedTuple):
    """How often a program of each size is run in an epoch over some rows.

    batch: rows of all steps but the last.
    """

    rows: int
    batch: int
    steps: int
    last: int

    def sizes(self) -> list[int]:
        """Rows of a step: of the most steps, then, if it differs, of the last."""
        return [self.batch] if self.last == self.batch else [self.batch, self.last]


class NotTogetherError(Exception):
    """These nets cannot be trained by one program; the text says why."""


class Group:
    """Nets that are alike: the first is recorded, and the others are trained by its programs.

    Args:
        nets: at least one.
        task: the data, loss and metrics.

    Attributes:
        rows: the data as these nets take them.
        held: the rows of the validation data, if that is given.

    Raises:
        TypeError, ValueError: data that the nets do not take.
        NotTogetherError: their steps run Python code, or change memory of nobody.
    """

    nets: list[Net]
    task: Task

    def __init__(self, nets: list[Net], task: Task) -> None:
        self.nets, self.task = nets, task
        self._first, self._asked = nets[0], Asked(task.metrics)
        self._known: dict[tuple[int, int], Course] = {}
        self._feeds: dict[bool, list[NDArray[Any]]] = {}
        net = self._first
        mode = mode_of(task.precision)
        check_float32(mode, net.model)
        self._steps = Steps(net.model, task.loss, net.optimizer, Recordings(), mode)
        x = as_rows(task.x, "x", real_of(net.model))
        given = Given(task.loss, x, task.y, wide(real_of(net.model)), task.sample_weight)
        try:
            known = self._first_step(given, net)
            self.rows: Rows = known.rows
            self.held: Rows | None = checked_pair(
                net.model, task.loss, task.validation_data, task.metrics, known
            )
        finally:
            self._steps.undo()
        parted = any(net.rows is not None or net.held is not None for net in nets)
        if parted and ignored_label(task.loss, self.rows.y) is not None:
            raise NotTogetherError("y has labels that the loss ignores, and nets have own rows")
        self._programs: dict[tuple[bool, int], Relocatable] = {}
        self._recordings: dict[tuple[bool, int], Recording] = {}
        self._prepare(self.course(net))
        for member in nets:
            for trains, course in self.courses(member):
                for size in course.sizes():
                    self._make(trains, size)

    def _first_step(self, given: Given, net: Net) -> Known:
        """Run the first step, as a check of the data."""
        metrics, n = self.task.metrics, net.count(len(given.x))
        try:
            return self._steps.first(given, n, net.recipe.batch, metrics, Update(), metrics)
        except Exception as error:
            failed = error
        self._steps.undo()
        tried(net.model, given, metrics)  # raises a clear error if the data are at fault
        raise failed

    def _prepare(self, course: Course) -> None:
        """Record the first step, and prepare the memory of all nets for it."""
        self._recording(True, course.batch)
        cuts = cuts_of(self._first.optimizer)
        for net in self.nets:
            begin(net.optimizer, cuts)
        arrays = memory(self._first, engine_state)
        self._layout = Layout(arrays)
        if not self._layout.is_clear:
            raise NotTogetherError("parameters or buffers of the model share memory")

    # ---- rows ----

    def course(self, net: Net) -> Course:
        """Of training."""
        return self._parted(net.count(len(self.rows.x)), net.recipe.batch)

    def _parted(self, n: int, batch: int) -> Course:
        key = n, batch
        if key not in self._known:
            steps, size, last = self._steps.parted(n, batch)
            self._known[key] = Course(n, size, steps, last)
        return self._known[key]

    def evaluation(self, net: Net) -> Course | None:
        """Of evaluation after an epoch, if there are rows for it."""
        n = len(self.held.x) if self.held is not None else 0 if net.held is None else len(net.held)
        return self._parted(n, EVALUATION_ROWS) if n else None

    def courses(self, net: Net) -> list[tuple[bool, Course]]:
        """Of training (True) and, if there are rows for it, of evaluation (False)."""
        evaluation = self.evaluation(net)
        found = [(True, self.course(net))]
        return found if evaluation is None else [*found, (False, evaluation)]

    def data(self, trains: bool) -> Rows:
        """The rows that batches are gathered from."""
        if not trains and self.held is not None:
            return self.held
        if trains or self.task.weighs_held:
            return self.rows
        return Rows(self.rows.x, self.rows.y)

    # ---- programs ----

    def program(self, trains: bool, size: int) -> Relocatable:
        """The program for steps of so many rows."""
        return self._programs[trains, size]

    def _make(self, trains: bool, size: int) -> None:
        if (trains, size) in self._programs:
            return
        recording = self._recording(trains, size)
        try:
            made = Relocatable(recording, self._layout.owners)
        except NotRelocatableError as error:
            raise NotTogetherError(str(error)) from None
        self._programs[trains, size] = made

    def _recording(self, trains: bool, size: int) -> Recording:
        """Of steps of so many rows; looked for once, as nothing changes in between."""
        if (trains, size) in self._recordings:
            return self._recordings[trains, size]
        rows = self.data(trains)
        sample = np.resize(np.arange(len(rows.x)), size)
        kind = "update" if trains else "evaluate"
        found = self._steps.recording(kind, rows, sample, self._asked, first=trains)
        if found.captures.doubts:
            raise NotTogetherError("; ".join(found.captures.doubts[:3]))
        self._recordings[trains, size] = found
        return found

    def totals(self, trains: bool, course: Course) -> Totals:
        """The outputs that are added up: which array of the program each is, and its type."""
        return self.program(trains, course.batch).totals()

    def addresses(self, program: Relocatable, net: Net) -> NDArray[np.uintp]:
        """What a copy of the program is bound to for a net."""
        return self._layout.addresses(program.own, memory(net, net.state))

    def rates(self, program: Relocatable, net: Net) -> NDArray[np.int64]:
        """What the dropout instructions of a copy of the program are set to for a net."""
        if not program.rates:
            return np.zeros(0, np.int64)
        first, own = rates_of(self._first.model), rates_of(net.model)
        known = {bits_of(a): bits_of(b) for a, b in zip(first, own, strict=True)}
        return np.array([known.get(rate, rate) for rate in program.rates], np.int64)

    def feeds(self, trains: bool) -> list[NDArray[Any]]:
        """The arrays of rows, contiguous."""
        if trains not in self._feeds:
            self._feeds[trains] = [np.ascontiguousarray(a) for a in self.data(trains).arrays()]
        return self._feeds[trains]

"""Run: the nets of all groups, trained by one call into C after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._core.nets import EVALUATE, TRAIN, Nets
from fastnn._core.program import Program
from fastnn._support import check
from fastnn.compiler.relocation import Relocatable
from fastnn.optim.loop import blocks_of
from fastnn.population.group import Course, Group
from fastnn.population.net import Net
from fastnn.population.task import Task
from fastnn.train.metrics import counted_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK_SECONDS = 0.05  # C runs this long before Python handles signals and progress
ALIGN = 64

Copy = tuple[Program, list[Any], int, Any]
PartOfCourse = tuple[int, Any, Any]  # the number of a program, addresses, dropout rates


class _Desk:
    """What a thread computes in: batches, outputs and an arena, for the programs of all groups."""

    def __init__(self, programs: list[Relocatable]) -> None:
        self._batches: dict[Any, NDArray[Any]] = {}
        for program in programs:
            for place, array in enumerate(program.inputs()):
                key = self._key(place, array)
                known = self._batches.get(key)
                if known is None or len(known) < len(array):
                    self._batches[key] = np.zeros_like(array)
        raw = np.empty(max(p.arena for p in programs) + ALIGN, np.uint8)
        begin = -raw.__array_interface__["data"][0] % ALIGN
        self._arena = raw[begin:]
        self.copies: list[Copy] = [self._copy(program) for program in programs]

    @staticmethod
    def _key(place: int, array: NDArray[Any]) -> Any:
        return place, array.shape[1:], array.dtype.str

    def _copy(self, program: Relocatable) -> Copy:
        batches = [self._batches[self._key(i, a)] for i, a in enumerate(program.inputs())]
        arrays = [*program.arrays(batches), self._arena]
        return program.copy(), arrays, len(program.own), np.array(program.dropout, np.uintp)


class Run:
    """All nets that programs train, and how far they are.

    Args:
        groups: of nets.
        task: what they are trained on.
        threads: at most so many.

    Attributes:
        nets: in the order in which they are dealt, those with the most work first.
    """

    task: Task
    threads: int

    def __init__(self, groups: list[Group], task: Task, threads: int) -> None:
        self.task, self.threads = task, threads
        self._programs: list[Relocatable] = []
        self._kinds: dict[tuple[Group, bool, int], int] = {}
        members = [(group, net) for group in groups for net in group.nets]
        for group, net in members:
            for trains, course in group.courses(net):
                for size in course.sizes():
                    self._kind(group, trains, size)
        members.sort(key=lambda member: -self._work(*member))
        self.nets: list[Net] = [net for _, net in members]
        self._groups = [group for group, _ in members]
        desks = [_Desk(self._programs) for _ in range(min(threads, len(members)))]
        self._run = Nets([desk.copies for desk in desks], len(members))
        self._sums: list[dict[bool, NDArray[np.float64]]] = []
        for at, (group, net) in enumerate(members):
            self._describe(at, group, net)
            self._run.until(at, task.epochs)

    # ---- what is run ----

    def _kind(self, group: Group, trains: bool, size: int) -> int:
        """The number of a program among the copies of a thread."""
        key = group, trains, size
        if key not in self._kinds:
            self._kinds[key] = len(self._programs)
            self._programs.append(group.program(trains, size))
        return self._kinds[key]

    def _work(self, group: Group, net: Net) -> float:
        course = group.course(net)
        return course.steps * group.program(True, course.batch).cost

    def _describe(self, at: int, group: Group, net: Net) -> None:
        sums: dict[bool, NDArray[np.float64]] = {}
        for trains, course in group.courses(net):
            totals = group.totals(trains, course)
            sums[trains] = np.zeros((self.task.epochs, len(totals)))
            rows = net.rows if trains else net.held
            order = np.arange(course.rows, dtype=np.int64) if rows is None else rows.copy()
            shuffles = trains and self.task.shuffle
            self._run.course(
                at,
                TRAIN if trains else EVALUATE,
                self._parts(group, net, trains, course),
                group.feeds(trains),
                totals,
                course.batch,
                course.steps,
                order,
                rows if shuffles else None,
                sums[trains],
                net.key,
                shuffles,
                self.task.every,
            )
        self._sums.append(sums)
        if self.task.stopping is not None:
            self._watch(at, group, net)

    def _parts(
        self, group: Group, net: Net, trains: bool, course: Course
    ) -> list[PartOfCourse | None]:
        parts: list[PartOfCourse | None] = [None, None, None]
        for part, size in enumerate(course.sizes()):
            program = group.program(trains, size)
            addresses, rates = group.addresses(program, net), group.rates(program, net)
            parts[part] = self._kind(group, trains, size), addresses, rates
        return parts

    def _watch(self, at: int, group: Group, net: Net) -> None:
        stopping = self.task.stopping
        assert stopping is not None
        trains = not stopping.monitor.startswith("val_")
        place, divisor = self._figures(at, trains)[stopping.monitor.removeprefix("val_")]
        if stopping.restore_best_weights:
            state = [block.flat.values._array for block in blocks_of(net.optimizer)]
            state += [
                buffer._array
                for module in net.model.modules()
                for name, buffer in module._buffers.items()
                if buffer is not None and name not in module._transient
            ]
            net.best = [(array, np.empty_like(array)) for array in state]
        self._run.watch(
            at,
            TRAIN if trains else EVALUATE,
            place,
            divisor or 1.0,
            not divisor,
            stopping.mode == "max",
            stopping.min_delta,
            stopping.patience,
            stopping.start_from_epoch,
            net.best,
        )

    def _figures(self, at: int, trains: bool) -> dict[str, tuple[int, float]]:
        """For each figure: the number of its total, and what that is divided by, or 0: by the total
        that follows, of the weights."""
        group, net, metrics = self._groups[at], self.nets[at], self.task.metrics
        course = dict(group.courses(net))[trains]
        first = len(group.totals(trains, course)) - len(metrics)
        rows = net.rows if trains else net.held
        weighted = first == 3  # the loss, w'l and the sum of w: see `measured`
        found = {"loss": (1, 0.0) if weighted else (0, float(course.rows))}
        for i, (name, metric) in enumerate(metrics.items()):
            count = counted_of(metric, group.data(trains).y) if rows is None else course.rows
            found[name] = first + i, float(count)
        return found

    # ---- running ----

    @property
    def steps(self) -> int:
        """The steps that all nets do if none stops early."""
        per_epoch = [group.course(net).steps for group, net in zip(self._groups, self.nets)]
        return self.task.epochs * sum(per_epoch)

    def until(self, epoch: int) -> None:
        """Let all nets train up to this epoch."""
        for at in range(len(self.nets)):
            self._run.until(at, epoch)

    def stop(self, numbers: set[int]) -> None:
        """Let these nets train no further."""
        for at, net in enumerate(self.nets):
            if net.number in numbers:
                self._run.stop(at)

    def train(self, progress: Callable[[int], object]) -> None:
        """Train until all nets are done; `progress` gets the number of steps done."""
        while self._run.run(CHUNK_SECONDS, self.threads):
            progress(self._run.steps())
        progress(self._run.steps())

    # ---- what came of it ----

    def finish(self) -> None:
        """Give the nets their best weights, and look for those that failed."""
        for at, net in enumerate(self.nets):
            epoch, step, best, _, status = self._run.state(at)
            if status:
                net.error = f"the loss became {status} in epoch {epoch}, step {step}"
            elif any(not check.are_finite(p._array) for p in net.parameters):
                net.error = "its weights became nan or infinite in the last step"
            net.epochs, net.best_epoch = epoch, best
            if best >= 0:
                for array, kept in net.best:
                    np.copyto(array, kept)
            net.best = []
            net.optimizer.zero_grad()

    def history(self, into: dict[str, NDArray[np.float64]]) -> None:
        """Write the figures of all epochs, a row for each net; nan where there was none."""
        for at, net in enumerate(self.nets):
            for trains, sums in self._sums[at].items():
                done = self._run.state(at)[0]
                epochs = np.arange(done)
                if not trains:
                    epochs = epochs[self.task.every - 1 :: self.task.every]
                for name, (place, divisor) in self._figures(at, trains).items():
                    below = divisor or sums[epochs, place + 1]
                    with np.errstate(invalid="ignore", divide="ignore"):
                        figures = sums[epochs, place] / below
                    into[name if trains else f"val_{name}"][net.number, epochs] = figures

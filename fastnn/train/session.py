"""A fit under way: epochs, and what comes between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support import check
from fastnn.guards import first_non_finite
from fastnn.nn.modes import training_mode
from fastnn.train.callbacks import Callback
from fastnn.train.checkpoint import Checkpoint, name_of, restore, restore_rest
from fastnn.train.history import History
from fastnn.train.metrics import Metric, OfAllRows, counted_of
from fastnn.train.predict import figures_of
from fastnn.train.progress import ProgressBar
from fastnn.train.schedule import Schedule
from fastnn.train.steps import Steps, Update
from fastnn.train.validation import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.train.loop import Loop
    from fastnn.train.trainer import Trainer

Figures = dict[str, float]

EPOCHS_AT_ONCE = 10_000  # that C may run before Python writes their figures down


@dataclass(frozen=True)
class Plan:
    """What a fit was asked for, checked.

    validates: there are rows held out.
    every: validate after every so many epochs.
    asked: the metrics as they were given.

    Raises:
        ValueError: somebody looks at a figure that there will not be.
    """

    epochs: int
    batch: int
    shuffle: bool
    validates: bool
    every: int
    asked: Sequence[str | Metric]
    metrics: dict[str, Metric]
    whole: dict[str, OfAllRows]
    update: Update
    schedule: Schedule
    monitor: str
    callbacks: list[Callback]
    bar: ProgressBar

    def __post_init__(self) -> None:
        asked = [c.monitor for c in self.callbacks if c.monitored]  # type: ignore[attr-defined]
        asked += [self.monitor] if self.schedule.looks else []
        for name in asked:
            check.choice("monitor", name, self.names())

    def names(self) -> list[str]:
        """The figures of an epoch."""
        names = ["loss", *self.metrics, *(() if self.validates else self.whole)]
        names += ["lr"] if self.lists_lr() else []
        if self.validates:
            names += [f"val_{name}" for name in ("loss", *self.metrics, *self.whole)]
        return names

    def lists_lr(self) -> bool:
        """Whether the history is to have the learning rates."""
        return self.schedule.scheduler is not None or any(c.sets_lr for c in self.callbacks)

    def words(self) -> dict[str, str]:
        """What a checkpoint has to agree with, in words."""
        scheduler = self.schedule.scheduler
        unit = " by step" if self.schedule.by_step else ""
        return {
            "batch_size": str(self.batch),
            "shuffle": str(self.shuffle),
            "validation_freq": str(self.every),
            "metrics": ", ".join([*self.metrics, *self.whole]),
            "update": str(self.update),
            "scheduler": f"{name_of(scheduler)}{unit}",
            "list of callbacks": ", ".join(map(name_of, self.callbacks)),
        }


def means_of(sums: NDArray[np.float64], y: NDArray[Any], metrics: dict[str, Metric]) -> Figures:
    """Loss and metrics of an epoch: means over rows, a weighted one by its sums."""
    loss, *others = sums.tolist()
    parts = len(others) - len(metrics)
    total, size = others[:2] if parts == 2 else (loss, len(y))
    mean = total / size if size else math.nan  # where no row counts
    figures = {"loss": mean}
    for (name, metric), value in zip(metrics.items(), others[parts:], strict=True):
        rows = counted_of(metric, y)
        figures[name] = value / rows if rows else math.nan
    return figures


def evaluated(loop: Loop, y: NDArray[Any], metrics: dict[str, Metric]) -> Figures:
    """Loss and metrics of all rows of a loop that only looks."""
    loop.start(0, 1)
    while loop.run():
        pass
    return means_of(loop.sums_of(0), y, metrics)


class Session:
    """One fit.

    Attributes:
        epoch, step: where it stands: the next step, or, at the number of steps of an epoch, all of
            them done and the figures not yet made.
        begun: the callbacks were told that this epoch begins.
        sums: what the steps of this epoch have added up.
    """

    def __init__(
        self,
        trainer: Trainer,
        steps: Steps,
        plan: Plan,
        rows: Rows,
        held_out: Rows | None,
        seed: int,
        file: Checkpoint | None,
    ) -> None:
        self.trainer, self.steps, self.plan, self.seed = trainer, steps, plan, seed
        self.rows, self._held_out, self._file = rows, held_out, file
        self.history: History = trainer.history
        self.epoch = self.step = 0
        self.begun = False
        self.sums: NDArray[np.float64] | None = None
        self._evaluation: Loop | None = None
        self._at_rest = True  # between two steps, and nothing half done
        self._saved: tuple[int, int, bool] | None = None
        shows = plan.bar.active and not any(isinstance(c, ProgressBar) for c in plan.callbacks)
        self._callbacks = [*([plan.bar] if shows else []), *plan.callbacks]
        self._watching = [
            c for c in self._callbacks if type(c).on_progress is not Callback.on_progress
        ]
        # Nobody looks at an epoch, so that all of them are one.
        self._alone = not (
            self._callbacks or held_out or plan.whole or file or plan.schedule.scheduler
        )

    def run(self) -> None:
        """All epochs, or until somebody stops it."""
        found = None if self._file is None else self._file.found
        if found is not None:
            restore(self, found)
        loop = self._loop()
        self._begin(loop)
        try:
            if found is not None:
                restore_rest(self, found)
            else:
                self._save()  # a path that cannot be written is noticed before the first step
            self._epochs(loop)
            self._save()
        except KeyboardInterrupt:
            if self._at_rest:
                self._save()
            raise
        finally:
            if self.step == loop.steps and self.sums is not None:  # cut off before its figures
                self.history.add(self.epoch, self._figures(self.sums, loop))
            if self.plan.update.accumulate > 1:
                self.trainer.optimizer.zero_grad()
            self._tell(lambda c: c.on_train_end({}))

    def _loop(self) -> Loop:
        plan = self.plan
        loop = self.steps.training(
            self.rows, plan.batch, plan.shuffle, self.seed, plan.metrics, plan.update
        )
        if self._held_out is not None:
            self._evaluation = self.steps.evaluation(self._held_out, plan.metrics)
        return loop

    def _begin(self, loop: Loop) -> None:
        names = self.plan.names()
        for callback in self._callbacks:
            callback.trainer = self.trainer
            callback.params = {"epochs": self.plan.epochs, "steps": loop.steps, "metrics": names}
        self._tell(lambda c: c.on_train_begin({}))

    def _tell(self, call: Callable[[Callback], object]) -> None:
        for callback in self._callbacks:
            if call(callback) is True:
                self.trainer.stop_training = True

    def _epochs(self, loop: Loop) -> None:
        plan = self.plan
        while self.epoch < plan.epochs and not self.trainer.stop_training:
            if not self.begun:
                self._at_rest = False
                self._tell(lambda c: c.on_epoch_begin(self.epoch, {}))
                self.begun = self._at_rest = True
            self._train(loop)
            if self.step < loop.steps:
                return
            self._finish_epoch(loop)
            if plan.callbacks and self.epoch < plan.epochs:  # they may have changed the model
                loop = self._loop()

    # One epoch, or all of them if nobody looks at each

    def _train(self, loop: Loop) -> None:
        """Up to the end of an epoch, or to where somebody stops it."""
        last = min(self.plan.epochs, self.epoch + (EPOCHS_AT_ONCE if self._alone else 1))
        while self.step < loop.steps and not self.trainer.stop_training:
            self._at_rest = False
            rates = self.plan.schedule.rates(self.step, loop.steps)
            loop.start(self.epoch, last, rates, self.step, self.sums)
            try:
                self._chunks(loop)
            finally:
                self.plan.schedule.settle(loop.done)
                self._note(loop, last)
                self._at_rest = True
            if self._is_due():
                self._save()

    def _chunks(self, loop: Loop) -> None:
        """Chunks of steps, until there is something else to do."""
        try:
            while loop.run():
                for callback in self._watching:
                    if callback.on_progress(loop.epoch, loop.step) is True:
                        self.trainer.stop_training = True
                if self.trainer.stop_training or self._is_due():
                    return
        except FloatingPointError:
            x = self.rows.x[loop.rows_of_step()]
            with training_mode(self.trainer.model, True):
                where = first_non_finite(self.trainer.model, x) or "the loss itself"
            raise FloatingPointError(
                f"loss: became nan or infinite in epoch {loop.epoch}, step {loop.step}; "
                f"the first that is not finite is {where}; "
                "the model is as before that step. Lower lr, scale x, or look at the targets"
            ) from None

    def _note(self, loop: Loop, last: int) -> None:
        """Where the loop has come to; the last epoch is not over before its figures are made."""
        for done in range(self.epoch, min(loop.epoch, last - 1)):
            self.history.add(done, self._figures(loop.sums_of(done), loop))
        self.epoch, self.step = loop.epoch, loop.step
        if self.epoch == last:
            self.epoch, self.step = last - 1, loop.steps
        self.sums = loop.sums_of(self.epoch).copy()

    def _figures(self, sums: NDArray[np.float64], loop: Loop) -> Figures:
        return means_of(sums, self.rows.y, self.plan.metrics)

    def _finish_epoch(self, loop: Loop) -> None:
        """Its figures, and all that looks at them."""
        plan, epoch = self.plan, self.epoch
        assert self.sums is not None
        self._at_rest = False
        logs = self._figures(self.sums, loop)
        if plan.whole and self._held_out is None:
            logs |= figures_of(plan.whole, self.trainer.model, self.rows.x, self.rows.y)
        if plan.lists_lr():
            logs["lr"] = self.trainer.optimizer.param_groups[0]["lr"]
        if self._held_out is not None and (epoch + 1) % plan.every == 0:
            found = self._validated(self._held_out)
            logs |= {f"val_{name}": value for name, value in found.items()}
        self.history.add(epoch, logs)
        self.epoch, self.step, self.sums, self.begun = epoch + 1, 0, None, False
        plan.schedule.after_epoch(logs, plan.monitor)
        self._tell(lambda c: c.on_epoch_end(epoch, dict(logs)))
        self._at_rest = True
        if self._file is not None and self._file.after_epoch():
            self._save()

    def _validated(self, rows: Rows) -> Figures:
        plan, model = self.plan, self.trainer.model
        assert self._evaluation is not None
        means = evaluated(self._evaluation, rows.y, plan.metrics)
        return means | figures_of(plan.whole, model, rows.x, rows.y)

    def _is_due(self) -> bool:
        return self._file is not None and self._file.is_due()

    def _save(self) -> None:
        """Write a checkpoint, unless there is none to write, or it stands there already."""
        place = self.epoch, self.step, self.begun
        if self._file is not None and self._saved != place:
            self._file.write(self)
            self._saved = place

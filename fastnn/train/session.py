"""Session: a running fit, its epochs and the work between them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.dtypes import converted, wide
from fastnn.compiler.advice import in_python
from fastnn.guards import first_non_finite
from fastnn.io.safetensors import faults_of
from fastnn.nn.modes import training_mode
from fastnn.train.callbacks import Callback, Training
from fastnn.train.checkpoint import Checkpoint, restore, restore_rest
from fastnn.train.history import History
from fastnn.train.kept import Kept
from fastnn.train.metrics import NEEDS, warn_of_nan
from fastnn.train.plan import Plan
from fastnn.train.predict import figures_of
from fastnn.train.progress import ProgressBar
from fastnn.train.python_loop import PythonLoop
from fastnn.train.steps import EVALUATION_ROWS, Steps
from fastnn.train.sums import Figures, evaluated, means_of
from fastnn.train.validation import Rows, check_finite, real_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastnn.train.sums import AnyLoop

BUFFER = "the buffer "  # as `first_non_finite` begins
EPOCHS_AT_ONCE = 10_000  # that C may run before Python writes their metrics to the history


def _watches(callback: Callback) -> bool:
    return type(callback).on_progress is not Callback.on_progress


class Session:
    """One running fit.

    Attributes:
        rows: those of the epoch; `renew` gives those of the next one, if they are not the same.
        held_out: those to evaluate, or None.
        training: the loop of its steps.
        epoch, step: the next step. A step equal to the number of steps in an epoch means that all
            are done and the metrics are not computed yet.
        begun: whether the callbacks have been told that this epoch begins.
        sums: the sums over the steps of this epoch so far.
        has_trained: whether the first step has begun.
        buffered: whether the model has buffers.
    """

    rows: Rows
    has_trained: bool
    steps: Steps
    trainer: Training
    plan: Plan
    seed: int
    held_out: Rows | None
    epochs: int
    buffered: bool
    epoch: int
    step: int
    begun: bool

    def __init__(
        self,
        trainer: Training,
        steps: Steps,
        plan: Plan,
        rows: Rows,
        held_out: Rows | None,
        seed: int,
        file: Checkpoint | None,
        renew: Callable[[], Rows] | None = None,
    ) -> None:
        self.steps, self._file, self._renew = steps, file, renew
        self.training: Kept = Kept(steps, plan.batch, True)
        self._evaluation = Kept(steps, EVALUATION_ROWS, False)
        self._seen, self.buffered = -1, False  # _seen: Module.changes
        self._take(trainer, plan, rows, held_out, seed, plan.epochs)

    def _take(
        self,
        trainer: Training,
        plan: Plan,
        rows: Rows,
        held_out: Rows | None,
        seed: int,
        epochs: int,
    ) -> None:
        self.trainer, self.plan, self.rows, self.seed = trainer, plan, rows, seed
        self.held_out, self.epochs = held_out, epochs
        self.history: History = trainer.history
        self.epoch = self.step = 0
        self.begun = False
        self.sums: NDArray[np.float64] | None = None
        self._at_rest = True  # between two steps, with nothing half done
        self._saved: tuple[int, int, bool] | None = None
        self.has_trained = False
        changes = self.steps.model.changes
        if self._seen != changes:
            self._seen, self.buffered = changes, any(True for _ in self.steps.model.buffers())
        bar, callbacks = plan.bar, plan.callbacks
        shows = bar.active or bar.telling
        if shows and any(isinstance(c, ProgressBar) for c in callbacks):
            shows = False  # they have one of their own
        self._callbacks = [bar, *callbacks] if bar.active and shows else callbacks
        self._teller = bar if bar.telling and shows else None
        self._watching = list(filter(_watches, self._callbacks))
        # If nothing needs the end of each epoch, C runs all epochs as one.
        self._alone = not (
            self._callbacks
            or held_out
            or plan.whole
            or self._file
            or plan.schedule.scheduler
            or self._renew
        )

    def can_run_again(self) -> bool:
        """Whether `again` can run other rows by the loops of this fit."""
        plain = self._file is None and self._renew is None and self.plan.update.accumulate == 1
        evaluated = self._evaluation.loop is None or self._evaluation.is_whole()
        return plain and self.training.is_whole() and evaluated

    def again(
        self,
        trainer: Training,
        plan: Plan,
        rows: Rows,
        held_out: Rows | None,
        seed: int,
        epochs: int,
    ) -> None:
        """Run a fit like this one, over rows of the same kinds.

        plan: with the batches, metrics and updates of this fit.
        """
        try:
            self._take(trainer, plan, rows, held_out, seed, epochs)
            self._run(self.training.again(rows, seed))
        finally:
            self.rest()

    def rest(self) -> None:
        """Let go of the trainer and of its data, until `again` gives others."""
        del self.trainer, self.history, self.rows, self.held_out, self._callbacks, self._watching
        for kept in (self.training, self._evaluation):
            if kept.loop is not None:
                kept.rest()

    def run(self) -> None:
        """Run all epochs, or until the fit is stopped."""
        found = None if self._file is None else self._file.found
        with self._of_file():
            if found is not None:
                restore(self, found)
            loop = self._loop()
        if not self.trainer.stop_training:
            self.plan.schedule.check_steps(self.epoch, self.step, self.epochs, loop.steps)
        if isinstance(loop, PythonLoop) and loop.doubts:
            warnings.warn(in_python("fit", self.trainer.model, loop.doubts), stacklevel=5)
        self._run(loop, found)

    def _run(self, loop: AnyLoop, found: Any = None) -> None:
        """Run from this loop on. found: the state to go on from."""
        if self._callbacks:
            self._begin(loop)
        if self._teller is not None:
            self._teller.begin(self.epochs)
        try:
            if found is None and self._file is not None:
                self._save()  # a path that cannot be written is noticed before the first step
            elif found is not None:
                with self._of_file():
                    restore_rest(self, found)
            self._epochs(loop)
            if not NEEDS.keys().isdisjoint(self.plan.metrics):
                warn_of_nan(self.history.history)
            if self._file is not None:
                self._save()
        except KeyboardInterrupt:
            if self._at_rest:
                self._save()
            raise
        finally:
            if self.sums is not None:
                self._end_cut_off(loop)
            if self.plan.update.accumulate > 1:
                self.trainer.optimizer.zero_grad()
            if self._callbacks:
                self._tell(lambda c: c.on_train_end({}))
            if self._teller is not None:
                self._teller.end()

    def _of_file(self) -> AbstractContextManager[None]:
        """Within it what the state in the file causes is said to be of the file."""
        if self._file is None or self._file.found is None:
            return nullcontext()
        return faults_of(f"checkpoint: {self._file.path}: a state that does not fit")

    def _end_cut_off(self, loop: AnyLoop) -> None:
        """Note the figures of an epoch that was cut off before them; nan for what it lacks, so that
        all lists stay as long as those of whole epochs."""
        if self.step != loop.steps:
            return
        assert self.sums is not None
        due = (self.epoch + 1) % self.plan.every == 0
        names = [name for name in self.plan.names() if due or not name.startswith("val_")]
        logs = dict.fromkeys(names, math.nan) | self._figures(self.sums, loop) | self._rate()
        self.history.add(self.epoch, logs)

    @property
    def count(self) -> int:
        """Training rows."""
        return len(self.rows.x)

    def _loop(self) -> AnyLoop:
        """The loop of the next steps: callbacks and the like may have changed anything."""
        if self.plan.update.accumulate > 1:
            return self._new_loop()
        return self.training.over(self.rows, self.seed, self._new_loop)

    def _new_loop(self) -> AnyLoop:
        plan = self.plan
        loop = self.steps.training(
            self.rows,
            plan.batch,
            plan.shuffle,
            self.seed,
            plan.metrics,
            plan.update,
            plan.schedule.by_step,
        )
        if isinstance(loop, PythonLoop) and plan.schedule.by_step:
            loop.after_update = plan.schedule.scheduler.step
        return loop

    def _begin(self, loop: AnyLoop) -> None:
        names = self.plan.names()
        for callback in self._callbacks:
            callback.trainer = self.trainer
            callback.params = {"epochs": self.epochs, "steps": loop.steps, "metrics": names}
        self._tell(lambda c: c.on_train_begin({}))

    def _tell(self, call: Callable[[Callback], object]) -> None:
        for callback in self._callbacks:
            if call(callback) is True:
                self.trainer.stop_training = True

    def _epochs(self, loop: AnyLoop) -> None:
        while self.epoch < self.epochs and not self.trainer.stop_training:
            if not self.begun:
                self._at_rest = False
                if self._callbacks:
                    self._tell(lambda c: c.on_epoch_begin(self.epoch, {}))
                self.begun = self._at_rest = True
                if self._renew is not None and self.epoch:
                    self.rows = self._renew()
                if not self._alone:
                    loop = self._loop()
            self._train(loop)
            if self.step < loop.steps:
                return
            self._finish_epoch(loop)

    # One epoch, or all of them if nothing needs the end of each

    def _train(self, loop: AnyLoop) -> None:
        """Train to the end of an epoch, or until the fit is stopped."""
        last = min(self.epochs, self.epoch + (EPOCHS_AT_ONCE if self._alone else 1))
        while self.step < loop.steps and not self.trainer.stop_training:
            self._at_rest = False
            if isinstance(loop, PythonLoop):
                loop.start(self.epoch, last, self.step, self.sums)
            else:
                rates = self.plan.schedule.rates(self.step, loop.steps)
                loop.start(self.epoch, last, rates, self.step, self.sums)
            self.has_trained = True
            try:
                self._chunks(loop)
            finally:
                self.plan.schedule.settle(loop.done)
                self._note(loop, last)
                self._at_rest = not (isinstance(loop, PythonLoop) and loop.is_within)
            if self._is_due():
                self._save()
            whole = self.step % self.plan.update.accumulate == 0  # no gradients half added up
            if self._watching and whole and self.step < loop.steps:
                loop = self._loop()

    def _chunks(self, loop: AnyLoop) -> None:
        """Run chunks of steps until something else is due: a stop, a checkpoint, or another look at
        what a callback may have changed."""
        while self._chunk(loop):
            if self.buffered:
                check_finite(self.steps.model)
            teller, done = self._teller, loop.epoch - 1
            if teller is not None and self.epoch <= done < self.epochs - 1 and teller.is_due():
                teller.tell(done, self._figures(loop.sums_of(done), loop))
            for callback in self._watching:
                if callback.on_progress(loop.epoch, loop.step) is True:
                    self.trainer.stop_training = True
            if self.trainer.stop_training or self._is_due() or self._watching:
                return

    def _chunk(self, loop: AnyLoop) -> bool:
        """Run steps for a while; whether there are more."""
        try:
            return loop.run()
        except FloatingPointError:
            who, x = "loss", converted(self._x_of_step(loop), wide(real_of(self.steps.model)))
            with training_mode(self.steps.model, True):
                where = first_non_finite(self.steps.model, x) or "the loss itself"
            at = f"became nan or infinite in epoch {loop.epoch}, step {loop.step}"
            first = f"; the first that is not finite is {where}"
            if where.startswith(BUFFER):
                who, first = where.removeprefix(BUFFER), ""
            raise FloatingPointError(
                f"{who}: {at}{first}; the model is as before that step. Lower lr, scale x, or look "
                "at the targets"
            ) from None

    def _x_of_step(self, loop: AnyLoop) -> NDArray[Any]:
        return self.rows.x[loop.rows_of_step()]

    def _note(self, loop: AnyLoop, last: int) -> None:
        """Take over the loop's position; the last epoch ends once its metrics are computed."""
        epoch = loop.epoch
        for done in range(self.epoch, min(epoch, last - 1)):
            self.history.add(done, self._figures(loop.sums_of(done), loop))
        self.epoch, self.step = epoch, loop.step
        if epoch == last:
            self.epoch, self.step = last - 1, loop.steps
        self.sums = loop.sums_of(self.epoch).copy()

    def _figures(self, sums: NDArray[np.float64], loop: AnyLoop) -> Figures:
        return means_of(sums, self.rows.y, self.plan.metrics)

    def _rate(self) -> Figures:
        """The learning rate, if the history lists it."""
        lists = self.plan.lists_lr()
        return {"lr": self.trainer.optimizer.param_groups[0]["lr"]} if lists else {}

    def _finish_epoch(self, loop: AnyLoop) -> None:
        """Compute the metrics of an epoch, and call everything that uses them."""
        plan, epoch = self.plan, self.epoch
        assert self.sums is not None
        self._at_rest = False
        if self.buffered:
            check_finite(self.steps.model)
        logs = self._figures(self.sums, loop)
        if plan.whole and self.held_out is None:
            logs |= figures_of(plan.whole, self.steps.model, self.rows.x, self.rows.y)
        logs |= self._rate()
        if self.held_out is not None and (epoch + 1) % plan.every == 0:
            found = self._validated(self.held_out)
            logs |= {f"val_{name}": value for name, value in found.items()}
        self.history.add(epoch, logs)
        self.epoch, self.step, self.sums, self.begun = epoch + 1, 0, None, False
        plan.schedule.after_epoch(logs, plan.monitor)
        if self._callbacks:
            self._tell(lambda c: c.on_epoch_end(epoch, dict(logs)))
        if self._teller is not None:
            self._teller.tell(epoch, logs)
        self._at_rest = True
        if self._file is not None and self._file.after_epoch():
            self._save()

    def _validated(self, rows: Rows) -> Figures:
        plan, model = self.plan, self.steps.model
        loop = self._evaluation.over(rows, 0, lambda: self.steps.evaluation(rows, plan.metrics))
        means = evaluated(loop, rows.y, plan.metrics)
        return means | figures_of(plan.whole, model, rows.x, rows.y)

    def _is_due(self) -> bool:
        return self._file is not None and self._file.is_due()

    def _save(self) -> None:
        """Write a checkpoint, unless none is wanted or it is up to date."""
        place = self.epoch, self.step, self.begun
        if self._file is not None and self._saved != place:
            self._file.write(self)
            self._saved = place

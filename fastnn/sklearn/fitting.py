"""Fitting: the epochs of an estimator, and what is decided between them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fastnn._support import check
from fastnn.nn.module import Module
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.sklearn.epochs import Epochs
from fastnn.train.callbacks import listed
from fastnn.train.history import History

if TYPE_CHECKING:
    from fastnn.sklearn.kits import Kit
    from fastnn.sklearn.solver import Solver

Array = NDArray[Any]


class Rows(NamedTuple):
    """Rows to train or to validate on: x and y as the net takes them, and weights or None."""

    x: Any
    y: Array
    weight: Array | None

    def arrays(self) -> tuple[Any, ...]:
        """What a batch is gathered from."""
        return (self.x, self.y) if self.weight is None else (self.x, self.y, self.weight)


class Fitting:
    """A running fit of an estimator; to callbacks it is their `trainer`.

    Args:
        estimator: whose attributes are kept up to date.
        kit: its net, and the recorded steps, which others may use later.
        solver: its optimizer.
        rows: to train on.
        held_out: to validate on, or None.
        epochs: at most so many.

    Attributes:
        model, loss, optimizer, history, stop_training: what callbacks look at.
    """

    stop_training: bool
    model: Module
    optimizer: BlockOptimizer
    history: History
    seed = 0
    validation_rows = None

    def __init__(
        self,
        estimator: Any,
        kit: Kit,
        solver: Solver,
        rows: Rows,
        held_out: Rows | None,
        epochs: int,
    ) -> None:
        self._estimator, self._solver, self._held_out = estimator, solver, held_out
        self._bound, self._epochs = kit.bound, epochs
        self.model, self.optimizer = kit.bound.whole, kit.steps.optimizer
        self.loss: Callable[..., Any] = kit.steps.objective
        self.history, self.stop_training = History(), False
        size = _batch_size(estimator.batch_size, rows.x.shape[0])
        self._run = Epochs(kit.steps, rows.arrays(), size, estimator.n_threads)
        limit = estimator.time_limit
        self._deadline = None if limit is None else time.monotonic() + limit
        self._callbacks = listed(estimator.callbacks or ())
        for callback in self._callbacks:
            if callback.monitored:
                check.choice("monitor", callback.monitor, self._figures())  # type: ignore[attr-defined]
            callback.trainer = self
            callback.params = {
                "epochs": epochs,
                "steps": self._run.steps,
                "metrics": self._figures(),
            }

    def _figures(self) -> list[str]:
        return ["loss"] if self._held_out is None else ["loss", "val_score"]

    def run(self, incremental: bool) -> None:
        """Train. incremental: for one epoch, as `partial_fit`."""
        estimator = self._estimator
        self._tell(lambda c: c.on_train_begin({}))
        estimator.n_iter_ = 0
        try:
            for epoch in range(self._epochs):
                if self._one(epoch) or incremental or self.stop_training or self._late():
                    break
            else:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({self._epochs}) reached and the "
                    "optimization hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=6,
                )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=6)
        finally:
            self._tell(lambda c: c.on_train_end({}))

    def _one(self, epoch: int) -> bool:
        """An epoch, and whether it is the last by scikit-learn's rules."""
        estimator, run = self._estimator, self._run
        if self._callbacks:
            self._tell(lambda c: c.on_epoch_begin(epoch, {}))
        if estimator.shuffle:  # in the order of sklearn.utils.shuffle
            moved = np.arange(run.rows)
            estimator._random_state.shuffle(moved)
            run.order[:] = run.order[moved]
        total, done = run.run(self._late)
        if done < run.rows and estimator.n_iter_:
            return True  # the time is up, and the epochs so far have their figures
        estimator.n_iter_ += 1
        estimator.loss_ = total / done
        estimator.t_ += run.rows
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        self._note_progress()
        self._solver.after_epoch(estimator, estimator.t_, estimator.loss_)
        self._report(epoch)
        return self._is_lost() or self._is_over()

    def _is_lost(self) -> bool:
        """Whether the weights are nan or infinite, for good, and no earlier ones are kept."""
        if np.isfinite(self._estimator.loss_) or self._estimator.early_stopping:
            return False
        return not all(np.isfinite(a).all() for a in self._bound.values())

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    # ---- progress ----

    def _note_progress(self) -> None:
        """Count the epochs without progress: of the validation score, or of the training loss."""
        e = self._estimator
        if self._held_out is not None:
            score = e._score_of(self._bound, self._held_out)
            e.validation_scores_.append(score)
            if e.verbose:
                print(f"Validation score: {score:f}")
        if e.early_stopping:
            stuck = score < e.best_validation_score_ + e.tol
            if score > e.best_validation_score_:
                e.best_validation_score_ = score
                e._best = [a.copy() for a in self._bound.values()]
        else:
            stuck = e.loss_ > e.best_loss_ - e.tol
            if e.loss_ < e.best_loss_:
                e.best_loss_ = e.loss_
            if self._held_out is not None and score > e.best_validation_score_:
                e.best_validation_score_ = score
        e._no_improvement_count = e._no_improvement_count + 1 if stuck else 0

    def _is_over(self) -> bool:
        e = self._estimator
        if e._no_improvement_count <= e.n_iter_no_change:
            return False
        what = "Validation score" if e.early_stopping else "Training loss"
        why = (
            f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} "
            "consecutive epochs."
        )
        if self._solver.stops(why, e.verbose):
            return True
        e._no_improvement_count = 0
        return False

    # ---- callbacks ----

    def _report(self, epoch: int) -> None:
        """Tell the callbacks, which may change what they like."""
        if self._callbacks:
            logs = self._logs()
            self.history.add(epoch, logs)
            self._tell(lambda c: c.on_epoch_end(epoch, dict(logs)))
            self._run.renew()

    def _logs(self) -> dict[str, float]:
        logs = {"loss": self._estimator.loss_}
        if self._held_out is not None:
            logs["val_score"] = self._estimator.validation_scores_[-1]
        return logs

    def _tell(self, call: Callable[[Any], object]) -> None:
        for callback in self._callbacks:
            if call(callback) is True:
                self.stop_training = True


def _batch_size(given: Any, rows: int) -> int:
    if given == "auto":
        return min(200, rows)
    if given > rows:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=7,
        )
    return min(int(given), rows)

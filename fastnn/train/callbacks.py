"""Callbacks of `Trainer.fit(callbacks=[...])`, under Keras's names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from fastnn._support import check
from fastnn.optim.lr_scheduler import ReduceLROnPlateau as Plateau

if TYPE_CHECKING:
    from fastnn.nn import Module
    from fastnn.optim.block_optimizer import BlockOptimizer
    from fastnn.train.history import History

Logs = dict[str, float]

_OF_BATCHES = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_LARGER = ("acc", "auc", "f1", "precision", "recall", "r2", "kappa", "matthews", "score", "top")


class Training(Protocol):
    """The part of `Trainer` that callbacks use."""

    model: Module
    loss: Callable[..., Any]
    optimizer: BlockOptimizer
    history: History
    seed: int
    validation_rows: Any
    stop_training: bool


class Callback:
    """Base class of callbacks: `Trainer.fit` calls its methods, which do nothing by default.

    Batches are trained without Python, so there are no batch callbacks. Changes between epochs (to
    weights, `trainer.optimizer.param_groups`) take effect at the next epoch.

    Attributes:
        trainer: the `Trainer`; `trainer.stop_training = True` ends the training after this epoch.
        model: its model.
        params: {"epochs": ..., "steps": ..., "metrics": [...]} of the fit: the numbers of epochs
            and steps, and the names of the metrics of an epoch.
    """

    trainer: Training
    params: dict[str, Any]
    sets_lr = False  # whether the history has to include the learning rates
    monitored = False  # whether `monitor` has to be among the metrics

    @property
    def model(self) -> Module:
        """The model that is trained."""
        return self.trainer.model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, and when the training ends by an exception."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch; the first one is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> object:
        """After an epoch, with its metrics; return True to end the training."""

    def on_progress(self, epoch: int, step: int) -> object:
        """About twenty times a second, with the next step; True ends the training there."""

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint, from which an interrupted training resumes exactly."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; called after `on_train_begin`."""


class LambdaCallback(Callback):
    """A callback made from functions.

    Args:
        on_epoch_begin, on_epoch_end: called with (epoch, logs).
        on_train_begin, on_train_end: called with (logs).

    >>> from fastnn.callbacks import LambdaCallback
    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: epoch == 3).on_epoch_end(3, {})
    True
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Logs], object] | None = None,
        on_epoch_end: Callable[[int, Logs], object] | None = None,
        on_train_begin: Callable[[Logs], object] | None = None,
        on_train_end: Callable[[Logs], object] | None = None,
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
        }
        for name, function in given.items():
            if function is not None:
                if not callable(function):
                    raise TypeError(f"{name}: expected a function, got {check.show(function)}")
                setattr(self, name, function)


def listed(callbacks: Iterable[Any]) -> list[Callback]:
    """Check a list of callbacks; functions of (epoch, logs) are wrapped.

    Raises:
        TypeError: anything else, or a callback with methods for batches.
    """
    try:
        found = list(callbacks)
    except TypeError:
        raise TypeError(
            "callbacks: expected a list of callbacks or functions of (epoch, logs), got "
            f"{check.show(callbacks)}"
        ) from None
    for i, callback in enumerate(found):
        if isinstance(callback, Callback):
            for name in _OF_BATCHES:
                if hasattr(callback, name):
                    raise TypeError(
                        f"callbacks: {type(callback).__name__} has {name}, but batches are trained "
                        "without Python; use on_epoch_end, or on_progress"
                    )
        elif callable(callback) and not isinstance(callback, type):
            found[i] = LambdaCallback(on_epoch_end=callback)
        else:
            raise TypeError(
                "callbacks: expected callbacks or functions of (epoch, logs), got "
                f"{check.show(callback)}"
            )
    return found


class Monitor(Callback):
    """Base class of callbacks that monitor one metric.

    Args:
        monitor: its name, such as "val_loss".
        mode: "min", "max" or "auto": "max" for accuracy, AUC, F1, precision, recall, R2 and names
            with "score" in them, else "min".
    """

    monitor: str
    mode: str
    monitored = True

    def __init__(self, monitor: str, mode: str) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor: expected the name of a figure, got {check.show(monitor)}")
        check.choice("mode", mode, ("auto", "min", "max"))
        if mode == "auto":
            larger = any(part.startswith(_LARGER) for part in monitor.split("_"))
            mode = "max" if larger else "min"
        self.monitor, self.mode = monitor, mode

    def better(self, a: float, b: float | None, delta: float = 0.0) -> bool:
        """Whether a improves on b by more than delta; anything but nan improves on None."""
        if b is None:
            return a == a
        return a - delta > b if self.mode == "max" else a + delta < b


class EarlyStopping(Monitor):
    """Early stopping: end the training when a metric has not improved for `patience` epochs.

    However the training ends, also by Ctrl-C or a nan loss, the model then has the weights of its
    best epoch, if any epoch was finished.

    Args:
        monitor: default "val_loss".
        min_delta: only a larger change counts as an improvement, default 0.
        patience: epochs without improvement, default 0.
        verbose: 1 prints when it stops.
        mode: "auto", "min" or "max".
        baseline: only values better than this reset the patience, default None.
        restore_best_weights: default True (Keras: False); False keeps those of the last epoch.
        start_from_epoch: ignore earlier epochs, default 0.

    Attributes:
        best, best_epoch: the best value and its epoch, or None.
        stopped_epoch: the epoch at which it stopped the training, or None.

    Source: Keras 3, `keras.callbacks.EarlyStopping`.
    """

    wait: int

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode)
        self.min_delta: float = check.real("min_delta", min_delta, 0.0)
        self.patience: int = check.integer("patience", patience, 0)
        self.verbose: Any = check.choice("verbose", verbose, (0, 1))
        self.baseline: float | None = None if baseline is None else check.real("baseline", baseline)
        self.restore_best_weights: bool = check.flag("restore_best_weights", restore_best_weights)
        self.start_from_epoch: int = check.integer("start_from_epoch", start_from_epoch, 0)
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._weights: dict[str, Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier fits."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> object:
        """Look at the figure."""
        current = (logs or {}).get(self.monitor)
        if current is None or epoch < self.start_from_epoch:
            return None
        self.wait += 1
        if self.better(current, self.best, self.min_delta):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                state = self.model.state_dict()
                self._weights = {name: value.clone() for name, value in state.items()}
            if self.baseline is None or self.better(current, self.baseline, self.min_delta):
                self.wait = 0
            return None
        if self.wait < self.patience or epoch == 0:
            return None
        self.stopped_epoch = epoch
        if self.verbose:
            print(f"epoch {epoch + 1}: early stopping")
        return True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights."""
        if self._weights is not None:
            self.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best value and weights, and the epochs since."""
        names = ("wait", "best", "best_epoch", "stopped_epoch")
        return {**{name: getattr(self, name) for name in names}, "weights": self._weights}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        state = dict(state_dict)
        self._weights = state.pop("weights")
        vars(self).update(state)


class LearningRateScheduler(Callback):
    """Set the learning rate of all groups before every epoch, by a function.

    Args:
        schedule: a function of (epoch, lr) that returns the new learning rate.
        verbose: 1 prints it.

    >>> from fastnn.callbacks import LearningRateScheduler
    >>> halve = LearningRateScheduler(lambda epoch, lr: lr * 0.5)
    """

    sets_lr = True

    def __init__(self, schedule: Callable[[int, float], float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule: expected a function, got {check.show(schedule)}")
        self.schedule = schedule
        self.verbose: Any = check.choice("verbose", verbose, (0, 1))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        for group in self.trainer.optimizer.param_groups:
            group["lr"] = check.learning_rate(self.schedule(epoch, group["lr"]), "schedule")
        if self.verbose:
            print(f"epoch {epoch + 1}: lr {self.trainer.optimizer.param_groups[0]['lr']:g}")


class ReduceLROnPlateau(Monitor):
    """Reduce the learning rate when a metric has not improved for `patience` epochs.

    Args:
        monitor: default "val_loss".
        factor: lr *= factor, below 1, default 0.1.
        patience: default 10.
        verbose: 1 prints each reduction.
        mode: "auto", "min" or "max".
        min_delta: only a larger change counts as an improvement, default 1e-4.
        cooldown: epochs after a reduction that are not counted, default 0.
        min_lr: the lowest learning rate, default 0.

    Source: Keras 3, `keras.callbacks.ReduceLROnPlateau`: it waits one epoch less than
    `optim.lr_scheduler.ReduceLROnPlateau`, which does the work.
    """

    sets_lr = True

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode)
        self.factor: float = check.real("factor", factor, 0.0, 1.0, open_high=True)
        self.patience: int = check.integer("patience", patience, 0)
        self.verbose: Any = check.choice("verbose", verbose, (0, 1))
        self.min_delta: float = check.real("min_delta", min_delta, 0.0)
        self.cooldown: int = check.integer("cooldown", cooldown, 0)
        self.min_lr: float = check.learning_rate(min_lr, "min_lr")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget earlier fits."""
        self._plateau = Plateau(
            self.trainer.optimizer,
            mode=self.mode,
            factor=self.factor,
            patience=max(self.patience - 1, 0),
            threshold=self.min_delta,
            threshold_mode="abs",
            cooldown=max(self.cooldown - 1, 0),
            min_lr=self.min_lr,
            eps=0,
        )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the figure."""
        current = (logs or {}).get(self.monitor)
        if current is None:
            return
        before = self._plateau.get_last_lr()
        self._plateau.step(current)
        if self.verbose and self._plateau.get_last_lr() != before:
            print(f"epoch {epoch + 1}: lr {self._plateau.get_last_lr()[0]:g}")

    def state_dict(self) -> dict[str, Any]:
        """The state of the scheduler."""
        return self._plateau.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self._plateau.load_state_dict(state_dict)


class TimeBudget(Callback):
    """End the training after a number of seconds, also within an epoch.

    The model is as after the last finished step; an unfinished epoch is not in the history. A
    training resumed from a checkpoint has the time that was left.

    Args:
        seconds: above 0.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds: float = check.real("seconds", seconds, 0.0, open_low=True)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def spent(self) -> float:
        """Seconds since the training began."""
        return time.monotonic() - self._began

    def on_progress(self, epoch: int, step: int) -> object:
        """Whether it is time."""
        return self.spent() >= self.seconds

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> object:
        """Whether it is time."""
        return self.spent() >= self.seconds

    def state_dict(self) -> dict[str, Any]:
        """The seconds spent."""
        return {"spent": self.spent()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self._began = time.monotonic() - state_dict["spent"]

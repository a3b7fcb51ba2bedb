"""Plan: the checked arguments of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastnn._support import check
from fastnn.train.callbacks import Callback, listed
from fastnn.train.feed import Feed
from fastnn.train.metrics import Metric, OfAllRows, named, whole_set
from fastnn.train.progress import ProgressBar
from fastnn.train.schedule import Schedule
from fastnn.train.update import Update
from fastnn.train.validation import ignored_in


def name_of(value: Any) -> str:
    """The name of a function, or of a value's type."""
    return getattr(value, "__qualname__", type(value).__name__)


class Arguments(NamedTuple):
    """Arguments of `fit` as they were given, but for x, y and those of progress and resuming. The
    first `OBJECTS` are data and objects, which may be others in a fit like another one."""

    validation_data: Any
    sample_weight: Any
    callbacks: Any
    scheduler: Any
    batch_size: Any
    shuffle: Any
    validation_split: Any
    validation_freq: Any
    class_weight: Any
    metrics: Any
    schedule: Any
    monitor: Any
    accumulate_steps: Any
    clip_norm: Any
    clip_value: Any
    checkpoint: Any


OBJECTS = 4


@dataclass(frozen=True)
class Plan:
    """The arguments of a fit.

    validates: whether there is validation data.
    every: validate every this many epochs.
    asked: the metrics as given.

    Raises:
        ValueError: a monitored metric will not exist.
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
        """The names of the metrics of an epoch."""
        names = ["loss", *self.metrics, *(() if self.validates else self.whole)]
        names += ["lr"] if self.lists_lr() else []
        if self.validates:
            names += [f"val_{name}" for name in ("loss", *self.metrics, *self.whole)]
        return names

    def lists_lr(self) -> bool:
        """Whether the history includes the learning rates."""
        sets_lr = self.callbacks and any([c.sets_lr for c in self.callbacks])  # a call, not three
        return bool(sets_lr) or self.schedule.scheduler is not None

    def words(self) -> dict[str, str]:
        """The arguments that a checkpoint has to match, as text."""
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


def idle(name: str, given: Any, default: Any, needed: str, is_there: bool) -> None:
    """Refuse an argument that nothing reads, as what it is for was not given."""
    if not is_there and given != default:
        raise ValueError(f"{name}: expected {default!r} without {needed}, got {given!r}")


def planned(
    feed: Feed,
    held: Any,
    share: float,
    epochs: int,
    update: Update,
    verbose: int,
    optimizer: Any,
    given: Arguments,
) -> Plan:
    """The plan of a fit, whose arguments are checked, without side effects.

    held, share: the validation data, or the share of rows that is held out.

    Raises:
        TypeError, ValueError: bad arguments.
    """
    asked, skipped = feed.metrics(given.metrics), ignored_in(feed.loss, feed.y, held)
    monitor = given.monitor
    validates = bool(share) or held is not None
    every = check.integer("validation_freq", given.validation_freq, 1)
    unit = check.choice("schedule", given.schedule, ("epoch", "step"))
    idle("schedule", unit, "epoch", "a scheduler", given.scheduler is not None)
    idle("validation_freq", every, 1, "validation data", validates)
    return Plan(
        epochs=check.epochs(epochs),
        batch=check.batch_size(given.batch_size) if feed.size is None else feed.size,
        shuffle=check.flag("shuffle", given.shuffle) and feed.source is None,
        validates=validates,
        every=every,
        asked=given.metrics,
        metrics=named(asked, feed.loss, skipped),
        whole=whole_set(asked, feed.loss, skipped),
        update=update,
        schedule=Schedule(given.scheduler, optimizer, given.schedule, update.accumulate, monitor),
        monitor=monitor or ("val_loss" if validates else "loss"),
        callbacks=listed(given.callbacks),
        bar=ProgressBar(verbose),
    )

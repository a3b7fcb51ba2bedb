"""Nets that no common program can train: a `Trainer.fit` each."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.population.configs import Maker
from fastnn.population.net import Net, model_and_optimizer
from fastnn.population.task import Task
from fastnn.random.generator import fork_rng, seeding
from fastnn.train.trainer import Trainer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fit(net: Net, maker: Maker, task: Task, into: dict[str, NDArray[np.float64]]) -> None:
    """Make the net anew and train it, in Python where it must be; writes its figures."""
    with seeding, fork_rng():
        net.model, net.parameters, net.optimizer = model_and_optimizer(net.recipe, maker)
        stopping = copy.copy(task.stopping)
        trainer = Trainer(net.model, task.loss, net.optimizer, precision=task.precision)
        held, weight = _held(net, task), task.sample_weight
        try:
            trainer.fit(
                _part(task.x, net.rows),
                _part(task.y, net.rows),
                epochs=task.epochs,
                batch_size=net.recipe.batch,
                shuffle=task.shuffle,
                validation_data=held,
                validation_freq=task.every,
                sample_weight=None if weight is None else _part(weight, net.rows),
                metrics=task.asked,
                callbacks=[] if stopping is None else [stopping],
                verbose=0,
            )
        except FloatingPointError as error:
            net.error = str(error)
    found = trainer.history
    net.epochs = len(found.epoch)
    if stopping is not None and stopping.restore_best_weights and stopping.best_epoch is not None:
        net.best_epoch = stopping.best_epoch
    for name, values in found.history.items():
        at = np.array(found.epoch)
        if name.startswith("val_"):
            at = at[task.every - 1 :: task.every]
        into[name][net.number, at] = values


def _part(given: Any, rows: NDArray[np.int64] | None) -> Any:
    return given if rows is None else np.asarray(given)[rows]


def _held(net: Net, task: Task) -> Any:
    if net.held is None:
        return task.validation_data
    parts = [task.x, task.y]
    if task.weighs_held and task.sample_weight is not None:
        parts.append(task.sample_weight)
    return tuple(_part(given, net.held) for given in parts)

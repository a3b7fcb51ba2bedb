"""Training: a population from its first step to its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastnn.nn import BCEWithLogitsLoss, CrossEntropyLoss
from fastnn.optim.loop import is_plain
from fastnn.population import one_by_one
from fastnn.population.configs import Maker
from fastnn.population.dealt import gather_nets, own_nets
from fastnn.population.group import Group, NotTogetherError
from fastnn.population.likeness import is_simple, likeness
from fastnn.population.net import Net
from fastnn.population.population import Population
from fastnn.population.run import Run
from fastnn.population.task import Task
from fastnn.random.generator import fork_rng, seeding
from fastnn.train.callbacks import Monitor
from fastnn.train.metrics import warn_of_nan
from fastnn.train.split import split
from fastnn.train.weights import classes_of

if TYPE_CHECKING:
    from fastnn.ranks import Ranks
    from fastnn.train.progress import ProgressBar


class Training:
    """Trains the nets of a population.

    Args:
        nets: new ones, those of a configuration side by side.
        parts: how many each configuration has.
        maker: makes a net anew that no program can train.
        task: what they are trained on.
        monitor: the figure by which they are compared.
    """

    nets: list[Net]
    parts: int
    maker: Maker
    task: Task

    def __init__(self, nets: list[Net], parts: int, maker: Maker, task: Task, monitor: str) -> None:
        self.nets, self.parts, self.maker, self.task = nets, parts, maker, task
        self.monitor = monitor
        self.history: dict[str, NDArray[Any]] = {
            name: np.full((len(nets), task.epochs), np.nan) for name in task.names()
        }
        self.rungs: NDArray[Any] = np.zeros(len(nets) // parts, np.int64)
        self._ranks: Ranks | None = None
        self._own: list[Net] = nets  # those that are trained here

    def share(self, ranks: Ranks, given: dict[str, Any]) -> None:
        """Train the nets of this rank only, and then have all.

        given: the arguments of `fit_many`.
        """
        self._ranks, self._own = ranks, own_nets(ranks, self.nets, given)

    def run(self, threads: int, bar: ProgressBar, rungs: list[int], eta: int) -> Population:
        """Train all nets.

        rungs: after each of these epochs all but one in `eta` of the configurations stop.
        """
        for net in self.nets if self.task.share else ():
            _hold_out(net, self.task)
        with seeding, fork_rng():  # a first step may draw
            groups, alone = self._grouped(bool(rungs))
        if groups:
            self._together(Run(groups, self.task, threads), bar, rungs, eta)
        for net in alone:
            one_by_one.fit(net, self.maker, self.task, self.history)
        if self._ranks is not None:
            gather_nets(self._ranks, self.nets, self.history)
        warn_of_nan({name: self._of_trained(name) for name in self.history})
        outputs = _outputs_of(self.task.loss)
        return Population(self.nets, self.history, self.parts, self.monitor, outputs, self.rungs)

    def _of_trained(self, name: str) -> list[float]:
        """The values of a figure in the epochs that have it: those that have a loss of its kind."""
        kind = "val_loss" if name.startswith("val_") else "loss"
        values: list[float] = self.history[name][~np.isnan(self.history[kind])].tolist()
        return values

    def _grouped(self, halves: bool) -> tuple[list[Group], list[Net]]:
        """The nets in groups of like ones, and those that have to be trained one by one."""
        task, like, alone = self.task, dict[Any, list[Net]](), list[Net]()
        baseline = task.stopping is not None and task.stopping.baseline is not None
        for net in self._own:
            if baseline or not is_plain(net.optimizer) or not is_simple(net):
                alone.append(net)
            else:
                like.setdefault(likeness(net, task.loss), []).append(net)
        groups: list[Group] = []
        why = "an optimizer or a model that no program can train, or a baseline"
        for members in like.values():
            try:
                groups.append(Group(members, task))
            except NotTogetherError as error:
                alone, why = alone + members, str(error)
        if halves and alone:
            raise ValueError(
                f"halving: expected nets that can be trained side by side; these cannot: {why}"
            )
        return groups, sorted(alone, key=lambda net: net.number)

    def _together(self, run: Run, bar: ProgressBar, rungs: list[int], eta: int) -> None:
        """Train the nets that programs train."""
        bar.params = {"epochs": 1, "steps": run.steps}
        bar.on_train_begin({})
        try:
            for rung in rungs:
                run.until(rung)
                run.train(lambda done: bar.on_progress(0, done))
                run.history(self.history)
                self._stop_the_worst(run, eta)
            run.until(self.task.epochs)
            run.train(lambda done: bar.on_progress(0, done))
        finally:
            bar.on_train_end({})
            run.finish()
        run.history(self.history)

    def _stop_the_worst(self, run: Run, eta: int) -> None:
        """Stop all but the best configurations of those that are left."""
        sign = -1.0 if Monitor(self.monitor, "auto").mode == "max" else 1.0
        figures = [_last(row) for row in self.history[self.monitor]]
        scores = sign * np.reshape(figures, (-1, self.parts)).mean(1)
        left = np.flatnonzero(self.rungs == self.rungs.max())
        order = left[np.argsort(np.where(np.isnan(scores), np.inf, scores)[left], kind="stable")]
        kept = -(-len(left) // eta)
        self.rungs[order[:kept]] += 1
        run.stop({net.number for net in self.nets if net.number // self.parts in order[kept:]})


def _last(figures: Any) -> float:
    """The last that there is of a net's figures."""
    known = np.flatnonzero(~np.isnan(figures))
    return float(figures[known[-1]]) if len(known) else np.nan


def _outputs_of(loss: Any) -> str:
    """What makes predictions of the outputs of models that were trained with a loss."""
    if isinstance(loss, CrossEntropyLoss):
        return "softmax"
    return "sigmoid" if isinstance(loss, BCEWithLogitsLoss) else "raw"


def _hold_out(net: Net, task: Task) -> None:
    """Set aside a share of the net's rows, as `Trainer.fit(validation_split=...)` does."""
    y = np.asarray(task.y)
    rows = np.arange(len(task.x)) if net.rows is None else net.rows
    own = y[rows]
    if getattr(task.loss, "targets", "") == "classes" and own.ndim == 1:
        own = own.astype(np.int64)
    classes = classes_of(own)
    of = own if classes is None else classes
    train, held = split(of, task.share, net.key, stratify=classes is not None)
    net.rows, net.held = rows[np.sort(train)], rows[np.sort(held)]

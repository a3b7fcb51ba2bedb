"""From a table and its target to trained nets: designs, held-out rows, one net after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn.nn.layers.members import MeanOverMembers
from fastnn.tabular.design import Design, Standardizer
from fastnn.tabular.encoding import Encoder
from fastnn.tabular.fitting import Report, fit_net
from fastnn.tabular.frame import Frame
from fastnn.tabular.member import Member, Target
from fastnn.tabular.members_net import build_members, draw_uniform
from fastnn.tabular.realmlp import ACTIVATIONS, blank_linear, build, initialize
from fastnn.tabular.recipes import Recipe
from fastnn.tabular.robust import RobustDesign
from fastnn.tabular.side_by_side import Turn, side_by_side
from fastnn.tabular.telling import OnEpoch, Telling
from fastnn.tabular.validation import Score
from fastnn.train.split import folds as deal, split
from fastnn.train.validation import Rows

__all__ = ["Task", "fit_members", "parts_of"]

Whole = NDArray[np.int64]
Part = tuple[Whole, Whole]  # training and held-out rows
Fitted = tuple[Member, Report, list[str]]  # with notes about columns
MOST_PROBABILITIES = 2**25  # rows times classes; with more, labels are smoothed at each step


@dataclass(frozen=True)
class Task:
    """What is to be learned.

    Attributes:
        frame: the table.
        y: class indices, or float64 values.
        classes: how many; 0 for a regression.
        weight: of the rows, in the loss and in the metric, or None.
        score: the validation metric.
        recipe: how.
        quantiles: of a regression: those that the net gives; none for the mean.
        metric: the name of `score`.
    """

    frame: Frame
    y: NDArray[Any]
    classes: int
    weight: NDArray[Any] | None
    score: Score
    recipe: Recipe
    quantiles: tuple[float, ...] = ()
    metric: str = "score"

    @property
    def outputs(self) -> int:
        """Numbers that a net gives for a row."""
        return self.classes or len(self.quantiles) or 1


def parts_of(task: Task, share: float, folds: int, seed: int) -> list[Part]:
    """Training and held-out rows: one random split, or `folds` of them, stratified by class."""
    if folds == 1:
        return [split(task.y, share, seed, stratify=task.classes > 0)]
    return deal(task.y, folds, seed, stratify=task.classes > 0)


def fit_members(
    task: Task,
    parts: list[Part],
    n_ens: int,
    seed: int,
    time_limit: float | None,
    refit: bool,
    verbose: int = 0,
) -> tuple[list[Member], list[Report], list[str]]:
    """Train `n_ens` nets on each of the parts, side by side.

    Args:
        time_limit: seconds for all of them.
        refit: train `n_ens` nets on all rows after that, up to the mean share of the schedule at
            which those were best, and give these.
        verbose: see `Telling`.

    Returns:
        the nets, how the training on each of the parts went, and notes about columns.
    """
    jobs = [part for part in parts for _ in range(n_ens)]
    begun, seconds = time.perf_counter(), time_limit
    if refit and seconds is not None:
        seconds *= len(jobs) / (len(jobs) + n_ens)

    nets = len(jobs) + (n_ens if refit else 0)
    with Telling(verbose, nets, task.recipe.epochs, task.metric) as telling:

        def fit(number: int, turn: Turn) -> Fitted:
            rng = np.random.default_rng([seed, number])
            return _fit_one(task, jobs[number], rng, turn, 1.0, telling.of(number))

        found = side_by_side(len(jobs), seconds, fit)
        members, reports, notes = map(list, zip(*found))
        if refit:
            until = float(np.mean([report.best_share for report in reports]))
            every, none = np.arange(len(task.y)), np.empty(0, np.int64)

            def fit_all(number: int, turn: Turn) -> Fitted:
                rng = np.random.default_rng([seed, len(jobs) + number])
                tell = telling.of(len(jobs) + number)
                return _fit_one(task, (every, none), rng, turn, until, tell)

            left = None if time_limit is None else begun + time_limit - time.perf_counter()
            members = [member for member, _, _ in side_by_side(n_ens, left, fit_all)]
    return members, reports, notes[0]


def _fit_one(
    task: Task,
    part: Part,
    rng: np.random.Generator,
    turn: Turn,
    until: float,
    on_epoch: OnEpoch | None,
) -> Fitted:
    """Train a net on a part, or on all rows where none are held out."""
    train, held_out = part
    recipe = task.recipe
    design, notes = _design(task.frame, train, recipe)
    x = design.apply(task.frame)
    target = None if task.classes else Target.fit(task.y[train])
    net = _first_net(design, task.outputs, recipe, x[train], rng)
    member = Member(net, design, target)
    loss = _loss(task)
    rows = Rows(x, _targets(task, loss, target), task.weight).at(train)
    score = _score(task, member, x, held_out) if len(held_out) else None
    return member, fit_net(net, loss, rows, recipe, score, rng, turn, until, on_epoch), notes


def _score(task: Task, member: Member, x: NDArray[Any], held_out: Whole) -> Callable[[], float]:
    of_held_out, truth = np.ascontiguousarray(x[held_out]), task.y[held_out]
    weight = np.ones(len(held_out)) if task.weight is None else task.weight[held_out]
    if not weight.any():
        weight = np.ones(len(held_out))

    def score() -> float:
        return task.score(member.of(np.asarray(member.net.predict(of_held_out))), truth, weight)

    return score


def _first_net(
    design: RobustDesign | Design,
    outputs: int,
    recipe: Recipe,
    x: NDArray[Any],
    rng: np.random.Generator,
) -> nn.Sequential:
    """The net with its first weights; x: the encoded training rows."""
    if not isinstance(design, RobustDesign):
        return _plain(design.width, outputs, recipe, rng)
    if recipe.members:
        return build_members(design, outputs, recipe, rng)
    net = build(design, outputs, recipe)
    initialize(net, x, recipe, rng)
    return net


def _loss(task: Task) -> nn.Module:
    classes, recipe = task.classes, task.recipe
    if recipe.members:
        return MeanOverMembers(classes > 0, recipe.smoothing, task.quantiles)
    if not classes:
        return nn.QuantileLoss(task.quantiles) if task.quantiles else nn.MSELoss()
    if recipe.smoothing and max(len(task.y), classes) * classes > MOST_PROBABILITIES:
        return nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    return nn.CrossEntropyLoss()


def _targets(task: Task, loss: nn.Module, target: Target | None) -> NDArray[Any]:
    """The targets as the loss takes them; smoothed labels are made once, not at every step."""
    if target is not None:
        return target.apply(task.y)
    whole = isinstance(loss, MeanOverMembers) or loss.label_smoothing == task.recipe.smoothing
    return task.y if whole else smoothed(task.y, task.classes, task.recipe.smoothing)


def smoothed(labels: NDArray[Any], classes: int, share: float) -> NDArray[np.float32]:
    """The probability of each class, (n, classes): 1 - share at the label, beside share / classes.

    >>> import numpy as np
    >>> from fastnn.tabular.members import smoothed
    >>> smoothed(np.array([1, 0]), 2, 0.5).tolist()
    [[0.25, 0.75], [0.75, 0.25]]
    """
    table = np.full((classes, classes), share / classes, np.float32)
    np.fill_diagonal(table, 1 - share + share / classes)
    found: NDArray[np.float32] = table[labels]
    return found


def _design(frame: Frame, train: Whole, recipe: Recipe) -> tuple[RobustDesign | Design, list[str]]:
    if not recipe.plain:
        return RobustDesign.fit(frame, train, recipe.one_hot)
    encoder, notes = Encoder.fit(frame)
    return Design(encoder, Standardizer.fit(encoder.encode(frame)[0][train])), notes


def _plain(width: int, outputs: int, recipe: Recipe, rng: np.random.Generator) -> nn.Sequential:
    """A plain net, with the first weights of `nn.Linear`: U(+-1 / sqrt(d_in))."""
    layers: list[nn.Module] = []
    for hidden in recipe.hidden:
        layers += [_uniform(width, hidden, rng), ACTIVATIONS[recipe.activation]()]
        width = hidden
    return nn.Sequential(*layers, _uniform(width, outputs, rng))


def _uniform(n_from: int, n_to: int, rng: np.random.Generator) -> nn.Linear:
    layer = blank_linear(n_from, n_to)
    draw_uniform(layer, rng)
    return layer

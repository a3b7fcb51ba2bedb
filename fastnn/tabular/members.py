"""From a table and its target to trained nets: designs, held-out rows, one net after another."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
from fastnn.tabular.members_net import build_members, draw_uniform
from fastnn.tabular.predictor import Member, Target
from fastnn.tabular.realmlp import ACTIVATIONS, blank_linear, build, initialize
from fastnn.tabular.recipes import Recipe
from fastnn.tabular.robust import RobustDesign
from fastnn.tabular.validation import Score
from fastnn.train.split import folds as deal, split
from fastnn.train.validation import Rows

__all__ = ["Task", "fit_members", "parts_of"]

Whole = NDArray[np.int64]
Part = tuple[Whole, Whole]  # training and held-out rows
MOST_PROBABILITIES = 2**26  # rows times classes; with more, labels are smoothed at each step


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
    """

    frame: Frame
    y: NDArray[Any]
    classes: int
    weight: NDArray[Any] | None
    score: Score
    recipe: Recipe


def parts_of(task: Task, share: float, folds: int, seed: int) -> list[Part]:
    """Training and held-out rows: one random split, or `folds` of them, stratified by class."""
    if folds == 1:
        return [split(task.y, share, seed, stratify=task.classes > 0)]
    return deal(task.y, folds, seed, stratify=task.classes > 0)


def fit_members(
    task: Task, parts: list[Part], n_ens: int, seed: int, time_limit: float | None
) -> Iterator[tuple[Member, Report, list[str]]]:
    """Train `n_ens` nets on each of the parts, one after another.

    time_limit: seconds for all of them, shared out evenly over those that are left.

    Yields:
        the net, how its training went, and notes about columns.
    """
    begun, left = time.perf_counter(), n_ens * len(parts)
    for number, part in enumerate(part for part in parts for _ in range(n_ens)):
        deadline = None
        if time_limit is not None:
            now = time.perf_counter()
            deadline = now + max(begun + time_limit - now, 0.0) / left
        rng = np.random.default_rng([seed, number])
        yield _fit_one(task, part, rng, deadline)
        left -= 1


def _fit_one(
    task: Task, part: Part, rng: np.random.Generator, deadline: float | None
) -> tuple[Member, Report, list[str]]:
    train, held_out = part
    recipe, outputs = task.recipe, task.classes or 1
    design, notes = _design(task.frame, train, recipe)
    x = design.apply(task.frame)
    target = None if task.classes else Target.fit(task.y[train])
    if isinstance(design, RobustDesign):
        if recipe.members:
            net = build_members(design, outputs, recipe, rng)
        else:
            net = build(design, outputs, recipe)
            initialize(net, x[train], recipe, rng)
    else:
        net = _plain(design.width, outputs, recipe, rng)
    member = Member(net, design, target)
    of_held_out, truth = np.ascontiguousarray(x[held_out]), task.y[held_out]
    weight = np.ones(len(held_out)) if task.weight is None else task.weight[held_out]
    if not weight.any():
        weight = np.ones(len(held_out))

    def score() -> float:
        return task.score(member.of(np.asarray(net.predict(of_held_out))), truth, weight)

    loss = _loss(task)
    rows = Rows(x, _targets(task, loss, target), task.weight).at(train)
    return member, fit_net(net, loss, rows, recipe, score, rng, deadline), notes


def _loss(task: Task) -> nn.Module:
    classes, recipe = task.classes, task.recipe
    if recipe.members:
        return MeanOverMembers(classes > 0, recipe.smoothing)
    if not classes:
        return nn.MSELoss()
    if recipe.smoothing and len(task.y) * classes > MOST_PROBABILITIES:
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

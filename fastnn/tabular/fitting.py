"""Training of a tabular net: compiled epochs with scheduled rates, and the best epoch kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn import nn, optim
from fastnn._support.threads import num_threads
from fastnn.nn.layers.columns import ScheduledDropout
from fastnn.optim.loop import rates as rates_of
from fastnn.tabular.members_net import member_groups
from fastnn.tabular.realmlp import groups
from fastnn.tabular.recipes import Recipe, coslog4, flat_cos
from fastnn.tabular.side_by_side import Turn
from fastnn.tabular.telling import OnEpoch
from fastnn.train.precision import mode_of
from fastnn.train.validation import Rows
from fastnn.train.whole_batches import WholeBatches

__all__ = ["Clock", "Rates", "Report", "fit_net", "optimizer_of"]

Floats = NDArray[np.float32]
RATE, DECAY = 0, 2  # where kernels read lr and the decoupled decay; see `optim.settings.common`


@dataclass
class Report:
    """What happened in `fit_net`.

    Attributes:
        scores: the validation metric after each epoch.
        losses: the mean training loss of each epoch.
        best_epoch: the number of the epoch that was kept, from 0; the last of equals.
        seconds: of the training.
        stopped: whether the time was over before the last epoch.
    """

    scores: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best_epoch: int = -1
    seconds: float = 0.0
    stopped: bool = False

    @property
    def best_share(self) -> float:
        """The share of the schedule at the end of the epoch that was kept."""
        return (self.best_epoch + 1) / len(self.scores)

    @property
    def best_score(self) -> float:
        """The validation metric of the epoch that was kept."""
        return self.scores[self.best_epoch]


class Clock:
    """The schedule's time t of each step, stretched so that it reaches 1 when time is over.

    Without a limit t goes from 0 to 1 in equal steps. With one, what is left of it is shared out
    after each epoch over as many epochs as fit into the seconds that are left, by the time that the
    last ones took; the first, with a prediction that compiles, counts while it is the only one.
    """

    left: int
    deadline: float | None
    t: float

    def __init__(self, epochs: int, deadline: float | None) -> None:
        self.left, self.deadline, self.t = epochs, deadline, 0.0
        self._epochs, self._done = epochs, 0
        self._last, self._one = time.perf_counter(), 0.0  # seconds of an epoch

    def times(self, steps: int) -> NDArray[np.float64]:
        """t at each step of the next epoch."""
        return np.asarray(
            self.t + np.arange(steps) * ((1 - self.t) / self.left / steps), np.float64
        )

    def tick(self) -> bool:
        """An epoch is over: whether there is another."""
        self.t += (1 - self.t) / self.left
        self.left, self._done = self.left - 1, self._done + 1
        if self.deadline is None:
            return self.left > 0
        now = time.perf_counter()
        took, self._last = now - self._last, now
        self._one = took if self._done <= 2 else 0.8 * self._one + 0.2 * took
        self.left = min(self._epochs - self._done, int((self.deadline - now) / self._one))
        return self.left > 0 and self.t < 1 - 1e-9

    def is_near(self, t: float) -> bool:
        """Whether the end of no later epoch is nearer to t."""
        return self.t + (1 - self.t) / self.left / 2 >= t


class Rates:
    """Tables of learning rates, decays and the dropout rate for the steps of an epoch."""

    def __init__(self, optimizer: optim.AdamW, net: nn.Sequential, recipe: Recipe) -> None:
        self._optimizer, self._recipe = optimizer, recipe
        self._numbers = [np.array(optimizer._numbers(g)) for g in optimizer.param_groups]
        self._dropouts = [layer for layer in net if isinstance(layer, ScheduledDropout)]

    def at(self, t: NDArray[np.float64]) -> list[Any]:
        """(target, values) for each vector that the compiled step reads."""
        wave, fall = (1.0, 1.0) if self._recipe.steady else (coslog4(t), flat_cos(t))
        tables = []
        for numbers in self._numbers:
            table = np.tile(numbers, (len(t), 1))
            table[:, RATE] *= wave
            table[:, DECAY] *= fall
            tables.append(table)
        found: list[Any] = rates_of(self._optimizer, tables)
        rate = np.reshape(self._recipe.dropout * np.broadcast_to(fall, len(t)), (-1, 1))
        return found + [(layer.rate, rate) for layer in self._dropouts]


def optimizer_of(net: nn.Sequential, recipe: Recipe) -> optim.AdamW:
    """Adam with decoupled decay over the groups of a recipe, at their highest rates."""
    if recipe.plain:
        given: Any = net.parameters()
    else:
        given = member_groups(net, recipe) if recipe.members else groups(net, recipe)
    betas = (0.9, recipe.beta2)
    return optim.AdamW(given, lr=recipe.lr, betas=betas, weight_decay=recipe.decay)


def fit_net(
    net: nn.Sequential,
    loss: nn.Module,
    rows: Rows,
    recipe: Recipe,
    score: Callable[[], float] | None,
    rng: np.random.Generator,
    turn: Turn | None = None,
    until: float = 1.0,
    on_epoch: OnEpoch | None = None,
) -> Report:
    """Train a net by a recipe, and leave it with the weights of its best epoch.

    An epoch goes through the rows in a new random order, in batches of which the last partial one
    is left out, as one run of a compiled step; rates, decay and dropout come from tables.

    Args:
        net: as from `build`, with its first weights.
        rows: encoded training rows, targets, weights.
        score: computes the validation metric of the net as it is; lower is better. None: the last
            weights are kept.
        rng: for the orders.
        turn: when to end, and on how many threads; None: all epochs, on all.
        until: the share of the schedule after which to stop, to the nearest epoch.
        on_epoch: is called after each epoch with its loss and validation metric.

    Raises:
        FloatingPointError: the loss became nan or infinite.
    """
    report, begun = Report(), time.perf_counter()
    optimizer = optimizer_of(net, recipe)
    parameters = list(net.parameters())
    net.train()
    n, batch = len(rows.x), min(recipe.batch_size, len(rows.x))
    loop = WholeBatches(net, loss, optimizer, rows, batch, mode_of(recipe.precision))
    turn = Turn(None, num_threads) if turn is None else turn
    rates, clock = Rates(optimizer, net, recipe), Clock(recipe.epochs, turn.deadline)
    best: list[NDArray[Any]] = []
    more = True
    while more:
        loop.order[:] = rng.permutation(n)[: len(loop.order)]
        loop.start(rates.at(clock.times(loop.steps)))
        report.stopped = not _epoch(loop, turn)
        report.losses.append(loop.loss)
        if score is not None:
            report.scores.append(score())
            if not best or report.scores[-1] <= report.best_score:
                report.best_epoch = len(report.scores) - 1
                best = [p._array.copy() for p in parameters]
        if on_epoch is not None:
            on_epoch(loop.loss, None if score is None else report.scores[-1])
        more = not report.stopped and clock.tick() and not clock.is_near(until)
    for p, values in zip(parameters, best):
        p._array[...] = values
    net.eval()
    report.stopped |= len(report.losses) < recipe.epochs and until == 1.0
    report.seconds = time.perf_counter() - begun
    return report


def _epoch(loop: WholeBatches, turn: Turn) -> bool:
    """Run an epoch; False if the time was over within it."""
    try:
        while loop.run(turn.threads()):
            if turn.deadline is not None and time.perf_counter() > turn.deadline:
                return False
    except FloatingPointError:
        raise FloatingPointError(
            "fit: the loss became nan or infinite; lower lr, or look at the target"
        ) from None
    return True

"""Population: the nets that `fit_many` trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import check, maps
from fastnn._support.columns import in_order
from fastnn._support.nullable import array_of
from fastnn.optim.block_optimizer import BlockOptimizer
from fastnn.population.ensemble import Ensemble, stacked
from fastnn.train.callbacks import Monitor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.nn import Module
    from fastnn.population.net import Net


class Best(NamedTuple):
    """A configuration, its score, and the models that were trained with it.

    Attributes:
        number: of the configuration.
        spread: the standard deviation of the scores of its models.
    """

    number: int
    config: dict[str, Any]
    score: float
    spread: float
    models: list[Module]

    @property
    def model(self) -> Module:
        """The first of the models: the only one, without folds and bags."""
        return self.models[0]


class Population:
    """The nets that `fit_many` trained: with folds or bags, those of a configuration side by side.

    Attributes:
        models, optimizers, configs: of each net.
        parts: how many nets each configuration has: 1, or the number of folds or bags.
        history: figure -> (nets, epochs); nan where a net was not trained or not validated.
        epochs: how many epochs each net was trained for.
        best_epochs: the epoch whose weights each net has; -1: those of its last.
        rows, validation_rows: the row numbers that each net was trained and validated on, or None
            where these were those of all nets.
        rungs: of each configuration, how many of the rungs of `halving` it has passed.
        errors: number of a net -> why it stopped, as its loss became nan or infinite. It has the
            weights from before that step.
        monitor: the figure by which nets are compared by default.
        outputs: "softmax", "sigmoid" or "raw": what makes predictions of the models' outputs.
    """

    parts: int
    monitor: str
    outputs: str
    history: dict[str, NDArray[Any]]
    rungs: NDArray[Any]

    def __init__(
        self,
        nets: list[Net],
        history: dict[str, NDArray[np.float64]],
        parts: int,
        monitor: str,
        outputs: str,
        rungs: NDArray[np.int64],
    ) -> None:
        self.models: list[Module] = [net.model for net in nets]
        self.optimizers: list[BlockOptimizer] = [net.optimizer for net in nets]
        self.configs: list[dict[str, Any]] = [net.recipe.config for net in nets]
        self.parts, self.monitor, self.outputs = parts, monitor, outputs
        self.history, self.rungs = history, rungs
        self.epochs: NDArray[Any] = np.array([net.epochs for net in nets])
        self.best_epochs: NDArray[Any] = np.array([net.best_epoch for net in nets])
        self.rows: list[NDArray[Any] | None] = [net.rows for net in nets]
        self.validation_rows: list[NDArray[Any] | None] = [net.held for net in nets]
        self.errors: dict[int, str] = {net.number: net.error for net in nets if net.error}

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} failed" if self.errors else ""
        return f"Population({len(self)} nets, {self.epochs.max()} epochs{failed})"

    def scores(self, metric: str | None = None) -> NDArray[np.float64]:
        """A figure of each net, at the epoch whose weights it has; nan for those that failed.

        Args:
            metric: a name in `history`; default: `monitor`.

        Raises:
            ValueError: no such figure.
        """
        figures = self.history[check.choice("metric", metric or self.monitor, self.history)]
        scores = np.full(len(self), np.nan)
        for i, (row, best) in enumerate(zip(figures, self.best_epochs, strict=True)):
            known = np.flatnonzero(~np.isnan(row))
            if i not in self.errors and len(known):
                scores[i] = row[best if best >= 0 else known[-1]]
        return scores

    def ranking(self, metric: str | None = None, mode: str = "auto") -> NDArray[np.int64]:
        """The numbers of the configurations, best first.

        Only those that were trained longest are compared by their scores, averaged over folds or
        bags; those that stopped earlier, by halving, follow.

        Args:
            metric: as for `scores`.
            mode: "min", "max" or "auto": "max" for accuracy and the like.
        """
        metric = metric or self.monitor
        sign = -1.0 if Monitor(metric, mode).mode == "max" else 1.0
        scores = sign * self._by_config(self.scores(metric)).mean(1)
        return np.lexsort((np.where(np.isnan(scores), np.inf, scores), -self.rungs))

    def best(self, metric: str | None = None, mode: str = "auto") -> Best:
        """The best configuration.

        Args:
            metric, mode: as for `ranking`.
        """
        number = int(self.ranking(metric, mode)[0])
        scores = self._by_config(self.scores(metric))[number]
        first = number * self.parts
        models = self.models[first : first + self.parts]
        return Best(number, self.configs[first], float(scores.mean()), float(scores.std()), models)

    def _by_config(self, values: Any) -> NDArray[Any]:
        return np.asarray(values).reshape(-1, self.parts)

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """The outputs of all nets for the rows of x: (nets, rows, outputs).

        Raises:
            ValueError: nets with outputs of different shapes.
        """
        return stacked([model.predict(x) for model in self.models])

    def out_of_fold(self, x: ArrayLike) -> NDArray[np.float64]:
        """Predictions for each row by the nets that were not trained on it.

        Args:
            x: the rows that the nets were trained on, as they were given.

        Returns:
            (configs, rows, outputs): with folds the prediction of one net, with bags the mean over
            the nets whose bag lacks the row; nan where there is none.

        Raises:
            ValueError: the nets have no validation rows.
        """
        if any(held is None for held in self.validation_rows):
            raise ValueError("out_of_fold: expected nets of folds, bags or validation_rows")
        maps.refuse_closed(x, "x")
        given, total = array_of(in_order(self.models[0], x)), None
        for i, held in enumerate(self.validation_rows):
            z = Ensemble([self.models[i]], self.outputs).predict(given[held])
            if total is None:
                shape = len(self) // self.parts, len(given)
                total, count = np.zeros((*shape, *z.shape[1:])), np.zeros(shape)
            total[i // self.parts, held] += z
            count[i // self.parts, held] += 1
        assert total is not None
        with np.errstate(invalid="ignore"):
            mean: NDArray[np.float64] = total / count.reshape(
                *count.shape, *(1,) * (total.ndim - 2)
            )
        return mean

    def ensemble(
        self, top: int | None = 5, metric: str | None = None, mode: str = "auto"
    ) -> Ensemble:
        """The nets of the best configurations, as one model.

        Args:
            top: how many configurations; None: all.
            metric, mode: as for `ranking`.

        Raises:
            ValueError: fewer nets than that which have not failed.
        """
        numbers = self.ranking(metric, mode)
        count = len(numbers) if top is None else check.integer("top", top, 1, len(numbers))
        members = [
            i
            for number in numbers[:count].tolist()
            for i in range(number * self.parts, (number + 1) * self.parts)
            if i not in self.errors
        ]
        if not members:
            raise ValueError("ensemble: expected nets that were trained to the end, got none")
        return Ensemble([self.models[i] for i in members], self.outputs)

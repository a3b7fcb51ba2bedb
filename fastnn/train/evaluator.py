"""What a trainer does with a trained model: evaluate, predict, score; copies of it, its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.forks import Turn
from fastnn.io.rows.table import LargeTable
from fastnn.nn import BCELoss, BCEWithLogitsLoss, Module, SigmoidFocalLoss
from fastnn.tensor import Tensor
from fastnn.train.again import Again
from fastnn.train.batches import inputs_of, inputs_taken, makes_batches
from fastnn.train.dealing import Dealing
from fastnn.train.dealt_steps import DealtSteps
from fastnn.train.feed import Facades, Feed
from fastnn.train.history import History
from fastnn.train.key import Recordings
from fastnn.train.losses import SumOfLosses
from fastnn.train.metrics import Metric, named, whole_set
from fastnn.train.parts import are_several
from fastnn.train.precision import check_float32
from fastnn.train.predict import figures_of, predict
from fastnn.train.steps import Steps
from fastnn.train.stream.fitting import evaluate_table, predict_table
from fastnn.train.sums import evaluated
from fastnn.train.validation import checked, ignored_in

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastnn.optim.block_optimizer import BlockOptimizer

    Loss = Callable[..., Tensor]

_FRESH: dict[str, Callable[[], Any]] = {
    "_recordings": Recordings, "_again": Again, "_fitting": Turn, "_facades": Facades,
}  # fmt: skip
"""What copies and pickles make anew."""


class Evaluator:
    """The part of `Trainer` that trains nothing."""

    model: Module
    loss: Loss
    optimizer: BlockOptimizer
    history: History
    _asked: Sequence[str | Metric]
    _recordings: Recordings
    _mode: int  # of the precision
    _facades: Facades
    _dealing: Dealing | None

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        metrics: Sequence[str | Metric] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """Evaluate loss and metrics over all rows, in evaluation mode; nothing changes.

        Args:
            x, y, sample_weight: as for `fit`.
            metrics: as for `fit`; default: those of the last fit.

        Returns:
            {"loss": ..., "accuracy": ...}, over all rows.
        """
        asked = self._asked if metrics is None else metrics
        if isinstance(x, LargeTable):
            return evaluate_table(self, x, asked, (y, sample_weight))
        return self._evaluated(self._feed(x, y, sample_weight), asked)

    def _evaluated(self, feed: Feed, asked: Sequence[str | Metric]) -> dict[str, float]:
        model, loss, asked = feed.model, feed.loss, feed.metrics(asked)
        skipped = ignored_in(loss, feed.y)
        functions = named(asked, loss, skipped)
        whole = whole_set(asked, loss, skipped)
        rows = checked(model, loss, feed.x, feed.y, functions, feed.weight, warns=True)
        steps = self._steps(model, loss)
        means = evaluated(steps.evaluation(rows, functions), rows.y, functions)
        return means | figures_of(whole, model, rows.x, rows.y)

    def predict(self, x: Any, precision: str = "float32", out: Any = None) -> Any:
        """What the model gives for rows, in evaluation mode, as `model.predict` does.

        Args:
            x: (rows, features); for a model of several inputs a tuple of arrays; or a `DataLoader`
                or another iterable of batches, of which (x, y) counts as x; or an `open_table`.
            precision: "float32" (default), whatever the trainer's is, "bf16" or "int8".
            out: where to write, as of `model.predict`; of a large table also a numpy.memmap.

        Returns:
            An array, logits where the model gives logits; of a model with several outputs a tuple
            of arrays.

        Raises:
            TypeError, ValueError: rows that the model does not take.

        Example:
            >>> import numpy as np
            >>> from fastnn import Trainer, nn, optim
            >>> model = nn.Linear(2, 1)
            >>> Trainer(model, "mse", optim.Adam(model.parameters())).predict(np.ones((3, 2))).shape
            (3, 1)
        """
        if isinstance(x, LargeTable):
            return predict_table(self.model, x, out, precision)
        if makes_batches(x):
            x = inputs_of(x, inputs_taken(self.model))
        if not are_several(x) and not self._facades.gives_several(self.model):
            try:
                return predict(self.model, x, out, precision)
            except TypeError:
                facade, rows = self._facades.of_inputs(self.model, x)
                if facade.outputs is None:
                    raise
        else:
            facade, rows = self._facades.of_inputs(self.model, x)
        if out is not None:
            raise TypeError("out: expected None for several inputs or outputs")
        return facade.result(predict(facade.module, rows, None, precision))

    def score(self, x: Any, y: Any = None) -> float:
        """How good the predictions are: the share of right classes, or R2 of a regression.

        Args:
            x, y: as for `fit`.

        Returns:
            The accuracy where the loss is one of classes, or y has class numbers and the loss is
            your own; else R2, 1 - sum (y - z)^2 / sum (y - mean y)^2.

        Raises:
            TypeError, ValueError: bad input; several outputs, for which `evaluate` has metrics.
        """
        if isinstance(x, LargeTable):
            name = "accuracy" if _is_of_classes(self.loss, x.read(0, 2)[1]) else "r2"
            return self.evaluate(x, y, [name])[name]
        feed = self._feed(x, y)
        if feed.has_several:
            raise ValueError(
                "score: expected a model of one output; for several use evaluate(x, y, "
                "metrics=[...]) with functions of (outputs, targets)"
            )
        name = "accuracy" if _is_of_classes(self.loss, feed.y) else "r2"
        return self._evaluated(feed, [name])[name]

    def _feed(self, x: Any, y: Any, sample_weight: Any = None) -> Feed:
        return Feed(self.model, self.loss, self._facades).take(x, y, sample_weight)

    def _steps(self, model: Module | None = None, loss: Loss | None = None) -> Steps:
        """The steps of these; default: of the trainer's own model and loss."""
        model, loss = (self.model, self.loss) if model is None or loss is None else (model, loss)
        check_float32(self._mode, model)
        parts = model, loss, self.optimizer, self._recordings, self._mode
        return Steps(*parts) if self._dealing is None else DealtSteps(*parts, self._dealing)

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.model.parameters())
        model, loss = type(self.model).__name__, repr(self.loss)
        if not isinstance(self.loss, Module | SumOfLosses):
            loss = getattr(self.loss, "__name__", type(self.loss).__name__)
        groups = getattr(self.optimizer, "param_groups", [{}])
        rate = f"(lr={groups[0]['lr']:g})" if "lr" in groups[0] else ""
        done = f", {len(self.history.epoch)} epochs done" if self.history.epoch else ""
        return (
            f"Trainer({model} of {count:,} parameters, {loss}, "
            f"{type(self.optimizer).__name__}{rate}{done})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: all but the recordings, which are made again."""
        return {k: v for k, v in vars(self).items() if k not in _FRESH}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, **{name: make() for name, make in _FRESH.items()})


def _is_of_classes(loss: Any, y: Any) -> bool:
    if getattr(loss, "targets", "") in ("classes", "lists of classes"):
        return True
    if isinstance(loss, Module) and type(loss).__module__.startswith("fastnn."):
        return isinstance(loss, BCELoss | BCEWithLogitsLoss | SigmoidFocalLoss)
    array = y if hasattr(y, "dtype") else np.asarray(y)
    return array.ndim == 1 and np.dtype(array.dtype).kind in "iub"

"""Task: what all nets of a population are trained on, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnn.train.callbacks import EarlyStopping

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastnn.tensor import Tensor
    from fastnn.train.metrics import Metric
    from fastnn.train.metrics.batchwise import Metric as Function

    Loss = Callable[..., Tensor]


class Task(NamedTuple):
    """The arguments that all nets share.

    x: as it was given, converted once to each type that a model is of.
    metrics: means over rows, by name.
    asked: the metrics as given.
    share: the fraction of its rows that each net holds out.
    every: validate after every this many epochs.
    has_held: whether each net has validation rows among the rows of x.
    """

    x: NDArray[Any]
    y: ArrayLike
    loss: Loss
    epochs: int
    shuffle: bool
    validation_data: Any
    share: float
    has_held: bool
    every: int
    sample_weight: ArrayLike | None
    metrics: dict[str, Function]
    asked: Sequence[str | Metric]
    stopping: EarlyStopping | None
    precision: str = "float32"

    @property
    def weighs_held(self) -> bool:
        """Whether the rows that a net holds out have their weights in its evaluation."""
        return self.share > 0

    @property
    def validates(self) -> bool:
        """Whether nets are evaluated on rows that they are not trained on."""
        return self.validation_data is not None or self.has_held

    def names(self) -> list[str]:
        """The figures of an epoch."""
        names = ["loss", *self.metrics]
        return names + [f"val_{name}" for name in names] * self.validates

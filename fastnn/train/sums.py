"""Loss and metrics from the sums over rows that a loop adds up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnn.train.metrics import Metric, counted_of
from fastnn.train.python_loop import PythonLoop

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastnn.train.loop import Loop

    AnyLoop = Loop | PythonLoop

__all__ = ["Figures", "evaluated", "means_of", "means_over", "summed"]

Figures = dict[str, float]


def means_of(sums: NDArray[np.float64], y: NDArray[Any], metrics: dict[str, Metric]) -> Figures:
    """Loss and metrics of an epoch: means over rows; weighted ones are quotients of sums."""
    return means_over(sums, len(y), metrics, lambda metric: counted_of(metric, y))


def means_over(
    sums: NDArray[np.float64],
    n: int,
    metrics: dict[str, Metric],
    counted: Callable[[Metric], int],
) -> Figures:
    """`means_of` n rows, of which a metric counts `counted(metric)`."""
    loss, *others = sums.tolist()
    parts = len(others) - len(metrics)
    total, size = others[:2] if parts == 2 else (loss, n)
    mean = total / size if size else math.nan  # where no row counts
    figures = {"loss": mean}
    for (name, metric), value in zip(metrics.items(), others[parts:], strict=True):
        rows = counted(metric)
        figures[name] = value / rows if rows else math.nan
    return figures


def evaluated(loop: AnyLoop, y: NDArray[Any], metrics: dict[str, Metric]) -> Figures:
    """Loss and metrics over all rows of an evaluation loop."""
    return means_of(summed(loop), y, metrics)


def summed(loop: AnyLoop) -> NDArray[np.float64]:
    """The sums over all rows of an evaluation loop."""
    loop.start(0, 1)
    while loop.run():
        pass
    return loop.sums_of(0)

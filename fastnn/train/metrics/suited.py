"""Whether metrics suit the outputs of a model and its targets: errors that name the metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._support.errors import InvalidValueError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def check_whole(
    whole: Mapping[str, Callable[..., Any]], outputs: tuple[int, ...], y: NDArray[Any]
) -> None:
    """Check that metrics of ours over the whole data set take such outputs and these targets.

    outputs: the shape of the model's output for one row.

    Raises:
        ValueError: one does not.
    """
    z = np.broadcast_to(np.zeros((), np.float32), (len(y), *outputs))
    for name, metric in whole.items():
        if getattr(metric, "function", None) is None:  # not a WholeSet, which is the user's
            value_of(name, metric, z, y)


def value_of(name: str, metric: Callable[..., Any], z: NDArray[Any], y: NDArray[Any]) -> float:
    """The value of a metric over all rows.

    Raises:
        ValueError: it does not suit the outputs or targets; says which metric.
    """
    try:
        return float(metric(z, y))
    except ValueError as error:
        if getattr(metric, "function", None) is not None:
            raise
        raise unsuited(name, z.shape, y.shape, error) from error


def unsuited(name: str, z: Any, y: Any, error: Exception) -> InvalidValueError:
    """The error of a metric that does not suit outputs and targets of these shapes."""
    outputs, targets = (str(("rows", *shape[1:])).replace("'", "") for shape in (z, y))
    return InvalidValueError(
        f"metrics: expected some that suit outputs {outputs} and targets {targets}, got {name!r}; "
        f"it says {error}"
    )

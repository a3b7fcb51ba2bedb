"""Rows, and what the model gives for them: what an exported file is compared with."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.export.steps import ExportError, Lookup, Plan
from fastnn.export.tables import answer, rows_of
from fastnn.tape.modes import no_grad
from fastnn.tensor import of_array

__all__ = ["Rows", "rows_for"]

Array = NDArray[Any]


class Rows:
    """Rows for a file, and what the model gives for them.

    Attributes:
        x: as the file takes them, (rows, *shape).
        y: in float64 of a net, else as the model gives it.
        near: how far the model itself, in its own type, is from `y`.
        frame: columns of a table, or None.
    """

    def __init__(self, x: Array, y: Array, near: float, frame: dict[str, Any] | None) -> None:
        self.x, self.y, self.near, self.frame = x, y, near, frame


def rows_for(plan: Plan, count: int, seed: int = 0, given: Any = None) -> Rows:
    """Random rows, or some that are given.

    Raises:
        ExportError: the model gives nan or inf for a row.
    """
    x: Array
    rng = np.random.default_rng(seed)
    if plan.prepare is not None:
        frame, x = rows_of(plan, count, rng)
        y = answer(plan, frame)
        return Rows(x, _finite(y), 0.0, frame)
    if given is not None:
        x = np.asarray(given)[:count]
    elif plan.integers:
        first = plan.chains[0][0]
        assert isinstance(first, Lookup)
        x = rng.integers(0, len(first.table), (count, *plan.shape))
    else:
        x = rng.standard_normal((count, *plan.shape)).astype(plan.real)
    exact = copy.deepcopy(plan.model).double()
    y = _outputs(exact, x if plan.integers else x.astype(np.float64))
    own = _outputs(plan.model, x)
    return Rows(x, _finite(y), float(abs(own - y).max(initial=0.0)), None)


def _outputs(model: Any, x: Array) -> Array:
    with no_grad():
        return np.array(model(of_array(x))._array, np.float64)


def _finite(y: Array) -> Array:
    if not np.isfinite(y).all():
        raise ExportError("model: gives nan or inf for random rows; train it again, or scale x")
    return y

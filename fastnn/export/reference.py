"""Rows, and what the model gives for them: what an exported file is compared with."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn._support import check, maps
from fastnn.export.steps import (
    Chain,
    Clip,
    ExportError,
    Plan,
    Softmax,
    Undo,
    index_sizes,
)
from fastnn.export.tables import answer, exact_answer, rows_of
from fastnn.tabular.frame import in_columns
from fastnn.tabular.model import TabularModel
from fastnn.tape.modes import no_grad
from fastnn.tensor import of_array

__all__ = ["Rows", "rows_for", "rows_into_net", "tail_of"]

Array = NDArray[Any]


class Rows:
    """Rows for a file, and what the model gives for them.

    Attributes:
        x: as the file takes them, (rows, *shape).
        y: in float64.
        near: how far the model itself, in its own type, is from `y`, or with a rounded x.
        frame: columns of a table, or None.
    """

    x: Array
    y: Array
    near: float
    frame: dict[str, Any] | None

    def __init__(self, x: Array, y: Array, near: float, frame: dict[str, Any] | None) -> None:
        self.x, self.y, self.near, self.frame = x, y, near, frame


def rows_for(plan: Plan, count: int, seed: int = 0) -> Rows:
    """Random rows.

    Raises:
        ExportError: the model gives nan or inf for a row.
    """
    x: Array
    rng = np.random.default_rng(seed)
    if plan.prepare is not None:
        frame, x = rows_of(plan, count, rng)
        y, own = _finite(exact_answer(plan, frame)), _finite(answer(plan, frame))
        return Rows(x, y, float(abs(own - y).max(initial=0.0)), frame)
    x = rng.standard_normal((count, *plan.shape)).astype(plan.real)
    flat = x.reshape(count, -1)
    for place, size in index_sizes(plan).items():
        flat[:, place] = rng.integers(0, size, count)
    x = x.astype(np.int64) if plan.integers else x
    exact = copy.deepcopy(plan.model).double()
    wide = x if plan.integers else x.astype(np.float64)
    y, own = _finite(_outputs(exact, wide)), _finite(_outputs(plan.model, x))
    near = float(abs(own - y).max(initial=0.0))
    if not plan.integers:
        unit = float(np.finfo(plan.real).eps)
        moved = _finite(_outputs(exact, wide * (1 + unit * rng.choice([-1, 1], wide.shape))))
        near = max(near, float(abs(moved - y).max(initial=0.0)))
    return Rows(x, y, near, None)


def _outputs(model: Any, x: Array) -> Array:
    with no_grad():
        return np.array(model(of_array(x))._array, np.float64)


def _finite(y: Array) -> Array:
    if not np.isfinite(y).all():
        raise ExportError("model: gives nan or inf for random rows; train it again, or scale x")
    return y


def rows_into_net(plan: Plan, rows: Any) -> Array:
    """What goes into the first layer for rows as the model takes them.

    Raises:
        ExportError: the rows are of another width, or not finite.
    """
    model = plan.model
    if isinstance(model, TabularModel):
        frame = in_columns(rows, model.columns, model.features, "calibration")
        if not len(frame):
            raise ExportError("calibration: expected rows of data, got none")
        return model.design.apply(frame)
    maps.refuse_closed(rows, "calibration")
    try:
        x = np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        raise ExportError(
            f"calibration: expected rows of numbers, got {check.show(rows)}"
        ) from None
    if x.ndim < 2 or x.shape[1:] != plan.shape or not len(x):
        wanted = ", ".join(map(str, ("rows", *plan.shape)))
        raise ExportError(f"calibration: expected shape ({wanted}), got {x.shape}")
    if not np.isfinite(x).all():
        raise ExportError("calibration: holds nan or inf; leave these rows out")
    if not x.any():
        raise ExportError("calibration: all its numbers are 0; give rows of data")
    return x


def tail_of(steps: Chain, z: Array) -> Array:
    """What the steps behind an int8 net make of its outputs, float64."""
    for step in steps:
        if isinstance(step, Softmax):
            z = step.sign * z
            z = z - z.max(axis=1, keepdims=True)
            total = np.log(np.exp(z).sum(axis=1, keepdims=True))
            z = z - total if step.logarithm else np.exp(z - total)
        elif isinstance(step, Undo):
            z = (np.exp(z) if step.log else z) * step.deviation + step.mean
        elif isinstance(step, Clip):
            z = np.clip(z, step.low, step.high)
        else:
            z = np.sort(z)
    return z

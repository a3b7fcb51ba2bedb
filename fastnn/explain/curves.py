"""Partial dependence and calibration: curves that say how a fitted model behaves, as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn._support import check, maps
from fastnn._support.columns import in_order

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Dependence(NamedTuple):
    """What `partial_dependence` gives.

    grid: the values of the feature, numbers or texts.
    mean: the mean prediction at each, (points,) or (points, outputs).
    low, high: the quarter and three quarters of the rows' predictions lie below these.
    """

    grid: NDArray[Any]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def partial_dependence(
    predict: Callable[[Any], Any],
    x: ArrayLike,
    feature: int,
    *,
    grid: ArrayLike | None = None,
    points: int = 20,
) -> Dependence:
    """The mean prediction where one feature is set to a value, and all else is as in the rows.

    d(v) = mean_i predict(x_i with x_ij = v)

    Args:
        predict: maps (rows, features) to predictions, such as `model.predict`.
        x: (rows, features).
        feature: the column j.
        grid: values to set it to; default: `points` quantiles of the column, from the 1st percent
            to the 99th, without repetitions.
        points: default 20.

    Returns:
        grid, mean, and the quartiles of the rows' predictions.

    Raises:
        TypeError, ValueError: x does not have two axes, a column that does not exist, no value.

    Source: Friedman 2001, section 8.2.

    Example:
        >>> from fastnn import explain
        >>> found = explain.partial_dependence(lambda x: x[:, 0] ** 2, [[0, 5], [1, 5], [2, 5]], 0,
        ...                            grid=[1.0, 3.0])
        >>> found.mean.tolist()
        [1.0, 9.0]
    """
    table = maps.array_of(in_order(getattr(predict, "__self__", predict), x), "x").copy()
    if table.ndim != 2:
        raise ValueError(f"x: expected shape (rows, features), got {table.shape}")
    j = check.integer("feature", feature, 0, table.shape[1] - 1)
    values = quantile_grid(table[:, j], points) if grid is None else maps.array_of(grid, "grid")
    if values.ndim != 1 or not len(values):
        raise ValueError(f"grid: expected a list of values, got shape {values.shape}")

    def at(value: Any) -> Any:
        table[:, j] = value
        return predict(table)

    return dependence_of(at, values)


def dependence_of(predict_at: Callable[[Any], Any], grid: NDArray[Any]) -> Dependence:
    """Mean and quartiles of predictions, of which `predict_at` gives those for one value."""
    rows = [np.asarray(predict_at(value), np.float64) for value in grid]
    low, high = (np.stack([np.quantile(p, q, axis=0) for p in rows]) for q in (0.25, 0.75))
    return Dependence(grid, np.stack([p.mean(axis=0) for p in rows]), low, high)


def quantile_grid(values: NDArray[Any], points: int = 20) -> NDArray[np.float64]:
    """Different quantiles of the finite values, from the 1st percent to the 99th; all values where
    there are no more than `points`."""
    points = check.integer("points", points, 2)
    numbers = np.asarray(values, np.float64)
    different = np.unique(numbers[np.isfinite(numbers)])
    if not len(different):
        raise ValueError("x: expected a number in this column, got none")
    if len(different) <= points:
        return different
    shares = np.linspace(0.01, 0.99, points)
    return np.unique(np.quantile(numbers[np.isfinite(numbers)], shares))


class Calibration(NamedTuple):
    """What `calibration` gives, for each bin that has rows.

    predicted: the mean probability. observed: the share of rows that have the class.
    rows: how many. error: the mean |predicted - observed| over rows, one number.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    rows: NDArray[np.int64]
    error: float


def calibration(y: ArrayLike, p: ArrayLike, bins: int = 10, *, equal: str = "width") -> Calibration:
    """How often what is predicted with a probability comes true.

    Args:
        y: (rows,) of 0 and 1 or bools, with (rows,) probabilities of 1; or class indices, with
            (rows, classes): then it is the class of the highest probability that is judged.
        p: probabilities.
        bins: default 10.
        equal: "width" (default): bins of equal width; "count": of equally many rows.

    Returns:
        for each bin the mean probability, the share that came true and the rows; and the expected
        calibration error.

    Raises:
        ValueError: shapes that do not fit, no rows, probabilities outside 0..1, other labels.

    Source: Niculescu-Mizil and Caruana 2005; Guo et al. 2017 for the error.

    Example:
        >>> from fastnn import explain
        >>> found = explain.calibration([0, 0, 1, 1], [0.1, 0.1, 0.9, 0.7], 2)
        >>> found.predicted.tolist(), found.observed.tolist(), found.rows.tolist()
        ([0.1, 0.8], [0.0, 1.0], [2, 2])
    """
    truth, shares = maps.array_of(y, "y"), np.asarray(maps.array_of(p, "p"), np.float64)
    bins = check.integer("bins", bins, 1)
    check.choice("equal", equal, ("width", "count"))
    if shares.ndim not in (1, 2) or truth.shape != shares.shape[:1] or not shares.size:
        raise ValueError(
            f"p: expected (rows,) or (rows, classes) for y of (rows,), got {shares.shape} for "
            f"{truth.shape}"
        )
    if not (shares >= 0).all() or not (shares <= 1).all():
        odd = shares[~((shares >= 0) & (shares <= 1))][0]
        raise ValueError(f"p: expected probabilities in 0..1, got {odd}")
    if shares.ndim == 2:
        best = shares.argmax(axis=1)
        truth, shares = truth == best, shares.max(axis=1)
    elif not np.isin(truth, (0, 1)).all():
        odd = truth[~np.isin(truth, (0, 1))][0]
        raise ValueError(f"y: expected 0 and 1 for p of (rows,), got {odd!r:.40}")
    if equal == "width":
        place = np.minimum((shares * bins).astype(np.int64), bins - 1)
    else:
        edges = np.quantile(shares, np.linspace(0, 1, bins + 1)[1:-1])
        place = np.searchsorted(edges, shares, side="right")
    count = np.bincount(place, minlength=bins)
    some = count > 0
    predicted = np.bincount(place, shares, bins)[some] / count[some]
    observed = np.bincount(place, truth.astype(np.float64), bins)[some] / count[some]
    error = float(np.average(np.abs(predicted - observed), weights=count[some]))
    return Calibration(predicted, observed, count[some], error)

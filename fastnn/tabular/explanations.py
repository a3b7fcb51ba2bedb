"""What a fitted tabular model goes by: importance of its columns, dependence, attributions."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnn import nn
from fastnn._support import check, maps
from fastnn.explain.attribution import integrated_gradients
from fastnn.explain.curves import Dependence, dependence_of, quantile_grid
from fastnn.nn.layers.columns import CATEGORY, EMBEDDED, Columns, ScaleColumns
from fastnn.nn.layers.members import Spread
from fastnn.tabular.design import Design
from fastnn.tabular.encoding import Encoder
from fastnn.tabular.frame import Column, Frame
from fastnn.tabular.model import TabularModel
from fastnn.tabular.robust import RobustDesign
from fastnn.tabular.validation import METRICS

__all__ = ["Importance", "attributions", "dependence", "importance"]

METHODS = ("permutation", "gradients", "scale")
MOST_ROWS = 2000  # of a larger table a random choice is looked at
MOST_TEXTS = 12  # values of a category in a dependence, the most frequent ones


class Importance(NamedTuple):
    """Importance of columns, the highest first.

    names: of the columns. values: how important. method: as given. unit: what a value is.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    method: str
    unit: str


def importance(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    method: str = "permutation",
    repeats: int = 5,
    seed: int = 0,
) -> Importance:
    """How much a fitted tabular model goes by each column.

    - "permutation" (default): how much the error rises when the column is shuffled: the log-loss of
      classes, the root mean squared error of numbers, in units of the target.
    - "gradients": the mean size of the column's `attributions`, in log-odds of the predicted class
      or units of the target. It needs no y.
    - "scale": the mean size of the factors that the net's scaling layer has for the column, as a
      share of all. It needs no rows, and is a hint only: it does not see the layers behind.

    Args:
        model: a fitted `TabularClassifier` or `TabularRegressor`, or what `fastnn.load` gives back.
        x: rows as `predict` takes them, best such as were not trained on; of more than 2,000 a
            random choice.
        y: their labels or values.
        method, repeats, seed: see above; shuffles of a column, and the seed of the shuffles.

    Returns:
        names and values, the highest first.

    Raises:
        TypeError, ValueError: x or y missing or not fitting, a net without a scaling layer.

    Source: Breiman 2001 for the shuffles; Sundararajan et al. 2017; Holzmueller et al. 2024.

    Example:
        >>> from fastnn.tabular import importance, TabularRegressor
        >>> rows = [[i % 7, i % 5] for i in range(70)]
        >>> y = [10 * a for a, b in rows]
        >>> model = TabularRegressor(epochs=32, random_state=0).fit(rows, y)
        >>> importance(model, rows, y).names
        ('x0', 'x1')
    """
    check.choice("method", method, METHODS)
    fitted = _fitted(model)
    if method == "scale":
        return _sorted(fitted.features, _scales(fitted), method, "share of the scaling layer")
    if x is None or (y is None and method == "permutation"):
        raise ValueError(f"x, y: expected rows{' and targets' * (y is None)} for {method!r}")
    frame = fitted.rows_of(x)
    total, rows = len(frame), _some(len(frame), seed)
    frame = frame.take(rows)
    if method == "gradients":
        values = np.abs(attributions(fitted, frame)).mean(axis=0)
        unit = "log-odds" if fitted.classes is not None else "units of the target"
        return _sorted(fitted.features, values, method, unit)
    truth = _truth(fitted, maps.array_of(y, "y").ravel(), total)[rows]
    repeats = check.integer("repeats", repeats, 1)
    values = _permutation(fitted, frame, truth, repeats, np.random.default_rng(check.seed(seed)))
    unit = "rise of the log-loss" if fitted.classes is not None else "rise of the RMSE"
    return _sorted(fitted.features, values, method, unit)


def dependence(
    model: Any, x: Any, column: str, *, points: int = 20, label: Any = None, seed: int = 0
) -> Dependence:
    """How the mean prediction depends on one column, all else as in the rows.

    d(v) = mean_i f(row i with the column set to v)

    Args:
        model: as for `importance`.
        x: rows; of more than 2,000 a random choice.
        column: its name.
        points: values of a column of numbers or dates, default 20 quantiles. Of a category the 12
            most frequent texts.
        label: of a classifier, the class whose probability is f; default the last one of two, and
            for more classes all of them.
        seed: of the choice of rows.

    Returns:
        `grid`, `mean`, and `low` and `high`, the quartiles of the rows' predictions.

    Raises:
        ValueError: the model does not read this column, or does not know the label; the column has
            no values.

    Source: Friedman 2001, section 8.2.

    Example:
        >>> import numpy as np
        >>> from fastnn.tabular import dependence, TabularRegressor
        >>> rows = {"a": [1.0, 2.0, 3.0, 4.0] * 20, "b": [0.0, 1.0] * 40}
        >>> model = TabularRegressor(epochs=32, random_state=0).fit(rows, [1.0, 2.0, 3.0, 4.0] * 20)
        >>> found = dependence(model, rows, "a")
        >>> found.grid.tolist(), bool((np.diff(found.mean) > 0).all())
        ([1.0, 2.0, 3.0, 4.0], True)
    """
    fitted = _fitted(model)
    check.choice("column", column, fitted.features)
    frame = fitted.rows_of(x)
    frame = frame.take(_some(len(frame), seed))
    kind = _encoder(fitted).kinds[column]
    values = frame.columns[column].as_kind(kind)
    if values.missing().all():
        raise ValueError(f"x: expected a value in column {column!r}, got none")
    classes = None if fitted.classes is None else fitted.classes.tolist()
    chosen: Any = None
    if classes is not None and label is not None:
        chosen = classes.index(check.choice("label", label, classes))
    elif classes is not None and len(classes) == 2:
        chosen = 1

    def at(value: Any) -> Any:
        changed = _with(
            frame, column, Column(kind, np.full(len(frame), value, values.values.dtype))
        )
        if classes is None:
            return fitted.predict(changed)
        p = fitted.predict_proba(changed)
        return p if chosen is None else p[:, chosen]

    return dependence_of(at, _grid(values, points))


def attributions(
    model: Any, x: Any, *, background: Any = None, steps: int = 16
) -> NDArray[np.float64]:
    """How much each column of each row adds to the prediction, compared with the mean row.

    Integrated gradients behind the embeddings, added up over what a column becomes. A row's sum is
    its prediction minus that of the mean embedded row: of numbers in units of the target, of
    classes in log-odds of the predicted class.

    Args:
        model: as for `importance`.
        x: rows as `predict` takes them.
        background: the rows whose mean they are compared with, such as the training rows; default
            x, if there are several.
        steps: of the integral, default 16.

    Returns:
        (rows, columns), in the order of `model.features` (of an estimator `predictor_.features`).

    Raises:
        ValueError: a single row without a background.

    Source: Sundararajan, Taly and Yan 2017.
    """
    fitted = _fitted(model)
    frame = fitted.rows_of(x)
    others = frame
    if background is not None:
        others = fitted.rows_of(background, "background")
        others = others.take(_some(len(others), 0))
    elif len(frame) < 2:
        raise ValueError("background: expected rows to compare a single one with")
    places = {name: i for i, name in enumerate(fitted.features)}
    found = np.zeros((len(frame), len(places)))
    best: Any = 0
    if fitted.classes is not None:
        best = fitted.predict_proba(frame).argmax(axis=1)
    for member in fitted.members:
        net, rows, names = _behind_embeddings(member, frame)
        mean = _behind_embeddings(member, others)[1].mean(axis=0, dtype=np.float64)
        each = integrated_gradients(net, rows, mean, best, steps=steps)
        spread = 1.0 if member.target is None else member.target.deviation
        at = np.array([places[name] for name in names])
        for i in range(len(places)):
            found[:, i] += each[:, at == i].sum(axis=1) * spread / len(fitted.members)
    return found


# ---- what a column becomes ----


def _fitted(model: Any) -> TabularModel:
    """The trained predictor of an estimator, or itself."""
    found = model._trained() if hasattr(model, "_trained") else model
    if not isinstance(found, TabularModel):
        raise TypeError(
            "model: expected a fitted TabularClassifier or TabularRegressor, or one that "
            f"fastnn.load gave back, got {check.show(model)}"
        )
    return found


def _encoder(fitted: Any) -> Encoder:
    encoder: Encoder = fitted.members[0].design.encoder
    return encoder


def sources(design: RobustDesign | Design) -> list[str]:
    """The column of the table that each column of the design matrix comes from."""
    encoder = design.encoder
    found = [f.name for f in encoder.features for _ in (f.parts or "x") if f.kind != "category"]
    last: list[str] = []
    coded = [f.name for f in encoder.features if f.gaps]
    coded += [f.name for f in encoder.features if f.kind == "category"]
    for name, size in zip(coded, encoder.sizes, strict=True):
        if isinstance(design, RobustDesign) and size > design.one_hot:
            last.append(name)
            continue
        found += [name] * design.columns_of(size)
    return found + last


def _embedded(first: Columns, names: list[str]) -> list[str]:
    """The column of the table that each output of the first layer comes from."""
    numbers, whole = names[: first.numbers], first.numbers + first.plain
    cosines = [n for n in numbers for _ in range(EMBEDDED - 1)] if first._embeds else []
    return cosines + names[:whole] + [n for n in names[whole:] for _ in range(CATEGORY)]


def _behind_embeddings(member: Any, frame: Frame) -> tuple[nn.Module, NDArray[Any], list[str]]:
    """A net of numbers alone, its rows, and the column that each of them comes from."""
    rows, names = member.design.apply(frame), sources(member.design)
    layers = list(member.net)
    if isinstance(layers[0], Columns):
        names = _embedded(layers[0], names)
        rows, layers = np.asarray(layers[0].predict(rows)), layers[1:]
    net: nn.Module = nn.Sequential(*layers)
    if any(isinstance(layer, Spread) for layer in layers):
        net = _MeanOfMembers(net)
    return net, rows, names


class _MeanOfMembers(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Any) -> Any:
        return self.net(x).mean(1)


def _scales(fitted: Any) -> NDArray[np.float64]:
    total = np.zeros(len(fitted.features))
    for member in fitted.members:
        factors = next((la for la in member.net if isinstance(la, ScaleColumns | Spread)), None)
        if factors is None:
            raise ValueError(
                "method: 'scale' needs a net with a scaling layer, such as that of preset 'td'; "
                "use 'permutation' or 'gradients'"
            )
        names = _embedded(member.net[0], sources(member.design))
        sizes = np.abs(factors.weight.detach().numpy().astype(np.float64))
        sizes = sizes.reshape(-1, len(names)).mean(axis=0)
        found = np.array([np.mean(sizes[np.array(names) == n]) for n in fitted.features])
        total += found / found.sum()
    return np.asarray(total / len(fitted.members))


# ---- rows ----


def _some(count: int, seed: int) -> NDArray[np.int64]:
    if count <= MOST_ROWS:
        return np.arange(count)
    chosen = np.random.default_rng(check.seed(seed)).choice(count, MOST_ROWS, replace=False)
    return np.sort(chosen)


def _with(frame: Frame, name: str, column: Column) -> Frame:
    return Frame({**frame.columns, name: column}, frame.rows)


def _grid(column: Column, points: int) -> NDArray[Any]:
    if column.kind == "category":
        counts = Counter(value for value in column.values if value is not None)
        texts = [text for text, _ in counts.most_common(MOST_TEXTS)]
        out = np.empty(len(texts), object)
        out[:] = texts
        return out
    if column.kind == "date":
        dates = column.values[~np.isnat(column.values)].astype("M8[us]").astype(np.int64)
        return np.asarray(quantile_grid(dates, points)).astype(np.int64).astype("M8[us]")
    return quantile_grid(column.values, points)


def _truth(fitted: Any, y: NDArray[Any], rows: int) -> NDArray[Any]:
    """The index of each label, or the values."""
    if len(y) != rows:
        raise ValueError(f"y: expected {rows} labels or values like rows in x, got {len(y)}")
    if fitted.classes is None:
        return np.asarray(y, np.float64)
    index = {label: i for i, label in enumerate(fitted.classes.tolist())}
    unknown = next((label for label in y.tolist() if label not in index), None)
    if unknown is not None:
        raise ValueError(f"y: expected one of {', '.join(map(str, index))}, got {unknown!r}")
    return np.array([index[label] for label in y.tolist()], np.int64)


def _permutation(
    fitted: Any, frame: Frame, y: NDArray[Any], repeats: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    equal = np.ones(len(frame))

    def error(rows: Frame) -> float:
        if fitted.classes is None:
            return METRICS[False]["rmse"](fitted.predict(rows)[:, None], y, equal)
        p = np.log(np.maximum(fitted.predict_proba(rows), 1e-15))
        return METRICS[True]["log_loss"](p, y, equal)

    before, found = error(frame), []
    for name in fitted.features:
        column = frame.columns[name]
        rises = []
        for _ in range(repeats):
            mixed = Column(column.kind, column.values[rng.permutation(len(frame))])
            rises.append(error(_with(frame, name, mixed)) - before)
        found.append(np.mean(rises))
    return np.array(found)


def _sorted(names: tuple[str, ...], values: Any, method: str, unit: str) -> Importance:
    order = np.argsort(-np.asarray(values), kind="stable")
    return Importance(tuple(names[i] for i in order), np.asarray(values)[order], method, unit)

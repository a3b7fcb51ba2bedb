"""Tabular nets against scikit-learn's, by 5 folds, with defaults alone: `python -m bench.tabular`.

Prints accuracy and log-loss, or R2, on the held-out folds, and the seconds of a fit. Small tables
that come with scikit-learn, and one that is made here. One thread.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastnn
from fastnn.tabular import TabularClassifier, TabularRegressor

Data = tuple[Any, NDArray[Any]]


def homes(rows: int = 3000, seed: int = 0) -> Data:
    """A made table like California's homes: places with dear spots, skewed numbers, noise."""
    rng = np.random.default_rng(seed)
    spots = rng.uniform(0, 10, (12, 2))
    place = rng.uniform(0, 10, (rows, 2))
    near = np.exp(-np.square(place[:, None] - spots).sum(axis=2)) @ rng.uniform(0.5, 2, 12)
    income, age = rng.lognormal(1.2, 0.5, rows), rng.integers(1, 52, rows)
    rooms = rng.lognormal(1.6, 0.3, rows)
    crowd = rng.lognormal(1.0, 0.4, rows)
    price = near + 0.4 * income - 0.1 * crowd + 0.02 * age * (near > 1) + 0.1 * np.log(rooms)
    x = np.column_stack([place, income, age, rooms, crowd])
    return x, np.clip(price + rng.normal(0, 0.2, rows), 0.3, 5.0)


def tables() -> dict[str, Data]:
    """The tables by name."""
    from sklearn import datasets

    found = {name: getattr(datasets, f"load_{name}")(return_X_y=True)
             for name in ("breast_cancer", "wine", "digits", "diabetes")}  # fmt: skip
    return {**found, "homes (made)": homes()}


def models(classes: bool) -> dict[str, Any]:
    """The models by name, with their defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    ours = TabularClassifier if classes else TabularRegressor
    trees = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    net = MLPClassifier if classes else MLPRegressor
    found = {preset: ours(preset, random_state=0) for preset in ("td", "td-s", "tabm-mini", "mlp")}
    return {
        **{f"fastnn {name}": model for name, model in found.items()},
        "HistGradientBoosting": trees(random_state=0),
        "sklearn MLP, scaled": make_pipeline(StandardScaler(), net(random_state=0)),
    }


def folds(y: NDArray[Any], classes: bool, count: int = 5) -> NDArray[np.int64]:
    """The fold of each row, by class."""
    order = np.random.default_rng(0).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")] if classes else order
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % count
    return fold


def judged(model: Any, data: Data, classes: bool, count: int) -> tuple[list[float], float]:
    """Mean figures over the folds, and seconds of a fit."""
    x, y = data
    fold, figures, seconds = folds(y, classes), [], 0.0
    for k in range(count):
        train, test = fold != k, fold == k
        begun = time.perf_counter()
        model.fit(x[train], y[train])
        seconds += time.perf_counter() - begun
        if classes:
            p = model.predict_proba(x[test])
            truth = p[np.arange(len(p)), np.searchsorted(np.unique(y), y[test])]
            loss = -np.log(np.maximum(truth, 1e-15)).mean()
            figures.append([model.score(x[test], y[test]), float(loss)])
        else:
            figures.append([model.score(x[test], y[test])])
    return np.mean(figures, axis=0).tolist(), seconds / count


def main() -> None:
    """Print a line for each table and model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", help="names, separated by commas; default all")
    parser.add_argument("--folds", type=int, default=5, help="how many of the 5 to run")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    fastnn.set_num_threads(1)
    known = tables()
    for name in options.tables.split(",") if options.tables else known:
        y = known[name][1]
        classes = y.dtype.kind in "iu"
        print(f"{name}: {len(y)} rows, {'classes' if classes else 'numbers'}")
        for label, model in models(classes).items():
            found, seconds = judged(model, known[name], classes, options.folds)
            shown = "accuracy {:.4f}  log-loss {:.4f}" if classes else "R2 {:.4f}"
            print(f"  {label:22} {shown.format(*found)}  {seconds:6.2f} s", flush=True)


if __name__ == "__main__":
    main()

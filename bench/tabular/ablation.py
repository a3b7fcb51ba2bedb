"""`python -m bench.tabular.ablation`: the recipe td with one part left out at a time.

Six quick tables, a few folds each, one thread, the same seed: about ten minutes. What is measured
goes into bench/tabular/ablation.json at once, and `python -m bench.tabular --render` shows it.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from .__main__ import folds
from .models import judge
from .tables import TABLES, Table

KEPT = Path(__file__).with_name("ablation.json")
QUICK = "BEPS,OJ,digits,Boston,concrete,College"
WHOLE = "nothing"
Change = tuple[str, Any]  # what is replaced, by its full name, and by what


def _recipe(**changes: Any) -> list[Change]:
    """Other numbers in the recipe."""
    from fastnn.tabular import recipes

    def changed(*args: Any, **options: Any) -> Any:
        return replace(recipes.recipe_of(*args, **options), **changes)

    return [("fastnn.tabular.base.recipe_of", changed)]


def _rates(rate: Callable[[Any], tuple[float, float, float] | None]) -> list[Change]:
    """Other factors of rate, decay and eps for the layers of which `rate` gives some."""
    from fastnn.tabular import realmlp

    def changed(net: Any, recipe: Any) -> list[dict[str, Any]]:
        found = realmlp.groups(net, recipe)
        for layer in net:
            factors = rate(layer)
            if factors is None:
                continue
            for group in found:
                group["params"] = [p for p in group["params"] if p is not layer.weight]
            lr, decay, eps = factors
            found.append({"params": [layer.weight], "lr": recipe.lr * lr,
                          "weight_decay": recipe.decay * decay, "eps": 1e-8 * eps})  # fmt: skip
        return [group for group in found if group["params"]]

    return [("fastnn.tabular.fitting.groups", changed)]


def _no_scaling() -> list[Change]:
    from fastnn.nn.layers.columns import ScaleColumns

    return _rates(lambda layer: (0.0, 0.0, 1.0) if isinstance(layer, ScaleColumns) else None)


def _no_ntp() -> list[Change]:
    """All weights at the rate that a layer of 256 inputs has, whatever their inputs are."""
    from fastnn import nn

    return _rates(lambda layer: (1 / 16, 16.0, 16.0) if isinstance(layer, nn.Linear) else None)


def _no_robust_scaling() -> list[Change]:
    """Means and deviations of the training rows, and no clipping."""
    from fastnn.tabular.robust import RobustDesign

    fit = RobustDesign.fit

    def changed(frame: Any, rows: Any = None, *args: Any, **options: Any) -> Any:
        design, notes = fit(frame, rows, *args, **options)
        x = design._columns(frame)[0]
        x = x if rows is None else x[rows]
        deviation = x.std(axis=0)
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        return replace(design, center=x.mean(axis=0), scale=scale), notes

    return [
        ("fastnn.tabular.robust.RobustDesign.fit", changed),
        ("fastnn.tabular.robust.smooth_clip", lambda x: x),
    ]


def _steady() -> list[Change]:
    """The mean of the wave, all the time."""
    return [("fastnn.tabular.fitting.coslog4", lambda t: np.full_like(t, 0.5))]


PARTS: dict[str, Callable[[], list[Change]]] = {
    WHOLE: list,
    "embedding of numbers (PBLD)": lambda: _recipe(periodic=False),
    "scaling layer": _no_scaling,
    "parametric activation": lambda: _recipe(parametric=False),
    "NTP factors of the rate": _no_ntp,
    "schedule of the rate": _steady,
    "beta2 .95 (.999)": lambda: _recipe(beta2=0.999),
    "label smoothing": lambda: _recipe(smoothing=0.0),
    "dropout": lambda: _recipe(dropout=0.0),
    "weight decay": lambda: _recipe(decay=0.0),
    "robust scaling, clipping": _no_robust_scaling,
    "first weights from data": lambda: _recipe(by_data=False),
}


@contextmanager
def without(part: str) -> Iterator[None]:
    """Fits within it leave the part out."""
    with ExitStack() as stack:
        for name, value in PARTS[part]():
            stack.enter_context(mock.patch(name, value))
        yield


def measured(part: str, table: Table, fold: int) -> float:
    """The error of a fit without a part: 1 - accuracy, or the root of 1 - R2."""
    from fastnn.tabular import TabularClassifier, TabularRegressor

    x, y = table.load()
    among = folds(y, table.classes)
    kind = TabularClassifier if table.classes else TabularRegressor
    with without(part):
        model = kind(random_state=0, n_threads=1).fit(x[among != fold], y[among != fold])
        score = judge(table.classes, model, x[among == fold], y[among == fold], np.unique(y))
    wrong = 1 - score["score"]
    return float(f"{wrong if table.classes else wrong**0.5:.5g}")


def load() -> dict[str, Any]:
    """Errors by part, table and fold: the folds that are there for all parts."""
    kept = json.loads(KEPT.read_text())
    for name in kept[WHOLE]:
        common = set.intersection(*(set(found.get(name, ())) for found in kept.values()))
        for found in kept.values():
            found[name] = {fold: found[name][fold] for fold in sorted(common)}
    return kept


def summary() -> str:
    """A table of what leaving each part out costs."""
    kept = load()
    names = sorted(kept[WHOLE], key=QUICK.split(",").index)
    classes = {table.name: table.classes for table in TABLES}
    lines = [
        f"| without | classes | numbers | {' | '.join(names)} |",
        "|---" * (3 + len(names)) + "|",
    ]
    for part, found in kept.items():
        cells, logs = [], {True: [], False: []}
        for name in names:
            both = [(found[name][f], kept[WHOLE][name][f]) for f in kept[WHOLE][name]]
            cells.append(f"{np.mean([a for a, _ in both]):.4f}")
            ratio = np.mean([a for a, _ in both]) / np.mean([b for _, b in both])
            logs[classes[name]].append(np.log(ratio))
        costs = [f"{100 * np.expm1(np.mean(logs[kind])):+.1f}%" for kind in (True, False)]
        costs = ["", ""] if part == WHOLE else costs
        lines.append(f"| {part} | {' | '.join(costs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", default=QUICK, help=f"names, default {QUICK}")
    parser.add_argument("--without", default=",".join(PARTS), help="beginnings of parts' names")
    parser.add_argument("--folds", type=int, default=3, help="how many of the 5")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    tables = [table for table in TABLES if table.name in options.tables.split(",")]
    chosen = [p for p in PARTS if any(map(p.startswith, options.without.split(",")))]
    for part in [WHOLE, *(p for p in chosen if p != WHOLE)]:
        for table in tables:
            found = kept.setdefault(part, {}).setdefault(table.name, {})
            for fold in map(str, range(options.folds)):
                if fold not in found:
                    found[fold] = measured(part, table, int(fold))
                    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        print(part, kept[part], flush=True)
    print(summary())


if __name__ == "__main__":
    main()

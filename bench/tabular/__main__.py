"""`python -m bench.tabular`: tabular nets and their rivals on public tables.

32 tables of 150 to 54,000 rows that come inside packages (tables.py names each and its licence), 5
folds, defaults alone, one thread. What is measured goes into bench/tabular/results.json at once;
what is there is not measured again unless asked for. Seconds are those of the processor, so other
work on the machine disturbs them little.

    python -m bench.tabular                          measure what is missing
    python -m bench.tabular --models td,td-s --renew measure these again
    python -m bench.tabular --one-row                time fastnn's predictions of one row again
    python -m bench.tabular --render                 write the tables and the picture into docs

`bench.tabular.twin` compares td with pytabkit from the same weights, `bench.tabular.ablation`
leaves out parts of the recipe, `bench.tabular.folds` times five folds on two cores.

Wants `pip install -r bench/tabular/requirements.txt`; a model whose package is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .models import MODELS, judge, rows_for
from .tables import TABLES, Table

RESULTS = Path(__file__).with_name("results.json")
FOLDS = 5


def folds(y: np.ndarray, classes: bool) -> np.ndarray:
    """The fold of each row; each class is spread over all."""
    order = np.random.default_rng(0).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")] if classes else order
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % FOLDS
    return fold


def one_row(model: Any, rows: list[Any]) -> float:
    """Milliseconds to predict one row: the median over the rows."""
    times = []
    for row in rows:
        begun = time.perf_counter()
        model.predict(row)
        times.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(times))


def one_row_again(name: str, table: Table) -> dict[str, float]:
    """The time of one row of a net of ours, which does not depend on how long it was trained: as a
    DataFrame, and where all columns are numbers as an array."""
    x, y = table.load()
    part = folds(y, table.classes)
    model = MODELS[name](table.classes, x).set_params(epochs=1)
    model.fit(x[part != 0], y[part != 0])
    test = x[part == 0]
    found = {"one_row_ms": one_row(model, [test.iloc[i : i + 1] for i in range(15)])}
    if all(test[column].dtype == "float64" for column in test):
        rows = test.to_numpy()
        found["one_array_ms"] = one_row(model, [rows[i : i + 1] for i in range(15)])
    return {key: float(f"{value:.5g}") for key, value in found.items()}


def measured(name: str, table: Table, fold: int) -> dict[str, float]:
    """The figures of a model on one fold of a table."""
    x, y = table.load()
    part = folds(y, table.classes)
    rows = rows_for(name, x, part != fold)
    model = MODELS[name](table.classes, x)
    train, test = rows[part != fold], rows[part == fold]
    begun = time.process_time()
    model.fit(train, y[part != fold])
    seconds = time.process_time() - begun
    found = judge(table.classes, model, test, y[part == fold], np.unique(y))
    found["seconds"] = seconds
    if fold == 0:
        found["one_row_ms"] = one_row(model, [test.iloc[i : i + 1] for i in range(15)])
    return {key: float(f"{value:.5g}") for key, value in found.items()}


def load() -> dict[str, Any]:
    """What was measured: table, model, fold."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def store(table: str, model: str, fold: int, figures: dict[str, float]) -> None:
    """Add figures; another run may do so at the same time."""
    import fcntl

    with open(RESULTS.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = load()
        found.setdefault(table, {}).setdefault(model, {}).setdefault(str(fold), {}).update(figures)
        new = RESULTS.with_suffix(".new")
        new.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        new.replace(RESULTS)


def chosen(text: str | None, among: list[str]) -> list[str]:
    """Names that end in one of those asked for."""
    wanted = text.split(",") if text else []
    return [name for name in among if not wanted or any(name.endswith(end) for end in wanted)]


def main() -> None:
    """Measure, or render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", help="names, separated by commas")
    parser.add_argument("--models", help="ends of names, separated by commas")
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the 5")
    parser.add_argument("--renew", action="store_true", help="measure again")
    parser.add_argument("--one-row", action="store_true", help="time one row again, of fastnn")
    parser.add_argument("--render", action="store_true", help="write docs/tabular-results.md")
    options = parser.parse_args()
    if options.render:
        from .render import render

        return render(load())
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    tables = {table.name: table for table in TABLES}
    if options.one_row:
        for table in chosen(options.tables, list(tables)):
            for model in chosen(options.models, [m for m in MODELS if m.startswith("fastnn")]):
                if "0" in load().get(table, {}).get(model, {}):
                    store(table, model, 0, one_row_again(model, tables[table]))
        return None
    for table in chosen(options.tables, list(tables)):
        for model in chosen(options.models, list(MODELS)):
            for fold in range(options.folds):
                known = load().get(table, {}).get(model, {})
                if str(fold) in known and not options.renew:
                    continue
                try:
                    figures = measured(model, tables[table], fold)
                except ImportError as error:
                    print(f"{model}: left out, {error}")
                    break
                store(table, model, fold, figures)
                print(f"{table:16} {model:22} {fold} {figures}", flush=True)
    return None


if __name__ == "__main__":
    main()

"""`python -m bench.precision`: steps and predictions with operands of bfloat16 and of 8 bits.

Against float32, in one process by turns. Of each round the ratio is taken, and of the ratios the
median, as a disturbance hits the three alike. Products are those of a layer of the case, from
Python; steps are those of `Trainer.fit` with Adam; predictions are of ROWS rows. Accuracies are of
nets of SPLITS splits of the digits (scikit-learn's): trained in float32 and predicted in each
precision, and trained in bf16.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Callable
from typing import Any

from bench import gemm, part, report
from bench.cases import CASES
from bench.goals import Goal
from bench.turns import Run, repeated

NAMES = ("large", "wide", "mnist2", "deep", "mnist1", "digits", "tiny")
PRODUCTS = ("large", "mnist2", "deep", "digits")
ROWS, SPLITS, TEST_ROWS = 4096, 5, 540
PRECISIONS = ("float32", "bf16", "int8")
TRAINING, PREDICTION = 1.5, 2.0  # least ratios, of large and of mnist2
TRAINED, PREDICTED = 0.2, 0.5  # most that may be lost, of 100 rows


def _net(widths: tuple[int, ...]) -> Any:
    from fastnn import nn

    layers: list[Any] = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _trainer(widths: tuple[int, ...], precision: str, lr: float = 1e-3) -> Any:
    import fastnn
    from fastnn import nn, optim

    fastnn.manual_seed(0)
    model = _net(widths)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    return fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, precision=precision)


def ratios(runs: dict[str, Run], options: argparse.Namespace) -> dict[str, float]:
    """Seconds of the first, and how many times as fast the others are."""
    first, *others = runs
    counts = {name: max(1, round(options.seconds / _once(run))) for name, run in runs.items()}
    found: list[dict[str, float]] = []
    for _ in range(options.rounds):
        found.append({name: _once(run, counts[name]) for name, run in runs.items()})
    times = {first: statistics.median(f[first] for f in found)}
    return times | {name: statistics.median(f[first] / f[name] for f in found) for name in others}


def _once(run: Run, count: int = 1) -> float:
    import time

    if count == 1:
        run(1)
    began = time.perf_counter()
    run(count)
    return (time.perf_counter() - began) / count


def products(options: argparse.Namespace) -> list[dict[str, Any]]:
    import numpy as np

    from fastnn._core import engine

    found = []
    for name in PRODUCTS:
        shape = CASES[name].batch, *CASES[name].pairs[1 if len(CASES[name].pairs) > 2 else 0]
        for order in gemm.ORDERS:
            a, b = gemm.operands(np, order, *shape, "float32")
            arrays = (np.empty((a.shape[0], b.shape[1]), a.dtype), a, b, None, None)

            def of(mode: int, arrays: Any = arrays) -> Callable[[], object]:
                return lambda: engine.call(engine.OPS["matmul"], arrays, (), (0, 0, mode))

            runs = {p: repeated(of(mode)) for mode, p in enumerate(PRECISIONS)}
            times, rest = ratios(runs, options), {"what": name, "order": order, "shape": shape}
            gflops = 2e-9 * shape[0] * shape[1] * shape[2] / times.pop("float32")
            found.append(rest | {"float32": gflops} | times)
    return found


def _fits(trainer: Any, x: Any, y: Any, batch: int) -> Run:
    def fit(count: int) -> None:
        trainer.fit(x, y, epochs=count, batch_size=batch, verbose=0)

    return fit


def steps(options: argparse.Namespace) -> list[dict[str, Any]]:
    import numpy as np

    rng, found = np.random.default_rng(0), []
    for name in NAMES:
        case = CASES[name]
        rows = min(case.rows, 10 * case.batch)
        x = rng.normal(size=(rows, case.widths[0])).astype("f4")
        y = rng.integers(0, case.widths[-1], rows)
        runs = {}
        for precision in PRECISIONS[:2]:
            trainer = _trainer(case.widths, precision)

            runs[precision] = _fits(trainer, x, y, case.batch)
        times = ratios(runs, options)
        us = 1e6 * times.pop("float32") / (rows // case.batch)
        found.append({"what": name, "float32": us} | times)
    return found


def predictions(options: argparse.Namespace) -> list[dict[str, Any]]:
    import numpy as np

    rng, found = np.random.default_rng(0), []
    for name, rows in [*((name, ROWS) for name in NAMES), ("mnist2", 64), ("mnist2", 1)]:
        widths = CASES[name].widths
        model, x = _net(widths), rng.normal(size=(rows, widths[0])).astype("f4")
        out = np.empty((rows, widths[-1]), "f4")

        def of(precision: str, args: Any = (model, x, out)) -> Callable[[], object]:
            model, x, out = args
            return lambda: model.predict(x, out, precision)

        times = ratios({p: repeated(of(p)) for p in PRECISIONS}, options)
        us = 1e6 * times.pop("float32")
        found.append({"what": f"{name}, {rows} rows", "float32": us} | times)
    return found


def accuracies() -> dict[str, float]:
    """Shares of right rows of the digits."""
    import numpy as np

    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError:
        return {}
    images, labels = load_digits(return_X_y=True)
    images, found = (images / 16).astype("f4"), {}
    for seed, trained in itertools.product(range(SPLITS), PRECISIONS[:2]):
        order = np.random.default_rng(seed).permutation(len(images))
        test, train = order[:TEST_ROWS], order[TEST_ROWS:]
        trainer = _trainer((64, 128, 10), trained, lr=2e-3)
        trainer.fit(images[train], labels[train], epochs=40, batch_size=64, verbose=0)
        for precision in PRECISIONS:
            z = trainer.model.predict(images[test], precision=precision)
            key = f"trained in {trained}, predicted in {precision}"
            share = float((z.argmax(1) == labels[test]).mean())
            found[key] = found.get(key, 0.0) + share / SPLITS
    return found


def measured(options: argparse.Namespace) -> part.Found:
    import fastnn

    fastnn.set_num_threads(options.threads)
    of_steps, of_rows, right = steps(options), predictions(options), accuracies()
    goals = []
    if fastnn.isa() == "avx512_bf16":
        (large,) = (row for row in of_steps if row["what"] == "large")
        (mnist2,) = (row for row in of_rows if row["what"] == f"mnist2, {ROWS} rows")
        goals.append(Goal("large, float32 / bf16", large["bf16"], TRAINING))
        goals.append(Goal("mnist2 prediction, float32 / int8", mnist2["int8"], PREDICTION))
    if right:
        base = right["trained in float32, predicted in float32"]
        for key, most in (("trained in bf16, predicted in bf16", TRAINED),
                          ("trained in float32, predicted in int8", PREDICTED)):  # fmt: skip
            goals.append(
                Goal(f"accuracy lost, {key}", 100 * (base - right[key]), most, "points", True)
            )
    return {
        "isa": fastnn.isa(),
        "goals": [goal.plain() for goal in goals],
        "products": products(options),
        "steps": of_steps,
        "predictions": of_rows,
        "accuracies": right,
    }


def tables(found: part.Found) -> list[report.Section]:
    def times(row: dict[str, Any]) -> list[str]:
        return [f"{row[p]:.2f}x" for p in PRECISIONS[1:] if p in row]

    head = ["bf16", "int8"]
    of_products = [["", "order", "float32, GF/s", *head]]
    for row in found["products"]:
        shape = "x".join(map(str, row["shape"]))
        rate = f"{row['float32']:.0f}"
        of_products.append([f"{row['what']} {shape}", row["order"], rate, *times(row)])
    of_steps = [["", "float32, us a step", "bf16"]]
    of_steps += [[row["what"], f"{row['float32']:,.1f}", *times(row)] for row in found["steps"]]
    of_rows = [["", "float32, us", *head]]
    of_rows += [
        [row["what"], f"{row['float32']:,.1f}", *times(row)] for row in found["predictions"]
    ]
    right = [["", "right"], *([key, f"{100 * v:.2f}%"] for key, v in found["accuracies"].items())]
    isa = found["isa"]
    return [(f"products, {isa}", of_products), (f"steps, {isa}", of_steps),
            (f"predictions, {isa}", of_rows), ("digits", right)]  # fmt: skip


if __name__ == "__main__":
    made = part.parser("precision", __doc__, rounds=9, seconds=0.05)
    part.main(made.parse_args(), measured, tables)

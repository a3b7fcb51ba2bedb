"""`python -m bench.estimators`: fits of fastnn.sklearn's MLPs against scikit-learn's own.

One process, one thread, interleaved timings. The same settings, data and random state; a fit uses
what an earlier one recorded, as in a search. Before the timing both loss curves must agree to 1e-5.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench import goals, part, report

EPOCHS = 50
AGREE = 1e-5  # of the losses; in float32 sums are rounded otherwise
AGREE_32 = 1e-3


@dataclass(frozen=True)
class Fit:
    """One fit: data set, type, and settings; and the least ratio of the times that is wanted."""

    data: str
    dtype: str
    least: float
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        words = [f"{key} {value}" for key, value in self.settings.items()]
        return ", ".join([self.data, self.dtype, *words])


FITS = [
    Fit("digits", "float64", 2.5),
    Fit("digits", "float32", 3.5),
    Fit("digits", "float64", 2.5, {"solver": "sgd"}),
    Fit("digits", "float64", 5.0, {"batch_size": 32}),
    Fit("digits", "float64", 1.3, {"solver": "lbfgs"}),
    Fit("digits", "float64", 2.5, {"early_stopping": True}),
    Fit("breast_cancer", "float64", 2.5),
    Fit("breast_cancer", "float32", 4.0),
    Fit("breast_cancer", "float64", 6.0, {"batch_size": 32}),
    Fit("iris", "float64", 2.5),
    Fit("diabetes", "float64", 4.0),
]


def rows_of(fit: Fit) -> tuple[Any, Any]:
    """Standardised rows and their targets."""
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{fit.data}")(return_X_y=True)
    y = (y - y.mean()) / y.std() if fit.data == "diabetes" else y
    return StandardScaler().fit_transform(x).astype(fit.dtype), y


def estimator(library: str, fit: Fit) -> Any:
    """The estimator, which does not stop before its epochs are over."""
    import sklearn.neural_network

    import fastnn.sklearn

    module = {"fastnn": fastnn.sklearn, "scikit-learn": sklearn.neural_network}[library]
    kind = "MLPRegressor" if fit.data == "diabetes" else "MLPClassifier"
    options = {"max_iter": EPOCHS, "tol": 0.0, "n_iter_no_change": EPOCHS, "random_state": 0}
    return getattr(module, kind)(**options | fit.settings)


def _runs(fit: Fit) -> dict[str, Callable[[int], None]]:
    """For each library a function that fits so many times.

    Raises:
        SystemExit: the loss curves differ.
    """
    x, y = rows_of(fit)
    made = {name: estimator(name, fit) for name in ("fastnn", "scikit-learn")}
    losses = [_curve(model.fit(x, y))[:10] for model in made.values()]
    bound = AGREE if fit.dtype == "float64" else AGREE_32
    if any(abs(a - b) > bound * max(1.0, b) for a, b in zip(*losses, strict=True)):
        raise SystemExit(f"{fit.name}: another loss curve than scikit-learn's")

    def repeated(model: Any) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                model.fit(x, y)

        return run

    return {name: repeated(model) for name, model in made.items()}


def _curve(model: Any) -> list[float]:
    return list(getattr(model, "loss_curve_", [model.loss_]))


def measured(options: argparse.Namespace) -> part.Found:
    """Microseconds of each fit."""
    import warnings

    import fastnn
    from bench.turns import medians

    fastnn.set_num_threads(1)
    warnings.simplefilter("ignore")  # that they did not converge
    times = {fit.name: medians(_runs(fit), options.rounds, options.seconds) for fit in FITS}
    wanted = []
    for fit in FITS:
        what = [(f"fit, {fit.name}, scikit-learn / fastnn", "scikit-learn", "fastnn", fit.least)]
        wanted += goals.ratios(times[fit.name], what)
    return {"us": times, "goals": [goal.plain() for goal in wanted]}


def tables(found: part.Found) -> list[report.Section]:
    """Table with one row per fit, in milliseconds."""
    rows = [["fit", "fastnn", "scikit-learn", "ratio"]]
    for name, us in found["us"].items():
        ours, theirs = us["fastnn"], us["scikit-learn"]
        rows.append([name, f"{ours / 1e3:.1f}", f"{theirs / 1e3:.1f}", f"{theirs / ours:.1f}x"])
    return [(f"milliseconds of a fit of {EPOCHS} epochs", rows)]


if __name__ == "__main__":
    part.main(part.parser("estimators", __doc__, 9, 0.1).parse_args(), measured, tables)

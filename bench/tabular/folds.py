"""`python -m bench.tabular.folds`: five folds on two cores against five half fits.

2,500 rows of 10 numbers, preset td. Two nets are trained at once, a thread each, and the fifth on
both. Wanted: at most 1.2 times as long as 5 / 2 fits on one core. Attempts alternate, and the
shortest of each kind counts, as others may use the machine; the processor's time tells what the
folds cost beyond five fits, whoever else is there.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np


def seconds(model: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Seconds of a fit, by the clock and of the processor."""
    begun, spent = time.perf_counter(), time.process_time()
    model.fit(x, y)
    return np.array([time.perf_counter() - begun, time.process_time() - spent])


def main() -> None:
    """Measure, and print the two ratios."""
    from fastnn.tabular import TabularClassifier

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--epochs", type=int, default=256)
    parser.add_argument("--attempts", type=int, default=3)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((options.rows, 10))
    y = x[:, 0] * x[:, 1] + 0.3 * rng.standard_normal(options.rows) > 0
    settings = {"epochs": options.epochs, "random_state": 0}
    one = np.full(2, np.inf)
    five = one.copy()
    for attempt in range(options.attempts):
        one = np.minimum(one, seconds(TabularClassifier(n_threads=1, **settings), x, y))
        five = np.minimum(five, seconds(TabularClassifier(n_threads=2, n_cv=5, **settings), x, y))
        figures = f"a fit {one[0]:.2f} s, {one[1]:.2f} of the processor; five folds {five[0]:.2f} s"
        print(f"{attempt + 1}: {figures}, {five[1]:.2f} of the processor", flush=True)
    clock, processor = five / one / (2.5, 5)
    print(f"five folds on two cores take {clock:.2f} times 5 / 2 fits (wanted: at most 1.2), and "
          f"{processor:.2f} times the processor's time of 5")  # fmt: skip


if __name__ == "__main__":
    main()

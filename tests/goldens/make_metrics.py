"""Remake tests/goldens/metrics.json: scikit-learn's metrics for the inputs of cases/metrics.py.

    PYTHONPATH=tests python tests/goldens/make_metrics.py

The numbers of the file are of scikit-learn 1.9.
"""

from __future__ import annotations

import json

from cases import stored
from cases.metrics import METRICS, inputs, names_of
from sklearn import metrics

if __name__ == "__main__":
    old = stored.read("metrics")
    made = {}
    for case, (z, y) in inputs().items():
        names = {**vars(metrics), **names_of(z), "y": y}
        found = {
            name: float(eval(metric.sklearn, names))
            for name, metric in METRICS.items()
            if case in metric.on and metric.sklearn
        }
        made[case] = stored.in_order_of(old[case], found)
    (stored.FOLDER / "metrics.json").write_text(json.dumps(made, indent=1) + "\n")

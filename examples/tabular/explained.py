"""What a model goes by: importance in three ways, dependence, calibration, single rows.

With matplotlib the pictures go to explained.png.
"""

import numpy as np

from fastnn import explain
from fastnn.tabular import TabularClassifier, attributions, dependence, importance

# 900 patients: two columns matter, the third is noise.
draw = np.random.default_rng(2)
n = 900
age, pressure, shoe = draw.uniform(20, 80, n), draw.normal(130, 15, n), draw.normal(42, 3, n)
smoker = draw.choice(["no", "yes"], n, p=[0.7, 0.3])
z = (age - 50) / 10 + 2.0 * (smoker == "yes") + (pressure - 130) / 30 + draw.normal(0, 0.7, n)
ill = np.where(z > 0.5, "ill", "well")
rows = {"shoe size": shoe, "age": age, "pressure": pressure, "smoker": smoker.tolist()}
train, test = np.arange(n) < 700, np.arange(n) >= 700


def some(chosen):
    return {name: np.asarray(column)[chosen] for name, column in rows.items()}


model = TabularClassifier("td-s", epochs=48, val_metric="log_loss", random_state=0)
model.fit(some(train), ill[train])
held_out, truth = some(test), ill[test]

for method in ("permutation", "gradients", "scale"):
    found = importance(model, held_out, truth, method=method)
    print(f"{method:12}", ", ".join(f"{n} {v:.2f}" for n, v in zip(found.names, found.values)))

by_age = dependence(model, held_out, "age", label="ill")
print("p(ill) from", by_age.mean[0].round(2), "at", by_age.grid[0].round(), "to",
      by_age.mean[-1].round(2), "at", by_age.grid[-1].round())  # fmt: skip

p = model.predict_proba(held_out)[:, 0]
curve = explain.calibration(truth == "ill", p, 5)
print(f"calibration error {curve.error:.3f}")

first = attributions(model, some(np.flatnonzero(test)[:1]), background=held_out)[0]
told = sorted(zip(first, model.predictor_.features), key=lambda pair: -abs(pair[0]))
print("first row:", ", ".join(f"{name} {value:+.1f}" for value, name in told))

try:
    from matplotlib.figure import Figure

    from fastnn import plot
except ImportError:
    print("no picture: matplotlib is not installed")
else:
    figure = Figure(figsize=(13, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    plot.importance(importance(model, held_out, truth), ax=left)
    plot.partial_dependence(by_age, "age", middle, target="p(ill)")
    plot.calibration(curve, ax=right)
    figure.savefig("explained.png")

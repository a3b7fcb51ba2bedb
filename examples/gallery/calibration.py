"""Calibration of probabilities.

How often what is predicted with 70% comes true; the area of a point is how often it was said.
"""

import numpy as np

from fastnn import plot
from fastnn.tabular import TabularClassifier

draw = np.random.default_rng(0)
x = draw.standard_normal((2000, 3))
y = draw.random(2000) < 1 / (1 + np.exp(-2 * x[:, 0] - x[:, 1]))

model = TabularClassifier("mlp", epochs=20, random_state=0).fit(x[:1000], y[:1000])
ax = plot.calibration(y[1000:], model.predict_proba(x[1000:])[:, 1])
ax.figure.savefig("calibration.png")

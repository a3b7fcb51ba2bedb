"""Quantiles instead of a mean.

One net with three outputs, trained by the pinball loss: the middle half and the median.
"""

import numpy as np
from matplotlib.figure import Figure

from fastnn.tabular import TabularRegressor

draw = np.random.default_rng(0)
x = np.sort(draw.uniform(0, 10, 600))
y = np.sin(x) + draw.normal(0, 0.1 + 0.08 * x)

model = TabularRegressor("td-s", epochs=64, quantiles=(0.25, 0.5, 0.75), random_state=0)
model.fit(x[:, None], y)
grid = np.linspace(0, 10, 200)
low, middle, high = model.predict_quantiles(grid[:, None]).T

figure = Figure(figsize=(7, 4.5), layout="constrained")
ax = figure.subplots()
ax.plot(x, y, ".", color="0.6", markersize=4, label="rows")
ax.fill_between(grid, low, high, alpha=0.4, label="middle half")
ax.plot(grid, middle, label="median")
ax.set(xlabel="x", ylabel="y", title="A spread that grows")
figure.legend(loc="outside right upper")
figure.savefig("quantiles.png")

"""Importance of columns.

How much the error on new rows rises when a column is shuffled; a line spans the repeats.
"""

import numpy as np

from fastnn import plot
from fastnn.tabular import TabularRegressor, importance

draw = np.random.default_rng(0)
rows = {
    "area": draw.uniform(30, 200, 600),
    "floor": draw.integers(0, 9, 600).astype(float),
    "garden": draw.choice(["yes", "no"], 600),
    "door": draw.choice(["red", "green", "blue"], 600),
}
price = 3 * rows["area"] + 5 * rows["floor"] + np.where(rows["garden"] == "yes", 60, 0)
train = {name: column[:400] for name, column in rows.items()}
new = {name: column[400:] for name, column in rows.items()}

model = TabularRegressor("td-s", epochs=32, random_state=0).fit(train, price[:400])
ax = plot.importance(importance(model, new, price[400:]))
ax.figure.savefig("importance.png")

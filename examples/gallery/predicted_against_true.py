"""Predictions against true values.

A regression of the progression of diabetes, on the half of the patients that it has not seen.
"""

from sklearn.datasets import load_diabetes

from fastnn import plot
from fastnn.tabular import TabularRegressor

x, y = load_diabetes(return_X_y=True)
model = TabularRegressor("mlp", random_state=0).fit(x[::2], y[::2])
ax = plot.predicted_against_true(y[1::2], model.predict(x[1::2]))
ax.figure.savefig("predicted_against_true.png")

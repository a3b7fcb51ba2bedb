"""A confusion matrix.

Which of three kinds of wine a net takes for which, on rows that it has not seen.
"""

import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from fastnn import plot
from fastnn.tabular import TabularClassifier

wine = load_wine()
x, x_new, y, y_new = train_test_split(wine.data, wine.target, test_size=0.5, random_state=0)
model = TabularClassifier("mlp", epochs=20, random_state=0).fit(x, y)

kinds = [f"kind {i + 1}" for i in np.unique(y)]
ax = plot.confusion_matrix(y_new, model.predict(x_new), kinds)
ax.figure.savefig("confusion_matrix.png")

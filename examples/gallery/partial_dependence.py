"""Partial dependence.

How the mean prediction goes with one feature; half of the rows lie within the band.
"""

import numpy as np

import fastnn
from fastnn import explain, nn, optim, plot

draw = np.random.default_rng(0)
x = draw.uniform(-3, 3, (500, 2)).astype("float32")
y = np.sin(x[:, :1]) + 0.3 * x[:, 1:]

fastnn.manual_seed(0)
model = nn.MLP(2, [32, 32], 1)
trainer = fastnn.Trainer(model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01))
trainer.fit(x, y, epochs=60, verbose=0)

found = explain.partial_dependence(lambda x: model.predict(x)[:, 0], x, 0)
ax = plot.partial_dependence(found, "x", target="y")
ax.figure.savefig("partial_dependence.png")

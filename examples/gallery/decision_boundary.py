"""The decision boundary of a classifier.

Two spirals, and where a net of two hidden layers draws the line between them; the surer it is, the
darker the shade.
"""

import numpy as np

import fastnn
from fastnn import nn, optim, plot

draw = np.random.default_rng(0)
y = np.arange(400) % 2
turn = np.sqrt(draw.random(400)) * 3 * np.pi
x = np.stack([turn * np.cos(turn + np.pi * y), turn * np.sin(turn + np.pi * y)], 1) / 9
x = (x + draw.normal(0, 0.03, x.shape)).astype("float32")

fastnn.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))
trainer.fit(x, y, epochs=200, batch_size=32, verbose=0)

ax = plot.decision_boundary(model, x, y, shade="probability", classes=["one arm", "the other"])
ax.figure.savefig("decision_boundary.png")

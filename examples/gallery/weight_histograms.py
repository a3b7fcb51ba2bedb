"""Weights before and after training.

Small first weights spread, those of the last layer most.
"""

import numpy as np
from matplotlib.figure import Figure

import fastnn
from fastnn import nn, optim, plot

draw = np.random.default_rng(0)
x = draw.standard_normal((500, 8)).astype("float32")
y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(int)

fastnn.manual_seed(0)
model = nn.MLP(8, [64, 64], 2)
figure = Figure(figsize=(10, 4), layout="constrained")
before, after = figure.subplots(1, 2, sharex=True)
plot.weight_histograms(model, bins=25, ax=before)

trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.003))
trainer.fit(x, y, epochs=60, verbose=0)
plot.weight_histograms(model, bins=25, ax=after)

before.set_title("First weights")
after.set_title("After 60 epochs")
figure.savefig("weight_histograms.png")

"""Inspect a small net: a traced training step as a table, then a page of plots.

The table follows a net of two sigmoid layers through one forward and backward pass and one step of
gradient descent. The plots need matplotlib (extra `plot`); they are saved to look_inside.png, or to
the file named on the command line.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import fastnn
from fastnn import explain, nn, optim, plot
from fastnn.optim import lr_scheduler

# Two inputs, two hidden units, two outputs, with given weights.
net = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2), nn.Sigmoid()).double()
for layer, weight, bias in (
    (net[0], [[0.15, 0.20], [0.25, 0.30]], 0.35),
    (net[2], [[0.40, 0.45], [0.50, 0.55]], 0.60),
):
    layer.weight.detach().copy_(fastnn.tensor(weight))
    layer.bias.detach().fill_(bias)
explain.trace(net, [[0.05, 0.10]], [[0.01, 0.99]], nn.MSELoss(), lr=0.5)

# Three moons, a classifier of them, and its training history.
fastnn.manual_seed(0)
draw = np.random.RandomState(0)
y = draw.randint(0, 3, 300)
angle = np.pi * draw.rand(300) + np.pi * (y == 1)
x = np.stack([np.cos(angle) + y, np.sin(angle) + 0.4 * (y == 1)], axis=1)
x = (x + 0.12 * draw.randn(300, 2)).astype(np.float32)

model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
optimizer = optim.Adam(model.parameters(), lr=0.01)

figure = Figure(figsize=(15, 9), layout="constrained")
axes = figure.subplots(2, 3).ravel()
plot.activations(nn.ReLU(), nn.Tanh(), nn.GELU(), ax=axes[0])

other = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
restarts = lr_scheduler.CosineAnnealingWarmRestarts(other, T_0=20)
plot.schedules(restarts, steps=60, ax=axes[1])

trainer = fastnn.Trainer(model, loss=nn.CrossEntropyLoss(), optimizer=optimizer)
history = trainer.fit(
    x[:200], y[:200], epochs=60, batch_size=20,
    validation_data=(x[200:], y[200:]), metrics=["accuracy"], verbose=0,
)  # fmt: skip
plot.learning_curves(history, axes[2])
plot.decision_boundary(model, x, y, ax=axes[3])
plot.loss_landscape(model, x, y, nn.CrossEntropyLoss(), ax=axes[4])
plot.weight_histograms(model, ax=axes[5])

path = sys.argv[1] if len(sys.argv) > 1 else "look_inside.png"
figure.savefig(path)
print(f"accuracy {history.history['val_accuracy'][-1]:.3f} on validation rows; see {path}")

"""Many nets at once.

Twelve learning rates, each with its own curve on validation rows, from one call of `fit_many`.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

import fastnn
from fastnn import nn

draw = np.random.default_rng(0)
x = draw.standard_normal((400, 4)).astype("float32")
y = (x[:, 0] * x[:, 1] + 0.5 * x[:, 2] > 0).astype(int)

rates = np.geomspace(1e-4, 0.3, 12)
found = fastnn.fit_many(
    lambda: nn.MLP(4, [32], 2), x, y, configs=[{"lr": float(lr)} for lr in rates],
    epochs=40, batch_size=32, loss=nn.CrossEntropyLoss(), validation_split=0.25, verbose=0,
)  # fmt: skip

figure = Figure(figsize=(7.5, 4.5), layout="constrained")
ax = figure.subplots()
for i, (lr, curve) in enumerate(zip(rates, found.history["val_loss"])):
    ax.plot(np.arange(1, 41), curve, color=colormaps["viridis"](0.9 * i / 11), label=f"lr {lr:.2g}")
ax.set(xlabel="epoch", ylabel="loss on validation rows", title="Twelve nets, one call")
ax.set_yscale("log")
figure.legend(loc="outside right upper")
figure.savefig("population.png")

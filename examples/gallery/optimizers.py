"""Paths of optimizers in a valley.

Rosenbrock's valley, steep across and flat along: 300 steps of each from the same start.
"""

import numpy as np
from matplotlib.figure import Figure

import fastnn
from fastnn import optim


def valley(x, y):
    return (1 - x) ** 2 + 20 * (y - x * x) ** 2


figure = Figure(figsize=(7, 5), layout="constrained")
ax = figure.subplots()
x, y = np.meshgrid(np.linspace(-1.7, 1.6, 200), np.linspace(-0.8, 2.6, 200))
ax.contour(x, y, np.log1p(valley(x, y)), levels=14, cmap="Greys", linewidths=0.8)

for kind, lr in ((optim.SGD, 0.004), (optim.RMSprop, 0.01), (optim.Adam, 0.1), (optim.Lion, 0.01)):
    w = fastnn.tensor([-1.4, -0.4], requires_grad=True)
    optimizer = kind([w], lr=lr)
    path = [w.tolist()]
    for _ in range(300):
        optimizer.zero_grad()
        valley(w[0], w[1]).backward()
        optimizer.step()
        path.append(w.tolist())
    ax.plot(*np.array(path).T, ".-", markersize=4, label=f"{kind.__name__}, lr {lr}")

ax.plot(1, 1, "*", color="black", markersize=14, label="minimum")
ax.set(xlabel="x", ylabel="y", title="300 steps in Rosenbrock's valley")
figure.legend(loc="outside right upper")
figure.savefig("optimizers.png")

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

RIVALS = {
    "SGD, momentum 0.9": lambda w: optim.SGD(w, lr=0.002, momentum=0.9),
    "RMSprop": lambda w: optim.RMSprop(w, lr=0.05),
    "Adam": lambda w: optim.Adam(w, lr=0.2),
    "Lion": lambda w: optim.Lion(w, lr=0.01),
}
for name, make in RIVALS.items():
    w = fastnn.tensor([-1.4, -0.4], requires_grad=True)
    optimizer = make([w])
    path = [w.tolist()]
    for _ in range(300):
        optimizer.zero_grad()
        valley(w[0], w[1]).backward()
        optimizer.step()
        path.append(w.tolist())
    ax.plot(*np.array(path).T, ".-", markersize=3, linewidth=1, label=name)

ax.plot(1, 1, "*", color="black", markersize=14, label="minimum")
ax.set(xlabel="x", ylabel="y", title="300 steps in Rosenbrock's valley")
figure.legend(loc="outside right upper")
figure.savefig("optimizers.png")

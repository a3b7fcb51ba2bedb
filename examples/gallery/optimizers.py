"""Paths of optimizers in a valley.

Rosenbrock's valley, steep across and flat along: 300 steps of each from the same start.
"""

from fastnn import optim, plot


def valley(x, y):
    return (1 - x) ** 2 + 20 * (y - x * x) ** 2


rivals = {
    "SGD, momentum 0.9": lambda w: optim.SGD(w, lr=0.002, momentum=0.9),
    "RMSprop": lambda w: optim.RMSprop(w, lr=0.05),
    "Adam": lambda w: optim.Adam(w, lr=0.2),
    "Lion": lambda w: optim.Lion(w, lr=0.01),
}
ax = plot.optimizer_paths(valley, rivals, (-1.4, -0.4), steps=300, minimum=(1, 1))
ax.set_title("300 steps in Rosenbrock's valley")
ax.figure.savefig("optimizers.png")

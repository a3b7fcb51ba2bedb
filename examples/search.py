"""Search settings of a small classifier by five folds, and put the best nets into an ensemble.

Every net of the search is trained in one call: here 12 settings by 5 folds, 60 nets.
"""

import numpy as np

import fastnn
from fastnn import nn
from fastnn.population import Ensemble, sampled

# Two interleaved spirals: 400 points in the plane.
draw = np.random.default_rng(0)
y = np.arange(400) % 2
angle = draw.uniform(0.5, 9.0, 400)
x = np.stack([np.cos(angle + np.pi * y), np.sin(angle + np.pi * y)], 1) * angle[:, None] / 4
x += 0.05 * draw.standard_normal(x.shape)


def build(width=16, p=0.0):
    return nn.Sequential(
        nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Dropout(p),
        nn.Linear(width, 2),
    )  # fmt: skip


space = {"lr": [0.003, 0.01, 0.03], "width": [16, 32], "p": [0.0, 0.1], "weight_decay": [0.0, 0.01]}
population = fastnn.fit_many(
    build, x, y, configs=sampled(space, 12, seed=1), folds=5, epochs=90, halving=3,
    loss=nn.CrossEntropyLoss(), optimizer="adamw", metrics=["accuracy"], verbose=0,
)  # fmt: skip

best = population.best()
print("best:", best.config, f"loss {best.score:.3f} +- {best.spread:.3f}")
print("epochs:", sorted(set(population.epochs.tolist())))

# Each row predicted by the net that has not seen it.
p = population.out_of_fold(x)[best.number]
print(f"accuracy out of fold: {(p.argmax(1) == y).mean():.3f}")

ensemble = population.ensemble(top=1)
ensemble.save("spirals.safetensors")
again = Ensemble.load("spirals.safetensors")
grid = np.array([[0.0, 0.0], [1.0, 0.5]])
print(again, "means", again.predict(grid)[:, 1].round(2), "spread", again.std(grid)[:, 1].round(2))

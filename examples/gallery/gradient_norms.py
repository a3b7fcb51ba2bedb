"""Gradients that vanish.

Norms of the gradients in nets of ten layers, before training: sigmoids pass on little of what comes
back, ReLU after Kaiming's initial values nearly all.
"""

import numpy as np

import fastnn
from fastnn import nn, plot

draw = np.random.default_rng(0)
x = draw.standard_normal((200, 16)).astype("float32")
y = (x[:, 0] > 0).astype(int)


def deep(activation):
    fastnn.manual_seed(0)
    layers = [part for _ in range(9) for part in (nn.Linear(16, 16), activation())]
    return nn.Sequential(*layers, nn.Linear(16, 2))


kaiming = deep(nn.ReLU)
for layer in kaiming:
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

loss = nn.CrossEntropyLoss()
ax = plot.gradient_norms(deep(nn.Sigmoid), x, y, loss, label="sigmoid")
plot.gradient_norms(deep(nn.ReLU), x, y, loss, label="ReLU", ax=ax)
plot.gradient_norms(kaiming, x, y, loss, label="ReLU, Kaiming", ax=ax)
ax.set_title("Gradients in ten layers")
ax.figure.savefig("gradient_norms.png")

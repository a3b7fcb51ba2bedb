"""The landscape of a loss.

Around the weights of a trained net, along two random directions of the size of its weights.
"""

import numpy as np

import fastnn
from fastnn import nn, optim, plot

draw = np.random.default_rng(0)
x = draw.standard_normal((200, 2)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype(int)

fastnn.manual_seed(0)
model = nn.MLP(2, [16, 16], 2)
loss = nn.CrossEntropyLoss()
trainer = fastnn.Trainer(model, loss, optim.Adam(model.parameters(), lr=0.01))
trainer.fit(x, y, epochs=50, verbose=0)

ax = plot.loss_landscape(model, x, y, loss, points=41)
ax.figure.savefig("loss_landscape.png")

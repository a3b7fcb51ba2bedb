"""Learning curves of a fit.

`history.plot()` draws every metric, on training and validation rows.
"""

import numpy as np

import fastnn
from fastnn import nn, optim

draw = np.random.default_rng(0)
x = draw.standard_normal((600, 2)).astype("float32")
y = (x[:, 0] * x[:, 1] > 0).astype(int)

fastnn.manual_seed(0)
model = nn.MLP(2, [32], 2)
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01))
history = trainer.fit(x, y, epochs=40, validation_split=0.25, metrics=["accuracy"], verbose=0)

axes = history.plot()
axes[0].figure.savefig("learning_curves.png")

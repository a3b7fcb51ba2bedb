"""A report of a run in one picture.

Curves of loss and accuracy, and which class was taken for which; `fastnn train` saves such a page.
"""

import numpy as np

import fastnn
from fastnn import nn, optim, plot

draw = np.random.default_rng(0)
y = draw.integers(0, 3, 600)
x = (draw.standard_normal((600, 2)) + 2 * np.stack([np.cos(2 * y), np.sin(2 * y)], 1)).astype("f4")

fastnn.manual_seed(0)
model = nn.MLP(2, [32], 3)
trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.003))
history = trainer.fit(
    x[:400], y[:400], epochs=30, validation_data=(x[400:], y[400:]), metrics=["accuracy"], verbose=0
)

guesses = model.predict(x[400:]).argmax(1)
plot.training_report(
    history, y[400:], guesses, "training_report.png", classes=["ash", "elm", "oak"], title="Trees"
)

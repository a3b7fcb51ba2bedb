"""Losses of a margin and losses of a residual.

What a classifier pays for a logit, and a regression for an error.
"""

import numpy as np
from matplotlib.figure import Figure

import fastnn
from fastnn import nn

z = fastnn.linspace(-3.0, 3.0, 241)
figure = Figure(figsize=(10, 4), layout="constrained")
left, right = figure.subplots(1, 2)

for name, loss in (
    ("zero-one", lambda z: (z <= 0).double()),
    ("BCEWithLogitsLoss", nn.BCEWithLogitsLoss(reduction="none")),
    ("HingeLoss", nn.HingeLoss(reduction="none")),
    ("SigmoidFocalLoss", nn.SigmoidFocalLoss(alpha=-1, reduction="none")),
):
    values = loss(z) if name == "zero-one" else loss(z, fastnn.ones_like(z))
    left.plot(z.numpy(), values.numpy(), label=name)
left.set(xlabel="logit of the right class", ylabel="loss", title="Classification")

for loss in (nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.LogCoshLoss):
    values = loss(reduction="none")(z, fastnn.zeros_like(z))
    right.plot(z.numpy(), np.minimum(values.numpy(), 5), label=loss.__name__)
right.set(xlabel="error", ylim=(0, 3.2), title="Regression")
left.legend()
right.legend(loc="upper center")
figure.savefig("losses.png")

"""Losses of a margin and losses of a residual.

What a classifier pays for a logit, and a regression for an error.
"""

from matplotlib.figure import Figure

from fastnn import nn, plot


def zero_one(z, y):
    return (z <= 0).double()


figure = Figure(figsize=(11, 4), layout="constrained")
left, right = figure.subplots(1, 2)
margins = nn.BCEWithLogitsLoss(), nn.HingeLoss(), nn.SigmoidFocalLoss(alpha=-1)
plot.losses(zero_one, *margins, target=1, ax=left)
left.set(xlabel="logit of the right class", title="Classification")
plot.losses(nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.LogCoshLoss(), ax=right)
right.set(ylim=(-0.1, 3.2), title="Regression")
figure.savefig("losses.png")

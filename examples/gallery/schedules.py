"""Learning-rate schedules.

The rates of the next hundred steps; the optimizer and its schedules are left as they are.
"""

from fastnn import nn, optim, plot
from fastnn.optim import lr_scheduler


def fresh():
    return optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)


ax = plot.schedules(
    lr_scheduler.CosineAnnealingLR(fresh(), 100),
    lr_scheduler.OneCycleLR(fresh(), max_lr=0.2, total_steps=100),
    lr_scheduler.CosineAnnealingWarmRestarts(fresh(), T_0=25),
    lr_scheduler.StepLR(fresh(), 25, gamma=0.5),
    steps=100,
)
ax.figure.savefig("schedules.png")

"""A net that solves an equation.

u'' + u'/2 + 4u = 0 with u(0) = 1, u'(0) = 0: no values are given, the residual is the loss.
"""

import math

from matplotlib import colormaps
from matplotlib.figure import Figure

import fastnn
from fastnn import nn, optim

STEPS = (100, 300, 600, 1000)  # after which the solution is drawn

fastnn.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = optim.Adam(net.parameters(), lr=3e-3)
t = fastnn.linspace(0.0, 3.0, 64).reshape(-1, 1).requires_grad_()


def solution(t):
    return 1.0 + t * t * net(t)


def derivative(u, t):
    return fastnn.autograd.grad(u, t, grad_outputs=fastnn.ones_like(u), create_graph=True)[0]


@fastnn.compile
def step():
    optimizer.zero_grad()
    u = solution(t)
    du = derivative(u, t)
    loss = ((derivative(du, t) + 0.5 * du + 4.0 * u) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss


figure = Figure(figsize=(7, 4.5), layout="constrained")
ax = figure.subplots()
with fastnn.no_grad():
    w = math.sqrt(4.0 - 0.25**2)
    exact = (-0.25 * t).exp() * ((w * t).cos() + 0.25 / w * (w * t).sin())
ax.plot(t.detach(), exact, color="0.7", linewidth=6, label="exact")
for i in range(1, 1001):
    step()
    if i in STEPS:
        color = colormaps["plasma_r"](0.2 + 0.8 * STEPS.index(i) / len(STEPS))
        ax.plot(t.detach(), solution(t).detach(), color=color, label=f"{i} steps")
ax.set(xlabel="t", ylabel="u", title="A damped oscillator, from its equation alone")
figure.legend(loc="outside right upper")
figure.savefig("pinn.png")

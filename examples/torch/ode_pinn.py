"""Physics-informed net for a damped oscillator, the ODE u'' + u'/2 + 4u = 0.

u(0) = 1 and u'(0) = 0, on 0 <= t <= 3. The loss is the squared residual of the equation at fixed
times. Autograd computes the derivatives with respect to t, and the gradient of the loss with
respect to the weights. For PyTorch change the import lines: `fastnn` is `torch`. The printed
numbers are the same.
"""

import math

import fastnn as torch
from fastnn import nn, optim

DAMPING, STIFFNESS, END = 0.5, 4.0, 3.0


def derivative(u, t):
    """du/dt, itself differentiable."""
    return torch.autograd.grad(u, t, grad_outputs=torch.ones_like(u), create_graph=True)[0]


def residual(model, t):
    """Left side of the equation, for u = 1 + t**2 * model(t)."""
    u = 1.0 + t * t * model(t)  # satisfies u(0) = 1, u'(0) = 0 for any weights
    du = derivative(u, t)
    return derivative(du, t) + DAMPING * du + STIFFNESS * u


def exact(t):
    """The analytic solution."""
    decay = DAMPING / 2
    frequency = math.sqrt(STIFFNESS - decay**2)
    swing = torch.cos(frequency * t) + decay / frequency * torch.sin(frequency * t)
    return torch.exp(-decay * t) * swing


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = optim.Adam(model.parameters(), lr=3e-3)
t = torch.linspace(0.0, END, 64).reshape(-1, 1).requires_grad_()


def step():
    """One step of Adam on the mean squared residual."""
    optimizer.zero_grad()
    loss = (residual(model, t) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss


for i in range(1000):
    loss = step()
    if i % 200 == 0:
        print(f"step {i:4d}  loss {loss.item():.5g}")

with torch.no_grad():
    u = 1.0 + t * t * model(t)
    error = (u - exact(t)).abs().max().item()
print(f"result: loss {loss.item():.3g} largest error {error:.3g}")

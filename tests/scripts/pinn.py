"""A physics-informed net for the heat equation, by L-BFGS in float64 over two sets of points."""

import numpy as np
import torch
import torch.nn as nn


class PINN:
    def __init__(self, x_data, t_data, u_data, x_inside, t_inside):
        self.x_u = torch.tensor(x_data, requires_grad=True).double()
        self.t_u = torch.tensor(t_data, requires_grad=True).double()
        self.u = torch.tensor(u_data).double()
        self.x_f = torch.tensor(x_inside, requires_grad=True).double()
        self.t_f = torch.tensor(t_inside, requires_grad=True).double()
        self.net = nn.Sequential(
            nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 1)
        ).double()
        self.rate = nn.Parameter(torch.tensor([0.3], dtype=torch.float64))
        self.net.register_parameter("rate", self.rate)
        self.iter, self.seen = 0, []
        self.optimizer = torch.optim.LBFGS(
            self.net.parameters(), lr=1.0, max_iter=12, max_eval=30, history_size=10,
            tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe",
        )  # fmt: skip

    def net_u(self, x, t):
        return self.net(torch.cat([x, t], dim=1))

    def net_f(self, x, t):
        u = self.net_u(x, t)
        ones = torch.ones_like(u)
        u_t = torch.autograd.grad(u, t, ones, retain_graph=True, create_graph=True)[0]
        u_x = torch.autograd.grad(u, x, ones, retain_graph=True, create_graph=True)[0]
        u_xx = torch.autograd.grad(
            u_x, x, grad_outputs=torch.ones_like(u_x), retain_graph=True, create_graph=True
        )[0]
        return u_t - self.rate * u_xx

    def loss_func(self):
        self.optimizer.zero_grad()
        loss_u = torch.mean((self.u - self.net_u(self.x_u, self.t_u)) ** 2)
        loss_f = torch.mean(self.net_f(self.x_f, self.t_f) ** 2)
        loss = loss_u + 0.1 * loss_f
        loss.backward()
        self.iter += 1
        self.seen.append(loss.item())
        return loss


def main():
    torch.manual_seed(2)
    rng = np.random.default_rng(0)
    x, t = rng.uniform(0, 1, (30, 1)), rng.uniform(0, 0.5, (30, 1))
    u = np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x)
    model = PINN(x, t, u, rng.uniform(0, 1, (20, 1)), rng.uniform(0, 0.5, (20, 1)))
    model.net.train()
    model.optimizer.step(model.loss_func)
    model.optimizer.step(model.loss_func)
    return [*model.seen[:10], float(model.iter), model.rate.item()]

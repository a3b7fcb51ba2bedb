"""A neural differential equation by adaptive Runge-Kutta methods, in the style of torchdiffeq."""

import torch
import torch.nn as nn

DOPRI5 = (
    torch.tensor([1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0], dtype=torch.float64),
    [
        torch.tensor([1 / 5], dtype=torch.float64),
        torch.tensor([3 / 40, 9 / 40], dtype=torch.float64),
        torch.tensor([44 / 45, -56 / 15, 32 / 9], dtype=torch.float64),
        torch.tensor([19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729], dtype=torch.float64),
        torch.tensor(
            [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656], dtype=torch.float64
        ),
        torch.tensor(
            [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84], dtype=torch.float64
        ),
    ],
    torch.tensor(
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0], dtype=torch.float64
    ),
    torch.tensor(
        [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40],
        dtype=torch.float64,
    ),
    5,
)
HEUN = (
    torch.tensor([1.0], dtype=torch.float64),
    [torch.tensor([1.0], dtype=torch.float64)],
    torch.tensor([0.5, 0.5], dtype=torch.float64),
    torch.tensor([0.5, -0.5], dtype=torch.float64),
    2,
)


def rms_norm(tensor):
    return tensor.abs().pow(2).mean().sqrt()


def initial_step(func, t0, y0, order, rtol, atol, f0):
    scale = atol + torch.abs(y0) * rtol
    d0, d1 = rms_norm(y0 / scale).abs(), rms_norm(f0 / scale).abs()
    h0 = torch.tensor(1e-6, dtype=y0.dtype) if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    y1 = y0 + h0 * f0
    f1 = func(t0 + h0, y1)
    d2 = torch.abs(rms_norm((f1 - f0) / scale) / h0)
    if d1 <= 1e-15 and d2 <= 1e-15:
        h1 = torch.max(torch.tensor(1e-6, dtype=y0.dtype), h0 * 1e-3)
    else:
        h1 = (0.01 / max(d1, d2)).abs() ** (1.0 / float(order + 1))
    return torch.min(100 * h0, h1).to(t0.dtype)


def odeint(func, y0, t, tableau, rtol=1e-4, atol=1e-6):
    alpha, beta, c_sol, c_error, order = tableau
    beta = [b.to(y0.dtype) for b in beta]
    c_sol, c_error = c_sol.to(y0), c_error.to(y0)
    solution = torch.empty(len(t), *y0.shape, dtype=y0.dtype, device=y0.device)
    solution[0] = y0
    t = t.to(torch.float64)
    now, y, f = t[0], y0, func(t[0], y0)
    dt = initial_step(func, now, y0, order - 1, rtol, atol, f)
    count = 0
    for i in range(1, len(t)):
        while now < t[i]:
            step = torch.min(dt, t[i] - now)
            k = torch.empty(*f.shape, len(alpha) + 1, dtype=y0.dtype, device=y0.device)
            parts = [f]
            k[..., 0] = f.detach()
            for alpha_i, beta_i in zip(alpha, beta):
                stacked = torch.stack(parts, -1)
                yi = y + stacked.matmul(beta_i * step.to(y0.dtype)).view_as(f)
                parts.append(func(now + alpha_i * step, yi))
            stacked = torch.stack(parts, -1)
            y1 = y + (stacked * (c_sol * step.to(y0.dtype))).sum(-1)
            error = (stacked * (c_error * step.to(y0.dtype))).sum(-1)
            tolerance = atol + rtol * torch.max(y.abs(), y1.abs())
            ratio = rms_norm(error / tolerance).abs()
            count += 1
            if ratio <= 1:
                now, y, f = now + step, y1, parts[-1] if order == 5 else func(now + step, y1)
            if ratio == 0:
                dt = step * 10.0
            else:
                low = (
                    torch.ones((), dtype=torch.float64) if ratio < 1 else torch.tensor(0.2).double()
                )
                exponent = torch.tensor(order, dtype=torch.float64).reciprocal()
                grow = torch.max(0.9 / ratio.detach().double() ** exponent, low)
                dt = step * torch.min(torch.tensor(10.0, dtype=torch.float64), grow)
        solution[i] = y
    return solution, count


class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.3)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t, y):
        return self.net(y**3)


def main():
    torch.manual_seed(8)
    true = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    y0, t = torch.tensor([[1.5, 0.3]]), torch.linspace(0.0, 2.0, 6)
    found = []
    with torch.no_grad():
        target, count = odeint(lambda t, y: torch.mm(y**3, true), y0, t, DOPRI5)
    found += [float(count), *target[-1].flatten().tolist()]
    field = Field()
    optimizer = torch.optim.RMSprop(field.parameters(), lr=1e-2)
    for tableau in (DOPRI5, DOPRI5, HEUN):
        optimizer.zero_grad()
        pred, count = odeint(field, y0, t, tableau, rtol=1e-3, atol=1e-4)
        loss = torch.mean(torch.abs(pred - target))
        loss.backward()
        optimizer.step()
        found += [loss.item(), float(count)]
    return found

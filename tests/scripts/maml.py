"""Meta-learning of sine waves: the gradient of a gradient step, with torch.func and by hand."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, vmap


def task(generator):
    amplitude = torch.rand(1, generator=generator) * 4.9 + 0.1
    phase = torch.rand(1, generator=generator) * 3.14159
    x = torch.rand(10, 1, generator=generator) * 10 - 5
    return x, amplitude * torch.sin(x + phase)


def main():
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(7)
    net = nn.Sequential(nn.Linear(1, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 1))
    meta = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):  # by hand: create_graph
        meta.zero_grad()
        total = 0.0
        for _ in range(3):
            x, y = task(generator)
            params = dict(net.named_parameters())
            inner = F.mse_loss(functional_call(net, params, (x[:5],)), y[:5])
            grads = torch.autograd.grad(inner, list(params.values()), create_graph=True)
            fast = {name: p - 0.01 * g for (name, p), g in zip(params.items(), grads)}
            total = total + F.mse_loss(functional_call(net, fast, (x[5:],)), y[5:])
        total.backward()
        meta.step()
        losses.append(total.item())
    params = {name: p.detach() for name, p in net.named_parameters()}

    def adapted(params, x, y):  # by transforms
        def inner(p):
            return F.mse_loss(functional_call(net, p, (x[:5],)), y[:5])

        grads = grad(inner)(params)
        fast = {name: params[name] - 0.01 * grads[name] for name in params}
        return F.mse_loss(functional_call(net, fast, (x[5:],)), y[5:])

    xs, ys = zip(*(task(generator) for _ in range(4)))
    each = vmap(adapted, in_dims=(None, 0, 0))(params, torch.stack(xs), torch.stack(ys))
    outer = grad(lambda p: adapted(p, xs[0], ys[0]))(params)
    return [*losses, *each.tolist(), *(g.norm().item() for g in outer.values())]

"""A net with numerical embeddings for a table: periodic features, residual blocks, AdamW."""

import math

import torch
import torch.nn as nn
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class NLinear(nn.Module):
    """One linear layer for each feature."""

    def __init__(self, n: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n, in_features, out_features))
        self.bias = nn.Parameter(torch.empty(n, out_features))
        d_in_rsqrt = in_features**-0.5
        nn.init.uniform_(self.weight, -d_in_rsqrt, d_in_rsqrt)
        nn.init.uniform_(self.bias, -d_in_rsqrt, d_in_rsqrt)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        x = x @ self.weight
        x = x.transpose(0, 1)
        return x + self.bias


class PeriodicEmbeddings(nn.Module):
    def __init__(self, n_features: int, n_frequencies: int, d: int, sigma: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_features, n_frequencies))
        bound = sigma * 3
        nn.init.trunc_normal_(self.weight, 0.0, sigma, a=-bound, b=bound)
        self.linear = NLinear(n_features, 2 * n_frequencies, d)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * math.pi * self.weight * x[..., None]
        x = torch.cat([torch.cos(x), torch.sin(x)], -1)
        return self.activation(self.linear(x))


class Block(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(d), nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


def main():
    torch.manual_seed(9)
    x = torch.randn(120, 5)
    y = torch.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * torch.randn(120)
    model = nn.Sequential(
        PeriodicEmbeddings(5, 6, 4, 0.5), nn.Flatten(), nn.Linear(20, 16), Block(16), Block(16),
        nn.Linear(16, 1),
    )  # fmt: skip
    decay = [p for n, p in model.named_parameters() if p.ndim > 1]
    rest = [p for n, p in model.named_parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay}, {"params": rest, "weight_decay": 0.0}], lr=3e-3, weight_decay=1e-2
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True, drop_last=True)
    best, losses = math.inf, []
    for _ in range(4):
        model.train()
        for xb, yb in loader:
            loss = nn.functional.mse_loss(model(xb).squeeze(1), yb)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            losses.append(torch.sqrt(((model(x).squeeze(1) - y) ** 2).mean()).item())
        best = min(best, losses[-1])
    return [*losses, best, optimizer.param_groups[0]["lr"]]

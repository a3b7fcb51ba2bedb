"""Entity embeddings of categorical columns beside numbers, in the style of fastai's tabular net."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class TabularModel(nn.Module):
    def __init__(self, embedding_sizes, n_cont):
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(c, size) for c, size in embedding_sizes])
        n_emb = sum(e.embedding_dim for e in self.embeddings)
        self.n_emb, self.n_cont = n_emb, n_cont
        self.lin1 = nn.Linear(n_emb + n_cont, 32)
        self.lin2 = nn.Linear(32, 16)
        self.lin3 = nn.Linear(16, 3)
        self.bn1, self.bn2, self.bn3 = (
            nn.BatchNorm1d(n_cont), nn.BatchNorm1d(32), nn.BatchNorm1d(16)
        )  # fmt: skip
        for e in self.embeddings:
            e.weight.data.uniform_(-0.01, 0.01)

    def forward(self, x_cat, x_cont):
        x = [e(x_cat[:, i]) for i, e in enumerate(self.embeddings)]
        x = torch.cat(x, 1)
        x = torch.cat([x, self.bn1(x_cont)], 1)
        x = self.bn2(F.relu(self.lin1(x)))
        x = self.bn3(F.relu(self.lin2(x)))
        return self.lin3(x)


def main():
    torch.manual_seed(6)
    rng = np.random.default_rng(6)
    x_cat = torch.from_numpy(rng.integers(0, [5, 3, 7], (96, 3)))
    x_cont = torch.from_numpy(rng.normal(size=(96, 4)).astype(np.float32))
    y = (x_cat.sum(1) + (x_cont[:, 0] > 0).long()) % 3
    cards = [(5, 3), (3, 2), (7, 4)]
    model = TabularModel(cards, 4)
    optimizer = torch.optim.Adam(
        [{"params": model.embeddings.parameters(), "weight_decay": 1e-4},
         {"params": [p for n, p in model.named_parameters() if not n.startswith("embeddings")]}],
        lr=6e-3,
    )  # fmt: skip
    steps = 3 * 3
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, [1e-2, 2e-2], total_steps=steps)
    weights = torch.bincount(y, minlength=3).float().reciprocal()
    losses = []
    for _ in range(3):
        for rows in torch.randperm(96).split(32):
            out = model(x_cat[rows], x_cont[rows])
            loss = F.cross_entropy(out, y[rows], weight=weights, label_smoothing=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    model.eval()
    with torch.inference_mode():
        pred = model(x_cat, x_cont).argmax(dim=1)
    return [*losses, (pred == y).float().mean().item(), model.bn2.running_mean.sum().item()]

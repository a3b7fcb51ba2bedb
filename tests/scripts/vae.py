"""A variational autoencoder of bit patterns, with the divergence by hand and by distributions."""

import torch
from torch import nn, optim
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(16, 24)
        self.fc21, self.fc22 = nn.Linear(24, 3), nn.Linear(24, 3)
        self.fc3, self.fc4 = nn.Linear(3, 24), nn.Linear(24, 16)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 16))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def main():
    torch.manual_seed(5)
    x = torch.bernoulli(torch.rand(64, 4, 4))
    model = VAE().to("cpu")
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(3):
        model.train()
        train_loss = 0
        for (data,) in DataLoader(TensorDataset(x), batch_size=16, shuffle=True):
            optimizer.zero_grad()
            recon, mu, logvar = model(data)
            bce = F.binary_cross_entropy(recon, data.view(-1, 16), reduction="sum")
            kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss = bce + kld
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
        losses.append(train_loss / len(x))
    with torch.no_grad():
        mu, logvar = model.encode(x.view(-1, 16))
        posterior = Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)
        prior = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
        kl = kl_divergence(posterior, prior)
        z = posterior.rsample()
        log_q = posterior.log_prob(z).mean().item()
    return [*losses, kl.mean().item(), kl.max().item(), log_q, prior.log_prob(z).sum().item()]

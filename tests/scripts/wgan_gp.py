"""A Wasserstein GAN with gradient penalty on eight points of a circle."""

import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.autograd import Variable

Tensor = torch.FloatTensor


class Generator(nn.Module):
    def __init__(self):
        super().__init__()

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(
            *block(4, 16, normalize=False), *block(16, 32), nn.Linear(32, 2), nn.Tanh()
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(2, 32), nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(32, 16), nn.LeakyReLU(0.2, inplace=True), nn.Linear(16, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.model(x.view(x.shape[0], -1))


def compute_gradient_penalty(D, real, fake):
    alpha = Tensor(np.random.random((real.size(0), 1)))
    interpolates = (alpha * real + ((1 - alpha) * fake)).requires_grad_(True)
    d_interpolates = D(interpolates)
    weights = Variable(Tensor(real.shape[0], 1).fill_(1.0), requires_grad=False)
    gradients = autograd.grad(
        outputs=d_interpolates, inputs=interpolates, grad_outputs=weights,
        create_graph=True, retain_graph=True, only_inputs=True,
    )[0]  # fmt: skip
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def main():
    np.random.seed(4)
    torch.manual_seed(4)
    generator, discriminator = Generator(), Discriminator()
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    found = []
    for i in range(12):
        angle = np.random.randint(0, 8, 32) * np.pi / 4
        points = np.stack([np.cos(angle), np.sin(angle)], 1) * 0.8
        real = Variable(Tensor(points + 0.02 * np.random.normal(size=points.shape)))
        optimizer_D.zero_grad()
        z = Variable(Tensor(np.random.normal(0, 1, (32, 4))))
        fake = generator(z)
        penalty = compute_gradient_penalty(discriminator, real.data, fake.data)
        d_loss = -discriminator(real).mean() + discriminator(fake).mean() + 10 * penalty
        d_loss.backward()
        optimizer_D.step()
        optimizer_G.zero_grad()
        if i % 3 == 0:
            g_loss = -torch.mean(discriminator(generator(z)))
            g_loss.backward()
            optimizer_G.step()
            found += [d_loss.item(), g_loss.item()]
    return [*found, *generator.model[3].running_var[:3].tolist()]

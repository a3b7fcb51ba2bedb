"""torch for `bench.many`: `torch.func.vmap` over all nets, each with its own lr and order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.func import functional_call, grad_and_value, vmap

from bench.cases import Case
from bench.data import Data
from bench.rival_torch_eager import Rival

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def run_of(case: Case, data: Data, rates: list[float], epochs: int) -> Callable[[], float]:
    """Trains a net for each rate; the mean of their losses over the last epoch."""
    count, rival = len(rates), Rival(case, data, torch.get_num_threads())
    start = {name: p.detach() for name, p in rival.model.named_parameters()}
    lr = torch.tensor(rates)

    def loss_of(params: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return rival.loss(functional_call(rival.model, params, (x,)), y)

    grads_of = vmap(grad_and_value(loss_of))

    def run() -> float:
        params = {name: p.repeat(count, *[1] * p.dim()) for name, p in start.items()}
        m = {name: torch.zeros_like(p) for name, p in params.items()}
        v = {name: torch.zeros_like(p) for name, p in params.items()}
        done, losses = 0, []
        for epoch in range(epochs):
            order = torch.stack([torch.randperm(case.rows) for _ in rates])
            for rows in order.split(case.batch, dim=1):
                grads, loss = grads_of(params, rival.x[rows], rival.y[rows])
                done += 1
                for name, p in params.items():  # Adam; torch's own has one lr for all
                    m[name].lerp_(grads[name], 1 - BETA1)
                    v[name].mul_(BETA2).addcmul_(grads[name], grads[name], value=1 - BETA2)
                    root = (v[name] / (1 - BETA2**done)).sqrt_().add_(EPS)
                    step = (lr / (1 - BETA1**done)).view(-1, *[1] * (p.dim() - 1))
                    p.sub_(m[name] * step / root)
                if epoch == epochs - 1:
                    losses.append(loss.mean())
        return float(np.mean([loss.item() for loss in losses]))

    return run

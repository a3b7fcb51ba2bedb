"""torch, one eager step at a time, with its fused Adam."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import nn

from bench import kernels
from bench.cases import Case
from bench.data import Data

LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "bce": nn.BCEWithLogitsLoss,
    "mse": nn.MSELoss,
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.case = case
        self.x, self.y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        layers: list[nn.Module] = []
        for w, b in zip(data.w, data.b, strict=True):
            linear = nn.Linear(*w.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(w.T))
                linear.bias.copy_(torch.from_numpy(b))
            layers += [linear, ACTIVATIONS[case.activation]()]
        self.model = nn.Sequential(*layers[:-1])
        self.loss = LOSSES[case.loss]()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=case.lr, fused=True)

    def kernel(self) -> str:
        """MKL's and oneDNN's own words, and the vectors of the elementwise kernels."""
        mkl, mkldnn, a = torch.backends.mkl, torch.backends.mkldnn, torch.ones(64, 64)

        def products() -> None:
            with mkl.verbose(mkl.VERBOSE_ON), mkldnn.verbose(mkldnn.VERBOSE_ON):
                a @ a
                a.bfloat16() @ a.bfloat16()

        text = kernels.printed(products)
        found = [kernels.of_mkl(text), kernels.of_onednn(text)]
        return ", ".join([*filter(None, found), f"ATen {torch.backends.cpu.get_cpu_capability()}"])

    def loss_of(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.loss(self.model(x), y)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(x, y)
        loss.backward()
        self.optimizer.step()
        return loss

    def losses(self, steps: int) -> list[float]:
        case, curve = self.case, []
        for step in range(steps):
            start = step % case.steps * case.batch
            rows = slice(start, start + case.batch)
            curve.append(self._step(self.x[rows], self.y[rows]).item())
        return curve

    def epochs(self, count: int) -> None:
        batch = self.case.batch
        for _ in range(count):
            order = torch.randperm(self.case.rows)
            if self.case.gathers_whole_epoch:
                xs, ys = self.x[order].split(batch), self.y[order].split(batch)
                for x, y in zip(xs, ys, strict=True):
                    self._step(x, y)
                continue
            for rows in order.split(batch):
                self._step(self.x.index_select(0, rows), self.y.index_select(0, rows))

    @torch.inference_mode()
    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.model(torch.from_numpy(x)).numpy()

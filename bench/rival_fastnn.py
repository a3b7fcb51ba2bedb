"""fastnn: the Trainer, which runs whole epochs in C."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

import fastnn
from bench.cases import Case
from bench.data import Data
from fastnn import nn, optim

LOSSES = {
    "cross_entropy": nn.CrossEntropyLoss,
    "bce": nn.BCEWithLogitsLoss,
    "mse": nn.MSELoss,
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("fastnn", "numpy")

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        fastnn.set_num_threads(threads)
        self.case, self.data = case, data
        layers = []
        for w, b in zip(data.w, data.b, strict=True):
            linear = nn.Linear(*w.shape)
            linear.weight.detach().numpy()[...] = w.T
            linear.bias.detach().numpy()[...] = b
            layers += [linear, ACTIVATIONS[case.activation]()]
        self.model = nn.Sequential(*layers[:-1])
        self.trainer = fastnn.Trainer(
            self.model,
            loss=LOSSES[case.loss](),
            optimizer=optim.Adam(self.model.parameters(), lr=case.lr),
        )

    def kernel(self) -> str:
        return f"its own, {fastnn.isa()}"

    def losses(self, steps: int) -> list[float]:
        curve = []
        for step in range(steps):
            x, y = self.data.batch(self.case, step)
            history = self.trainer.fit(
                x, y, epochs=1, batch_size=self.case.batch, shuffle=False, verbose=0
            )
            curve.append(float(history.history["loss"][-1]))
        return curve

    def epochs(self, count: int) -> None:
        self.trainer.fit(
            self.data.x,
            self.data.y,
            epochs=count,
            batch_size=self.case.batch,
            shuffle=True,
            verbose=0,
        )

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.model.predict(x)

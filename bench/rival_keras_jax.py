"""Keras 3 on JAX: `fit` of whole epochs, each step compiled (`jit_compile`)."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"

import keras

from bench import jax_step
from bench.cases import Case
from bench.data import Data

LOSSES = {
    "cross_entropy": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "bce": keras.losses.BinaryCrossentropy(from_logits=True),
    "mse": keras.losses.MeanSquaredError(),
}
# Keras adds epsilon before the bias correction, which is far below the bound of the check.
EPS = 1e-8
STEPS_PER_CALL = 32  # steps in one compiled call, where an epoch has as many


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("keras", "jax", "jaxlib")

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        self.case, self.data = case, data
        self.model = self._made(steps_per_call=min(STEPS_PER_CALL, case.steps))

    def _made(self, steps_per_call: int) -> Any:
        case = self.case
        layers: list[Any] = [keras.Input((case.widths[0],))]
        layers += [keras.layers.Dense(width, case.activation) for width in case.widths[1:-1]]
        model = keras.Sequential([*layers, keras.layers.Dense(case.widths[-1])])
        for layer, w, b in zip(model.layers, self.data.w, self.data.b, strict=True):
            layer.set_weights([w, b])
        model.compile(
            optimizer=keras.optimizers.Adam(case.lr, epsilon=EPS),
            loss=LOSSES[case.loss],
            jit_compile=True,
            steps_per_execution=steps_per_call,
        )
        return model

    def kernel(self) -> str:
        return jax_step.kernel()

    def losses(self, steps: int) -> list[float]:
        """By a model of its own, step by step."""
        curve, model = [], self._made(steps_per_call=1)
        for step in range(steps):
            x, y = self.data.batch(self.case, step)
            curve.append(float(model.train_on_batch(x, y)))
        return curve

    def epochs(self, count: int) -> None:
        self.model.fit(
            self.data.x, self.data.y, batch_size=self.case.batch, epochs=count, shuffle=True,
            verbose=0,
        )  # fmt: skip

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.model(x))

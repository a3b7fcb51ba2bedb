"""scikit-learn's MLPClassifier and MLPRegressor, without penalty and without early stopping."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bench import kernels
from bench.cases import Case
from bench.data import Data

NEVER = 10**9
BETA2, EPS = 0.999, 1e-8


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("scikit-learn", "numpy")

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.case, self.data = case, data
        kind = MLPRegressor if case.loss == "mse" else MLPClassifier
        self.model = kind(
            hidden_layer_sizes=case.widths[1:-1],
            activation=case.activation,
            batch_size=case.batch,
            learning_rate_init=case.lr,
            alpha=0.0,
            tol=0.0,
            n_iter_no_change=NEVER,
        )
        self.y = data.y if data.y.shape[1:] != (1,) else data.y[:, 0]
        self.classes = {} if case.loss == "mse" else {"classes": np.unique(self.y)}
        self._set_first_weights()

    def _set_first_weights(self) -> None:
        """Run a first step, which creates the arrays, then clear its optimizer state."""
        rows = slice(self.case.batch)
        self.model.partial_fit(self.data.x[rows], self.y[rows], **self.classes)
        for i, (w, b) in enumerate(zip(self.data.w, self.data.b, strict=True)):
            self.model.coefs_[i][...] = w
            self.model.intercepts_[i][...] = b
        self.optimizer = self.model._optimizer
        self.optimizer.t = 0
        for moment in self.optimizer.ms + self.optimizer.vs:
            moment[...] = 0

    def kernel(self) -> str:
        return kernels.of_blas()

    def losses(self, steps: int) -> list[float]:
        """scikit-learn's squared loss is half the mean squared error; its Adam adds eps before the
        bias correction, which is corrected for here."""
        scale = 2.0 if self.case.loss == "mse" else 1.0
        self.model.shuffle = False
        curve = []
        for step in range(steps):
            start = step % self.case.steps * self.case.batch
            rows = slice(start, start + self.case.batch)
            self.optimizer.epsilon = EPS * (1 - BETA2 ** (step + 1)) ** 0.5
            self.model.partial_fit(self.data.x[rows], self.y[rows], **self.classes)
            curve.append(scale * float(self.model.loss_))
        self.model.shuffle = True
        return curve

    def epochs(self, count: int) -> None:
        self.model.warm_start, self.model.max_iter = True, count
        self.model.fit(self.data.x, self.y)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        if self.case.loss == "mse":
            return self.model.predict(x)
        return self.model.predict_log_proba(x)

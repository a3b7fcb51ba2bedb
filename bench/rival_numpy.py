"""NumPy by hand: one flat parameter vector, every operation into a buffer that is there already."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from bench.cases import Case
from bench.data import Data

BETA1, BETA2, EPS = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


class Flat:
    """One vector, and the weight and bias views into it."""

    def __init__(self, case: Case) -> None:
        self.vector = np.zeros(case.parameters, np.float32)
        self.w: list[np.ndarray] = []
        self.b: list[np.ndarray] = []
        at = 0
        for n_in, n_out in case.pairs:
            self.w.append(self.vector[at : at + n_in * n_out].reshape(n_in, n_out))
            at += n_in * n_out
            self.b.append(self.vector[at : at + n_out])
            at += n_out


class Rival:
    packages: ClassVar[tuple[str, ...]] = ("numpy",)

    def __init__(self, case: Case, data: Data, threads: int) -> None:
        self.case, self.data = case, data
        self.rng = np.random.default_rng(0)
        self.params, self.grads = Flat(case), Flat(case)
        for i, (w, b) in enumerate(zip(data.w, data.b, strict=True)):
            self.params.w[i][...] = w
            self.params.b[i][...] = b
        self.m, self.v, self.t1, self.t2 = (np.zeros_like(self.params.vector) for _ in range(4))
        self.done = 0
        batch = case.batch
        self.out = self._buffers(batch)
        self.d = self._buffers(batch)
        self.masks = [np.empty((batch, n_out), bool) for _, n_out in case.pairs[:-1]]
        self.ones = np.ones(batch, np.float32)
        self.at = np.arange(batch)
        self.x = np.empty((batch, case.widths[0]), np.float32)
        self.y = np.empty((batch, *data.y.shape[1:]), data.y.dtype)
        self.predicting: dict[int, list[np.ndarray]] = {}

    def _buffers(self, rows: int) -> list[np.ndarray]:
        return [np.empty((rows, n_out), np.float32) for _, n_out in self.case.pairs]

    def _forward(self, x: np.ndarray, out: list[np.ndarray]) -> np.ndarray:
        last = len(out) - 1
        for i, z in enumerate(out):
            np.matmul(x if i == 0 else out[i - 1], self.params.w[i], out=z)
            z += self.params.b[i]
            if i < last:
                if self.case.activation == "tanh":
                    np.tanh(z, out=z)
                else:
                    np.maximum(z, 0, out=z)
        return out[last]

    def _loss(self, z: np.ndarray, y: np.ndarray, dz: np.ndarray) -> float:
        """The mean loss; its gradient goes to dz."""
        if self.case.loss == "mse":
            np.subtract(z, y, out=dz)
            loss = float(np.dot(dz.ravel(), dz.ravel())) / z.size
            dz *= np.float32(2 / z.size)
            return loss
        if self.case.loss == "bce":
            e = np.exp(-np.abs(z))
            loss = float((np.maximum(z, 0) - z * y + np.log1p(e)).mean())
            np.divide(np.where(z >= 0, np.float32(1), e), 1 + e, out=dz)
            dz -= y
            dz /= np.float32(z.size)
            return loss
        np.subtract(z, z.max(axis=1, keepdims=True), out=z)
        np.exp(z, out=dz)
        total = dz.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - z[self.at, y]).mean())
        dz /= total
        dz[self.at, y] -= 1
        dz *= np.float32(1 / len(z))
        return loss

    def _backward(self, x: np.ndarray) -> None:
        for i in reversed(range(len(self.out))):
            d = self.d[i]
            np.matmul((self.out[i - 1] if i else x).T, d, out=self.grads.w[i])
            np.dot(self.ones, d, out=self.grads.b[i])
            if i == 0:
                return
            below, h = self.d[i - 1], self.out[i - 1]
            np.matmul(d, self.params.w[i].T, out=below)
            if self.case.activation == "tanh":
                np.multiply(h, h, out=h)
                np.subtract(1, h, out=h)
                np.multiply(below, h, out=below)
            else:
                np.greater(h, 0, out=self.masks[i - 1])
                np.multiply(below, self.masks[i - 1], out=below)

    def _adam(self) -> None:
        """p -= (lr * sqrt(c2) / c1) * m / (sqrt(v) + eps * sqrt(c2)): corrections are scalars."""
        self.done += 1
        c1, c2 = 1 - float(BETA1) ** self.done, 1 - float(BETA2) ** self.done
        g, m, v, t1, t2 = self.grads.vector, self.m, self.v, self.t1, self.t2
        np.multiply(g, 1 - BETA1, out=t1)
        np.multiply(m, BETA1, out=m)
        np.add(m, t1, out=m)
        np.multiply(g, g, out=t1)
        np.multiply(t1, 1 - BETA2, out=t1)
        np.multiply(v, BETA2, out=v)
        np.add(v, t1, out=v)
        np.sqrt(v, out=t1)
        np.add(t1, EPS * np.float32(c2**0.5), out=t1)
        np.multiply(m, np.float32(self.case.lr * c2**0.5 / c1), out=t2)
        np.divide(t2, t1, out=t2)
        np.subtract(self.params.vector, t2, out=self.params.vector)

    def _step(self, x: np.ndarray, y: np.ndarray) -> float:
        loss = self._loss(self._forward(x, self.out), y, self.d[-1])
        self._backward(x)
        self._adam()
        return loss

    def losses(self, steps: int) -> list[float]:
        return [self._step(*self.data.batch(self.case, step)) for step in range(steps)]

    def epochs(self, count: int) -> None:
        batch = self.case.batch
        for _ in range(count):
            order = self.rng.permutation(self.case.rows)
            if self.case.gathers_whole_epoch:
                x, y = self.data.x[order], self.data.y[order]
                for start in range(0, self.case.rows, batch):
                    self._step(x[start : start + batch], y[start : start + batch])
                continue
            for start in range(0, self.case.rows, batch):
                rows = order[start : start + batch]
                np.take(self.data.x, rows, axis=0, out=self.x, mode="clip")
                np.take(self.data.y, rows, axis=0, out=self.y, mode="clip")
                self._step(self.x, self.y)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        out = self.predicting.get(len(x))
        if out is None:
            out = self.predicting[len(x)] = self._buffers(len(x))
        return self._forward(x, out)

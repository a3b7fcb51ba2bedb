"""MLP with Adam in plain NumPy: the baseline of `fastnn train --compare` and of the bench.

This file imports only NumPy, so that the bench can load it into a process without fastnn.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NumpyNet"]

Floats = NDArray[np.float32]

BETA1, BETA2, EPS = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
# Data of at most this many bytes are shuffled as a whole, which is faster while they fit a cache.
CACHED = 1 << 20


class Vector:
    """Flat parameter vector with views: weight (inputs, outputs) and bias of each layer."""

    def __init__(self, widths: list[int]) -> None:
        layers = list(pairwise(widths))
        self.flat: Floats = np.zeros(sum((n_in + 1) * n_out for n_in, n_out in layers), np.float32)
        self.w: list[Floats] = []
        self.b: list[Floats] = []
        at = 0
        for n_in, n_out in layers:
            self.w.append(self.flat[at : at + n_in * n_out].reshape(n_in, n_out))
            at += n_in * n_out
            self.b.append(self.flat[at : at + n_out])
            at += n_out


class Buffers:
    """Preallocated arrays for one batch size."""

    def __init__(self, widths: list[int], rows: int) -> None:
        self.out: list[Floats] = [np.empty((rows, width), np.float32) for width in widths[1:]]
        self.d: list[Floats] = [np.empty_like(out) for out in self.out]
        self.masks: list[NDArray[Any]] = [np.empty(out.shape, np.bool_) for out in self.out[:-1]]
        self.ones: NDArray[Any] = np.ones(rows, np.float32)
        self.at: NDArray[Any] = np.arange(rows)


class NumpyNet:
    """Float32 MLP trained with Adam: one flat parameter vector, `out=` wherever NumPy has it.

    Args:
        widths: widths of the input, the hidden layers and the output.
        activation: activation of the hidden layers: "relu", "tanh" or "sigmoid".
        loss: "cross_entropy" with int64 classes (n,); "mse" or "bce" (on logits) with float32
            targets (n, outputs).
        lr: Adam's learning rate; its betas are 0.9 and 0.999, its eps 1e-8.
        seed: seed of the weights (uniform in +-1/sqrt(inputs), biases zero) and of the shuffling.
    """

    widths: list[int]
    activation: str
    loss: str
    lr: float
    params: Vector
    grads: Vector
    m: Floats
    v: Floats
    t1: Floats
    t2: Floats

    def __init__(
        self, widths: list[int], activation: str, loss: str, lr: float, seed: int = 0
    ) -> None:
        self.widths, self.activation, self.loss, self.lr = widths, activation, loss, lr
        self.rng: np.random.Generator = np.random.default_rng(seed)
        self.params, self.grads = Vector(widths), Vector(widths)
        for w in self.params.w:
            w[:] = self.rng.uniform(-1, 1, w.shape) / math.sqrt(len(w))
        self.m, self.v, self.t1, self.t2 = (np.zeros_like(self.params.flat) for _ in range(4))
        self.steps: int = 0
        self.buffers: dict[int, Buffers] = {}

    def fit(self, x: Floats, y: NDArray[Any], epochs: int, batch_size: int) -> None:
        """Train for `epochs` epochs of shuffled batches; the last batch may be smaller."""
        x_batch, y_batch = np.empty_like(x[:batch_size]), np.empty_like(y[:batch_size])
        for _ in range(epochs):
            order = self.rng.permutation(len(x))
            if x.nbytes <= CACHED:
                xs, ys = x[order], y[order]
                for start in range(0, len(x), batch_size):
                    self.step(xs[start : start + batch_size], ys[start : start + batch_size])
                continue
            for start in range(0, len(x), batch_size):
                rows = order[start : start + batch_size]
                xb, yb = x_batch[: len(rows)], y_batch[: len(rows)]
                # In its default mode "raise", `take` would fill a buffer and copy it to out.
                np.take(x, rows, axis=0, out=xb, mode="clip")
                np.take(y, rows, axis=0, out=yb, mode="clip")
                self.step(xb, yb)

    def step(self, x: Floats, y: NDArray[Any]) -> float:
        """One training step; returns the mean loss before the update."""
        buffers = self._buffers(len(x))
        loss = self._loss(self._forward(x, buffers.out), y, buffers)
        self._backward(x, buffers)
        self._adam()
        return loss

    def outputs(self, x: Floats) -> Floats:
        """The last layer's outputs (logits), in an array that the next call overwrites."""
        return self._forward(x, self._buffers(len(x)).out)

    def _buffers(self, rows: int) -> Buffers:
        found = self.buffers.get(rows)
        if found is None:
            found = self.buffers[rows] = Buffers(self.widths, rows)
        return found

    def _forward(self, x: Floats, out: list[Floats]) -> Floats:
        last = len(out) - 1
        for i, z in enumerate(out):
            np.matmul(x if i == 0 else out[i - 1], self.params.w[i], out=z)
            z += self.params.b[i]
            if i < last:
                self._bend(z)
        return out[last]

    def _bend(self, z: Floats) -> None:
        if self.activation == "relu":
            np.maximum(z, 0, out=z)
        elif self.activation == "tanh":
            np.tanh(z, out=z)
        else:
            np.negative(z, out=z)
            np.exp(z, out=z)
            z += 1
            np.reciprocal(z, out=z)

    def _loss(self, z: Floats, y: NDArray[Any], buffers: Buffers) -> float:
        """Mean loss; writes its gradient with respect to z to the last array of `d`."""
        dz = buffers.d[-1]
        if self.loss == "mse":
            np.subtract(z, y, out=dz)
            loss = float(np.dot(dz.ravel(), dz.ravel())) / z.size
            dz *= np.float32(2 / z.size)
            return loss
        if self.loss == "bce":
            e = np.exp(-np.abs(z))
            loss = float((np.maximum(z, 0) - z * y + np.log1p(e)).mean())
            np.divide(np.where(z >= 0, np.float32(1), e), 1 + e, out=dz)
            dz -= y
            dz /= np.float32(z.size)
            return loss
        np.subtract(z, z.max(axis=1, keepdims=True), out=z)
        np.exp(z, out=dz)
        total = dz.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - z[buffers.at, y]).mean())
        dz /= total
        dz[buffers.at, y] -= 1
        dz *= np.float32(1 / len(z))
        return loss

    def _backward(self, x: Floats, buffers: Buffers) -> None:
        """Write gradients to `grads`; overwrites the outputs of the hidden layers."""
        out = buffers.out
        for i in reversed(range(len(out))):
            d = buffers.d[i]
            np.matmul((out[i - 1] if i else x).T, d, out=self.grads.w[i])
            np.dot(buffers.ones, d, out=self.grads.b[i])
            if i > 0:
                np.matmul(d, self.params.w[i].T, out=buffers.d[i - 1])
                self._unbend(buffers.d[i - 1], out[i - 1], buffers.masks[i - 1])

    def _unbend(self, below: Floats, h: Floats, mask: NDArray[Any]) -> None:
        """Multiply a gradient by the slope where the activation gave h, which is overwritten."""
        if self.activation == "relu":
            np.greater(h, 0, out=mask)
            np.multiply(below, mask, out=below)
            return
        if self.activation == "tanh":  # 1 - h^2
            np.multiply(h, h, out=h)
        else:  # h (1 - h)
            np.multiply(below, h, out=below)
        np.subtract(1, h, out=h)
        np.multiply(below, h, out=below)

    def _adam(self) -> None:
        """Adam update, with scalar bias corrections c1 and c2.

        p -= (lr sqrt(c2) / c1) m / (sqrt(v) + eps sqrt(c2))
        """
        self.steps += 1
        c1, c2 = 1 - float(BETA1) ** self.steps, 1 - float(BETA2) ** self.steps
        g, m, v, t1, t2 = self.grads.flat, self.m, self.v, self.t1, self.t2
        np.multiply(g, 1 - BETA1, out=t1)
        np.multiply(m, BETA1, out=m)
        np.add(m, t1, out=m)
        np.multiply(g, g, out=t1)
        np.multiply(t1, 1 - BETA2, out=t1)
        np.multiply(v, BETA2, out=v)
        np.add(v, t1, out=v)
        np.sqrt(v, out=t1)
        np.add(t1, EPS * np.float32(c2**0.5), out=t1)
        np.multiply(m, np.float32(self.lr * c2**0.5 / c1), out=t2)
        np.divide(t2, t1, out=t2)
        np.subtract(self.params.flat, t2, out=self.params.flat)

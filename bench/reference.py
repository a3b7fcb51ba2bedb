"""Reference loss curve and outputs in float64, in textbook form."""

from __future__ import annotations

import numpy as np

from bench.cases import Case
from bench.data import Data

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def _forward(case: Case, params: list[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """Input and output of every layer; the last are the logits."""
    outputs = [x]
    layers = len(case.pairs)
    for i in range(layers):
        z = outputs[-1] @ params[2 * i] + params[2 * i + 1]
        if i < layers - 1:
            z = np.tanh(z) if case.activation == "tanh" else np.maximum(z, 0)
        outputs.append(z)
    return outputs


def _loss(case: Case, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean loss and its gradient with respect to z."""
    if case.loss == "mse":
        return float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size
    if case.loss == "bce":
        loss = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        return float(loss.mean()), (1 / (1 + np.exp(-z)) - y) / z.size
    log_p = z - z.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    target = np.eye(z.shape[1])[y]
    return float(-(log_p * target).sum() / len(z)), (np.exp(log_p) - target) / len(z)


def _gradients(
    case: Case, params: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    outputs = _forward(case, params, x)
    loss, dz = _loss(case, outputs[-1], y)
    gradients: list[np.ndarray] = []
    for i in reversed(range(len(case.pairs))):
        gradients = [outputs[i].T @ dz, dz.sum(axis=0), *gradients]
        if i > 0:
            h = outputs[i]
            dz = (dz @ params[2 * i].T) * ((1 - h * h) if case.activation == "tanh" else (h > 0))
    return loss, gradients


def _start(data: Data) -> list[np.ndarray]:
    return [a.astype(np.float64) for pair in zip(data.w, data.b, strict=True) for a in pair]


def curve(case: Case, data: Data) -> list[float]:
    """The loss of each of the first `case.check_steps` unshuffled steps, before its update."""
    params = _start(data)
    m = [np.zeros_like(p) for p in params]
    v = [np.zeros_like(p) for p in params]
    losses = []
    for step in range(case.check_steps):
        x, y = data.batch(case, step)
        loss, gradients = _gradients(case, params, x.astype(np.float64), y)
        losses.append(loss)
        for i, g in enumerate(gradients):
            m[i] = BETA1 * m[i] + (1 - BETA1) * g
            v[i] = BETA2 * v[i] + (1 - BETA2) * g * g
            m_hat = m[i] / (1 - BETA1 ** (step + 1))
            v_hat = v[i] / (1 - BETA2 ** (step + 1))
            params[i] = params[i] - case.lr * m_hat / (np.sqrt(v_hat) + EPS)
    return losses


def outputs(case: Case, data: Data, rows: int) -> np.ndarray:
    """Logits of the first rows with the initial weights."""
    return _forward(case, _start(data), data.x[:rows].astype(np.float64))[-1]
